"""A large body is journalled in pieces: exactly, in nobody's way, and leaving none behind."""

import asyncio
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from inspector.errors import StoreUnavailableError
from inspector.store.connect import connect
from inspector.store.files import StoreFiles
from inspector.store.journal_reader import JournalReader
from inspector.store.positions import PendingFact
from tests.store.parts import (
    append,
    captured,
    entries,
    full,
    in_pieces,
    journal_of,
    litter,
    pruned,
    request,
    rows,
    run,
    write,
)


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


async def test_a_large_body_comes_back_byte_for_byte(files: StoreFiles) -> None:
    body = os.urandom(25 << 20)
    async with journal_of(files) as journal:
        await append(journal, in_pieces(body))
    (entry,) = entries(files)
    assert len(entry.pieces) == 50
    connection = connect(files.database, read_only=True)
    reader = JournalReader(connection)
    found = reader.request(1)
    assert found is not None
    assert found.body == body
    assert reader.request(1, body=False) == request(b"")
    assert litter(files) == [(50, 0)]
    async with journal_of(files) as journal:
        pieces = reader.body_pieces(entry.pieces)
        next(pieces)
        await append(journal, pruned(1))
        with pytest.raises(LookupError):
            next(pieces)
    assert reader.request(1) is None
    connection.close()
    assert litter(files) == [(0, 0)]


async def test_a_large_body_holds_no_other_capture_back(files: StoreFiles) -> None:
    written: list[int] = []

    def count(seq: int) -> None:
        written.append(rows(files.database, "SELECT count(*) FROM piece")[0][0])

    async with journal_of(files, count) as journal:
        with journal._writing:
            large = journal.append(in_pieces(b"x" * 4000, 10))
            second = journal.append(in_pieces(b"y" * 50, 10))
            small = journal.append(captured())
        assert (await small).seq == 1
        assert (await large).seq == 2
        assert (await second).seq == 3
    assert written[0] <= 2
    assert written[1:] == [400, 405]


async def test_pieces_of_a_body_that_failed_are_deleted(files: StoreFiles) -> None:
    async with asyncio.timeout(20), journal_of(files) as journal:
        await append(journal, captured())
        with full(journal):
            journal._file.connection.execute("PRAGMA max_page_count=30")
            with pytest.raises(StoreUnavailableError, match="full"):
                await journal.append(in_pieces(b"x" * 200_000, 10_000))
            assert litter(files)[0][0] > 1
        await append(journal, captured())
    assert litter(files) == [(0, 0)]
    assert len(entries(files)) == 2


async def test_the_last_commit_of_a_large_body_may_fail_too(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(20), journal_of(files) as journal:
        item = in_pieces(b"x" * 100, 10)
        write_piece = journal._write_piece
        other = sqlite3.connect(files.database, isolation_level=None, check_same_thread=False)
        journal._file.connection.execute("PRAGMA busy_timeout=5")

        def then_lock(each: PendingFact) -> bool:
            done = write_piece(each)
            if each.large and len(each.large.piece_ids) == 10:
                other.execute("BEGIN EXCLUSIVE")
            return done

        monkeypatch.setattr(journal, "_write_piece", then_lock)
        with pytest.raises(StoreUnavailableError, match="locked"):
            await journal.append(item)
        assert litter(files) == [(10, 10)]
        # What is left over goes with the next commit, or the one after it.
        other.execute("ROLLBACK")
        sweep = journal._sweep

        def locked_sweep() -> None:
            other.execute("BEGIN EXCLUSIVE")
            sweep()
            other.execute("ROLLBACK")
            monkeypatch.setattr(journal, "_sweep", sweep)

        monkeypatch.setattr(journal, "_sweep", locked_sweep)
        await append(journal, captured())
        await append(journal, captured())
        other.close()
    assert litter(files) == [(0, 0)]


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from inspector.store.files import StoreFiles
from tests.store.parts import append, captured, in_pieces, journal_of
async def main():
    async with journal_of(StoreFiles(Path(sys.argv[1]))) as journal:
        await append(journal, captured())
        write_piece = journal._write_piece
        def once(item):
            write_piece(item)
            if len(item.large.piece_ids) == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            return True
        journal._write_piece = once
        await append(journal, in_pieces(b"x" * 100, 10))
asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_crash_between_pieces_leaves_none(files: StoreFiles) -> None:
    assert run(KILLED, str(files.database)).returncode == -signal.SIGKILL
    assert litter(files) == [(5, 5)]
    (done,) = write(files, captured())
    assert (done.seq, done.delivery_id) == (2, 2)
    assert litter(files) == [(0, 0)]
