"""What goes over the tunnel's websocket: messages in binary frames, versioned, bounded. Pure.

A message is four bytes with the length of its head, the head (a JSON object), and the bytes that
the head speaks of, one after the other.

The relay says: `hello` (Hello), `begin` (Begin), `deliveries` (Parcels; the first message of a
delivery), `piece` (Piece; the rest of a large body), `answered` (Answers), `state` (State), and
`canary` (Canary) back.
The consumer says: `start` (Start), `ack` (Ack), `response` (Reply), `canary` (Canary).

The order of a connection: hello, start, begin; then deliveries with growing ids, without a hole,
each acknowledged when it is on the consumer's disk. The relay keeps at most `WINDOW` deliveries
and `WINDOW_BYTES` of them unacknowledged.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.headers import decode_head, encode_head
from inspector.domain.parcel import Parcel as Parcel
from inspector.domain.parcel import digest_of as digest_of

VERSION = 1
SUBPROTOCOL = f"inspector.tunnel.{VERSION}"
SUBPROTOCOL_PREFIX = "inspector.tunnel."
PATH = "/_inspector/tunnel/"
"""The websocket of an endpoint is at PATH + SLUG, on the address that captures."""

CANARY_HEADER = "Inspector-Canary"

CONSUMER_NAME = r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,99}"
"""What a consumer may be called, as a regular expression for the whole name."""

# Of one frame, either way: an answer of an app (1 MiB kept of its body) fits in, too.
MAX_FRAME = 2 << 20
# A frame of deliveries is closed when it holds so much.
BATCH_ITEMS = 256
BATCH_BYTES = 256 << 10
# Bodies above it follow their delivery in pieces of this size.
PIECE_BYTES = 256 << 10
WINDOW = 4096
WINDOW_BYTES = 16 << 20

# Codes with which the relay closes a connection (4000 to 4999 are an application's own).
CLOSE_BROKEN = 4400  # a message that cannot be read
CLOSE_UNAUTHORIZED = 4401  # the token was rotated, or the endpoint removed
CLOSE_TAKEN_OVER = 4409  # another consumer took the name
CLOSE_SLOW = 4408  # nothing was acknowledged for too long


class WireError(ValueError):
    """A message that cannot be read; the text says why in one line and repeats none of it."""


class Hello(NamedTuple):
    """The relay's first word.

    `first` and `last` are the ids that the endpoint holds now (`first` is `last` + 1 when it holds
    none), `now` the relay's clock in microseconds, `mailbox` the name of the endpoint for ever.
    """

    version: str
    endpoint: str
    mailbox: str
    ack: str
    first: int
    last: int
    now: int


class Start(NamedTuple):
    """Where the consumer goes on: later than `after`, and captured at `since` (microseconds) or
    later."""

    after: int
    since: int = 0


class Begin(NamedTuple):
    """The first delivery to come is `next`. Of those behind the consumer's `after`, `expired`
    are no longer stored and `skipped` are older than its `since`."""

    next: int
    expired: int
    skipped: int


class Parcels(NamedTuple):
    """Deliveries with growing ids; the sender keeps to `BATCH_ITEMS` and `BATCH_BYTES`."""

    items: tuple[Parcel, ...]


class Piece(NamedTuple):
    """The next bytes of the body of delivery `id`; the last ones come with the digest."""

    id: int
    body: bytes
    digest: str = ""


class Answers(NamedTuple):
    """What senders were answered meanwhile: (id, status, turned away)."""

    items: tuple[tuple[int, int, bool], ...]


class State(NamedTuple):
    """Every few seconds: the last id, what limits turned away so far, whether this consumer is
    the one whose app answers, and the relay's clock."""

    last: int
    limited: int
    primary: bool
    now: int


class Ack(NamedTuple):
    """Everything up to `id` is on the consumer's disk."""

    id: int


class Reply(NamedTuple):
    """What the app said to a delivery that was asked for; None: no app is meant to answer it, or
    none did in time, so the sender gets the stored answer."""

    id: int
    outcome: Outcome | None


class Canary(NamedTuple):
    """A request with this nonce in its `CANARY_HEADER` is a probe, once.

    The relay says it back when it knows it: before that the request could overtake the nonce.
    """

    nonce: str


Packed = tuple[str, bytes, bytes]
"""A delivery as it stands in a frame: its item, head and body."""

Message = Hello | Start | Begin | Parcels | Piece | Answers | State | Ack | Reply | Canary


def encode(message: Message) -> bytes:
    """One message as the bytes of a frame."""
    head: dict[str, Any]
    match message:
        case Parcels(parcels):
            return encode_packed([pack(parcel) for parcel in parcels])
        case Piece():
            head = {"kind": "piece", "id": message.id, "digest": message.digest}
            return _framed(head, (message.body,))
        case Reply(id, Response() as app):
            told = {"id": id, "status": app.status, "size": app.body_size}
            # A response head in the form of a request head: the reason phrase stands as target.
            block = encode_head(str(app.status), app.reason, "1.1", app.headers)
            return _framed({"kind": "response", **told, "head": len(block)}, (block, app.body))
        case Reply(id, Failure() as failure):
            why = {"failure": failure.kind, "reason": failure.reason}
            return _framed({"kind": "response", "id": id, **why}, ())
        case Reply(id):
            return _framed({"kind": "response", "id": id, "stored": True}, ())
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


def encode_packed(parcels: Sequence[Packed]) -> bytes:
    """`Parcels` as the bytes of a frame."""
    text = f'{{"kind":"deliveries","items":[{",".join([item for item, _, _ in parcels])}]}}'
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
_RARE_TYPES: dict[str, tuple[type, ...]] = {
    "answered": (int, type(None)),
    "ask": (bool,),
    "within": (int, float),
    "once": (bool,),
    "turned_away": (bool,),
    "status": (int,),
    "code": (str,),
    "reason": (str,),
    "nonce": (str,),
}


def _parcels(head: dict[str, Any], rest: memoryview) -> Parcels:
    found: list[Parcel] = []
    at = 0
    for item in head["items"]:
        middle = at + _count(item["head"])
        end = middle + _count(item["body"])
        if end > len(rest) or item["kind"] not in _KINDS:
            raise WireError("a delivery came that is not whole")
        rare = {name: item[name] for name in _RARE if name in item}
        for name, value in rare.items():
            if not isinstance(value, _RARE_TYPES[name]):
                raise WireError(f"a delivery came with a wrong {name}")
        found.append(
            Parcel(
                item["kind"],
                _count(item["id"]),
                _count(item["at"]),
                _text(item["remote"]),
                bytes(rest[at:middle]),
                bytes(rest[middle:end]),
                _text(item["digest"]),
                _count(item["size"]),
                **rare,
            )
        )
        at = end
    return Parcels(tuple(found))


def _piece(head: dict[str, Any], rest: memoryview) -> Piece:
    return Piece(_count(head["id"]), bytes(rest), _text(head["digest"]))


def _reply(head: dict[str, Any], rest: memoryview) -> Reply:
    if head.get("stored") is True:
        return Reply(_count(head["id"]), None)
    if "failure" in head:
        failure = Failure(FailureKind(head["failure"]), _text(head["reason"]))
        return Reply(_count(head["id"]), failure)
    status, size = _count(head["status"]), _count(head["head"])
    if not 100 <= status <= 999 or size > len(rest):
        raise WireError("an answer came that is none")
    _, reason, _, headers = decode_head(bytes(rest[:size]))
    response = Response(status, reason, headers, bytes(rest[size:]), _count(head["size"]))
    return Reply(_count(head["id"]), response)


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
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise WireError("a message came with a number that is none")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise WireError("a message came with a text that is none")
    return value


_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii
_KIND_OF: dict[type, str] = {
    Hello: "hello",
    Start: "start",
    Begin: "begin",
    Answers: "answered",
    State: "state",
    Ack: "ack",
    Canary: "canary",
}
_READ: dict[str, Callable[[dict[str, Any], memoryview], Message]] = {
    "deliveries": _parcels,
    "piece": _piece,
    "response": _reply,
    **{name: _plain(kind) for kind, name in _KIND_OF.items()},
}
