"""The tunnel's messages as the bytes of websocket frames, and back. Pure.

A message is four bytes with the length of its head, the head (a JSON object with its `kind`), and
the bytes that the head speaks of, one after the other.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.headers import decode_response_head, encode_response_head
from inspector.domain.parcel import Parcel
from inspector.tunnel.messages import (
    LAST_MOMENT,
    MOST,
    Ack,
    Answers,
    Attempted,
    Begin,
    Canary,
    Hello,
    Message,
    Parcels,
    Passed,
    Piece,
    Primary,
    RelayState,
    Reply,
    ShadowReply,
    Start,
    Team,
    WireError,
    harmless,
)

Packed = tuple[str, bytes, bytes]
"""A delivery as it stands in a frame: its item, head and body."""


def encode(message: Message) -> bytes:
    """One message as the bytes of a frame."""
    head: dict[str, Any]
    match message:
        case Parcels(parcels, passed):
            return encode_packed([pack(parcel) for parcel in parcels], passed)
        case Piece():
            head = {"kind": "piece", "id": message.id, "digest": message.digest}
            return _framed(head, (message.body,))
        case Reply(id, None, ms):
            return _framed({"kind": "response", "id": id, "ms": ms, "stored": True}, ())
        case Reply(id, Response() | Failure() as outcome, ms):
            told, blobs = _outcome_head(outcome)
            return _framed({"kind": "response", "id": id, "ms": ms, **told}, blobs)
        case ShadowReply(id, consumer, at, ms, outcome):
            told, blobs = _outcome_head(outcome)
            head = {"kind": "shadow", "id": id, "consumer": consumer, "at": at, "ms": ms}
            return _framed({**head, **told}, blobs)
        case _:
            return _framed({"kind": _KIND_OF[type(message)], **message._asdict()}, ())


def pack(parcel: Parcel) -> Packed:
    """One of `Parcels`, made once to be sent to many."""
    if parcel[_RARE_FROM + 1 :] == _AS_ALWAYS:
        # By hand, as almost all are: an encoder takes four times as long.
        item = (
            f'{{"kind":"{parcel.kind}","id":{parcel.id},"at":{parcel.at},'
            f'"remote":{_quote(parcel.remote)},"head":{len(parcel.head)},'
            f'"body":{len(parcel.body)},"digest":{_quote(parcel.digest)},"size":{parcel.size}'
        )
        item += "}" if parcel.answered is None else f',"answered":{parcel.answered}}}'
        return item, parcel.head, parcel.body
    return _dump(_parcel_head(parcel)), parcel.head, parcel.body


def encode_packed(parcels: Sequence[Packed], passed: Sequence[tuple[int, int]] = ()) -> bytes:
    """`Parcels` as the bytes of a frame."""
    over = f'"passed":{_dump(passed)},' if passed else ""
    text = f'{{"kind":"deliveries",{over}"items":[{",".join([item for item, _, _ in parcels])}]}}'
    return _joined(text.encode(), [blob for _, head, body in parcels for blob in (head, body)])


def decode(data: bytes | str) -> Message:
    """The message in a frame; raises `WireError`."""
    if isinstance(data, str):
        raise WireError("a text frame came where binary ones are spoken")
    try:
        end = 4 + int.from_bytes(data[:4], "big")
        head = json.loads(data[4:end])
        rest = memoryview(data)[end:]
        return _READ[head.pop("kind")](head, rest)
    except WireError:
        raise
    except (
        ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError,
    ) as error:  # fmt: skip
        raise WireError("a message came that cannot be read") from error


# Written to a sender as it stands: what is more than these lines would answer another one.
_HEAD = re.compile(
    rb"[0-9]{3} [^\0\r\n]* HTTP/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\0\r\n]*\r\n)*"
)


def _outcome_head(outcome: Outcome) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    if isinstance(outcome, Failure):
        return {"failure": outcome.kind, "reason": outcome.reason}, ()
    block = encode_response_head(outcome.status, outcome.reason, outcome.headers)
    told = {"status": outcome.status, "size": outcome.body_size, "head": len(block)}
    return told, (block, outcome.body)


def _framed(head: dict[str, Any], blobs: Iterable[bytes]) -> bytes:
    return _joined(_dump(head).encode(), blobs)


def _joined(head: bytes, blobs: Iterable[bytes]) -> bytes:
    return b"".join((len(head).to_bytes(4, "big"), head, *blobs))


def _parcel_head(parcel: Parcel) -> dict[str, Any]:
    """Its fields but for what is as always."""
    item: dict[str, Any] = {
        "kind": parcel.kind,
        "id": parcel.id,
        "at": parcel.at,
        "remote": parcel.remote,
        "head": len(parcel.head),
        "body": len(parcel.body),
        "digest": parcel.digest,
        "size": parcel.size,
    }
    for name, value in zip(_RARE, parcel[_RARE_FROM:], strict=True):
        if value != _DEFAULTS[name]:
            item[name] = value
    return item


_RARE_FROM = Parcel._fields.index("answered")
_RARE = Parcel._fields[_RARE_FROM:]
_DEFAULTS = Parcel._field_defaults
_AS_ALWAYS = tuple(_DEFAULTS[name] for name in _RARE[1:])
_KINDS = ("captured", "refused", "probe")


def _parcels(head: dict[str, Any], rest: memoryview) -> Parcels:
    found: list[Parcel] = []
    at = 0
    for item in head["items"]:
        middle = at + _count(item["head"])
        end = middle + _count(item["body"])
        if end > len(rest) or item["kind"] not in _KINDS:
            raise WireError("a delivery came that is not whole")
        rare = {name: _RARE_READ[name](item[name]) for name in _RARE if name in item}
        found.append(
            Parcel(
                item["kind"],
                _count(item["id"]),
                _moment(item["at"]),
                _text(item["remote"]),
                bytes(rest[at:middle]),
                bytes(rest[middle:end]),
                _text(item["digest"]),
                _count(item["size"]),
                **rare,
            )
        )
        at = end
    return Parcels(tuple(found), _spans(head["passed"]) if "passed" in head else ())


def _spans(told: Any) -> tuple[tuple[int, int], ...]:
    return tuple([(_count(first), _count(last)) for first, last in told])


def _piece(head: dict[str, Any], rest: memoryview) -> Piece:
    return Piece(_count(head["id"]), bytes(rest), _text(head["digest"]))


def _reply(head: dict[str, Any], rest: memoryview) -> Reply:
    if head.get("stored") is True:
        return Reply(_count(head["id"]), None, _millis(head["ms"]))
    return Reply(_count(head["id"]), _outcome(head, rest), _millis(head["ms"]))


def _shadow(head: dict[str, Any], rest: memoryview) -> ShadowReply:
    return ShadowReply(
        _count(head["id"]),
        _text(head["consumer"]),
        _moment(head["at"]),
        _millis(head["ms"]),
        _outcome(head, rest),
    )


def _outcome(head: dict[str, Any], rest: memoryview) -> Outcome:
    if "failure" in head:
        return Failure(FailureKind(head["failure"]), _text(head["reason"]))
    status, size = _status(head["status"]), _count(head["head"])
    if status < 200 or size > len(rest):
        raise WireError("an answer came that is none")
    block = bytes(rest[:size])
    if not _HEAD.fullmatch(block):
        raise WireError("an answer came whose head is none")
    if status in (204, 304) and len(rest) > size:
        raise WireError("an answer came with a body that it cannot have")
    reason, headers = decode_response_head(block)
    return Response(status, reason, headers, bytes(rest[size:]), _count(head["size"]))


def _plain(kind: type[Message]) -> Callable[[dict[str, Any], memoryview], Message]:
    adapter: TypeAdapter[Message] = TypeAdapter(kind)
    names = frozenset(kind._fields)

    def read(head: dict[str, Any], _: memoryview) -> Message:
        # What a later version adds to a message is passed over.
        known = {name: value for name, value in head.items() if name in names}
        try:
            return adapter.validate_python(known)
        except ValidationError as error:
            raise WireError("a message came without what belongs to it") from error

    return read


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST:
        raise WireError("a message came with a number that is none")
    return value


def _moment(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LAST_MOMENT:
        raise WireError("a message came with a time that is none")
    return value


def _status(value: Any) -> int:
    if type(value) is not int or not 100 <= value <= 999:
        raise WireError("a message came with a status that is none")
    return value


def _millis(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1e12:
        raise WireError("a message came with a duration that is none")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise WireError("a message came with a text that is none")
    return harmless(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WireError("a message came with something else than yes or no")
    return value


_RARE_READ: dict[str, Callable[[Any], Any]] = {
    "answered": lambda value: None if value is None else _status(value),
    "ask": _flag,
    "within": _millis,
    "once": _flag,
    "turned_away": _flag,
    # Some are refused without one: their sender was gone.
    "status": lambda value: _status(value) if value else 0,
    "code": _text,
    "reason": _text,
    "nonce": _text,
    "shadow": _flag,
}

_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii
_KIND_OF: dict[type, str] = {
    Hello: "hello",
    Start: "start",
    Begin: "begin",
    Answers: "answered",
    Passed: "passed",
    RelayState: "state",
    Team: "team",
    Ack: "ack",
    Attempted: "attempted",
    Primary: "primary",
    Canary: "canary",
}
_READ: dict[str, Callable[[dict[str, Any], memoryview], Message]] = {
    "deliveries": _parcels,
    "piece": _piece,
    "response": _reply,
    "shadow": _shadow,
    **{name: _plain(kind) for kind, name in _KIND_OF.items()},
}
