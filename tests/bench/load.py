"""A load from a process of its own: signed 900-byte deliveries, each answer timed.

    python -m tests.bench.load PORT COUNT CONNECTIONS [RATE]

prints one JSON object: `seconds`, `rate`, and `p50`, `p99`, `max` of the answers in milliseconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import uvloop

from inspector.domain.delivery import Request
from inspector.domain.headers import encode_head, replaced
from inspector.providers.pacspace import PACSPACE

SECRET = "whsec_bench"
BODY_BYTES = 900


def deliveries(count: int) -> list[bytes]:
    """Made beforehand, so that making and signing them is not measured."""
    at = time.time_ns() // 1000
    sample = _sized(PACSPACE.sample("delta.verified", at=at, event_id="evt_bench"))
    made = []
    for number in range(count):
        own = replaced(sample.headers, [("X-Event-ID", f"evt_{at}_{number}")])
        signed = PACSPACE.sign(Request("POST", "/", "1.1", own, sample.body), SECRET, at)
        headers = (("Host", "127.0.0.1"), *signed.headers)
        made.append(encode_head("POST", "/hooks", "1.1", headers) + b"\r\n" + signed.body)
    return made


def _sized(sample: Request) -> Request:
    document = json.loads(sample.body)
    del document["data"]["usage"]
    missing = BODY_BYTES - len(json.dumps(document, separators=(",", ":")))
    document["data"]["delta"]["reason"] += "." * missing
    body = json.dumps(document, separators=(",", ":")).encode()
    headers = replaced(sample.headers, [("Content-Length", str(len(body)))])
    return Request(sample.method, sample.target, sample.http_version, headers, body)


class _Sender(asyncio.Protocol):
    """One connection: the next delivery as soon as the last was answered."""

    def __init__(self, work: Iterator[bytes], times: list[float]) -> None:
        self._work = work
        self._times = times
        self._sent_at = 0.0
        self._answer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        try:
            request = next(self._work)
        except StopIteration:
            self.done.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._answer.endswith(b"\r\n\r\n"):
            self._times.append(time.perf_counter() - self._sent_at)
            if not self._answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not captured: {self._answer[:200]!r}")
            self._answer = b""
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("closed by the listener"))


async def load(port: int, requests: list[bytes], connections: int) -> dict[str, float]:
    """Send all, over so many connections; figures of the answers."""
    work = iter(requests)
    times: list[float] = []
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    senders = [
        (await loop.create_connection(lambda: _Sender(work, times), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(sender.done for sender in senders))
    return figures(times, time.perf_counter() - begun)


async def steady(port: int, requests: list[bytes], rate: float) -> dict[str, float]:
    """Send at a rate, each delivery when its time has come, over up to 32 connections."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    begun = time.perf_counter()
    each = [requests[n::32] for n in range(32)]

    async def one(number: int) -> None:
        for turn, request in enumerate(each[number]):
            due = begun + (turn * 32 + number) / rate
            await asyncio.sleep(max(0, due - time.perf_counter()))
            sender = senders[number]
            sender._work = iter([request])
            sender.done = loop.create_future()
            sender._send()
            await sender.done

    senders = [
        (await loop.create_connection(lambda: _Sender(iter(()), times), "127.0.0.1", port))[1]
        for _ in range(32)
    ]
    await asyncio.gather(*(one(n) for n in range(32)))
    return figures(times, time.perf_counter() - begun)


def figures(times: list[float], seconds: float) -> dict[str, float]:
    times.sort()
    return {
        "seconds": seconds,
        "rate": len(times) / seconds,
        "p50": times[len(times) // 2] * 1000,
        "p99": times[int(len(times) * 0.99)] * 1000,
        "max": times[-1] * 1000,
    }


if __name__ == "__main__":
    port, count, connections, *rate = map(int, sys.argv[1:])
    made = deliveries(count)
    run = steady(port, made, rate[0]) if rate else load(port, made, connections)
    print(json.dumps(uvloop.run(run)))
