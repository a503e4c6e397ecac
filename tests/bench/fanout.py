"""The listener's live fan-out alone: its hub and its websockets, without capture and indexing.

    python -m tests.bench.fanout RATE SECONDS TOGETHER

prints its port, waits for two subscribers, publishes at that pace, so many deliveries a frame,
then waits for standard input to end.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import uvloop
from aiohttp import web

from inspector.server.hub import Hub, Subscription
from inspector.server.stream import Streams
from inspector.store.frames import ParsedFrame, delivery_item
from inspector.store.reader import Reader
from tests.helpers.summaries import make_delivery

T = TypeVar("T")
_PATIENCE = 30.0


class _NothingStored:
    """The subscribers are here from the beginning: nothing is replayed."""

    async def read(self, function: Callable[[Reader], T], *, fresh: bool = True) -> T:
        return 0  # type: ignore[return-value]  # only the position is asked for


def frames(count: int, together: int) -> list[ParsedFrame]:
    """Made beforehand: the indexer makes them, in a process of its own."""
    items = [delivery_item(make_delivery(number)) for number in range(1, count + 1)]
    groups = [items[start : start + together] for start in range(0, count, together)]
    return [
        ParsedFrame("D", min(count, number * together), group, sum(map(len, group)))
        for number, group in enumerate(groups, 1)
    ]


async def publish(hub: Hub, made: list[ParsedFrame], rate: float, together: int) -> None:
    begun = time.monotonic()
    for number, frame in enumerate(made):
        ahead = begun + number * together / rate - time.monotonic()
        if ahead > 0.002 or number % 16 == 0:
            await asyncio.sleep(max(0.0, ahead))
        hub.publish(frame)


class _PairHub(Hub):
    """Tells when both subscribers are there; what is published from then on reaches them."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = asyncio.Event()

    def subscribe(self, notify: Callable[[], None]) -> Subscription:
        subscription = super().subscribe(notify)
        if len(self) == 2:
            self.pair.set()
        return subscription


async def main(rate: float, seconds: float, together: int) -> None:
    hub = _PairHub()
    made = frames(int(rate * seconds), together)
    streams = Streams(_NothingStored(), hub)
    app = web.Application()
    app.router.add_get("/_inspector/stream", streams.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    async with asyncio.timeout(_PATIENCE):
        await hub.pair.wait()
    await publish(hub, made, rate, together)
    print(time.monotonic(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await streams.close()
    await runner.cleanup()


if __name__ == "__main__":
    pace, seconds, together = sys.argv[1:]
    uvloop.run(main(float(pace), float(seconds), int(together)))
