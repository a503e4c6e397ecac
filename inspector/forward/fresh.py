"""A delivery that was just captured, as the index will show it and as a query sees it. Pure."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.headers import Headers, first
from inspector.forward.backlog import QueuedDelivery
from inspector.providers import read


class Fresh(NamedTuple):
    """The subject of a breakpoint's query."""

    delivery: Delivery
    headers: Headers
    body: bytes
    data: Any


def fresh(item: QueuedDelivery, request: Request, secrets: Sequence[str]) -> Fresh:
    """Decoded and verified as of its capture, waiting, with nothing sent of it yet.

    What only the store knows is left open: its position, and the delivery that it repeats.
    """
    envelope, signature = read(request, secrets, item.received_at)
    delivery = Delivery(
        id=item.delivery_id,
        seq=0,
        endpoint=item.endpoint,
        received_at=item.received_at,
        method=request.method,
        request_target=request.target,
        http_version=request.http_version,
        remote=item.remote,
        content_type=first(request.headers, "content-type") or "",
        body_size=len(request.body),
        body_sha256=sha256(request.body).hexdigest(),
        provider=envelope.provider,
        event=envelope.event,
        event_id=envelope.event_id,
        event_time=envelope.event_time,
        verdict=signature.verdict,
        reason=signature.reason,
        notes=envelope.notes,
        duplicate_of=None,
        replay_of=None,
        answered=item.answered,
        state=State.WAITING,
        state_reason="",
        attempts=0,
        last_status=None,
        last_failure=None,
        last_duration_ms=None,
        mark="",
        note="",
        origin_relay=item.origin_relay,
        origin_id=item.origin_id,
    )
    return Fresh(delivery, request.headers, request.body, envelope.data)
