"""The real listener answers the real client: each method, as the UI uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inspector.client.control import Control
from inspector.client.stream import Connected, Frame, Stream
from inspector.errors import NotFoundError, UsageError
from tests.helpers.fake_target import FakeTarget, held, ok
from tests.helpers.pacspace import SECRET
from tests.helpers.served import Served
from tests.server.conftest import Serve

BODY = b'{"event":"delta.verified","data":{"amount":5}}'


@asynccontextmanager
async def client_of(listener: Served) -> AsyncIterator[Control]:
    async with Control(f"{listener.runtime.url}/_inspector", listener.token) as control:
        yield control


async def test_reading(serve: Serve) -> None:
    async with (
        FakeTarget() as app,
        serve(forward_to=[app.url], secret=[SECRET]) as listener,
        client_of(listener) as control,
    ):
        for n in range(6):
            await listener.post(BODY, b"X-Event-ID: evt_%d\r\n" % (n % 4))
        await listener.settled(6, "forwarded")
        assert list(await control.ids("event:delta.*", after=2, before=6)) == [5, 4, 3]
        assert list(await control.duplicates()) == [6, 2, 5, 1]
        at = (await listener.delivery(1)).received_at
        activity = await control.activity(at, 60_000_000)
        assert sum(activity.values()) == 6
        seen = await control.seen()
        assert (seen.data, "x-event-id" in seen.headers) == (("amount",), True)
        (attempt,) = await control.attempts(1)
        assert attempt.request is not None
        assert ("Inspector-Delivery", "1") in attempt.request.headers
        assert (await control.status()).breakpoint == ""


async def test_marking(serve: Serve) -> None:
    async with serve() as listener, client_of(listener) as control:
        id_ = await listener.post()
        await control.mark(id_, mark="todo")
        await control.mark(id_, note="ask Ana")
        found = await listener.delivery(id_)
        assert (found.mark, found.note) == ("todo", "ask Ana")
        assert (await control.counts()).marked == 1
        with pytest.raises(UsageError, match="mark"):
            await control.mark(id_, mark="x" * 41)
        with pytest.raises(NotFoundError):
            await control.mark(99, mark="x")


async def test_holding(serve: Serve) -> None:
    async with (
        FakeTarget() as app,
        serve(forward_to=[app.url], secret=[SECRET]) as listener,
        client_of(listener) as control,
    ):
        await control.hold("event:delta.*")
        assert (await control.status()).breakpoint == "event:delta.*"
        for _ in range(4):
            await listener.post(BODY)
        await listener.until(lambda: listener.all("state:held"), 4)
        assert (await control.counts()).states == {"held": 4}
        assert (await control.status()).ledger["held"] == 4
        assert await control.release(3) == (3,)
        edited = (await control.delivery(1)).request._replace(body=b"\xff", target="/else")
        resent = await control.resend(1, edited=edited, instead=True, wait=True)
        assert resent.delivery_id == 5
        assert [each.status for each in resent.attempts] == [200]
        assert await control.body(5) == b"\xff"
        assert (await listener.settled(1, "filtered")).state_reason == "edited and sent as #5"
        assert await control.release() == (2,)
        await control.hold("")
        assert await control.release(all=True) == (4,)
        await listener.until(lambda: listener.all("state:forwarded"), 4)
        with pytest.raises(UsageError, match="not held"):
            await control.resend(1, edited=edited, instead=True)
        with pytest.raises(UsageError):
            await control.hold("event:(")


async def test_waiting_for_a_slow_app_takes_as_long_as_it_takes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.client.control._ANSWER_SECONDS", 0.5)
    gate = asyncio.Event()
    async with FakeTarget() as app, serve() as listener, client_of(listener) as control:
        app.then(held(gate, ok(status=418)))
        id_ = await listener.post()
        asyncio.get_running_loop().call_later(1.0, gate.set)
        resent = await control.resend(id_, to=app.url, wait=True)
        assert [each.status for each in resent.attempts] == [418]


async def test_the_stream_tells_what_is_held_and_released(serve: Serve) -> None:
    async with (
        FakeTarget() as app,
        serve(forward_to=[app.url]) as listener,
        client_of(listener) as control,
    ):
        stream = Stream(f"{listener.runtime.url}/_inspector", listener.token)
        states: list[str] = []
        async with asyncio.timeout(20):
            async for event in stream.events():
                if isinstance(event, Connected):
                    await control.hold("id:>0")
                    await listener.post()
                elif isinstance(event, Frame) and event.kind != "attempts":
                    states += [str(item["state"]) for item in event.items]
                    if states[-1] == "held":
                        await control.release()
                    elif states[-1] == "forwarded":
                        break
        assert "held" in states
