"""The indexer's process: orders in, frames out, through faults, and no longer than its listener."""

import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import pytest

from inspector.store import index_file, indexer_process
from inspector.store import indexer as indexer_module
from inspector.store.files import StoreFiles
from inspector.store.indexer import Indexer
from inspector.store.indexer_process import Rebuild
from inspector.store.views import Read
from tests.store.parts import (
    captured,
    entries,
    index,
    rows,
    signed,
    tables,
    verdict_of,
    write,
)

SECRET = "whsec_x"


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


class Process:
    """The real process; `line` reads its next line, leaving closes its pipe.

    `complaint` is what it says on standard error, as a regular expression.
    """

    def __init__(self, files: StoreFiles, after: int | None = None, *, complaint: str = "") -> None:
        self._complaint = complaint
        self._settings = {
            "database": str(files.database),
            "secrets": ["whsec_hidden"],
            "with_headers": True,
            "after": after,
            "rebuild": None,
        }

    def __enter__(self) -> Self:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "inspector.store.indexer_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.order(json.dumps(self._settings).encode() + b"\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        self.popen.stdin.close()
        with self.popen.stdout as out, self.popen.stderr as complaints:
            self.rest = out.read().splitlines()
            complained = complaints.read()
        self.popen.wait()
        if error is None:
            assert self.popen.returncode == 0
            assert re.fullmatch(self._complaint, complained.decode())

    def order(self, order: bytes) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(order)
        self.popen.stdin.flush()

    def line(self) -> bytes:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline()


def test_it_tells_what_comes_and_ends_with_its_input(files: StoreFiles) -> None:
    write(files, captured("a"))
    with Process(files) as process:
        assert process.line() == b"P 0 \n"
        assert process.line().startswith(b'D 1 d{"id":1,')
        assert process.line() == b"P 1 \n"
        assert b"whsec_hidden" not in Path(f"/proc/{process.popen.pid}/cmdline").read_bytes()
        assert b"whsec_hidden" not in Path(f"/proc/{process.popen.pid}/environ").read_bytes()
        write(files, captured("b"))
        process.order(b"\n")
        assert process.line().startswith(b'D 2 d{"id":2,')
    assert process.rest == [b"P 2 "]


def test_it_tells_of_what_it_left_out_and_goes_on(files: StoreFiles) -> None:
    write(files, captured("a", at=1 << 61), captured("b"))
    said = r"inspector: fact 1, of delivery 1, cannot be indexed: OverflowError\(.*\)\n"
    with Process(files, complaint=said) as process:
        assert process.line() == b"P 0 \n"
        assert process.line() == b"P 1 \n"
        assert process.line().startswith(b'D 2 d{"id":2,')
        assert process.line() == b"P 2 \n"


def test_a_frame_comes_whole_though_the_process_is_stopped_in_the_middle(
    files: StoreFiles,
) -> None:
    write(files, *[captured(f"{n}", headers=(("X", "x" * 1000),)) for n in range(500)])
    told = b""
    with Process(files) as process:
        assert process.popen.stdin is not None
        assert process.popen.stdout is not None
        process.popen.stdin.close()
        # It is ahead of who reads so little at a time, and mostly waits for room.
        while piece := os.read(process.popen.stdout.fileno(), 16384):
            told += piece
            if len(told) < 1 << 19:
                os.kill(process.popen.pid, signal.SIGSTOP)
                os.waitpid(process.popen.pid, os.WUNTRACED)
                os.kill(process.popen.pid, signal.SIGCONT)
    ids = [int(n) for n in re.findall(rb'[ \x1e]d\{"id":(\d+),', told)]
    assert ids == list(range(1, 501))
    assert {line[:2] for line in told.splitlines()} == {b"P ", b"D "}


def test_it_ends_when_the_listener_was_gone_before_it_read_a_thing(files: StoreFiles) -> None:
    command = [sys.executable, "-m", "inspector.store.indexer_process"]
    done = subprocess.run(command, input=b"", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_next_one_tells_what_a_killed_one_did_not(files: StoreFiles) -> None:
    write(files, captured("a"), captured("b"))
    index(files)
    with Process(files, after=1) as process:
        assert process.line() == b"P 1 \n"
        assert process.line().startswith(b'D 2 d{"id":2,')
        assert process.line() == b"P 2 \n"
    with Process(files, after=2) as process:
        assert process.line() == b"P 2 \n"
    assert process.rest == []


KILLED = """
import os, signal, sys
from pathlib import Path
from inspector.store import indexer_process, indexer, views
indexer.BATCH_FACTS = 10
calls = []
read = indexer_process.read
def once(*arguments):
    calls.append(1)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return read(*arguments)
indexer_process.read = once
from inspector.store.files import StoreFiles
with_secrets = indexer_process.reader_with([])
indexer.Indexer(StoreFiles(Path(sys.argv[1])), with_secrets).run()
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_it_goes_on_where_it_was_killed(files: StoreFiles) -> None:
    write(files, *[captured(f"evt_{n % 7}") for n in range(60)])
    for calls in (25, 3, 17):
        command = [sys.executable, "-c", KILLED, str(files.database), str(calls)]
        assert subprocess.run(command, check=False).returncode == -9
    assert rows(files.index, "SELECT value FROM meta WHERE key = 'position'") == [(30,)]
    read = indexer_process.reader_with([])
    with closing(Indexer(files, read)) as indexer:
        indexer.run()
    grown = tables(files)
    with closing(Indexer(files, read)) as indexer:
        indexer.reset()
        indexer.run()
    assert tables(files) == grown


class Following:
    """`_follow` in a thread, with pipes of its own."""

    def __init__(self, indexer: Indexer, patch: pytest.MonkeyPatch) -> None:
        orders, self._orders = os.pipe()
        frames, out = os.pipe()
        self._lines = os.fdopen(frames, "rb", buffering=0)
        self._out = os.fdopen(out, "wb", buffering=0)
        self._in = orders
        patch.setattr(indexer_process, "os", SimpleNamespace(read=self._read))
        patch.setattr(indexer_process, "_PAUSE", 0.01)
        self.error: BaseException | None = None
        self._indexer = indexer
        self._thread = threading.Thread(target=self._run)

    def start(self, after: int | None = None, anew: Rebuild | None = None) -> None:
        self._after = after
        self._anew = anew
        self._thread.start()

    def _run(self) -> None:
        try:
            indexer_process._follow(self._indexer, self._out, self._after, self._anew)
        except BaseException as error:
            self.error = error

    def _read(self, descriptor: int, size: int) -> bytes:
        assert descriptor == 0
        return os.read(self._in, size)

    def order(self, order: bytes) -> None:
        os.write(self._orders, order)

    def line(self) -> bytes:
        """The begin of the next line."""
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self._lines], [], [], 10)[0], "no line in time"
            line += os.read(self._lines.fileno(), 1)
        return line[:20]

    def leave(self) -> None:
        """Nobody reads the frames any more."""
        self._lines.close()

    def end(self) -> None:
        """Close the pipe of orders and wait for the end; may be called again."""
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1
        self._thread.join(10)
        assert not self._thread.is_alive()

    def join(self) -> None:
        self.end()
        os.close(self._in)
        self._out.close()
        self._lines.close()


@pytest.fixture
def indexer(files: StoreFiles) -> Iterator[Indexer]:
    write(files, *[captured(str(n)) for n in range(4)])
    with closing(Indexer(files, indexer_process.reader_with(()))) as opened:
        yield opened


@pytest.fixture
def following(indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    made = Following(indexer, monkeypatch)
    yield made
    made.join()


def rebuild(number: int, *secrets: str) -> bytes:
    return b"R" + json.dumps({"number": number, "secrets": secrets}).encode() + b"\n"


def until(following: Following, wanted: bytes) -> list[bytes]:
    seen: list[bytes] = []
    while not seen or seen[-1] != wanted:
        seen.append(following.line())
        assert len(seen) < 100
    return seen


def test_a_rebuild_is_not_told_again(files: StoreFiles, following: Following) -> None:
    following.start()
    assert until(following, b"P 4 \n") == [b"P 0 \n", b'D 4 d{"id":1,"seq":1', b"P 4 \n"]
    before = tables(files)
    following.order(rebuild(7))
    assert until(following, b"P 4 \n") == [b"E 7 \n", b"P 4 \n"]
    write(files, captured("new"))
    following.order(b"\n")
    assert until(following, b"P 5 \n") == [b'D 5 d{"id":5,"seq":5', b"P 5 \n"]
    assert tables(files)["delivery"][:4] == before["delivery"]


def test_a_rebuild_verifies_with_the_secrets_of_its_order(
    files: StoreFiles, following: Following
) -> None:
    write(files, signed(SECRET))
    following.start()
    until(following, b"P 5 \n")
    assert verdict_of(files, 5) == "unchecked"
    # Orders come in pieces of any length, and may be many at once.
    text = b"\n\n" + rebuild(1, "whsec_wrong") + rebuild(2, SECRET) + b"\n"
    for start in range(0, len(text), 7):
        following.order(text[start : start + 7])
    until(following, b"E 2 \n")
    until(following, b"P 5 \n")
    assert verdict_of(files, 5) == "valid"


def test_a_rebuild_that_the_process_before_was_told_of(
    files: StoreFiles, following: Following
) -> None:
    write(files, signed(SECRET))
    following.start(after=5, anew={"number": 3, "secrets": [SECRET]})
    assert until(following, b"P 5 \n") == [b"P 0 \n", b"E 3 \n", b"P 5 \n"]
    assert verdict_of(files, 5) == "valid"


def test_half_an_order_of_a_listener_that_is_gone(following: Following) -> None:
    following.start()
    until(following, b"P 4 \n")
    following.order(rebuild(1)[:-1])
    following.end()
    assert following.error is None


def test_a_rebuild_that_a_killed_process_began(
    indexer: Indexer, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer_module, "BATCH_FACTS", 2)
    following.start(after=2)
    # What was heard up to 2 is not told again.
    assert until(following, b"P 4 \n") == [
        b"P 0 \n",
        b"P 2 \n",
        b'D 4 d{"id":3,"seq":3',
        b"P 4 \n",
    ]


def test_it_waits_through_a_fault_and_says_so_once(
    files: StoreFiles,
    indexer: Indexer,
    following: Following,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step, failing = indexer.step, [OSError("no space"), OSError("no space"), OSError("worse")]

    def broken(*told: int) -> list[bytes]:
        if failing:
            raise failing.pop(0)
        return step(*told)

    monkeypatch.setattr(indexer, "step", broken)
    following.start()
    # It goes on without a word from the listener.
    seen = until(following, b"P 4 \n")
    assert seen == [b"P 0 \n"] * 4 + [b'D 4 d{"id":1,"seq":1', b"P 4 \n"]
    # A rebuild that fails is tried again.
    resets = [sqlite3.OperationalError("database is locked")]
    reset = indexer.reset

    def broken_reset(read: Read) -> None:
        if resets:
            raise resets.pop()
        reset(read)

    monkeypatch.setattr(indexer, "reset", broken_reset)
    following.order(rebuild(1))
    assert following.line() == b"P 4 \n"
    assert until(following, b"P 4 \n")[0] == b"E 1 \n"
    complaints = capsys.readouterr().err.splitlines()
    pauses = "inspector: indexing pauses: "
    assert complaints == [
        pauses + "no space",
        pauses + "worse",
        pauses + "database is locked",
    ]


def test_a_fault_does_not_outlive_the_listener(
    indexer: Indexer, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*told: int) -> list[bytes]:
        following.leave()
        raise OSError("no space")

    monkeypatch.setattr(indexer, "step", broken)
    following.start()
    following._thread.join(10)
    assert isinstance(following.error, BrokenPipeError)


def test_what_another_indexer_applied_is_told(
    files: StoreFiles, indexer: Indexer, following: Following
) -> None:
    index(files)
    following.start()
    assert until(following, b"P 4 \n") == [b"P 0 \n", b'D 4 d{"id":1,"seq":1', b"P 4 \n"]


def test_a_long_backlog_lets_captures_go_first(
    files: StoreFiles, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer_module, "BATCH_FACTS", 1)
    monkeypatch.setattr(indexer_process, "BATCH_FACTS", 1)
    following.start()
    assert [line for line in until(following, b"P 4 \n") if line[:1] == b"P"] == [
        b"P %d \n" % n for n in range(5)
    ]


def test_a_damaged_index_is_mended_on_the_way(
    files: StoreFiles, indexer: Indexer, following: Following
) -> None:
    following.start()
    until(following, b"P 4 \n")
    with closing(sqlite3.connect(files.index)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    indexer._connection.execute("PRAGMA cache_size=0")
    good = files.index.read_bytes()
    files.index.write_bytes(good[:4096] + b"\xff" * (len(good) - 4096))
    write(files, captured("5"))
    following.order(b"\n")
    # The subscribers hear of the new delivery in its turn.
    seen = until(following, b"P 5 \n")
    assert any(line.startswith(b"D 5 ") for line in seen)
    assert len(entries(files)) == 5
    with closing(index_file.open_index(files.index)) as connection:
        found: list[Any] = connection.execute("SELECT count(*) FROM delivery").fetchall()
    assert found == [(5,)]
