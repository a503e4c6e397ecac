"""A gap: deliveries of a relay that never came. How it is told, and why nothing is done with it."""

from typing import Any

from inspector.domain.delivery import Delivery, State, iso
from inspector.domain.plaintext import one_line

WHAT = (
    "The relay captured these and gave them a number each, and they will not come here any more. "
    "The row stands in their place, so that nothing is missing without a word."
)
REMEDIES = (
    "What expired is gone at the relay too: only its sender can send it again.",
    "What was left out is there until it expires: `inspector serve --relay URL --db OTHER.db` "
    "fetches it into another store.",
    "What shall wait longer for you: `inspector relay --keep`, and --max-stored of the endpoint.",
)
_REASON = 200


def is_gap(delivery: Delivery) -> bool:
    """Whether the row is no delivery, but stands for some that never came."""
    return delivery.state is State.GAP


def told(gap: Delivery) -> str:
    """What is missing, in a line: `12 missing (ids 31..42): they expired at the relay`.

    The numbers come first, because the end may be cut off.
    """
    first, last = gap.gap_first, gap.origin_id
    ids = f"id {first}" if first == last else f"ids {first}..{last}"
    return f"{gap.gap_count or 0:,} missing ({ids}): {one_line(gap.state_reason, _REASON)}"


def nothing_to(do: str) -> str:
    """Why that cannot be done with a gap: `send`, `edit`, `compare`."""
    return f"a gap stands for deliveries that never came: there is nothing to {do}"


def gap_json(gap: Delivery) -> dict[str, Any]:
    """The contract's JSON shape of a gap, for NDJSON and exports."""
    return {
        "id": gap.id,
        "seq": gap.seq,
        "endpoint": gap.endpoint,
        "received_at": iso(gap.received_at),
        "from": gap.gap_first,
        "to": gap.origin_id,
        "count": gap.gap_count,
        "reason": gap.state_reason,
        "origin": {"relay": gap.origin_relay, "id": gap.origin_id},
    }
