"""The indexer in a process of its own, so that decoding never takes the listener's time.

Its settings come as one JSON line on standard input; after that an empty line means that there may
be news, and `R` with a `Rebuild` as JSON that the index shall be built anew. Frames go to standard
output, a line each, from the position `after` on: a process that takes the place of a killed one
tells what that one did not.
It ends when its input does, so it never outlives the listener, however that ends.
"""

import gc
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

from inspector.domain.delivery import Request
from inspector.domain.envelope import Envelope, Signature
from inspector.providers import read
from inspector.store import frames
from inspector.store.files import StoreFiles
from inspector.store.indexer import BATCH_FACTS, Indexer
from inspector.store.views import Read

# After a failed step (the disk is full, say) the indexer waits so many seconds for better times.
_PAUSE = 0.5
_LONGEST_PAUSE = 0.25
# How long news gather behind a step that left nothing to do. A delivery that comes alone is indexed
# at once; in a steady flow a transaction and a frame for each fact would cost more than the facts
# (measured at 1,000 deliveries/s: 0.34 instead of 0.59 ms of the indexer's time for each, and
# captures answered within 5 instead of 16 ms at p99).
_GATHER_SECONDS = 0.01
# What a coarse clock may take for no time at all.
_SHORTEST = 0.001


class Rebuild(TypedDict):
    """An order to build the index anew with these secrets; its number comes back in a frame."""

    number: int
    secrets: list[str]


def reader_with(secrets: Sequence[str]) -> Read:
    """What decodes and verifies a request with these secrets, as of its capture."""

    def read_request(request: Request, at: int) -> tuple[Envelope, Signature]:
        return read(request, secrets, at)

    return read_request


def main() -> None:
    logging.basicConfig(format="inspector: %(message)s")
    # Signals reach the whole group of processes; the listener ends this one by closing the pipe.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(19)
    # Unbuffered, so that no order behind the settings is taken along.
    with open(0, "rb", buffering=0, closefd=False) as orders:
        line = orders.readline()
    if not line:
        return
    # What is loaded stays; a batch makes many objects and no cycles (measured: 12 % faster).
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    settings: dict[str, Any] = json.loads(line)
    # Whatever prints by accident must not end up between the frames.
    frames_out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    indexer = Indexer(
        StoreFiles(Path(settings["database"])),
        reader_with(settings["secrets"]),
        with_headers=settings["with_headers"],
        hurry=True,
    )
    try:
        _follow(indexer, frames_out, settings["after"], settings["rebuild"])
    except BrokenPipeError:
        pass
    finally:
        indexer.close()


def _follow(
    indexer: Indexer, out: BinaryIO, after: int | None, anew: Rebuild | None = None
) -> None:
    """`after` is the position up to which frames were heard; None: nobody listened before.

    `anew` is an order that the process before did not carry out.
    """
    shown = indexer.position if after is None else after
    # Never a position whose frames are still to be told.
    _write(out, frames.position(min(indexer.position, shown)))
    manners = _Manners(indexer)
    orders = _Orders()
    complaint = ""
    while True:
        before = indexer.position
        try:
            if anew:
                indexer.reset(reader_with(anew["secrets"]))
                _write(out, frames.emptied(anew["number"]))
                anew = None
            lines = [*indexer.missed(shown)] if before > shown else indexer.step(shown)
        except Exception as error:
            if complaint != (complaint := f"inspector: indexing pauses: {error}\n"):
                sys.stderr.write(complaint)
            time.sleep(_PAUSE)
            # Fails when the listener is gone.
            _write(out, frames.position(min(indexer.position, shown)))
            continue
        complaint = ""
        if lines:
            # While the index is built anew its subscribers have seen it all before.
            _write(out, b"".join(lines) if indexer.position > shown else lines[-1])
            shown = max(shown, indexer.position)
            manners.stand_back()
        elif indexer.position == before:
            if not (lines := orders.wait()):
                return
            for line in lines:
                # Of several the last counts, with the secrets of then.
                anew = json.loads(line[1:]) if line.startswith(b"R") else anew
            manners.begin()


def _write(out: BinaryIO, data: bytes) -> None:
    """Whole, also where the machine goes to sleep or the process is stopped in the middle: that
    ends a system call early."""
    left = memoryview(data)
    while left:
        left = left[out.write(left) :]


class _Orders:
    """The lines of standard input; a piece of one waits for its end."""

    def __init__(self) -> None:
        self._rest = b""

    def wait(self) -> list[bytes]:
        """Those that are there, at least one; none when there will be none any more."""
        while data := os.read(0, 4096):
            *lines, self._rest = (self._rest + data).split(b"\n")
            if lines:
                return lines
        return []


class _Manners:
    """Captures come first: while they come at more than a third of the speed of indexing, most
    of the machine's time is left to them, and the index catches up afterwards.

    Measured on two cores: without it a burst is captured at three quarters of the speed.
    """

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self._seen = self._looked_at = 0.0
        self.begin()

    def begin(self) -> None:
        """A step begins now."""
        self._begun = time.monotonic()
        self._from = self._indexer.position

    def stand_back(self) -> None:
        """A step has ended: pause, or not; then the next begins."""
        now, end = time.monotonic(), self._indexer.journal_end()
        worked = max(now - self._begun, _SHORTEST)
        speed = (self._indexer.position - self._from) / worked
        arriving = (end - self._seen) / max(now - self._looked_at, _SHORTEST)
        self._seen, self._looked_at = end, now
        if end - self._indexer.position > BATCH_FACTS and arriving > speed / 3:
            time.sleep(min(_LONGEST_PAUSE, 3 * worked))
        elif self._indexer.position - self._from < BATCH_FACTS:
            time.sleep(_GATHER_SECONDS)
        self.begin()


if __name__ == "__main__":
    main()
