"""A store without a listener: brought up to date, read, and explained when it is none."""

from contextlib import closing
from pathlib import Path

import pytest

from inspector.errors import (
    ConfigurationError,
    NotFoundError,
    UnreachableError,
)
from inspector.store import reading
from inspector.store.files import StoreFiles
from inspector.store.reader import Reader
from tests.store.parts import captured, rows, tables, write


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


def test_it_is_brought_up_to_date(files: StoreFiles) -> None:
    write(files, captured(), captured())
    assert reading.missing(files) is None
    told: list[tuple[int, int]] = []
    reading.catch_up(files, tuple, progress=lambda at, end: told.append((at, end)))
    assert told == [(2, 2)]
    assert reading.missing(files) == 0
    write(files, captured())
    assert reading.missing(files) == 1
    reading.catch_up(files, tuple)
    assert reading.missing(files) == 0
    with reading.reading(files) as reader:
        assert reader.latest() == 3
    before = tables(files)
    reading.catch_up(files, tuple, anew=True)
    assert tables(files) == before
    assert reading.last_seq(files) == 3
    assert set(reading.versions(files)) == {"sqlite", "schema"}


def test_a_new_secret_reads_the_whole_history_again(files: StoreFiles) -> None:
    signed = captured(headers=(("X-PacSpace-Signature", "sha256=" + "0" * 64),))
    write(files, signed)
    reading.catch_up(files, tuple)
    assert rows(files.index, "SELECT verdict FROM delivery") == [("unchecked",)]
    reading.catch_up(files, lambda: ["whsec_1"], anew=True)
    assert rows(files.index, "SELECT verdict FROM delivery") == [("invalid",)]


def test_what_is_no_store_is_said_to_be_none(files: StoreFiles) -> None:
    with pytest.raises(NotFoundError, match="there is no store at"):
        files.require()
    files.database.write_bytes(b"no database" * 1000)
    for attempt in (
        StoreFiles.require,
        StoreFiles.create,
        reading.versions,
        lambda files: reading.catch_up(files, tuple),
    ):
        with pytest.raises(ConfigurationError, match="is not a store of inspector"):
            attempt(files)
    files.database.write_bytes(b"")
    rows(files.database, "CREATE TABLE theirs(x)")
    with pytest.raises(ConfigurationError, match="another program"):
        reading.catch_up(files, tuple)


def test_a_store_that_cannot_be_read(files: StoreFiles) -> None:
    with pytest.raises(ConfigurationError, match="cannot open the store"):
        reading.versions(files)
    with pytest.raises(ConfigurationError), reading.reading(files):
        pass
    assert not files.database.exists()


def test_one_command_writes_at_a_time(files: StoreFiles, tmp_path: Path) -> None:
    write(files)
    with (
        reading.locked(files, "reindex"),
        pytest.raises(UnreachableError, match="in use by inspector reindex, process"),
    ):
        reading.locked(files, "status")
    with pytest.raises(ConfigurationError, match="cannot write"):
        reading.locked(StoreFiles(tmp_path / "nowhere" / "store.db"), "status")


def test_an_empty_store(files: StoreFiles) -> None:
    write(files)
    assert reading.last_seq(files) == 0
    reading.catch_up(files, tuple)
    with closing(Reader(files)) as reader:
        assert reader.latest() is None
