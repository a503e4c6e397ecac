"""The programs of a measurement: the yardstick, our listener, a load."""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.load import Loaded
from tests.bench.processes import Process, children, output, python, read_line, started, until
from tests.bench.signed import SECRET

_READY_SECONDS = 30.0
_BURST_SECONDS = 120.0
# Behind a relay a listener is ready when it has fetched what is stored there.
_LISTENER_SECONDS = 120.0
# A slow machine takes so long for a delivery; a run that takes longer has got stuck.
_SECONDS_A_DELIVERY = 0.01
# Room for an index of a million that is built anew, because the cache is of an older version.
_CATCH_UP_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Served:
    """A port that takes deliveries, and the process behind it."""

    port: int
    process: Process


@dataclass(frozen=True, slots=True)
class Listening(Served):
    """Our listener; `ready_at` is the monotonic time at which it said that it is ready."""

    db: Path
    control: str
    token_file: Path
    ready_at: float

    def status(self) -> dict[str, Any]:
        token = self.token_file.read_text().strip()
        request = urllib.request.Request(
            f"{self.control}/api/status", headers={"Authorization": f"Bearer {token}"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_READY_SECONDS) as response:
            found: dict[str, Any] = json.load(response)
        return found

    def wait_indexed(self) -> None:
        """Return as soon as every delivery is decoded, verified and indexed."""
        until(
            lambda: self.status()["index_lag"]["facts"] == 0,
            _CATCH_UP_SECONDS,
            "the end of indexing",
        )

    @property
    def indexer(self) -> int:
        """The process id of the indexer."""
        return children(self.process.pid)[0]


@contextmanager
def bare(count: int = 0) -> Iterator[Served]:
    """A bare aiohttp application; with a count it prints when it has received so many."""
    command = python("tests.bench.bare", *([count] if count else []))
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Served(int(read_line(process.stdout, _READY_SECONDS)), process)


@dataclass(frozen=True, slots=True)
class App(Served):
    """The app that costs next to nothing, `tests.bench.app`."""

    def all_came(self) -> float:
        """The monotonic time at which the next of its bursts was complete."""
        return float(read_line(self.process.stdout, _BURST_SECONDS))


@contextmanager
def app(together: int, times: Path | None = None) -> Iterator[App]:
    """It tells of every so many deliveries, and writes to a file when each came."""
    command = python("tests.bench.app", together, *([times] if times else []))
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield App(int(read_line(process.stdout, _READY_SECONDS)), process)


@contextmanager
def serving(db: Path, *flags: object, **more: str) -> Iterator[Listening]:
    """`inspector serve --json` into a pipe that is read, its index up to date; `more` goes into
    its environment."""
    command = python(
        "inspector", "serve", "--json", "--port", 0, "--db", db, "--secret", SECRET,
        "--keep", 0, "--max-size", "100gb", *flags,
    )  # fmt: skip
    environment = {**os.environ, **more}
    with started(command, stdout=subprocess.PIPE, env=environment) as process:
        ready = json.loads(read_line(process.stdout, _LISTENER_SECONDS))
        ready_at = time.monotonic()
        with started(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL):
            port = int(ready["url"].rpartition(":")[2])
            control, token_file = ready["control"], Path(ready["token_file"])
            listening = Listening(port, process, db, control, token_file, ready_at)
            listening.wait_indexed()
            yield listening
            process.terminate()
            process.wait(_READY_SECONDS)


def load(port: int, count: int, *flags: object) -> Loaded:
    """Send so many deliveries, as `tests.bench.load` does."""
    seconds = 60 + count * _SECONDS_A_DELIVERY
    return Loaded(**json.loads(output(python("tests.bench.load", port, count, *flags), seconds)))


@contextmanager
def loading(port: int, count: int, rate: int) -> Iterator[Process]:
    """The same while the block runs, at so many a second; ended with the block."""
    command = python("tests.bench.load", port, count, "--rate", rate)
    with started(command, stdout=subprocess.DEVNULL) as process:
        yield process


@contextmanager
def large_bodies(port: int, size: int, *, together: int, pause: float) -> Iterator[Process]:
    """Bodies of so many bytes are sent while the block runs, so many at a time."""
    command = python("tests.bench.large", port, size, together, pause)
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def end_large_bodies(process: Process) -> int:
    """Let the one under way be answered; how many were captured."""
    assert process.stdin is not None
    process.stdin.close()
    return int(read_line(process.stdout, _READY_SECONDS))
