"""A load from a process of its own: signed deliveries, each answer timed.

    python -m tests.bench.load PORT COUNT [--path PATH]... [--rate R] [--warm-up N] [--times FILE]
        [--stream CONTROL TOKEN_FILE]

prints one JSON object, the fields of `Loaded`. Several paths take turns. With a rate each delivery
is sent when its time has come; without, as soon as the one before it on its connection was
answered. With `--times` it writes when each was sent: its number (in its event id) and monotonic
seconds, one a line. With `--stream` it is a subscriber as well, and times how long after its answer
each delivery comes out indexed.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Set
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, cast

import uvloop

from inspector.client.discovery import read_token
from inspector.client.stream import Connected, Frame, Stream
from tests.bench.signed import TARGET, on_the_wire, requests

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


class Answer(NamedTuple):
    """One delivery: its place in the load, when it was sent and answered, the answer's bytes."""

    number: int
    sent: float
    answered: float
    head: bytes


class _Sender(asyncio.Protocol):
    """One connection; `work` gives a number, the time to send at and the bytes."""

    def __init__(self, work: Iterator[tuple[int, float, bytes]], answers: list[Answer]) -> None:
        self._work = work
        self._answers = answers
        self._number = 0
        self._sent_at = 0.0
        self._answer = b""
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._next()

    def _next(self) -> None:
        try:
            self._number, due, request = next(self._work)
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
            now = time.monotonic()
            self._answers.append(Answer(self._number, self._sent_at, now, self._answer))
            if not self._answer.startswith(b"HTTP/1.1 200"):
                self.done.set_exception(RuntimeError(f"not captured: {self._answer[:200]!r}"))
                return
            self._answer = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("closed by the listener"))


async def send(port: int, wire: list[bytes], rate: float | None = None) -> list[Answer]:
    """Send all over the connections."""
    begun = time.monotonic()
    step = 1 / rate if rate else 0.0
    work = iter([(number, begun + number * step, each) for number, each in enumerate(wire)])
    answers: list[Answer] = []
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
    count = arguments.count + arguments.warm_up
    wire = [on_the_wire(each) for each in requests(count, arguments.path or [TARGET])]
    warm_up, wire = wire[: arguments.warm_up], wire[arguments.warm_up :]
    if warm_up:
        await send(arguments.port, warm_up)
    if not arguments.stream:
        answers = await send(arguments.port, wire, arguments.rate)
        if arguments.times:
            sent = (f"{each.number + arguments.warm_up} {each.sent!r}\n" for each in answers)
            arguments.times.write_text("".join(sent))
        return figures(answers)
    control, token_file = arguments.stream
    watch = _Watch()
    watcher = asyncio.create_task(watch.follow(Stream(control, read_token(Path(token_file)))))
    async with asyncio.timeout(_PATIENCE):
        await watch.connected.wait()
    answers = await send(arguments.port, wire, arguments.rate)
    answered = {_delivery_id(each.head): each.answered for each in answers}
    async with asyncio.timeout(_PATIENCE):
        await watch.saw(answered.keys())
    watcher.cancel()
    return figures(answers, [watch.seen[id_] - at for id_, at in answered.items()])


def figures(answers: list[Answer], lags: Iterable[float] = ()) -> Loaded:
    times = sorted(each.answered - each.sent for each in answers)
    late = sorted(lags) or [0.0]
    begun, ended = min(each.sent for each in answers), max(each.answered for each in answers)
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
    parser.add_argument("--path", action="append")
    parser.add_argument("--rate", type=float)
    parser.add_argument("--times", type=Path)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--stream", nargs=2, metavar=("CONTROL", "TOKEN_FILE"))
    print(json.dumps(asdict(uvloop.run(run(parser.parse_args())))))


if __name__ == "__main__":
    main()
