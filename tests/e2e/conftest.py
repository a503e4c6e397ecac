"""Commands and load for tests with real processes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.fake_target import Exchange
from tests.helpers.listener import PATIENCE, environment
from tests.helpers.wire import Wire

Item = dict[str, Any]
Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs one `inspector` command to its end, without a terminal and without standard input."""

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "inspector", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            env=environment(tmp_path),
            cwd=tmp_path,
            check=False,
        )

    return run


def lines_of(done: subprocess.CompletedProcess[bytes]) -> list[Item]:
    """The objects that a command printed, one a line."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def children_of(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(entry.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def until(condition: Callable[[], bool]) -> None:
    """Look until it is so; for what no event tells of, like the end of a stranger's process."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.to_thread(os.sched_yield)


class Load:
    """Deliveries with a number as their body, each sent once, until the listener is gone."""

    def __init__(self) -> None:
        self.sent = 0
        self.answered: dict[int, int] = {}
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def running(self, port: int, connections: int = 8) -> AsyncIterator["Load"]:
        senders = [asyncio.ensure_future(self._send(port)) for _ in range(connections)]
        try:
            yield self
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def until_answered(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.answered) >= count)

    async def _send(self, port: int) -> None:
        async with await Wire.to(port) as wire:
            while True:
                self.sent += 1
                number = self.sent
                body = f'{{"event":"load","data":{{"n":{number}}}}}'.encode()
                await wire.send(
                    b"POST /hooks HTTP/1.1\r\nHost: x\r\nX-Event-ID: evt_%d\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (number, len(body), body)
                )
                answer = await wire.answer()
                assert answer.status == 200
                assert answer.delivery not in self.answered
                self.answered[answer.delivery] = number
                async with self._news:
                    self._news.notify_all()


def delivery_of(exchange: Exchange) -> int:
    """The id under which the app was sent a delivery."""
    (line,) = [line for line in exchange.lines if line.startswith(b"Inspector-Delivery: ")]
    return int(line.partition(b": ")[2])


def first_times(ids: list[int]) -> Iterator[int]:
    """Each id where it stands first."""
    yield from dict.fromkeys(ids)
