"""The store as the listener uses it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from inspector.errors import ConfigurationError
from inspector.store import checkpoint as checkpoint_module
from inspector.store import store as store_module
from inspector.store.checkpoint import Checkpointer
from inspector.store.connect import connect
from inspector.store.files import StoreFiles
from inspector.store.frames import ParsedFrame
from inspector.store.index_file import open_index
from inspector.store.reader import Reader
from inspector.store.store import Store
from tests.store.parts import captured, journal_of, opened_here, pruned, request, rows, write


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


@asynccontextmanager
async def opened(files: StoreFiles) -> AsyncIterator[tuple[Store, list[ParsedFrame]]]:
    frames: list[ParsedFrame] = []
    store = Store(files, tuple, frames.append, with_headers=True)
    await store.start()
    try:
        yield store, frames
    finally:
        await store.close()


async def test_a_fresh_read_sees_what_was_committed_before(files: StoreFiles) -> None:
    async with opened(files) as (store, frames):
        for n in range(1, 20):
            await store.append(captured(str(n)))
            assert await store.read(Reader.latest) == n
        assert await store.load(3) == captured("3").request
        assert await store.load(99) is None
        assert [frame.letter for frame in frames] == ["D"] * len(frames)
    await store.close()


async def test_after_a_while_a_read_sees_what_there_is(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PATIENCE", 0.01)
    store = Store(files, tuple, print)
    await store.append(captured())
    assert not await store.caught_up()
    assert await store.read(Reader.latest) is None
    assert await store.load(1) == request()
    await store.close()


@pytest.mark.skipif(not opened_here(), reason="no /proc tells what is open")
@pytest.mark.parametrize("times", [1, 5])
async def test_however_its_end_is_hurried_nothing_stays_open(files: StoreFiles, times: int) -> None:
    store = Store(files, tuple, print)
    await store.start()
    await store.append(captured())
    assert await store.read(Reader.latest) == 1
    assert {str(files.database), str(files.index)} <= opened_here()
    closing = asyncio.create_task(store.close())
    for _ in range(times):
        await asyncio.sleep(0)
        closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not {str(files.database), str(files.index)} & opened_here()


async def test_many_reads_at_once(files: StoreFiles) -> None:
    async with opened(files) as (store, _):
        await asyncio.gather(*[store.append(captured(str(n))) for n in range(50)])

        def ledger(reader: Reader) -> bool:
            return reader.ledger().balanced

        appending = [store.append(captured()) for _ in range(200)]
        assert all(await asyncio.gather(*[store.read(ledger, fresh=False) for _ in range(50)]))
        await asyncio.gather(*appending)
        await store.append(pruned(1, 2, 3))
        assert await store.read(ledger)


async def test_readers_follow_an_index_that_was_replaced(files: StoreFiles) -> None:
    async with opened(files) as (store, _):
        await store.append(captured())
        assert await store.read(Reader.latest) == 1
        await asyncio.to_thread(lambda: open_index(files.index, anew=True).close())
        assert await store.read(Reader.latest, fresh=False) is None


def test_a_store_that_is_not_ours_makes_no_store(files: StoreFiles) -> None:
    files.database.write_bytes(b"")
    rows(files.database, "CREATE TABLE theirs(x)")

    async def run() -> None:
        Store(files, tuple, print)

    with pytest.raises(ConfigurationError):
        asyncio.run(run())
    assert not files.index.exists()


def log_size(files: StoreFiles) -> int:
    return Path(f"{files.database}-wal").stat().st_size


async def test_the_log_is_copied_back_on_the_way(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_module, "CHECKPOINT_BYTES", 100_000)
    monkeypatch.setattr(checkpoint_module, "RESTART_BYTES", 400_000)
    monkeypatch.setattr(checkpoint_module, "QUIET_SECONDS", 0.001)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    checkpoint = Checkpointer._checkpoint

    def noticing(self: Checkpointer, connection: sqlite3.Connection) -> None:
        checkpoint(self, connection)
        loop.call_soon_threadsafe(done.set)

    monkeypatch.setattr(Checkpointer, "_checkpoint", noticing)
    async with asyncio.timeout(20), journal_of(files) as journal:
        # A burst too long to wait for a quiet moment: the log is begun anew.
        while not done.is_set():
            await asyncio.gather(*[journal.append(captured(body=b"x" * 50_000)) for _ in range(8)])
        size = files.database.stat().st_size
        assert size > 100_000
        # The next copy may be one of what was written before.
        while files.database.stat().st_size <= size:
            done.clear()
            await asyncio.gather(*[journal.append(captured(body=b"x" * 50_000)) for _ in range(3)])
            await done.wait()


async def test_a_steady_flow_of_small_facts_makes_no_endless_log(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never quiet, and each commit is a few hundred bytes of facts in pages of the log."""
    monkeypatch.setattr(checkpoint_module, "QUIET_SECONDS", 0.001)
    monkeypatch.setattr(Checkpointer, "_quiet", lambda self: False)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    checkpoint = Checkpointer._checkpoint

    def noticing(self: Checkpointer, connection: sqlite3.Connection) -> None:
        checkpoint(self, connection)
        loop.call_soon_threadsafe(done.set)

    monkeypatch.setattr(Checkpointer, "_checkpoint", noticing)
    async with asyncio.timeout(20), journal_of(files) as journal:
        for _ in range(3):
            done.clear()
            while not done.is_set():
                await journal.append(captured(body=b"{}"))
        assert log_size(files) < 2 * checkpoint_module.CHECKPOINT_BYTES


async def test_a_reader_that_takes_its_time_holds_no_commit_back(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHECKPOINT_BYTES", "RESTART_BYTES"):
        monkeypatch.setattr(checkpoint_module, name, 1)
    monkeypatch.setattr(checkpoint_module, "QUIET_SECONDS", 0.001)
    async with journal_of(files) as journal:
        await journal.append(captured())
        with closing(connect(files.database, read_only=True)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM fact").fetchone()
            # A beginning of the log anew would wait for that reader, two seconds each time.
            async with asyncio.timeout(5):
                for _ in range(50):
                    await journal.append(captured())


def test_a_checkpoint_that_fails_stops_nothing(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", checkpoint_module.__name__)
    write(files, captured())
    with closing(open_index(files.index)) as connection:
        checkpointer = Checkpointer(files.database, threading.Lock())
        connection.set_authorizer(lambda *_: 1)
        checkpointer._checkpoint(connection)
        checkpointer.close()
        checkpointer.close()
    assert "checkpoint failed" in caplog.text
