"""Summaries as tests want them: one that stands for many, and what differs from it."""

from dataclasses import dataclass, replace
from typing import Any

from inspector.domain.attempt import Attempt, Trigger
from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.domain.headers import Headers

NOW = 1_770_805_800_000_000  # 2026-02-11T10:30:00Z


def make_delivery(delivery_id: int, **changes: Any) -> Delivery:
    """A verified delta that was forwarded; `changes` are any of its fields."""
    plain = Delivery(
        id=delivery_id,
        seq=delivery_id,
        endpoint="default",
        received_at=NOW - 60_000_000 + delivery_id,
        method="POST",
        request_target="/hooks",
        http_version="1.1",
        remote="127.0.0.1",
        content_type="application/json",
        body_size=913,
        body_sha256="0" * 64,
        provider="pacspace",
        event="delta.verified",
        event_id=f"evt_{delivery_id:06}",
        event_time="2026-02-11T10:30:00Z",
        verdict=Verdict.VALID,
        reason="signed with secret 1",
        notes=(),
        duplicate_of=None,
        replay_of=None,
        answered=200,
        state=State.FORWARDED,
        state_reason="",
        attempts=1,
        last_status=200,
        last_failure=None,
        last_duration_ms=8.2,
        mark="",
        note="",
    )
    return plain._replace(**changes)


def make_attempt(attempt_id: int, delivery_id: int, **changes: Any) -> Attempt:
    """An attempt that was answered 200 in 8 ms."""
    plain = Attempt(
        id=attempt_id,
        seq=attempt_id,
        delivery_id=delivery_id,
        target="http://localhost:3000",
        number=1,
        trigger=Trigger.MANUAL,
        resigned=False,
        started_at=NOW,
        duration_ms=8.2,
        status=200,
        failure=None,
        body_size=2,
    )
    return replace(plain, **changes)


@dataclass
class Content:
    """The headers and the body of a delivery or of a response."""

    headers: Headers = (("Content-Type", "application/json"),)
    body: bytes = b'{"event":"delta.verified","data":{"delta":{"amount":5}}}'
