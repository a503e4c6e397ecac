"""A store as a tunnel leaves it: what a relay captured, and a gap where some of it never came."""

from typing import Any

from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.facts import Captured, Fact, Gap, Origin
from tests.helpers.summaries import NOW, make_delivery

RELAY = "https://relay.example.com"
EXPIRED = "they expired at the relay before they were fetched"
SKIPPED = "--backfill none leaves them out"


def origin(id_: int) -> Origin:
    return Origin(RELAY, id_, "store/endpoint")


def mirrored(id_: int, body: bytes = b'{"event":"delta.verified"}') -> Captured:
    request = Request("POST", "/hooks", "1.1", (("Content-Type", "application/json"),), body)
    return Captured(NOW, request, "203.0.113.9", "orders", 200, (), origin=origin(id_))


def facts() -> tuple[Fact, ...]:
    """Row 1 stands for numbers 1 to 29, delivery 2 is number 30 at the relay, row 3 stands for
    31 to 42, and delivery 4 is number 43.
    """
    return (
        Gap(NOW, "orders", 1, 29, SKIPPED, origin(29)),
        mirrored(30),
        Gap(NOW, "orders", 31, 12, EXPIRED, origin(42)),
        mirrored(43),
    )


def make_gap(row: int, first: int = 31, last: int = 42, **changes: Any) -> Delivery:
    """The summary of a gap, as an index has it."""
    plain = make_delivery(
        row,
        endpoint="orders",
        method="",
        request_target="",
        http_version="",
        remote="",
        content_type="",
        body_size=0,
        body_sha256="",
        provider="",
        event=None,
        event_id=None,
        event_time=None,
        verdict="unchecked",
        reason="",
        answered=None,
        state=State.GAP,
        state_reason=EXPIRED,
        attempts=0,
        last_status=None,
        last_duration_ms=None,
        origin_relay=RELAY,
        origin_id=last,
        gap_first=first,
        gap_count=last - first + 1,
    )
    return plain._replace(**changes)
