"""The echo: what comes is what it tells, and what is no request does it no harm."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from inspector.doctor import echo as module
from inspector.doctor.echo import ECHO_HEADER, Echo
from inspector.domain.attempt import Response
from inspector.domain.fidelity import Arrived
from tests.helpers.wire import Answer, Wire


@asynccontextmanager
async def wired(heard: list[Arrived] | None = None) -> AsyncIterator[Wire]:
    took: list[Arrived] = [] if heard is None else heard
    echo = Echo(took.append)
    await echo.start("127.0.0.1", 0)
    try:
        async with await Wire.to(echo.port) as wire:
            yield wire
    finally:
        echo.stop()


async def test_nothing_is_made_of_a_head() -> None:
    head = (
        b"POST //a/../b?x=%2F&x=2 HTTP/1.1\r\nhOST: a\r\nX-Dup: 1\r\nx-dup:2\r\nX-Latin: \xff\r\n"
        b"under_score: \t1 \r\nContent-Length: 3\r\n\r\n"
    )
    async with wired() as wire:
        answer = await wire.ask(head, b"\0ab")
    told = json.loads(answer.body)
    assert (told["method"], told["target"]) == ("POST", "//a/../b?x=%2F&x=2")
    assert told["headers"] == [
        ["hOST", "a"],
        ["X-Dup", "1"],
        ["x-dup", "2"],
        ["X-Latin", "\xff"],
        ["under_score", "1"],
        ["Content-Length", "3"],
    ]
    assert (told["size"], told["body_b64"]) == (3, "AGFi")
    assert answer.headers["inspector-echo"] == "1"


async def test_chunks_and_trailers_are_read_and_the_connection_goes_on() -> None:
    heard: list[Arrived] = []
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with wired(heard) as wire:
        await wire.ask(chunked, b"2;x=1\r\nab\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n")
        await wire.ask(chunked, b"0\r\n\r\n")
        await wire.ask(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", b"z")
        assert await wire.rest() == b""
    assert [each.body for each in heard] == [b"ab0123456789", b"", b"z"]


async def test_who_asks_whether_it_may_go_on_is_told_so() -> None:
    async with wired() as wire:
        await wire.send(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert (await wire.answer()).status == 100
        await wire.send(b"a")
        assert (await wire.answer()).status == 200


async def test_of_a_long_body_size_and_digest_are_told() -> None:
    heard: list[Arrived] = []
    size = module.TOLD_BYTES + 1
    async with wired(heard) as wire:
        head = f"POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode()
        answer = await wire.ask(head, bytes(size))
    told = json.loads(answer.body)
    assert (told["size"], told["body_b64"]) == (size, None)
    assert heard[0].has(bytes(size))
    assert not heard[0].has(bytes(size - 1))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / SPDY/3\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
    ],
    ids=["garbage", "version", "length", "negative", "chunk size", "chunk", "long head"],
)
async def test_what_is_no_request_is_refused(sent: bytes, status: int) -> None:
    heard: list[Arrived] = []
    async with wired(heard) as wire:
        answer: Answer = await wire.ask(sent)
        assert answer.status == status
        with suppress(ConnectionError):
            assert await wire.rest() == b""
    assert heard == []


async def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BODY_LIMIT", 1000)
    async with wired() as wire:
        head = b"POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"
        assert (await wire.ask(head, bytes(2000))).status == 413


async def test_who_sends_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    async with wired() as wire:
        assert await wire.rest() == b""


@pytest.mark.parametrize(
    "told",
    [
        b"[" * 100_000,
        b'{"body_b64":null,"headers":[],"method":"a","target":"b","size":1e999,"sha256":"x"}',
        b'{"body_b64":null,"headers":[],"method":"a","target":"b","size":[],"sha256":"x"}',
        b"no JSON",
    ],
    ids=["deep", "endless", "list", "none"],
)
def test_what_no_echo_says_is_not_heard(told: bytes) -> None:
    response = Response(200, "OK", ((ECHO_HEADER, "1"),), told, len(told))
    assert module.heard(response) is None


async def test_stopping_cuts_whoever_is_there() -> None:
    echo = Echo(lambda arrived: None)
    await echo.start("127.0.0.1", 0)
    async with await Wire.to(echo.port) as wire:
        await wire.ask(b"GET / HTTP/1.1\r\n\r\n")
        echo.stop()
        with suppress(ConnectionError):
            assert await wire.rest() == b""
        echo.stop()
