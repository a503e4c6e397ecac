"""What the tabs say of a gap: what is missing, where it was, why, and what can be done."""

from collections.abc import Iterator

from inspector.domain.delivery import iso
from inspector.domain.gap import REMEDIES, WHAT, told
from inspector.tui.document import Entry, Part
from inspector.tui.lines import heading, plain
from inspector.tui.tabs.pieces import fact
from inspector.tui.tabs.shown import Shown


def parts(shown: Shown) -> Iterator[Part]:
    """The whole of it, in the place of an envelope."""
    gap = shown.delivery
    yield Entry(heading(told(gap)), "gap", told(gap))
    yield plain(WHAT, "doc")
    yield ()
    yield fact("missing", f"{gap.gap_count or 0:,}")
    yield fact("from", f"#{gap.gap_first}")._replace(value=str(gap.gap_first))
    yield fact("to", f"#{gap.origin_id}")._replace(value=str(gap.origin_id))
    yield fact("why", gap.state_reason)
    yield fact("relay", gap.origin_relay or "")
    yield fact("endpoint", gap.endpoint)
    yield fact("noticed", iso(gap.received_at))
    optional = {"mark": gap.mark, "note": gap.note}
    yield from (fact(name, value) for name, value in optional.items() if value)
    yield fact("row", f"#{gap.id}")._replace(value=str(gap.id))
    yield ()
    yield heading("what can be done")
    yield from (plain(f"- {one}", "doc") for one in REMEDIES)


def lacking(shown: Shown, what: str) -> Iterator[Part]:
    """Why a tab is empty: a gap has none of what it shows."""
    key = shown.keys.first("tab.1")
    yield plain(
        f"A gap has no {what}: it stands for deliveries that never came. {key} explains it.", "dim"
    )
