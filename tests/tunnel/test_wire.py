"""The tunnel's messages: what goes in comes out, and no bytes from outside do more than refuse."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.headers import encode_head
from inspector.tunnel import wire
from inspector.tunnel.messages import (
    LAST_MOMENT,
    LONGEST_TEXT,
    MOST,
    Ack,
    Answers,
    Attempted,
    Begin,
    Canary,
    Hello,
    Member,
    Message,
    Parcel,
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

IDS = st.integers(0, MOST)
MOMENTS = st.integers(0, LAST_MOMENT)
STATUSES = st.integers(100, 999)
TEXT = st.text(st.characters(), max_size=40).map(harmless)
# What no parser lets into a header or a reason.
LINE = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=20)
NAME = st.text(st.sampled_from("AZaz-_09"), min_size=1)

PARCELS = st.builds(
    Parcel,
    kind=st.sampled_from(["captured", "refused", "probe"]),
    id=IDS,
    at=MOMENTS,
    remote=TEXT,
    head=st.binary(),
    body=st.binary(),
    digest=TEXT,
    size=IDS,
    answered=st.none() | STATUSES,
    ask=st.booleans(),
    within=st.floats(0, 1e6),
    once=st.booleans(),
    turned_away=st.booleans(),
    status=st.just(0) | STATUSES,
    code=TEXT,
    reason=TEXT,
    nonce=TEXT,
    shadow=st.booleans(),
)
RESPONSES = st.builds(
    Response,
    status=st.integers(200, 999).filter(lambda status: status not in (204, 304)),
    reason=LINE,
    headers=st.lists(st.tuples(NAME, LINE)).map(tuple),
    body=st.binary(),
    body_size=IDS,
)
OUTCOMES = RESPONSES | st.builds(Failure, st.sampled_from(FailureKind), TEXT)
MILLIS = st.floats(0, 1e9)
MEMBERS = st.builds(Member, TEXT, IDS, IDS, st.booleans(), IDS, st.none() | STATUSES, TEXT)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Hello, TEXT, TEXT, TEXT, TEXT, IDS, IDS, IDS),
    st.builds(Start, IDS, IDS, TEXT, st.booleans(), IDS),
    st.builds(Begin, IDS, IDS, IDS),
    st.builds(Piece, IDS, st.binary(), TEXT),
    st.builds(Answers, st.lists(st.tuples(IDS, STATUSES, st.booleans())).map(tuple)),
    st.builds(RelayState, IDS, IDS, st.booleans(), IDS, TEXT),
    st.builds(Ack, IDS),
    st.builds(Passed, IDS, IDS),
    st.builds(Team, st.lists(MEMBERS).map(tuple), IDS, IDS),
    st.builds(Reply, IDS, OUTCOMES, MILLIS),
    st.builds(Reply, IDS, st.none(), MILLIS),
    st.builds(ShadowReply, IDS, TEXT, MOMENTS, MILLIS, OUTCOMES),
    st.builds(Attempted, IDS, st.none() | STATUSES, TEXT),
    st.builds(Primary),
    st.builds(Canary, TEXT),
    st.builds(
        Parcels, st.lists(PARCELS, max_size=6).map(tuple), st.lists(st.tuples(IDS, IDS)).map(tuple)
    ),
)


@given(MESSAGES)
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    assert wire.decode(wire.encode(message)) == message


def _head(item: dict[str, Any], rest: bytes = b"") -> bytes:
    text = json.dumps(item).encode()
    return len(text).to_bytes(4, "big") + text + rest


_SIZES = {"head": 1, "body": 1, "size": 1}
_PARCEL = {"kind": "captured", "id": 1, "at": 2, "remote": "", "digest": "", **_SIZES}


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0\0",
        b"\xff\xff\xff\xff{}",
        b"\0\0\0\2[]",
        _head({}),
        _head({"kind": "no such"}),
        _head({"kind": ["hello"]}),
        _head({"kind": "ack"}),
        _head({"kind": "ack", "id": None}),
        _head({"kind": "piece", "id": -1, "digest": ""}),
        _head({"kind": "piece", "id": True, "digest": ""}),
        _head({"kind": "piece", "id": 1 << 70, "digest": ""}),
        _head({"kind": "response", "id": 1, "ms": 0, "failure": "no such", "reason": ""}),
        _head({"kind": "response", "id": 1, "ms": 0, "status": 20, "size": 0, "head": 0}),
        _head({"kind": "response", "id": 1, "failure": "timeout", "reason": "", "ms": "1"}),
        _head({"kind": "response", "id": 1, "failure": "timeout", "reason": "", "ms": -1}),
        _head({"kind": "team", "members": [["a"]]}),
        _head({"kind": "response", "id": 1, "ms": 0, "status": 200, "size": 0, "head": 9}),
        _head({"kind": "response", "id": 1, "ms": 0, "status": 200, "size": 0, "head": 0}),
        _head({"kind": "deliveries"}),
        _head({"kind": "deliveries", "items": [1]}),
        _head({"kind": "deliveries", "items": [_PARCEL]}, b"x"),
        _head({"kind": "deliveries", "items": [{**_PARCEL, "kind": "x"}]}, b"xx"),
        _head({"kind": "deliveries", "items": [{**_PARCEL, "answered": "200"}]}, b"xx"),
        _head({"kind": "deliveries", "items": [], "passed": 1}),
        _head({"kind": "deliveries", "items": [], "passed": [[1]]}),
        _head({"kind": "deliveries", "items": [], "passed": [[1, "2"]]}),
        _head({"kind": "deliveries", "items": [], "passed": [[-1, 2]]}),
        b"\0\1\0\0" + b"[" * 65536,
        "text",
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(frame: bytes | str) -> None:
    with pytest.raises(WireError) as caught:
        wire.decode(frame)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "block"),
    [
        (100, b"100 Continue HTTP/1.1\r\n"),
        (200, b"200 OK\nInjected: yes HTTP/1.1\r\n"),
        (200, b"200 OK\r\n\r\nHTTP/1.1 200 OK HTTP/1.1\r\n"),
        (200, b"200 OK HTTP/1.1\r\nX-A: b\nSet-Cookie: c=1\r\n"),
        (200, b"200 OK HTTP/1.1\r\nX-A: b\rSet-Cookie: c=1\r\n"),
        (200, b"200 OK HTTP/1.1\r\nX-A: b\0c\r\n"),
        (200, b"200 OK HTTP/1.1\r\nX A: b\r\n"),
        (200, b"200 OK HTTP/1.1\r\nX\n-A: b\r\n"),
        (200, b"200 OK HTTP/1.1\r\n: b\r\n"),
        (200, b"200 OK HTTP/1.1\r\nno colon\r\n"),
        (200, b"200 OK HTTP/1.1\r\n\r\n"),
        (200, b"200 OK HTTP/1.1\r\nX-A: b"),
        (204, b"204 No Content HTTP/1.1\r\n"),
        (304, b"304 Not Modified HTTP/1.1\r\n"),
    ],
)
def test_an_answer_that_could_be_taken_for_more_than_one_is_refused(
    status: int, block: bytes
) -> None:
    head = {"kind": "response", "id": 1, "ms": 1, "status": status, "size": 2, "head": len(block)}
    with pytest.raises(WireError):
        wire.decode(_head(head, block + b"ok"))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("shop", "shop"),
        ("\x1b]0;mine\x07shop", "␛]0;mine␇shop"),
        ("a\r\nb", "a␊b"),
        ("half \ud800", "half ‹U+D800›"),
        ("x" * 100_000, "x" * (LONGEST_TEXT - 1) + "…"),
    ],
)
def test_what_the_other_end_says_is_one_harmless_line(said: str, text: str) -> None:
    member = Member(said, 1, 2, False, failure=said)
    plain = Member(text, 1, 2, False, failure=text)
    both: list[tuple[Message, Message]] = [
        (Hello(said, said, said, said, 1, 2, 3), Hello(text, text, text, text, 1, 2, 3)),
        (Team((member,)), Team((plain,))),
        (Attempted(1, None, said), Attempted(1, None, text)),
        (
            Reply(1, Failure(FailureKind.REFUSED, said)),
            Reply(1, Failure(FailureKind.REFUSED, text)),
        ),
        (
            ShadowReply(1, said, 2, 3.0, Failure(FailureKind.REFUSED, said)),
            ShadowReply(1, text, 2, 3.0, Failure(FailureKind.REFUSED, text)),
        ),
    ]
    for message, harmless_one in both:
        assert wire.decode(wire.encode(message)) == harmless_one


def test_a_filter_comes_as_it_was_asked_for() -> None:
    start = Start(1, filter="path:/caf\xe9\u200b" + "*" * 2000)
    assert wire.decode(wire.encode(start)) == start


@given(st.binary(max_size=64))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(data)


@given(st.recursive(st.none() | st.booleans() | IDS | TEXT, st.lists), st.sampled_from(
    ["hello", "start", "begin", "answered", "state", "ack", "canary", "deliveries", "response",
     "passed", "team", "shadow", "attempted", "primary"]
))  # fmt: skip
def test_well_formed_nonsense_is_read_or_refused(value: Any, kind: str) -> None:
    fields = (
        "id",
        "members",
        "first",
        "ms",
        "at",
        "consumer",
        "items",
        "after",
        "next",
        "status",
        "head",
        "nonce",
        "last",
    )
    with suppress(WireError):
        wire.decode(_head({"kind": kind, **dict.fromkeys(fields, value)}))


_ANSWER = encode_head("200", "OK", "1.1", ())
_PLAIN: dict[str, dict[str, Any]] = {
    "shadow": {"id": 1, "consumer": "", "at": 2, "ms": 1, "status": 200, "size": 0,
               "head": len(_ANSWER)},
    "hello": {"version": "", "endpoint": "", "mailbox": "", "ack": "", "first": 1, "last": 1,
              "now": 1},
    "start": {"after": 1},
    "begin": {"next": 1, "expired": 0, "skipped": 0},
    "passed": {"first": 1, "last": 1},
    "state": {"last": 1, "limited": 0, "primary": False, "now": 1},
    "ack": {"id": 1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field", "least", "most"),
    [
        *(("deliveries", field, 0, MOST) for field in ("id", "size")),
        *((kind, "at", 0, LAST_MOMENT) for kind in ("deliveries", "shadow")),
        ("deliveries", "answered", 100, 999),
        ("deliveries", "within", 0, math.nextafter(1e12, 0)),
        ("shadow", "status", 200, 999),
        *((kind, field, 0, MOST) for kind in _PLAIN for field in ("first", "last", "after", "next",
          "since", "expired", "skipped", "limited", "now", "id") if field in _PLAIN[kind]),
    ],
)  # fmt: skip
@given(st.integers() | st.floats())
@example(MOST)
@example(MOST + 1)
@example(LAST_MOMENT + 1)
@example(1000)
@example(99)
@example(1 << 63)
@example(10**400)
@example(math.nan)
def test_a_number_that_no_store_can_hold_is_refused(
    kind: str, field: str, least: int, most: float, value: float
) -> None:
    if kind == "deliveries":
        told: dict[str, Any] = {"kind": kind, "items": [{**_PARCEL, field: value}]}
    else:
        told = {"kind": kind, **_PLAIN[kind], field: value}
    frame = _head(told, b"hb" if kind == "deliveries" else _ANSWER)
    if least <= value <= most and (isinstance(value, int) or field == "within"):
        wire.decode(frame)
    elif not (isinstance(value, float) and value.is_integer() and least <= value <= most):
        with pytest.raises(WireError):
            wire.decode(frame)


@pytest.mark.parametrize("status", [-1, 1, 99, 1000, 1 << 63, [200]])
def test_what_is_no_status_is_refused(status: Any) -> None:
    for frame in (
        _head({"kind": "deliveries", "items": [{**_PARCEL, "status": status}]}, b"hb"),
        _head({"kind": "answered", "items": [[1, status, False]]}),
    ):
        with pytest.raises(WireError):
            wire.decode(frame)


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert wire.decode(_head({"kind": "ack", "id": 7, "more": [1]})) == Ack(7)
    later = {**_PARCEL, "more": 1}
    found = wire.decode(_head({"kind": "deliveries", "items": [later]}, b"hb"))
    assert isinstance(found, Parcels)
    assert [(parcel.head, parcel.body) for parcel in found.items] == [(b"h", b"b")]
