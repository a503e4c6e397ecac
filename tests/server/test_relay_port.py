"""The relay's port in the open: the tunnel's door, nothing else of ours, and no way to fill it."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType, web

from inspector.server import piecewise, protocol
from tests.helpers.relaying import endpoint, relaying
from tests.helpers.served import post
from tests.helpers.wire import PATIENCE, Wire

HEALTHZ = b"GET /_inspector/healthz HTTP/1.1\r\nHost: anything\r\n\r\n"
CLOSED = [
    "GET /_inspector", "GET /_inspector/", "GET /_inspector/api/status", "GET /_inspector/stream",
    "GET /_inspector/api/deliveries", "POST /_inspector/api/trigger", "GET /_inspector/tunnel",
    "GET /_inspector/tunnel/", "POST /_inspector/tunnel/Sone", "HEAD /_inspector/tunnel/Sone",
    "GET /_inspector/tunnel/Sone/more", "GET /_inspector/../in/Sone", "POST /_inspector/healthz",
    "GET /_inspector/in/Sone",
]  # fmt: skip


async def test_the_door_is_told_the_slug(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay:
        answer = await relay.ask(b"GET /_inspector/tunnel/Sany HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (answer.status, answer.body) == (200, b"Sany")
        answer = await relay.ask(HEALTHZ)
        assert (answer.status, json.loads(answer.body)) == (200, {"ok": True})
        assert await relay.nothing_stored()
        assert relay.addresses.unknown == 0


@pytest.mark.parametrize("sent", CLOSED)
@pytest.mark.parametrize("length", [0, 300_000])
async def test_nothing_else_is_there(tmp_path: Path, sent: str, length: int) -> None:
    async with relaying(tmp_path) as relay, await relay.wire() as wire:
        head = f"{sent} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n".encode()
        await wire.send(head + b"x" * length)
        answer = await wire.answer(to_head=sent.startswith("HEAD"))
        assert answer.status == 404
        assert "server" not in answer.headers
        if "/_inspector/" in sent and not sent.startswith("HEAD"):
            assert json.loads(answer.body)["error"]["code"] == "not-found"
        assert await relay.nothing_stored()


async def test_a_consumer_whose_process_has_ended_is_gone_at_once(tmp_path: Path) -> None:
    """Its system ends the connection, and no close frame comes before that."""
    left = asyncio.Event()

    async def door(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        left.set()
        return socket

    async with relaying(tmp_path, door=door) as relay, await relay.wire() as wire:
        asked = (
            b"GET /_inspector/tunnel/Sone HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        )
        assert (await wire.ask(asked)).status == 101
        wire.writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            await left.wait()
            await wire.rest()


# Whoever only takes up room.


async def alive(wire: Wire) -> bool:
    """Whether the connection still takes deliveries in."""
    try:
        return (await wire.ask(post(target=b"/in/Sone"))).status == 200
    except (ConnectionError, asyncio.IncompleteReadError):
        return False


async def test_the_oldest_idle_connection_makes_room(tmp_path: Path) -> None:
    async with relaying(tmp_path, most=4) as relay:
        busy = await relay.wire()
        asked = post(b"x" * 10, b"Expect: 100-continue\r\n", b"/in/Sone")
        assert (await busy.ask(asked[:-10])).status == 100
        idle = [await relay.wire() for _ in range(3)]
        for wire in idle:
            assert await alive(wire)
        for _ in range(2):
            assert (await relay.post()).status == 200
        assert await idle[0].rest() == b""
        assert await alive(idle[2])
        # A request under way is not cut off.
        assert (await busy.ask(b"x" * 10)).status == 200
        for wire in (busy, *idle):
            await wire.close()


async def test_a_thousand_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(rate=1e6)], most=50) as relay:
        silent: list[Wire] = []
        for number in range(1000):
            wire = await relay.wire()
            silent.append(wire)
            if number % 3 == 1:
                await wire.send(b"POST /in/Sone HTTP/1.1\r\nX: ")
            elif number % 3 == 2:
                await wire.send(b"\x16\x03\x01")
            if number % 100 == 99:
                assert (await relay.post()).status == 200
        for wire in silent:
            wire.cut()


async def test_a_websocket_is_not_taken_for_idle(tmp_path: Path) -> None:
    async def door(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async with relaying(tmp_path, door=door, most=3) as relay, ClientSession() as session:
        url = f"http://127.0.0.1:{relay.port}/_inspector/tunnel/Sone"
        async with session.ws_connect(url) as socket:
            for _ in range(6):
                wire = await relay.wire()
                assert await alive(wire)
                await wire.close()
            await socket.send_str("still there")
            assert (await socket.receive(PATIENCE)).data == "still there"


async def test_a_silent_connection_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piecewise, "IDLE_SECONDS", 0.05)
    async with relaying(tmp_path) as relay, await relay.wire() as wire:
        assert await wire.rest() == b""
        assert await relay.nothing_stored()


@pytest.mark.parametrize("target", [b"/in/Snone", b"/in/Sone", b"/_inspector/tunnel/Sone"])
async def test_a_body_that_trickles_in_behind_an_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: bytes
) -> None:
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.05)
    async with relaying(tmp_path, [endpoint(max_connections=1, max_body=100)]) as relay:
        async with await relay.wire() as wire:
            await wire.send(post(b"x" * 1000, target=target)[:-900])
            assert (await wire.answer()).status in (200, 404, 405, 413)
            assert await wire.rest() == b""
        assert relay.address().under_way == 0
        assert (await relay.post()).status == 200


async def send_for_ever(wire: Wire) -> None:
    while True:
        await wire.send(post(b"", target=b"/in/Sone") * 500)


async def test_a_sender_that_reads_nothing_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fills no memory with answers, either."""
    monkeypatch.setattr(protocol, "READ_SECONDS", 0.1)
    async with relaying(tmp_path, [endpoint(rate=0.001)]) as relay:
        async with await relay.wire() as wire:
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(send_for_ever(wire), PATIENCE)
        assert (await relay.post()).status == 429
        assert len(await relay.stored()) == 1


# The end.


async def test_it_stops_once_what_is_under_way_is_answered(tmp_path: Path) -> None:
    """Consumers are parted from last, so that they may still answer; sockets hold nothing up."""
    parted = asyncio.Event()
    order: list[str] = []

    async def door(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await parted.wait()
        order.append("parted")
        await socket.close(code=1001)
        return socket

    async def closing() -> None:
        parted.set()

    async with ClientSession() as session:
        async with relaying(tmp_path, door=door, closing=closing) as relay:
            url = f"http://127.0.0.1:{relay.port}/_inspector/tunnel/Sone"
            socket = await session.ws_connect(url)
            wire = await relay.wire()
            asked = post(b"x" * 10, b"Expect: 100-continue\r\n", b"/in/Sone")
            assert (await wire.ask(asked[:-10])).status == 100

            async def finish() -> None:
                while await reachable(relay.port):
                    pass
                answer = await wire.ask(b"x" * 10)
                assert answer.status == 200
                order.append("answered")

            finishing = asyncio.ensure_future(finish())
        await finishing
        assert order == ["answered", "parted"]
        assert (await socket.receive(PATIENCE)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        await socket.close()
        await wire.close()


async def reachable(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        async with await Wire.to(port):
            return True
    except ConnectionError:
        return False
