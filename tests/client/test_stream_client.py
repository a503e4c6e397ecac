"""The stream client: frames in order, and a lost connection costs neither a gap nor a repeat."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from inspector.client.stream import (
    Connected,
    Disconnected,
    Frame,
    Lagged,
    Reindexed,
    Stream,
    StreamEvent,
)
from inspector.errors import ConfigurationError
from tests.helpers.fake_listener import TOKEN, FakeListener, fake_listener
from tests.helpers.summaries import make_attempt, make_delivery


class Pauses:
    """Records the pauses instead of waiting for them."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)


def opened(listener: FakeListener, after: int | None = None) -> tuple[Stream, Pauses]:
    pauses = Pauses()
    stream = Stream(listener.control, TOKEN, after=after, sleep=pauses.sleep, jitter=lambda: 1.0)
    return stream, pauses


async def next_of(events: AsyncIterator[StreamEvent], kind: type[StreamEvent]) -> StreamEvent:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError("the stream ended")


async def test_live_frames_in_order() -> None:
    async with fake_listener() as listener:
        stream, _ = opened(listener)
        async with aclosing(stream.events()) as events:
            assert await anext(events) == Connected(1000, None)
            delivery, attempt = make_delivery(1), make_attempt(2, 1)
            await listener.add(delivery)
            await listener.attempt(attempt)
            await listener.change(delivery)
            frames = [await anext(events) for _ in range(3)]
            assert frames == [
                Frame("deliveries", 1001, (delivery.to_json(),)),
                Frame("attempts", 1002, (attempt.to_json(),)),
                Frame("changes", 1003, (delivery.to_json(),)),
            ]


async def test_resumes_without_gap_or_repeat() -> None:
    async with fake_listener() as listener:
        stream, pauses = opened(listener)
        async with aclosing(stream.events()) as events:
            await anext(events)
            await listener.add(make_delivery(1))
            await anext(events)
            await listener.drop()
            await listener.add(make_delivery(2), make_delivery(3))
            seen: list[StreamEvent] = []
            while not (seen and isinstance(seen[-1], Frame)):
                seen.append(await anext(events))
            lost, connected, frame = seen
            assert isinstance(lost, Disconnected)
            assert connected == Connected(1002, 1001)
            assert isinstance(frame, Frame)
            assert [one["id"] for one in frame.items] == [2, 3]
            await listener.drop()
            assert isinstance(await anext(events), Disconnected)
            assert await anext(events) == Connected(1002, 1002)
            assert stream.position == 1002
            assert pauses.taken == [0.2, 0.2]


async def test_pauses_grow_and_begin_again_after_a_connection() -> None:
    async with fake_listener() as listener:
        port = int(listener.url.rpartition(":")[2])
        stream, pauses = opened(listener)
        await listener.stop()
        async with aclosing(stream.events()) as events:
            for _ in range(7):
                assert isinstance(await anext(events), Disconnected)
            await listener.start(port)
            await next_of(events, Connected)
            await listener.drop()
            assert isinstance(await anext(events), Disconnected)
            await next_of(events, Connected)
        assert pauses.taken == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.2])


async def test_lagged_is_told() -> None:
    async with fake_listener() as listener:
        stream, _ = opened(listener)
        async with aclosing(stream.events()) as events:
            await anext(events)
            await listener.say({"v": 1, "kind": "ping", "seq": 0})
            await listener.say({"v": 1, "kind": "from-the-future", "seq": 1})
            await listener.say({"v": 1, "kind": "lagged", "seq": 1, "after": 990})
            assert await anext(events) == Lagged(990)


async def test_a_history_read_again_is_told() -> None:
    async with fake_listener() as listener:
        stream, _ = opened(listener)
        async with aclosing(stream.events()) as events:
            await anext(events)
            await listener.say({"v": 1, "kind": "reindexed", "seq": 7, "items": []})
            assert await anext(events) == Reindexed()
            assert stream.position == 1000


async def test_another_journal_is_read_from_its_end() -> None:
    async with fake_listener() as listener:
        stream, _ = opened(listener, after=5000)
        async with aclosing(stream.events()) as events:
            assert await anext(events) == Connected(1000, 5000)
            assert stream.position == 1000


async def test_a_refused_token_ends_it() -> None:
    async with fake_listener() as listener:
        stream = Stream(listener.control, "wrong")
        with pytest.raises(ConfigurationError, match="token"):
            await anext(stream.events())


async def test_what_is_no_json_is_a_lost_connection() -> None:
    async with fake_listener() as listener:
        stream, _ = opened(listener)
        async with aclosing(stream.events()) as events:
            await anext(events)
            for broken in ("[1]", "{", '{"kind":"deliveries"}', '{"kind":"hello"}'):
                for socket in list(listener.sockets):
                    await socket.send_str(broken)
                assert isinstance(await anext(events), Disconnected)
                await next_of(events, Connected)
