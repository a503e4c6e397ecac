"""Facts as rows of the journal, and back.

A row is (kind, delivery, at, meta, head, body): `meta` is JSON text, `head` a request or response
head as `domain.headers` encodes it, `body` the raw bytes. Kinds are numbers and never reused.
"""

import json
from functools import lru_cache
from typing import Any, Final

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.facts import (
    Answered,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Fact,
    Gap,
    Marked,
    Origin,
    Passed,
    Probed,
    Pruned,
    Refused,
    Released,
    Routed,
    Shadowed,
)
from inspector.domain.headers import (
    decode_head,
    decode_response_head,
    encode_head,
    encode_response_head,
)

CAPTURED: Final = 1
REFUSED: Final = 2
ROUTED: Final = 3
ANSWERED: Final = 4
ATTEMPT_STARTED: Final = 5
ATTEMPT_FINISHED: Final = 6
MARKED: Final = 7
PRUNED: Final = 8
RELEASED: Final = 9
GAP: Final = 10
PROBED: Final = 11
SHADOWED: Final = 12
PASSED: Final = 13

Row = tuple[int, int, int, str, bytes | None, bytes | None]
_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii


def encode(fact: Fact) -> Row:
    """The row of a fact; the delivery of a capture or refusal is 0, the journal gives the id."""
    match fact:
        case Captured():
            request = fact.request
            rest = _captured_meta(fact.answered, fact.route, fact.replay_of, fact.endpoint)
            if fact.origin is not None:
                relay, number, mailbox = fact.origin
                origin = f"[{_quote(relay)},{number},{_quote(mailbox)}]"
                rest = f'{rest[:-1]},"origin":{origin}}}'
            text = f'{{"remote":{_quote(fact.remote)}{rest}'
            return CAPTURED, 0, fact.at, text, _head(request), request.body
        case Refused():
            meta: dict[str, Any] = {
                "remote": fact.remote,
                "status": fact.status,
                "code": fact.code,
                "reason": fact.reason,
            }
            if fact.endpoint != "default":
                meta["endpoint"] = fact.endpoint
            if fact.origin is not None:
                meta["origin"] = fact.origin
            head = _head(fact.request) if fact.request else None
            return REFUSED, 0, fact.at, _dump(meta), head, fact.raw
        case Gap():
            meta = {
                "endpoint": fact.endpoint,
                "first": fact.first,
                "count": fact.count,
                "reason": fact.reason,
                "origin": fact.origin,
            }
            return GAP, 0, fact.at, _dump(meta), None, None
        case Passed():
            meta = {
                "endpoint": fact.endpoint,
                "first": fact.first,
                "count": fact.count,
                "origin": fact.origin,
            }
            return PASSED, 0, fact.at, _dump(meta), None, None
        case Probed():
            meta = {"endpoint": fact.endpoint, "nonce": fact.nonce}
            if fact.origin is not None:
                meta["origin"] = fact.origin
            return PROBED, 0, fact.at, _dump(meta), None, None
        case Routed():
            meta = {"targets": fact.targets, "filtered_by": fact.filtered_by}
            if fact.held_by:
                meta["held_by"] = fact.held_by
            return ROUTED, fact.delivery_id, fact.at, _dump(meta), None, None
        case Released():
            return RELEASED, fact.delivery_id, fact.at, "{}", None, None
        case Answered():
            meta = {"status": fact.status}
            if fact.turned_away:
                meta["turned_away"] = True
            return ANSWERED, fact.delivery_id, fact.at, _dump(meta), None, None
        case AttemptStarted():
            text = _started_meta(*fact[2:])
            return ATTEMPT_STARTED, fact.delivery_id, fact.at, text, None, None
        case AttemptFinished():
            return _encode_finished(fact)
        case Shadowed():
            return _encode_shadowed(fact)
        case Marked():
            meta = {"mark": fact.mark, "note": fact.note}
            return MARKED, fact.delivery_id, fact.at, _dump(meta), None, None
        case Pruned():
            return (
                PRUNED,
                0,
                fact.at,
                _dump({"count": fact.count, "ranges": fact.ranges}),
                None,
                None,
            )


@lru_cache(256)
def _captured_meta(
    answered: int | None, route: tuple[str, ...] | None, replay_of: int | None, endpoint: str
) -> str:
    """The rest of a capture's meta behind `remote`: the same for almost all of a listener's."""
    meta: dict[str, Any] = {}
    if answered is not None:
        meta["answered"] = answered
    if route is not None:
        meta["route"] = route
    if replay_of is not None:
        meta["replay_of"] = replay_of
    if endpoint != "default":
        meta["endpoint"] = endpoint
    return f",{_dump(meta)[1:]}" if meta else "}"


@lru_cache(64)
def _started_meta(target: str, number: int, trigger: Trigger, resigned: bool, chosen: bool) -> str:
    """The same for almost every attempt at a target."""
    meta = {
        "target": target,
        "number": number,
        "trigger": trigger,
        "resigned": resigned,
        "chosen": chosen,
    }
    return _dump(meta)


def _encode_finished(fact: AttemptFinished) -> Row:
    """Its meta as JSON, put together by hand: an encoder takes five times as long."""
    final = "true" if fact.final else "false"
    meta = f'{{"attempt":{fact.attempt_id},"ms":{round(fact.duration_ms, 3)!r},"final":{final}'
    told, head, body = _encode_outcome(fact.outcome)
    return ATTEMPT_FINISHED, fact.delivery_id, fact.at, meta + told, head, body


def _encode_shadowed(fact: Shadowed) -> Row:
    meta = f'{{"consumer":{_quote(fact.consumer)},"ms":{round(fact.duration_ms, 3)!r}'
    if fact.mailbox:
        meta += f',"mailbox":{_quote(fact.mailbox)},"number":{fact.number}'
    told, head, body = _encode_outcome(fact.outcome)
    return SHADOWED, fact.delivery_id, fact.at, meta + told, head, body


def _encode_outcome(outcome: Outcome) -> tuple[str, bytes | None, bytes | None]:
    """The end of a meta, head and body."""
    if isinstance(outcome, Response):
        head = encode_response_head(outcome.status, outcome.reason, outcome.headers)
        return f',"status":{outcome.status},"size":{outcome.body_size}}}', head, outcome.body
    told = f',"failure":{_quote(outcome.kind)},"reason":{_quote(outcome.reason)}}}'
    return told, None, None


def _head(request: Request) -> bytes:
    return encode_head(request.method, request.target, request.http_version, request.headers)


def decode(seq: int, kind: int, delivery: int, at: int, meta: str, *blobs: bytes | None) -> Fact:
    """The fact of a row; `blobs` are head and body. Raises `ValueError` for an unknown kind."""
    head, body = blobs
    m = json.loads(meta)
    if "\\ud" in meta:
        m = _text(m)
    match kind:
        case 1:  # CAPTURED
            route = m.get("route")
            return Captured(
                at,
                request_of(head or b"", body or b""),
                m["remote"],
                m.get("endpoint", "default"),
                m.get("answered"),
                None if route is None else tuple(route),
                m.get("replay_of"),
                origin=_origin(m),
            )
        case 2:  # REFUSED
            request = request_of(head, b"") if head else None
            return Refused(
                at,
                m["status"],
                m["code"],
                m["reason"],
                m["remote"],
                request,
                body or b"",
                m.get("endpoint", "default"),
                _origin(m),
            )
        case 3:  # ROUTED
            targets = tuple(m["targets"])
            return Routed(at, delivery, targets, m["filtered_by"], m.get("held_by", ""))
        case 4:  # ANSWERED
            return Answered(at, delivery, m["status"], m.get("turned_away", False))
        case 5:  # ATTEMPT_STARTED
            return AttemptStarted(
                at,
                delivery,
                m["target"],
                m["number"],
                Trigger(m["trigger"]),
                m["resigned"],
                m["chosen"],
            )
        case 6:  # ATTEMPT_FINISHED
            outcome = _outcome(m, head, body)
            return AttemptFinished(at, delivery, m["attempt"], m["ms"], outcome, m["final"])
        case 7:  # MARKED
            return Marked(at, delivery, m["mark"], m["note"])
        case 8:  # PRUNED
            return Pruned(at, m["count"], tuple((a, b) for a, b in m["ranges"]))
        case 9:  # RELEASED
            return Released(at, delivery)
        case 10:  # GAP
            return Gap(at, m["endpoint"], m["first"], m["count"], m["reason"], Origin(*m["origin"]))
        case 11:  # PROBED
            return Probed(at, m["endpoint"], m["nonce"], _origin(m))
        case 12:  # SHADOWED
            outcome = _outcome(m, head, body)
            whose = m.get("mailbox", ""), m.get("number", 0)
            return Shadowed(at, delivery, m["consumer"], m["ms"], outcome, *whose)
        case 13:  # PASSED
            return Passed(at, m["endpoint"], m["first"], m["count"], Origin(*m["origin"]))
    raise ValueError(f"fact {seq} is of the unknown kind {kind}")


def _origin(meta: dict[str, Any]) -> Origin | None:
    return Origin(*meta["origin"]) if "origin" in meta else None


def _text(value: Any) -> Any:
    """Half a surrogate pair is no text and goes into no database: U+FFFD stands for it."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_text(each) for each in value]
    if isinstance(value, dict):
        return {key: _text(each) for key, each in value.items()}
    return value


def _outcome(meta: dict[str, Any], head: bytes | None, body: bytes | None) -> Outcome:
    if "status" not in meta:
        return Failure(FailureKind(meta["failure"]), meta["reason"])
    reason, headers = decode_response_head(head or b"")
    return Response(meta["status"], reason, headers, body or b"", meta["size"])


def request_of(head: bytes, body: bytes) -> Request:
    method, target, version, headers = decode_head(head)
    return Request(method, target, version, headers, body)
