"""What the control API and the stream say, as values."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery, Request, from_iso
from inspector.domain.headers import Headers

Item = Mapping[str, Any]
"""One JSON object as it came: a summary or an attempt, read when it is needed."""


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One target: what waits for it, and what its last failure was.

    `retry_in` is in seconds, None when no retry is due.
    """

    target: str
    waiting: int
    sending: int
    retry_in: float | None
    last_failure: str


class LastAttempt(NamedTuple):
    """How an attempt of a consumer ended, and when (microseconds): `failure` without a status."""

    at: int
    status: int | None
    failure: str

    @classmethod
    def from_json(cls, item: Item) -> "LastAttempt":
        status = item.get("status")
        return cls(
            from_iso(item["at"]),
            None if status is None else int(status),
            str(item.get("failure") or ""),
        )


class Member(NamedTuple):
    """A consumer that is attached to the endpoint since then (microseconds); `you` is this one.

    `lag` counts the deliveries that it has not yet. `primary`: it is its app that answers.
    """

    consumer: str
    you: bool
    since: int
    lag: int
    primary: bool
    last_attempt: LastAttempt | None

    @classmethod
    def from_json(cls, item: Item) -> "Member":
        ended = item.get("last_attempt")
        return cls(
            consumer=str(item.get("consumer") or ""),
            you=bool(item.get("you")),
            since=from_iso(item["since"]),
            lag=int(item.get("lag") or 0),
            primary=bool(item.get("primary")),
            last_attempt=LastAttempt.from_json(ended) if ended else None,
        )


@dataclass(frozen=True, slots=True)
class TunnelStatus:
    """The tunnel to a relay; `state` is connecting, connected, refused, taken-over or stopped, or
    unknown where the listener does not answer.

    `lag` counts the deliveries that are at the relay and not here yet, `limited` those that its
    limits turned away. `reason` says why there is no connection, `retry_in` (seconds) when it is
    tried again. `primary`: of all that are connected, it is this one whose app answers. `team` are
    those, the longest first; `team_more` are left out. `filter` is the query of what is asked for,
    empty for everything, and `passed` counts what it left out.
    """

    url: str
    endpoint: str
    consumer: str
    state: str
    reason: str = ""
    retry_in: float | None = None
    primary: bool = True
    lag: int = 0
    rtt_ms: float | None = None
    ack: str = ""
    limited: int = 0
    team: tuple[Member, ...] = ()
    team_more: int = 0
    filter: str = ""
    passed: int = 0

    @classmethod
    def from_json(cls, item: Item) -> "TunnelStatus":
        retry_in, rtt = item.get("retry_in"), item.get("rtt_ms")
        return cls(
            url=str(item.get("url") or ""),
            endpoint=str(item.get("endpoint") or ""),
            consumer=str(item.get("consumer") or ""),
            state=str(item.get("state") or ""),
            reason=str(item.get("reason") or ""),
            retry_in=None if retry_in is None else float(retry_in),
            primary=item.get("primary") is not False,
            lag=int(item.get("lag") or 0),
            rtt_ms=None if rtt is None else float(rtt),
            ack=str(item.get("ack") or ""),
            limited=int(item.get("limited") or 0),
            team=tuple(Member.from_json(one) for one in item.get("team") or ()),
            team_more=int(item.get("team_more") or 0),
            filter=str(item.get("filter") or ""),
            passed=int(item.get("passed") or 0),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """The listener's own figures; `index_lag` counts facts that are not indexed yet.

    `breakpoint` is the query of what is held instead of sent, empty without one. `relay` is the
    tunnel, None without one. `not_configured` counts what waits for targets of earlier starts.
    """

    version: str
    pid: int
    url: str
    control: str
    db: str
    targets: tuple[TargetStatus, ...]
    ledger: Mapping[str, int]
    balanced: bool
    index_lag: int
    store_ok: bool
    store_error: str
    last_seq: int
    breakpoint: str = ""
    relay: TunnelStatus | None = None
    not_configured: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, item: Item) -> "Status":
        relay = item.get("relay")
        ledger = dict(item.get("ledger") or {})
        balanced = bool(ledger.pop("balanced", True))
        store = item.get("store") or {}
        return cls(
            version=str(item.get("version", "")),
            pid=int(item.get("pid") or 0),
            url=str(item.get("url", "")),
            control=str(item.get("control", "")),
            db=str(item.get("db", "")),
            targets=tuple(_target(one) for one in item.get("targets") or ()),
            ledger={str(name): int(count) for name, count in ledger.items()},
            balanced=balanced,
            index_lag=int((item.get("index_lag") or {}).get("facts") or 0),
            store_ok=bool(store.get("ok", True)),
            store_error=str(store.get("error") or ""),
            last_seq=int(item.get("last_seq") or 0),
            breakpoint=str(item.get("breakpoint") or ""),
            relay=TunnelStatus.from_json(relay) if relay else None,
            not_configured={
                str(url): int(count) for url, count in (item.get("not_configured") or {}).items()
            },
        )


def _target(item: Item) -> TargetStatus:
    retry_in = item.get("retry_in")
    return TargetStatus(
        target=str(item.get("target", "")),
        waiting=int(item.get("waiting") or 0),
        sending=int(item.get("sending") or 0),
        retry_in=None if retry_in is None else float(retry_in),
        last_failure=str(item.get("last_failure") or ""),
    )


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many deliveries of one event type there are; `event` is None for those without one."""

    event: str | None
    provider: str
    count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The store's counters by event type, state and verdict."""

    events: tuple[EventCount, ...] = ()
    states: Mapping[str, int] | None = None
    verdicts: Mapping[str, int] | None = None
    duplicates: int = 0
    marked: int = 0

    @classmethod
    def from_json(cls, item: Item) -> "Counts":
        return cls(
            events=tuple(
                EventCount(one.get("event"), str(one.get("provider", "")), int(one["count"]))
                for one in item.get("events") or ()
            ),
            states=dict(item.get("states") or {}),
            verdicts=dict(item.get("verdicts") or {}),
            duplicates=int(item.get("duplicates") or 0),
            marked=int(item.get("marked") or 0),
        )


class Seen(NamedTuple):
    """What deliveries of late hold, for completion: JSON paths below `data` ("delta.amount", the
    items of an array as "items.0"), and header names."""

    data: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, item: Item) -> "Seen":
        return cls(*(tuple(map(str, item.get(name) or ())) for name in cls._fields))


@dataclass(frozen=True, slots=True)
class Page:
    """A page of summaries; `next` is the id to ask for before (or after) next, None at the end."""

    items: tuple[Delivery, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """A delivery with its request. `has_body` is False where the body was not asked for."""

    delivery: Delivery
    request: Request
    has_body: bool

    @classmethod
    def from_json(cls, item: Item) -> "DeliveryDetail":
        delivery = Delivery.from_json(dict(item))
        body = item.get("body_b64")
        request = Request(
            delivery.method,
            delivery.request_target,
            delivery.http_version,
            headers_of(item),
            base64.b64decode(body or ""),
        )
        return cls(delivery, request, has_body=body is not None)


class SentRequest(NamedTuple):
    """The head of a request as a target got it, rebuilt from the capture.

    The values of a fresh signature are not known afterwards: "(fresh)" stands for each.
    """

    method: str
    request_target: str
    headers: Headers

    @classmethod
    def from_json(cls, item: Item) -> "SentRequest":
        return cls(str(item["method"]), str(item["request_target"]), headers_of(item))


@dataclass(frozen=True, slots=True)
class AttemptDetail:
    """An attempt with the response's headers and its body, which may be capped.

    `request` is what was sent, None where that cannot be told (nothing could be written).
    """

    attempt: Attempt
    headers: Headers
    body: bytes
    request: SentRequest | None = None

    @classmethod
    def from_json(cls, item: Item) -> "AttemptDetail":
        body = base64.b64decode(item.get("body_b64") or "")
        request = item.get("request")
        return cls(
            Attempt.from_json(dict(item)),
            headers_of(item),
            body,
            SentRequest.from_json(request) if request else None,
        )


@dataclass(frozen=True, slots=True)
class Resent:
    """A re-send was taken on: its attempts are under way, their outcomes come by the stream.

    `delivery_id` is the new delivery's where an edited one was sent.
    """

    delivery_id: int
    attempts: tuple[Attempt, ...]


def headers_of(item: Item) -> Headers:
    return tuple((str(name), str(value)) for name, value in item.get("headers") or ())
