"""The stream: everything later than a position, once, then what comes; nobody is waited for."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from inspector.server import hub as hub_module
from inspector.server import stream as stream_module
from tests.helpers.fake_target import FakeTarget
from tests.helpers.served import Served, post
from tests.helpers.wire import PATIENCE
from tests.server.conftest import Serve

CARRYING = ("deliveries", "attempts", "changes")


@asynccontextmanager
async def subscribed(
    listener: Served, after: int | str | None = None, path: str = "stream"
) -> AsyncIterator[ClientWebSocketResponse]:
    asked = "" if after is None else f"?after={after}"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {listener.token}"}) as session,
        session.ws_connect(
            f"{listener.runtime.url}/_inspector/{path}{asked}", compress=15, max_msg_size=512 << 10
        ) as socket,
    ):
        yield socket


async def frame(socket: ClientWebSocketResponse) -> dict[str, Any]:
    message = await socket.receive(PATIENCE)
    assert message.type is WSMsgType.TEXT, message
    assert len(message.data.encode()) < 512 << 10
    told: dict[str, Any] = json.loads(message.data)
    assert told["v"] == 1
    assert isinstance(told["seq"], int)
    return told


async def nobody_listens(listener: Served) -> None:
    """Until every subscription is given back."""
    async with asyncio.timeout(PATIENCE):
        while len(listener.runtime.hub):  # noqa: ASYNC110 - the hub tells nobody of it
            await asyncio.sleep(0)


async def ids_until(
    socket: ClientWebSocketResponse, last: int, kind: str = "deliveries"
) -> list[int]:
    found: list[int] = []
    while not found or found[-1] < last:
        told = await frame(socket)
        if told["kind"] == kind:
            found += [item["id"] for item in told["items"]]
    return found


@pytest.mark.parametrize("path", ["stream", "api/stream"])
async def test_hello_then_live(serve: Serve, path: str) -> None:
    async with serve() as listener:
        await listener.post(b"before")
        await listener.all()
        async with subscribed(listener, path=path) as socket:
            assert not socket.compress
            hello = await frame(socket)
            assert hello == {"v": 1, "kind": "hello", "seq": 1, "last_seq": 1}
            await listener.post(b"after")
            told = await frame(socket)
            assert (told["kind"], told["seq"]) == ("deliveries", 2)
            (item,) = told["items"]
            assert (item["id"], item["state"], item["body_size"]) == (2, "kept", 5)
            assert "headers" not in item
            assert "body_b64" not in item


async def test_attempts_and_changes(serve: Serve) -> None:
    async with (
        FakeTarget() as app,
        serve(forward_to=[app.url]) as listener,
        subscribed(listener, after=0) as socket,
    ):
        assert (await frame(socket))["kind"] == "hello"
        id_ = await listener.post()
        states: list[str] = []
        attempts: list[int | None] = []
        seqs: list[int] = []
        while "forwarded" not in states or 200 not in attempts:
            told = await frame(socket)
            seqs.append(told["seq"])
            for item in told["items"]:
                if told["kind"] == "attempts":
                    assert item["delivery_id"] == id_
                    attempts.append(item["status"])
                else:
                    states.append(item["state"])
        assert seqs == sorted(seqs)


async def test_everything_after_a_position(serve: Serve) -> None:
    async with serve() as listener:
        async with await listener.wire() as wire:
            for n in range(600):
                assert (await wire.ask(post(b"%d" % n))).status == 200
        await listener.all()
        for after in (0, 1, 299, 599):
            async with subscribed(listener, after) as socket:
                hello = await frame(socket)
                assert hello["last_seq"] == 600
                assert await ids_until(socket, 600) == list(range(after + 1, 601))
        async with subscribed(listener, 600) as socket:
            await frame(socket)
            new = await listener.post()
            assert await ids_until(socket, new) == [new]


async def test_a_catching_up_frame_holds_many(serve: Serve) -> None:
    async with serve() as listener:
        async with await listener.wire() as wire:
            await wire.send(b"".join(post() for _ in range(300)))
            for _ in range(300):
                await wire.answer()
        await listener.all()
        async with subscribed(listener, 0) as socket:
            await frame(socket)
            first = await frame(socket)
            assert 16 <= len(first["items"]) <= 256


async def test_frames_stay_small(serve: Serve) -> None:
    """Whatever the senders put into what a summary shows."""
    sent = post(target=b"/" + b"x" * 60_000, head=b"X-Event-ID: " + b"\x80" * 3000 + b"\r\n")
    async with serve() as listener:
        for _ in range(20):
            assert (await listener.ask(sent)).status == 200
        await listener.all()
        async with subscribed(listener, 0) as socket:
            await frame(socket)
            assert await ids_until(socket, 20) == list(range(1, 21))  # `frame` checks the size


async def test_resuming_has_no_gap_and_no_repeat(serve: Serve) -> None:
    """Readers that come and go at random while deliveries are captured and forwarded."""
    count = 400
    dice = random.Random(7)
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:

        async def capture() -> None:
            async with await listener.wire() as wire:
                for n in range(count):
                    assert (await wire.ask(post(b"%d" % n))).status == 200

        async def read() -> tuple[list[int], dict[int, str], dict[int, int | None]]:
            after = 0
            deliveries: list[int] = []
            states: dict[int, str] = {}
            outcomes: dict[int, int | None] = {}
            while True:
                patience = dice.randrange(1, 40)
                async with subscribed(listener, after) as socket:
                    await frame(socket)
                    for _ in range(patience):
                        told = await frame(socket)
                        assert told["kind"] in CARRYING
                        assert told["seq"] >= after
                        after = told["seq"]
                        for item in told["items"]:
                            if told["kind"] == "attempts":
                                outcomes[item["delivery_id"]] = item["status"]
                                continue
                            if told["kind"] == "deliveries":
                                deliveries.append(item["id"])
                            states[item["id"]] = item["state"]
                        forwarded = list(states.values()).count("forwarded")
                        if forwarded == count == list(outcomes.values()).count(200):
                            return deliveries, states, outcomes

        async with asyncio.timeout(30):
            _, *readers = await asyncio.gather(capture(), read(), read(), read())
        for deliveries, states, outcomes in readers:
            assert deliveries == list(range(1, count + 1))
            assert set(states.values()) == {"forwarded"}
            assert set(outcomes.values()) == {200}


async def test_a_reader_that_lags_is_told_where_to_go_on(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "QUEUE_FRAMES", 3)
    gate = asyncio.Event()
    real = stream_module._send

    async def slow(socket: Any, text: str) -> None:
        if '"hello"' not in text:
            await gate.wait()
        await real(socket, text)

    monkeypatch.setattr(stream_module, "_send", slow)
    async with serve() as listener, subscribed(listener) as socket:
        assert (await frame(socket))["kind"] == "hello"
        # Each is a frame of its own, because each is indexed before the next is sent.
        for _ in range(8):
            await listener.post()
            await listener.all()
        gate.set()
        first = await frame(socket)
        assert [item["id"] for item in first["items"]] == [1]
        lagged = await frame(socket)
        assert (lagged["kind"], lagged["after"]) == ("lagged", 1)
        new = await listener.post()
        assert await ids_until(socket, new) == [new]


async def test_a_reader_that_answers_no_ping_is_dropped(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "PING_SECONDS", 0.1)
    lines = (
        "GET /_inspector/stream HTTP/1.1", "Host: localhost", "Authorization: Bearer {token}",
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
    )  # fmt: skip
    async with serve() as listener, await listener.wire() as deaf:
        await deaf.send("\r\n".join(lines).format(token=listener.token).encode())
        assert (await deaf.answer()).status == 101
        assert b"hello" in await deaf.rest()  # and then it is closed
        await nobody_listens(listener)


async def test_a_reader_that_takes_nothing_is_dropped(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "SEND_SECONDS", 0.05)
    real = aiohttp.web.WebSocketResponse.send_str

    async def stuck(self: aiohttp.web.WebSocketResponse, data: str, *rest: Any) -> None:
        if '"hello"' not in data:
            await asyncio.Event().wait()
        await real(self, data, *rest)

    monkeypatch.setattr(aiohttp.web.WebSocketResponse, "send_str", stuck)
    async with serve() as listener, subscribed(listener) as socket:
        await frame(socket)
        await listener.post()
        message = await socket.receive(PATIENCE)
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
        await nobody_listens(listener)
        assert await listener.post() == 2


async def test_subscribers_are_closed_with_1001(serve: Serve) -> None:
    async with serve() as listener:
        async with subscribed(listener) as socket:
            await frame(socket)
            stopping = asyncio.ensure_future(listener.runtime.__aexit__())
            message = await socket.receive(PATIENCE)
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
            assert socket.close_code == 1001
        await stopping


async def test_subscribers_that_leave_are_forgotten(serve: Serve) -> None:
    async with serve() as listener:
        for _ in range(3):
            async with subscribed(listener) as socket:
                await frame(socket)
                assert len(listener.runtime.hub) == 1
                await socket.send_str("hello?")
            await nobody_listens(listener)


@pytest.mark.parametrize("after", ["", "x", "-1", "1.0", "9" * 19, "%C2%B2"])
async def test_what_is_no_position(serve: Serve, after: str) -> None:
    async with serve() as listener:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with subscribed(listener, after):
                pass
        assert caught.value.status == 400


async def test_a_position_that_is_still_to_come(serve: Serve) -> None:
    async with serve() as listener, subscribed(listener, 2) as socket:
        assert (await frame(socket))["last_seq"] == 0
        for _ in range(3):
            await listener.post()
        assert (await ids_until(socket, 3))[-1] == 3


async def test_a_plain_request_for_the_stream(serve: Serve) -> None:
    async with serve() as listener:
        status, told = await listener.api("stream")
        assert status == 400
        assert told["error"]["code"] == "bad-request"


async def test_a_reindex_repeats_nothing(serve: Serve) -> None:
    async with serve() as listener:
        for _ in range(5):
            await listener.post()
        await listener.all()
        async with subscribed(listener) as socket:
            await frame(socket)
            await listener.api("reindex", {})
            told = await frame(socket)
            assert (told["kind"], told["items"]) == ("reindexed", [])
            new = await listener.post()
            assert await ids_until(socket, new) == [new]
