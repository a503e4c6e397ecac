"""The listener's end of the indexer: it hears of everything once, whatever the process does."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from inspector.store import follower as follower_module
from inspector.store.files import StoreFiles
from inspector.store.follower import Follower
from inspector.store.frames import ParsedFrame
from inspector.store.indexer import prepare
from inspector.store.journal import Journal
from inspector.store.reader import Reader
from tests.store.parts import (
    APP,
    append,
    captured,
    finished,
    index,
    journal_of,
    merged,
    signed,
    started,
    verdict_of,
)

SECRET = "whsec_x"
PATIENCE = 20.0


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoreFiles:
    monkeypatch.setattr(follower_module, "_RESTART_PAUSE", 0.01)
    return StoreFiles(tmp_path / "store.db")


class Heard:
    """A follower with its journal and its secrets, and the frames that it heard."""

    def __init__(
        self, files: StoreFiles, journal: Journal, follower: Follower, secrets: list[str]
    ) -> None:
        self.files = files
        self.journal = journal
        self.follower = follower
        self.secrets = secrets
        self.frames: list[ParsedFrame] = []

    @property
    def pid(self) -> int:
        process = self.follower._process
        assert process is not None
        return process.pid

    def command_line(self) -> bytes:
        return Path(f"/proc/{self.pid}/cmdline").read_bytes()

    async def caught_up(self) -> None:
        assert await self.follower.reached(self.journal.last_seq, PATIENCE)

    def ids(self, letter: str) -> list[int]:
        return [
            merged(item)["id"]
            for frame in self.frames
            if frame.letter == letter
            for item in frame.items
        ]


@asynccontextmanager
async def hearing(files: StoreFiles) -> AsyncIterator[Heard]:
    secrets = ["whsec_hidden"]
    follower = Follower(files, lambda: secrets, lambda frame: heard.frames.append(frame))
    async with journal_of(files, follower.wake) as journal:
        prepare(files)
        heard = Heard(files, journal, follower, secrets)
        await follower.start()
        try:
            yield heard
        finally:
            await follower.close()
    await follower.close()


async def test_frames_come_in_order(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        for n in range(1, 6):
            await append(heard.journal, captured(str(n), route=(APP,)))
            [start] = await append(heard.journal, started(n))
            await append(heard.journal, finished(n, start.seq))
        await heard.caught_up()
        command = heard.command_line()
    assert b"inspector.store.indexer_process" in command
    assert b"whsec_hidden" not in command
    assert heard.ids("D") == [1, 2, 3, 4, 5]
    positions = [frame.seq for frame in heard.frames]
    assert positions == sorted(positions)
    assert positions[-1] == 15


async def test_reached_waits_no_longer_than_it_is_told_to(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        await append(heard.journal, captured())
        await heard.caught_up()
        assert heard.follower.position == 1
        assert not await heard.follower.reached(2, 0.01)
        assert heard.follower._waiters == []
        waiting = [asyncio.create_task(heard.follower.reached(n, PATIENCE)) for n in (2, 2, 3)]
        await append(heard.journal, captured(), captured())
        assert all(await asyncio.gather(*waiting))


async def test_a_killed_process_is_started_again(
    files: StoreFiles, caplog: pytest.LogCaptureFixture
) -> None:
    async with hearing(files) as heard:
        for n in range(3):
            await append(heard.journal, captured(), captured())
            if n < 2:
                await heard.caught_up()
            pid = heard.pid
            os.kill(pid, signal.SIGKILL)
            # The next one is started by then.
            await append(heard.journal, captured())
            await heard.caught_up()
            assert heard.pid != pid
    assert heard.ids("D") == list(range(1, 10))
    assert caplog.text.count("the indexer ended (exit -9)") == 3


async def test_what_was_indexed_and_never_told(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        await append(heard.journal, captured("a", route=(APP,)), started(1))
        await heard.caught_up()
        os.kill(heard.pid, signal.SIGKILL)
        # As if it had been killed between its commit and its frames; the loop has no turn here.
        waiting = [heard.journal.append(fact) for fact in (finished(1, 2), captured())]
        while heard.journal.last_seq < 4:
            os.sched_yield()
        index(files)
        await asyncio.gather(*waiting)
        await heard.caught_up()
    assert heard.ids("D") == [1, 2]
    assert heard.ids("A")[-1] == 1 + 1


SCRIPT = """#!/bin/sh
if [ -e "$0.begun" ]; then exec {python} "$@"; fi
touch "$0.begun"
read settings
printf 'P 0 \\nD 1 d{{"id":1'
"""


async def test_half_a_line_of_a_killed_process_is_dropped(
    files: StoreFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    async with hearing(files) as heard:
        await append(heard.journal, captured())
        await heard.caught_up()
    assert heard.ids("D") == [1]


async def test_a_process_that_cannot_be_started_is_tried_again(
    files: StoreFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "cannot be started" in record.getMessage():
                failed.set()

    handler = Listening()
    logging.getLogger(follower_module.__name__).addHandler(handler)
    try:
        async with hearing(files) as heard:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "executable", str(tmp_path / "nothing"))
                os.kill(heard.pid, signal.SIGKILL)
                async with asyncio.timeout(PATIENCE):
                    await failed.wait()
            await append(heard.journal, captured())
            await heard.caught_up()
    finally:
        logging.getLogger(follower_module.__name__).removeHandler(handler)
    assert heard.ids("D") == [1]


async def test_captures_while_it_starts(
    files: StoreFiles, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[ParsedFrame] = []
    follower = Follower(files, tuple, heard.append)
    async with journal_of(files, follower.wake) as journal:
        prepare(files)
        starting = asyncio.create_task(follower.start())
        while not starting.done():
            follower.wake(0)
            await asyncio.sleep(0)
        await append(journal, captured())
        assert await follower.reached(1, PATIENCE)
        await follower.close()
    assert caplog.records == []
    assert len(heard) == 1


async def test_a_rebuild_with_readers(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        await append(heard.journal, *[captured(f"evt_{n % 5}") for n in range(600)])
        await heard.caught_up()
        with closing(Reader(files)) as reader:
            before = [reader.delivery(n) for n in (1, 300, 600)]
            heard.follower.rebuild()
            assert not await heard.follower.reached(600, 0)
            await heard.caught_up()
            assert [reader.delivery(n) for n in (1, 300, 600)] == before
            assert reader.ledger().balanced
        assert [(frame.letter, frame.seq) for frame in heard.frames][-1] == ("R", 600)
        told = len(heard.frames)
        await append(heard.journal, captured())
        await heard.caught_up()
    assert len(heard.frames) == told + 1
    assert heard.ids("D") == list(range(1, 602))


async def test_a_rebuild_verifies_with_the_secrets_of_then(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        await append(heard.journal, signed(SECRET))
        await heard.caught_up()
        assert verdict_of(files, 1) == "invalid"
        heard.secrets.append(SECRET)
        heard.follower.rebuild()
        await heard.caught_up()
        assert verdict_of(files, 1) == "valid"
        # So does the process that takes the place of a killed one.
        heard.secrets.clear()
        os.kill(heard.pid, signal.SIGKILL)
        await append(heard.journal, signed(SECRET))
        await heard.caught_up()
        assert verdict_of(files, 2) == "unchecked"
        assert verdict_of(files, 1) == "valid"


async def test_the_last_of_several_rebuilds_is_waited_for(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        await append(heard.journal, signed(SECRET))
        await heard.caught_up()
        for secrets in (["a"], [], ["b"], [SECRET]):
            heard.secrets[:] = secrets
            heard.follower.rebuild()
        await heard.caught_up()
        assert verdict_of(files, 1) == "valid"
    # That the history is another one now is told once.
    assert [frame.letter for frame in heard.frames] == ["D", "R"]


async def test_a_rebuild_that_a_process_did_not_live_to_see(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        await append(heard.journal, signed(SECRET))
        await heard.caught_up()
        os.kill(heard.pid, signal.SIGSTOP)
        heard.secrets.append(SECRET)
        heard.follower.rebuild()
        os.kill(heard.pid, signal.SIGKILL)
        await heard.caught_up()
        assert verdict_of(files, 1) == "valid"
    assert [frame.letter for frame in heard.frames] == ["D", "R"]


async def test_an_order_that_the_pipe_has_no_room_for_arrives_whole(files: StoreFiles) -> None:
    async with hearing(files) as heard:
        await append(heard.journal, signed(SECRET))
        await heard.caught_up()
        os.kill(heard.pid, signal.SIGSTOP)
        for _ in range(70_000):
            heard.follower.wake(0)
        # Longer than what is written at once, so that a part of it may fit.
        heard.secrets[:] = [*(f"whsec_{n:0100}" for n in range(300)), SECRET]
        heard.follower.rebuild()
        assert heard.follower._unsent
        heard.follower.wake(0)
        os.kill(heard.pid, signal.SIGCONT)
        await append(heard.journal, captured())
        await heard.caught_up()
        assert not heard.follower._unsent
        assert verdict_of(files, 1) == "valid"
    assert heard.ids("D") == [1, 2]


async def test_orders_without_a_process_go_nowhere(files: StoreFiles) -> None:
    follower = Follower(files, tuple, print)
    follower.wake(1)
    follower.rebuild()
    await follower.close()


@asynccontextmanager
async def stopped(
    files: StoreFiles,
) -> AsyncIterator[tuple[Follower, asyncio.subprocess.Process]]:
    """A follower whose process does nothing more."""
    async with journal_of(files):
        prepare(files)
        follower = Follower(files, tuple, print)
        await follower.start()
        process = follower._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        yield follower, process


async def test_a_process_that_does_not_end_is_killed(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "_CLOSE_SECONDS", 0.05)
    async with stopped(files) as (follower, process):
        await follower.close()
        assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_however_its_end_is_hurried_no_process_is_left(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    async with stopped(files) as (follower, process):
        ending, close_pipe = asyncio.Event(), follower._close_pipe

        def noticing() -> None:
            close_pipe()
            ending.set()

        monkeypatch.setattr(follower, "_close_pipe", noticing)
        closing = asyncio.create_task(follower.close())
        await ending.wait()
        for _ in range(times):
            closing.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert process.returncode == -signal.SIGKILL


LISTENER = """
import asyncio, os, signal, sys
from pathlib import Path
from inspector.store.files import StoreFiles
from inspector.store.store import Store
from tests.store.parts import captured
async def main():
    store = Store(StoreFiles(Path(sys.argv[1])), tuple, lambda frame: None)
    await store.start()
    await asyncio.gather(*[store.append(captured(str(n))) for n in range(1000)])
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_it_does_not_outlive_a_killed_listener(files: StoreFiles) -> None:
    command = [sys.executable, "-c", LISTENER, str(files.database)]
    # This waits for the end of the error output, which the indexer has inherited.
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    index(files)
    with closing(Reader(files)) as reader:
        assert reader.ledger().states == {"kept": 1000}
        assert reader.ledger().balanced
