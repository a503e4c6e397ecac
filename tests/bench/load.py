"""A load from a process of its own: signed deliveries, each answer timed.

    python -m tests.bench.load PORT COUNT [--rate R] [--warm-up N] [--stream CONTROL TOKEN_FILE]

prints one JSON object, the fields of `Loaded`. With a rate each delivery is sent when its time has
come; without, as soon as the one before it on its connection was answered. With `--stream` it is a
subscriber as well, and times how long after its answer each delivery comes out indexed.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Set
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

from inspector.client.discovery import read_token
from inspector.client.stream import Connected, Frame, Stream
from tests.bench.signed import on_the_wire, requests

CONNECTIONS = 32
_PATIENCE = 30.0
_ID = b"Inspector-Delivery: "


@dataclass(frozen=True, slots=True)
class Loaded:
    """`begun` and `ended` are monotonic seconds; `p50`, `p99`, `max` of the answers and of the
    index's lag are milliseconds (a lag is 0 where nobody looked)."""

    begun: float
    ended: float
    rate: float
    p50: float
    p99: float
    max: float
    lag_p50: float = 0.0
    lag_p99: float = 0.0


class _Sender(asyncio.Protocol):
    """One connection; `work` gives the time to send at and the bytes."""

    def __init__(
        self, work: Iterator[tuple[float, bytes]], answers: list[tuple[float, float, bytes]]
    ) -> None:
        self._work = work
        self._answers = answers
        self._sent_at = 0.0
        self._answer = b""
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._next()

    def _next(self) -> None:
        try:
            due, request = next(self._work)
        except StopIteration:
            self.done.set_result(None)
            self._transport.close()
            return
        wait = due - time.monotonic()
        if wait > 0:
            self._loop.call_later(wait, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        self._sent_at = time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._answer.endswith(b"\r\n\r\n"):
            self._answers.append((self._sent_at, time.monotonic(), self._answer))
            if not self._answer.startswith(b"HTTP/1.1 200"):
                self.done.set_exception(RuntimeError(f"not captured: {self._answer[:200]!r}"))
                return
            self._answer = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("closed by the listener"))


async def send(
    port: int, wire: list[bytes], rate: float | None = None
) -> list[tuple[float, float, bytes]]:
    """Send all over the connections; when each was sent and answered, and the answer's bytes."""
    begun = time.monotonic()
    step = 1 / rate if rate else 0.0
    work = iter([(begun + number * step, each) for number, each in enumerate(wire)])
    answers: list[tuple[float, float, bytes]] = []
    loop = asyncio.get_running_loop()
    senders = []
    for _ in range(CONNECTIONS):
        make = loop.create_connection(lambda: _Sender(work, answers), "127.0.0.1", port)
        senders.append((await make)[1])
    await asyncio.gather(*(sender.done for sender in senders))
    return answers


class _Watch:
    """When each delivery came by the stream."""

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}
        self.connected = asyncio.Event()
        self._news = asyncio.Event()

    async def follow(self, stream: Stream) -> None:
        async with aclosing(stream.events()) as events:
            async for event in events:
                now = time.monotonic()
                if isinstance(event, Connected):
                    self.connected.set()
                elif isinstance(event, Frame) and event.kind == "deliveries":
                    self.seen.update((int(item["id"]), now) for item in event.items)
                    self._news.set()

    async def saw(self, ids: Set[int]) -> None:
        """Wait until all of them came."""
        while not ids <= self.seen.keys():
            self._news.clear()
            await self._news.wait()


async def run(arguments: argparse.Namespace) -> Loaded:
    wire = [on_the_wire(each) for each in requests(arguments.count + arguments.warm_up)]
    warm_up, wire = wire[: arguments.warm_up], wire[arguments.warm_up :]
    if warm_up:
        await send(arguments.port, warm_up)
    if not arguments.stream:
        return figures(await send(arguments.port, wire, arguments.rate))
    control, token_file = arguments.stream
    watch = _Watch()
    watcher = asyncio.create_task(watch.follow(Stream(control, read_token(Path(token_file)))))
    async with asyncio.timeout(_PATIENCE):
        await watch.connected.wait()
    answers = await send(arguments.port, wire, arguments.rate)
    answered = {_delivery_id(answer): at for _, at, answer in answers}
    async with asyncio.timeout(_PATIENCE):
        await watch.saw(answered.keys())
    watcher.cancel()
    return figures(answers, [watch.seen[id_] - at for id_, at in answered.items()])


def figures(answers: list[tuple[float, float, bytes]], lags: Iterable[float] = ()) -> Loaded:
    times = sorted(answered - sent for sent, answered, _ in answers)
    late = sorted(lags) or [0.0]
    begun, ended = min(sent for sent, _, _ in answers), max(at for _, at, _ in answers)
    return Loaded(
        begun=begun,
        ended=ended,
        rate=len(times) / (ended - begun),
        p50=_at(times, 0.5),
        p99=_at(times, 0.99),
        max=times[-1] * 1000,
        lag_p50=_at(late, 0.5),
        lag_p99=_at(late, 0.99),
    )


def _at(ordered: list[float], part: float) -> float:
    return ordered[int(len(ordered) * part)] * 1000


def _delivery_id(answer: bytes) -> int:
    return int(answer.partition(_ID)[2].partition(b"\r\n")[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--stream", nargs=2, metavar=("CONTROL", "TOKEN_FILE"))
    print(json.dumps(asdict(uvloop.run(run(parser.parse_args())))))


if __name__ == "__main__":
    main()
