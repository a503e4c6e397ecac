"""A delivery: one captured HTTP request, and what is derived from it."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from inspector.domain.envelope import Verdict
from inspector.domain.headers import Headers

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class State(StrEnum):
    """Where a delivery stands with its chosen targets."""

    KEPT = "kept"
    FILTERED = "filtered"
    HELD = "held"
    WAITING = "waiting"
    FORWARDED = "forwarded"
    FAILED = "failed"
    REFUSED = "refused"
    GAP = "gap"


class Request(NamedTuple):
    """One HTTP request, byte for byte: what was captured, or what will be sent.

    `target` is the raw request target of the request line; it and the headers are Latin-1 text
    (one character a byte). `body` is raw: before any content decoding, after chunk framing.
    """

    method: str
    target: str
    http_version: str
    headers: Headers
    body: bytes


class Delivery(NamedTuple):
    """The summary of a delivery: everything that is shown of it, without headers and body.

    Times are microseconds since the epoch, UTC; sizes are bytes. `seq` is the journal position of
    its capture, `last_*` are of its latest attempt. `origin_*` are the relay that captured it and
    its id there. A row of state `gap` is no delivery: it stands for `gap_count` of them, with ids
    `gap_first` to `origin_id`, that never came.
    """

    id: int
    seq: int
    endpoint: str
    received_at: int
    method: str
    request_target: str
    http_version: str
    remote: str
    content_type: str
    body_size: int
    body_sha256: str
    provider: str
    event: str | None
    event_id: str | None
    event_time: str | None
    verdict: Verdict
    reason: str
    notes: tuple[str, ...]
    duplicate_of: int | None
    replay_of: int | None
    answered: int | None
    state: State
    state_reason: str
    attempts: int
    last_status: int | None
    last_failure: str | None
    last_duration_ms: float | None
    mark: str
    note: str
    origin_relay: str | None = None
    origin_id: int | None = None
    gap_first: int | None = None
    gap_count: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The contract's JSON shape, without `headers` and bodies."""
        return {
            "id": self.id,
            "seq": self.seq,
            "endpoint": self.endpoint,
            "received_at": iso(self.received_at),
            "method": self.method,
            "request_target": self.request_target,
            "http_version": self.http_version,
            "remote": self.remote,
            "content_type": self.content_type,
            "body_size": self.body_size,
            "body_sha256": self.body_sha256,
            "provider": self.provider,
            "event": self.event,
            "event_id": self.event_id,
            "event_time": self.event_time,
            "signature": {"verdict": self.verdict, "reason": self.reason},
            "notes": list(self.notes),
            "duplicate_of": self.duplicate_of,
            "replay_of": self.replay_of,
            "answered": self.answered,
            "state": self.state,
            "state_reason": self.state_reason,
            "attempts": self.attempts,
            "last_status": self.last_status,
            "last_failure": self.last_failure,
            "last_duration_ms": self.last_duration_ms,
            "mark": self.mark,
            "note": self.note,
            "origin": self.origin_relay and {"relay": self.origin_relay, "id": self.origin_id},
            "gap": self.gap_count
            and {"from": self.gap_first, "to": self.origin_id, "count": self.gap_count},
        }

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> "Delivery":
        """Read what `to_json` wrote; keys that this version does not know are ignored."""
        known = {name: item[name] for name in cls._fields if name in item}
        known["received_at"] = from_iso(item["received_at"])
        known["verdict"] = Verdict(item["signature"]["verdict"])
        known["reason"] = item["signature"]["reason"]
        known["state"] = State(item["state"])
        known["notes"] = tuple(item["notes"])
        if origin := item.get("origin"):
            known["origin_relay"], known["origin_id"] = origin["relay"], origin["id"]
        if gap := item.get("gap"):
            known["gap_first"], known["gap_count"] = gap["from"], gap["count"]
        return cls(**known)


def iso(micros: int) -> str:
    """UTC with microseconds: `2026-02-11T10:30:00.000000Z`."""
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 time; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)
