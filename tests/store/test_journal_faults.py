"""Faults of the disk: captures are refused at once, everything else is written in the end."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.domain.facts import Captured, Refused
from inspector.errors import ConfigurationError, InspectorError, StoreUnavailableError
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from tests.store.parts import (
    AT,
    append,
    captured,
    entries,
    finished,
    full,
    journal_of,
    pruned,
    run,
    started,
    write,
)


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


@contextmanager
def locked(files: StoreFiles, journal: Journal) -> Iterator[None]:
    """Another program holds the database; the journal does not wait long for it."""
    with journal._writing:
        journal._file.connection.execute("PRAGMA busy_timeout=5")
    other = sqlite3.connect(files.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def damaged(files: StoreFiles, journal: Journal) -> Iterator[None]:
    """All pages but the first are garbage for a while."""
    with journal._writing:
        journal._file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        journal._file.connection.execute("PRAGMA cache_size=0")
        good = files.database.read_bytes()
        files.database.write_bytes(good[:4096] + b"\xff" * (len(good) - 4096))
    try:
        yield
    finally:
        with journal._writing:
            files.database.write_bytes(good)


FAULTS = ["locked", "full", "damaged"]


@contextmanager
def fault(name: str, files: StoreFiles, journal: Journal) -> Iterator[None]:
    made = {
        "locked": lambda: locked(files, journal),
        "full": lambda: full(journal),
        "damaged": lambda: damaged(files, journal),
    }
    with made[name]():
        yield


@pytest.mark.parametrize("name", FAULTS)
async def test_captures_are_refused_and_other_facts_are_kept(name: str, files: StoreFiles) -> None:
    large = captured(body=b"x" * 20_000)
    async with asyncio.timeout(20), journal_of(files) as journal:
        await append(journal, captured(), captured())
        assert journal.error == ""
        with fault(name, files, journal):
            for fact in (large, Refused(AT, 413, "too_large", "too large", "r", raw=b"x" * 20_000)):
                with pytest.raises(StoreUnavailableError, match="cannot commit"):
                    await journal.append(fact)
            assert journal.error != ""
            # Enough of them that the pages that are there cannot take them.
            kept = [journal.append(started(1, "x" * 1000, n)) for n in range(20)]
            with pytest.raises(StoreUnavailableError):
                await journal.append(large)
            assert not any(future.done() for future in kept)
        done = await asyncio.gather(*kept)
        assert journal.error == ""
        assert [each.seq for each in done] == list(range(3, 23))
        # The ids of the refused ones were never given.
        assert (await append(journal, large))[0].delivery_id == 3
    assert [entry.seq for entry in entries(files)] == list(range(1, 24))


async def test_hundreds_of_facts_are_kept_through_a_fault(files: StoreFiles) -> None:
    async with asyncio.timeout(20), journal_of(files) as journal:
        await append(journal, captured())
        # More than one statement takes parameters; how many those are is SQLite's to say.
        journal._file.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 1000)
        with locked(files, journal):
            with pytest.raises(StoreUnavailableError):
                await journal.append(captured())
            kept = [journal.append(started(1, number=n)) for n in range(1, 501)]
            with pytest.raises(StoreUnavailableError):
                await journal.append(captured())
        done = await asyncio.gather(*kept)
    assert [each.seq for each in done] == list(range(2, 502))
    numbers = [getattr(entry.fact, "number", 0) for entry in entries(files, 1)]
    assert numbers == list(range(1, 501))


async def test_what_cannot_be_written_at_the_end_is_told(
    files: StoreFiles, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(files)
    await append(journal, captured())
    with locked(files, journal):
        kept = journal.append(started(1))
        prune = journal.append(pruned(1))
        await journal.close()
    for future in (kept, prune):
        with pytest.raises(StoreUnavailableError, match="locked"):
            await future
    assert "2 facts could not be written" in caplog.text
    assert len(entries(files)) == 1


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"SQLite format 3\0" + b"\1" * 9000])
async def test_what_is_no_database_is_not_touched(content: bytes, files: StoreFiles) -> None:
    files.database.write_bytes(content)
    with pytest.raises(InspectorError, match=r"is not a (store of inspector|database)"):
        Journal(files)
    assert files.database.read_bytes() == content


def test_a_store_with_damaged_pages_does_not_open(files: StoreFiles) -> None:
    write(files, *[captured(body=b"x" * 3000) for _ in range(20)])
    good = files.database.read_bytes()
    files.database.write_bytes(good[:4096] + b"\xff" * (len(good) - 4096))
    with pytest.raises(StoreUnavailableError, match="malformed"):
        write(files, captured())


NOBODY = 65534

READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from inspector.errors import InspectorError
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from inspector.store.journal_reader import JournalReader
async def main():
    for name in ("there.db", "new.db"):
        try:
            Journal(StoreFiles(Path(sys.argv[1], name)))
        except InspectorError as error:
            print(error.exit_code, error.message)
if os.geteuid() == 0:
    os.seteuid(65534)
asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="folder permissions")
def test_a_folder_that_cannot_be_written() -> None:
    # Not in pytest's own folder, which another user may not enter.
    folder = Path(tempfile.mkdtemp())
    try:
        there = StoreFiles(folder / "there.db")
        write(there, captured())
        if os.geteuid() == 0:
            os.chown(there.database, NOBODY, NOBODY)
        folder.chmod(0o555)
        done = run(READ_ONLY, str(folder))
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
    first, second = done.stdout.splitlines()
    assert first.startswith(f"3 cannot open the store {folder}/there.db: ")
    assert second == f"3 cannot write the store {folder}/new.db: permission denied"


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from inspector.errors import StoreUnavailableError
from inspector.store.files import StoreFiles
from tests.store.parts import append, captured, journal_of, started
async def main():
    async with journal_of(StoreFiles(Path(sys.argv[1]))) as journal:
        await append(journal, captured())
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        taken = 0
        try:
            while True:
                await append(journal, captured(body=b"x" * 50_000))
                taken += 1
        except StoreUnavailableError as error:
            print("refused:", journal.error)
        kept = journal.append(started(1, "x" * 50_000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        await kept
        print("error:", journal.error)
        [last] = await append(journal, captured())
        print(last.delivery_id - taken)
asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a file's size")
def test_a_file_that_cannot_grow(files: StoreFiles) -> None:
    done = run(FULL_DISK, str(files.database))
    refused, error, last = done.stdout.splitlines()
    assert refused in ("refused: disk I/O error", "refused: database or disk is full")
    assert (error, last) == ("error: ", "2")
    found = [entry.delivery_id for entry in entries(files) if isinstance(entry.fact, Captured)]
    assert found == list(range(1, len(found) + 1))


def test_a_store_of_another_program_is_refused(files: StoreFiles) -> None:
    other = sqlite3.connect(files.database)
    other.execute("CREATE TABLE theirs(x)")
    other.commit()
    other.close()
    before = files.database.read_bytes()
    with pytest.raises(ConfigurationError, match="another program"):
        write(files, finished(1, 1))
    assert files.database.read_bytes() == before
