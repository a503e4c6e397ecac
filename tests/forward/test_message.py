"""The bytes that leave for a target, without a socket."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import Request
from inspector.domain.headers import HOP_BY_HOP, Headers
from inspector.domain.routes import parse_target
from inspector.forward import message as composing
from inspector.forward.message import Message, compose, ours

TARGET = parse_target("127.0.0.1:3000")


def request(
    *headers: tuple[str, str], body: bytes = b"", method: str = "POST", target: str = "/"
) -> Request:
    return Request(method, target, "1.1", headers, body)


def lines(message: Message | Failure) -> list[str]:
    assert isinstance(message, Message)
    return message.head.decode("latin-1").split("\r\n")[:-2]


def test_the_head_leaves_in_its_own_order_spelling_and_number() -> None:
    captured = request(
        ("X-Dup", "1"),
        ("hOST", "hooks.example"),
        ("x-dup", "2"),
        ("X-DUP", "\xff\x80"),
        ("X-Empty", ""),
        ("Content-Length", "2"),
        method="PURGE",
        target="/a//%2F?",
        body=b"\0\xff",
    )
    message = compose(captured, TARGET, extra=(("Inspector-Delivery", "7"),))
    assert lines(message) == [
        "PURGE /a//%2F? HTTP/1.1",
        "X-Dup: 1",
        "hOST: 127.0.0.1:3000",
        "x-dup: 2",
        "X-DUP: \xff\x80",
        "X-Empty: ",
        "Content-Length: 2",
        "Inspector-Delivery: 7",
    ]
    assert isinstance(message, Message)
    assert message.body == b"\0\xff"


def test_what_belongs_to_the_connection_is_dropped() -> None:
    captured = request(
        ("Host", "h"),
        *((name.title(), "x") for name in sorted(HOP_BY_HOP - {"connection"})),
        ("Connection", "close, X-Hop"),
        ("connection", "x-hop2"),
        ("X-HOP", "1"),
        ("X-Hop2", "2"),
        ("Expect", "100-continue"),
        ("INSPECTOR-DELIVERY", "99"),
        ("Inspector-Attempt", "98"),
        ("X-Kept", "1"),
    )
    assert lines(compose(captured, TARGET)) == [
        "POST / HTTP/1.1",
        "Host: 127.0.0.1:3000",
        "X-Kept: 1",
        "Content-Length: 0",  # it was chunked
    ]


@pytest.mark.parametrize(
    ("headers", "body", "length"),
    [
        ((), b"", None),
        ((), b"x", "1"),
        ((("content-length", "0"),), b"", "0"),
        ((("content-length", "007"),), b"1234567", "007"),
        ((("content-length", "3"),), b"edited", "6"),
        ((("content-length", "nonsense"),), b"x", "1"),
        ((("content-length", "9" * 5000),), b"x", "1"),
        ((("transfer-encoding", "chunked"),), b"xyz", "3"),
        ((("transfer-encoding", "chunked"),), b"", "0"),
        ((("connection", "content-length"), ("content-length", "1")), b"x", "1"),
    ],
)
def test_the_content_length_is_right(headers: Headers, body: bytes, length: str | None) -> None:
    sent = [
        line.partition(": ")[2]
        for line in lines(compose(request(("Host", "h"), *headers, body=body), TARGET))
        if line.lower().startswith("content-length")
    ]
    assert sent == ([] if length is None else [length])


def test_the_host() -> None:
    captured = request(("Host", "captured"))
    overrides = (("host", "mine"), ("X-A", "b"))
    assert "Host: captured" in lines(compose(captured, TARGET, keep_host=True))
    assert lines(compose(captured, TARGET, overrides=overrides))[1:] == ["Host: mine", "X-A: b"]
    for keep in (True, False):
        without = lines(compose(request(("X", "y")), TARGET, keep_host=keep))
        assert without[1:] == ["Host: 127.0.0.1:3000", "X: y"]


@pytest.mark.parametrize(
    "edited",
    [
        request(("X", "a\r\nY: b")),
        request(("X", "a\nb")),
        request(("X", "a\rb")),
        request(("X", "\0")),
        request(("X Y", "z")),
        request(("X:Y", "z")),
        request(("", "z")),
        request(("X", "€")),
        request(target="/a b"),
        request(target="/a\r\nX: y"),
        request(target=""),
        request(method="GET /x HTTP/1.1\r\nA: b\r\n\r\nGET"),
        request(method=""),
    ],
)
def test_what_cannot_be_written_is_not_sent(edited: Request) -> None:
    outcome = compose(edited, TARGET)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED
    assert outcome.reason.startswith("not sent")


visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"))


@given(
    headers=st.lists(
        st.tuples(st.from_regex(r"[Xx]-[A-Za-z0-9_]{0,8}", fullmatch=True), visible), max_size=8
    ),
    target=visible,
    body=st.binary(max_size=50),
)
def test_end_to_end_headers_round_trip(
    headers: list[tuple[str, str]], target: str, body: bytes
) -> None:
    message = compose(request(*headers, target="/" + target, body=body), TARGET)
    assert isinstance(message, Message)
    first, *rest = message.head.split(b"\r\n")[:-2]
    assert first == b"POST /" + target.encode("latin-1") + b" HTTP/1.1"
    kept = [line for line in rest if line[:2].lower() == b"x-"]
    assert kept == [f"{name}: {value}".encode("latin-1") for name, value in headers]
    assert message.body == body


NAMES = st.sampled_from(
    ["Host", "HOST", "X-Dup", "x-dup", "Connection", "TE", "Expect", "Inspector-Attempt", "a b", ""]
)
VALUES = st.sampled_from(["a", "", "x-dup", "a\r\nb: c", "a\nb", "\rb", "nul\0", "\xff", "\u0100"])


@given(
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=5),
    lengths=st.lists(st.sampled_from(["2", "02", "3", "x"]), max_size=2),
    method=st.sampled_from(["POST", "GET", "A B", ""]),
    target=st.sampled_from(["/", "/a?b", "/a b", "/\xff", "/\u0100", "http://x/y", "*"]),
)
def test_the_short_way_writes_what_the_long_one_writes(
    headers: list[tuple[str, str]], lengths: list[str], method: str, target: str
) -> None:
    given = [("Host", "hooks.example"), *headers, *(("Content-Length", size) for size in lengths)]
    sent = request(*given, body=b"{}", method=method, target=target)
    short = compose(sent, TARGET, extra=ours(7, 1))
    with patch.object(composing, "_usual", return_value=None):
        assert compose(sent, TARGET, extra=ours(7, 1)) == short
