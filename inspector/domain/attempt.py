"""An attempt: one sending of a delivery to a target, ending in a response or in a failure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from inspector.domain.delivery import from_iso, iso
from inspector.domain.headers import Headers


class Trigger(StrEnum):
    """Why an attempt was made."""

    AUTO = "auto"
    MANUAL = "manual"
    RETRY = "retry"


class FailureKind(StrEnum):
    """Why there was no answer."""

    REFUSED = "refused"
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    CUT = "cut"
    MALFORMED = "malformed"
    INTERRUPTED = "interrupted"


class Response(NamedTuple):
    """The target's answer, whatever its status. `body` may be capped: `body_size` is the whole."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    body_size: int


@dataclass(frozen=True, slots=True)
class Failure:
    """There was no answer; `reason` is one line for a human."""

    kind: FailureKind
    reason: str


Outcome = Response | Failure


@dataclass(frozen=True, slots=True)
class Attempt:
    """The summary of an attempt; `outcome` fields are None while it is under way.

    `id` is the journal position where it started, `seq` where it last changed; `number` counts
    the attempts of this delivery at this target from 1. `chosen`: the target is the delivery's
    own, not one named for this attempt alone.
    """

    id: int
    seq: int
    delivery_id: int
    target: str
    number: int
    trigger: Trigger
    resigned: bool
    started_at: int
    duration_ms: float | None
    status: int | None
    failure: Failure | None
    body_size: int | None
    chosen: bool = True

    @property
    def finished(self) -> bool:
        return self.status is not None or self.failure is not None

    def to_json(self) -> dict[str, Any]:
        """The contract's JSON shape, without the response's headers and body."""
        failure = self.failure and {"kind": self.failure.kind, "reason": self.failure.reason}
        return {
            "id": self.id,
            "seq": self.seq,
            "delivery_id": self.delivery_id,
            "target": self.target,
            "number": self.number,
            "trigger": self.trigger,
            "resigned": self.resigned,
            "started_at": iso(self.started_at),
            "duration_ms": self.duration_ms,
            "status": self.status,
            "failure": failure,
            "body_size": self.body_size,
            "chosen": self.chosen,
        }

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> "Attempt":
        """Read what `to_json` wrote; keys that this version does not know are ignored."""
        known = {name: item[name] for name in cls.__slots__ if name in item}
        known["started_at"] = from_iso(item["started_at"])
        known["trigger"] = Trigger(item["trigger"])
        if failure := item["failure"]:
            known["failure"] = Failure(FailureKind(failure["kind"]), failure["reason"])
        return cls(**known)
