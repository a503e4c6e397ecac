"""However an answer is cut into pieces, the same is read from it."""

from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.forward.response import ResponseReader

_NAMES = st.sampled_from(
    [
        "Content-Type", "X-Dup", "x-dup", "Connection", "Transfer-Encoding", "Content-Length",
        "content-length", "Keep-Alive", "Upgrade", "X Bad", "",
    ]
)  # fmt: skip
_VALUES = st.sampled_from(
    ["text/plain", "", " padded ", "close", "keep-alive", "chunked", "a b", "1", "03", "²", "\xff",
     "nul\0", "tab\tin", "3, 3"]
)  # fmt: skip
_BODIES = st.sampled_from([b"", b"a", b"abc", b"1\r\na\r\n0\r\n\r\n", b"abcdef", b"\r\n\r\n"])
_LINES = st.sampled_from(
    ["HTTP/1.1 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 500 It broke", "HTTP/1.0 200 OK",
     "HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified", "HTTP/1.1 100 Continue",
     "HTTP/1.1 999 ?", "HTTP/1.1 99 ?", "HTTP/2 200 OK", "ICY 200 OK"]
)  # fmt: skip


def read(method: str, pieces: list[bytes]) -> tuple[Outcome | None, bool]:
    """The outcome, whether or not the connection has to end for it, and whether it stays open."""
    reader = ResponseReader(method, "app")
    for piece in [*pieces, b""]:
        if (outcome := reader.receive(piece)) is not None:
            return outcome, reader.keep_alive
    return reader.cut(), reader.keep_alive


@given(
    method=st.sampled_from(["POST", "GET", "HEAD", "CONNECT"]),
    line=_LINES,
    headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=4),
    length=st.sampled_from([None, "0", "1", "3", "6", "+3"]),
    body=_BODIES,
)
def test_an_answer_in_one_piece_is_read_like_one_in_two(
    method: str, line: str, headers: list[tuple[str, str]], length: str | None, body: bytes
) -> None:
    given = [*headers, *([("Content-Length", length)] if length is not None else [])]
    head = "".join(f"{each}\r\n" for each in [line, *(f"{n}: {v}" for n, v in given), ""])
    data = head.encode("latin-1") + body
    whole, kept = read(method, [data])
    parted, kept_then = read(method, [data[:4], data[4:]])
    assert whole == parted
    assert kept == kept_then


def test_a_plain_answer_is_read_whole() -> None:
    head = b"HTTP/1.1 201 Made here\r\nX-Dup: a\r\nx-dup: b\r\nContent-Length: 2\r\n\r\n"
    headers = (("X-Dup", "a"), ("x-dup", "b"), ("Content-Length", "2"))
    assert read("POST", [head + b"ok"]) == (Response(201, "Made here", headers, b"ok", 2), True)


def test_what_follows_a_plain_answer_closes_the_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    outcome, kept = read("POST", [head + b"ok and more"])
    assert isinstance(outcome, Response)
    assert outcome.body == b"ok"
    assert not kept


def test_a_plain_answer_that_is_cut_says_where() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    outcome, _ = read("POST", [head + b"ok"])
    reason = "app closed the connection after 2 bytes of its answer's body"
    assert outcome == Failure(FailureKind.CUT, reason)


def test_what_is_no_http_is_told_in_a_short_line() -> None:
    reader = ResponseReader("POST", "localhost:3000")
    outcome = reader.receive(b"HTTP/1.1 200 OK\r\n" + b"\x1b[31m\x00" * 2000 + b"\r\n\r\n")
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED
    assert outcome.reason.startswith("localhost:3000 did not answer in HTTP (")
    assert len(outcome.reason) < 300
    assert outcome.reason.isprintable()
