"""Deliveries with their content, as a query looks at them."""

from dataclasses import dataclass
from typing import Any

from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.domain.headers import Headers

RECEIVED_AT = 1_770_000_000_000_000

PLAIN = Delivery(
    id=1,
    seq=1,
    endpoint="default",
    received_at=RECEIVED_AT,
    method="POST",
    request_target="/hooks/a?x=1",
    http_version="1.1",
    remote="127.0.0.1",
    content_type="application/json",
    body_size=0,
    body_sha256="",
    provider="pacspace",
    event="delta.verified",
    event_id="evt_1",
    event_time=None,
    verdict=Verdict.VALID,
    reason="",
    notes=(),
    duplicate_of=None,
    replay_of=None,
    answered=200,
    state=State.KEPT,
    state_reason="",
    attempts=0,
    last_status=None,
    last_failure=None,
    last_duration_ms=None,
    mark="",
    note="",
)


@dataclass(frozen=True)
class FullDelivery:
    delivery: Delivery = PLAIN
    headers: Headers = ()
    body: bytes = b""
    data: Any = None


def subject(
    headers: Headers = (), body: bytes = b"", data: Any = None, **fields: Any
) -> FullDelivery:
    return FullDelivery(PLAIN._replace(**fields), headers, body, data)
