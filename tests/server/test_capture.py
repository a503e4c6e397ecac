"""Capture: what a sender sends is what the store holds, byte for byte."""

import asyncio
import gzip
import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import State
from inspector.server import piecewise
from tests.helpers.served import Served, post
from tests.server.conftest import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = [
    "DELETE", "GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS", "TRACE", "COPY", "LOCK",
    "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "SEARCH", "UNLOCK", "BIND", "REBIND", "UNBIND",
    "ACL", "REPORT", "MKACTIVITY", "CHECKOUT", "MERGE", "M-SEARCH", "NOTIFY", "SUBSCRIBE",
    "UNSUBSCRIBE", "PATCH", "PURGE", "MKCALENDAR", "LINK", "UNLINK", "SOURCE", "QUERY",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_is_captured(shared: Served, method: str) -> None:
    target = b"example.com:443" if method == "CONNECT" else b"/hooks"
    async with await shared.wire() as wire:
        await wire.send(method.encode() + b" " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await wire.answer(to_head=method == "HEAD")
    assert answer.status == 200
    request = await shared.request(answer.delivery)
    assert (request.method, request.target.encode()) == (method, target)
    assert request.body == b""


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"//",
        b"//double//slashes/",
        b"/a%2Fb%2f%7E~%00%ff",
        b"/../../etc/passwd",
        b"/./a/.",
        b"/hooks?",
        b"/hooks?a=1&a=2&&b",
        b"/hooks??x=%3F",
        b"/hooks#fragment",
        b"/a+b%20c;d=e,f",
        b"http://example.com/path?x=1",
        b"https://example.com:8443/%2F",
        b"/_inspector",
        b"//_inspector/api/status",
        b"/%5Finspector/api/status",
        b"http://localhost/_inspector/api/status",
        b"/" + b"x" * 60_000,
    ],
)
async def test_a_request_target_is_kept_as_sent(shared: Served, target: bytes) -> None:
    answer = await shared.ask(post(target=target))
    assert answer.status == 200
    request = await shared.request(answer.delivery)
    assert request.target.encode("latin-1") == target


async def test_options_of_the_whole_server(shared: Served) -> None:
    answer = await shared.ask(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await shared.request(answer.delivery)).target == "*"


async def test_headers_keep_order_case_duplicates_and_bytes(shared: Served) -> None:
    lines = [
        b"hOST: x",
        b"X-Dup: 1",
        b"x-dup: 2",
        b"X-DUP: 1",
        b"X-Latin: caf\xe9 \xff\x80",
        b"X-Utf8: \xc3\xa9",
        b"X-Empty: ",
        b"X-Colon: a: b:c",
        b'X-Quotes: "a, b", c',
        b"x_under.score!#$%&'*+^`|~: y",
        b"Cookie: a=1; b=2",
        b"cookie: c=3",
        b"Content-Length: 2",
        b"X-Last: z",
    ]
    answer = await shared.ask(b"POST /h HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n{}")
    request = await shared.request(answer.delivery)
    kept = [f"{name}: {value}".encode("latin-1") for name, value in request.headers]
    assert kept == lines


async def test_blanks_around_a_value_are_not_kept(shared: Served) -> None:
    answer = await shared.ask(post(head=b"X-Blank: \t  a b \t\r\nX-None:c\r\n"))
    headers = (await shared.request(answer.delivery)).headers
    assert ("X-Blank", "a b") in headers
    assert ("X-None", "c") in headers


_NAMES = st.text("ABCxyz-_!#$%&'*+.^`|~019", min_size=1, max_size=20).filter(
    lambda name: name.lower() not in protocol_words()
)
_VALUES = st.binary(max_size=40).map(
    lambda value: bytes(byte for byte in value if byte == 9 or (byte >= 32 and byte != 127)).strip(
        b" \t"
    )
)


def protocol_words() -> set[str]:
    return {"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect"}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=20), body=st.binary(max_size=2000))
async def test_whatever_headers_and_body(
    shared: Served, headers: list[tuple[str, bytes]], body: bytes
) -> None:
    head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers)
    answer = await shared.ask(post(body, head))
    request = await shared.request(answer.delivery)
    assert request.body == body
    kept = [(name, value.encode("latin-1")) for name, value in request.headers]
    assert kept == [
        ("Host", b"x"), *headers, ("Content-Length", str(len(body)).encode())
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"", b"\0", b"\0\xff" * 500, b"\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", bytes(range(256)) * 17],
)
async def test_a_body_is_kept(shared: Served, body: bytes) -> None:
    answer = await shared.ask(post(body))
    assert (await shared.request(answer.delivery)).body == body
    delivery = await shared.delivery(answer.delivery)
    assert delivery.body_size == len(body)
    assert delivery.body_sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd", b"nonsense"])
async def test_a_coded_body_is_not_decoded(shared: Served, encoding: bytes) -> None:
    body = gzip.compress(b"x" * 10_000)
    answer = await shared.ask(post(body, b"Content-Encoding: " + encoding + b"\r\n"))
    assert (await shared.request(answer.delivery)).body == body


@pytest.mark.parametrize("together", [True, False])
async def test_a_chunked_body_is_put_together(shared: Served, together: bool) -> None:
    pieces = [
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n",
        b"5;ext=1\r\nhel",
        b"lo\r\n1\r\n\0\r\n",
        b"A\r\n0123456789\r\n",
        b"0\r\nX-T: v\r\n\r\n",
    ]
    answer = await shared.ask(*([b"".join(pieces)] if together else pieces))
    request = await shared.request(answer.delivery)
    assert request.body == b"hello\x000123456789"
    assert ("Transfer-Encoding", "chunked") in request.headers


@pytest.mark.parametrize("size", [1 << 20, 5 << 20, 25 << 20])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_kept(shared: Served, size: int, chunked: bool) -> None:
    unit = hashlib.sha256(str(size).encode()).digest() * 512
    body = unit * (size // len(unit))
    if chunked:
        frames = b"%x\r\n%s\r\n" % (len(unit), unit) * (size // len(unit))
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await shared.ask(head, frames, b"0\r\n\r\n")
    else:
        answer = await shared.ask(post(body))
    assert answer.status == 200
    delivery = await shared.delivery(answer.delivery)
    assert delivery.body_size == size
    assert delivery.body_sha256 == hashlib.sha256(body).hexdigest()
    assert (await shared.request(answer.delivery)).body == body


async def test_one_byte_at_a_time(shared: Served) -> None:
    request = post(b"{}", b"X-Slow: y\r\n")
    answer = await shared.ask(*(request[n : n + 1] for n in range(len(request))))
    assert (await shared.request(answer.delivery)).body == b"{}"


async def test_a_sender_is_told_to_continue(shared: Served) -> None:
    async with await shared.wire() as wire:
        await wire.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n"
        )
        assert (await wire.answer()).status == 100
        await wire.send(b"hello")
        answer = await wire.answer()
    assert answer.status == 200
    assert (await shared.request(answer.delivery)).body == b"hello"


async def test_no_continue_for_a_body_that_is_there(shared: Served) -> None:
    answer = await shared.ask(post(b"hello", b"Expect: 100-continue\r\n"))
    assert answer.status == 200


async def test_no_continue_for_a_body_that_is_too_large(shared: Served) -> None:
    async with await shared.wire() as wire:
        await wire.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        answer = await wire.answer()
        assert answer.status == 413
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("kept", [b"", b"Connection: keep-alive\r\n"])
async def test_http_1_0_is_answered_and_closed(shared: Served, kept: bytes) -> None:
    async with await shared.wire() as wire:
        await wire.send(b"POST /old HTTP/1.0\r\n" + kept + b"Content-Length: 2\r\n\r\nhi")
        answer = await wire.answer()
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert await wire.rest() == b""
    request = await shared.request(answer.delivery)
    assert (request.http_version, request.body) == ("1.0", b"hi")
    assert (await shared.delivery(answer.delivery)).http_version == "1.0"


async def test_a_request_without_a_version_is_one_of_http_0_9(shared: Served) -> None:
    answer = await shared.ask(b"GET /oldest\r\n\r\n")
    assert answer.headers["connection"] == "close"
    assert (await shared.request(answer.delivery)).target == "/oldest"
    assert (await shared.delivery(answer.delivery)).http_version == "0.9"


async def test_a_connection_is_kept_until_the_sender_says_close(shared: Served) -> None:
    async with await shared.wire() as wire:
        first = await wire.ask(post(b"1"))
        second = await wire.ask(post(b"2"))
        third = await wire.ask(post(b"3", b"Connection: close\r\n"))
        assert await wire.rest() == b""
    assert first.delivery < second.delivery < third.delivery


async def test_pipelined_requests_are_answered_in_order(shared: Served) -> None:
    count = 100  # more than the parser takes at a time
    async with await shared.wire() as wire:
        await wire.send(b"".join(post(b"%d" % n) for n in range(count)))
        answers = [await wire.answer() for _ in range(count)]
    ids = [answer.delivery for answer in answers]
    assert ids == sorted(set(ids))
    bodies = [(await shared.request(id_)).body for id_ in ids]
    assert bodies == [b"%d" % n for n in range(count)]


async def test_a_head_that_comes_with_the_end_of_the_body_before_it(shared: Served) -> None:
    """The second body is long: none of it may be taken for a head."""
    body = b"b" * 300_000
    second = post(body, b"X-Second: y\r\n")
    async with await shared.wire() as wire:
        first = post(b"a" * 1000, b"Expect: 100-continue\r\n")
        await wire.send(first[:-1000])
        assert (await wire.answer()).status == 100
        await wire.send(first[-1000:] + second[:200])
        assert (await wire.answer()).status == 200
        await wire.send(second[200:])
        answer = await wire.answer()
        assert answer.status == 200
        assert (await shared.request(answer.delivery)).body == body
        assert (await wire.ask(post(b"third"))).status == 200


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"tcp"])
@pytest.mark.parametrize("body", [b"", b"some body"])
async def test_an_upgrade_is_declined_and_captured(
    shared: Served, upgrade: bytes, body: bytes
) -> None:
    head = (
        b"Connection: Upgrade\r\nUpgrade: " + upgrade + b"\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    async with await shared.wire() as wire:
        answer = await wire.ask(post(body, head, b"/ws"))
        assert answer.status == 200
        request = await shared.request(answer.delivery)
        assert (request.target, request.body) == ("/ws", body)
        assert ("Upgrade", upgrade.decode()) in request.headers


async def test_what_follows_a_declined_upgrade_is_captured(shared: Served) -> None:
    head = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    body = b"b" * 300_000
    second = post(body)
    async with await shared.wire() as wire:
        await wire.send(post(b"", head) + second[:300])
        assert (await wire.answer()).status == 200
        await wire.send(second[300:])
        answer = await wire.answer()
        assert answer.status == 200
        assert (await shared.request(answer.delivery)).body == body
        assert (await wire.ask(post(b"third"))).status == 200


async def test_a_sender_that_ends_its_half_is_still_answered(shared: Served) -> None:
    async with await shared.wire() as wire:
        await wire.send(post(b"1") + post(b"2"))
        wire.end()
        answers = [await wire.answer(), await wire.answer()]
        assert [answer.status for answer in answers] == [200, 200]
        assert await wire.rest() == b""


async def test_an_idle_connection_is_no_fault(
    shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading goes on by itself after a body that had to wait: that begins no head."""
    monkeypatch.setattr(piecewise, "HEAD_SECONDS", 0.05)
    before = await shared.latest()
    async with await shared.wire() as wire:
        assert (await wire.ask(post(b"b" * 900_000))).status == 200
        waited = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, waited.set)
        await waited.wait()
        assert (await wire.ask(post(b"c"))).status == 200
    assert await shared.latest() == before + 2
    assert not await shared.all(f"state:refused id:{before + 1}..")


async def test_the_status_that_stored_answers_with(serve: Serve) -> None:
    async with serve(status=204) as listener, await listener.wire() as wire:
        answer = await wire.ask(post())
        assert answer.status == 204
        assert "content-length" not in answer.headers
        assert (await wire.ask(post())).delivery == answer.delivery + 1
        assert (await listener.delivery(answer.delivery)).answered == 204


async def test_what_is_stored_of_a_delivery(shared: Served) -> None:
    answer = await shared.ask(post(b'{"event":"delta.verified"}', b"Content-Type: a/b\r\n"))
    delivery = await shared.delivery(answer.delivery)
    assert delivery.state is State.KEPT
    assert delivery.answered == 200
    assert delivery.remote.startswith("127.0.0.1:")
    assert delivery.content_type == "a/b"
    assert delivery.event == "delta.verified"
    assert delivery.endpoint == "default"
