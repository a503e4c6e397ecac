"""The journal's schema grows in steps; what is not ours, or newer than us, is left alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from inspector.errors import ConfigurationError
from inspector.store.files import StoreFiles
from inspector.store.migrations import STEPS, migrate, version
from tests.store.parts import captured, write

LATER = (*STEPS, "CREATE TABLE second(x);", "CREATE TABLE third(x); INSERT INTO third VALUES (3);")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def names(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def test_every_step_is_taken_once_and_in_order(connection: sqlite3.Connection) -> None:
    migrate(connection)
    assert version(connection) == len(STEPS)
    before = names(connection)
    assert {"fact", "piece", "loose_piece"} <= before
    migrate(connection)
    migrate(connection, LATER)
    migrate(connection, LATER)
    assert version(connection) == len(LATER)
    assert names(connection) - before == {"second", "third"}
    assert connection.execute("SELECT * FROM third").fetchall() == [(3,)]


def test_a_step_that_fails_leaves_no_trace(connection: sqlite3.Connection) -> None:
    broken = (*LATER[:-1], "CREATE TABLE third(x); INSERT INTO nowhere VALUES (3);")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, broken)
    connection.rollback()
    assert version(connection) == len(broken) - 1
    assert "third" not in names(connection)
    migrate(connection, LATER)
    assert connection.execute("SELECT * FROM third").fetchall() == [(3,)]


def test_a_newer_store_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, LATER)
    with pytest.raises(ConfigurationError, match="written by a newer inspector") as caught:
        migrate(connection)
    assert f"(schema {len(LATER)}, this one knows {len(STEPS)})" in caught.value.message


def test_a_newer_store_is_left_as_it_is(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, captured())
    with closing(sqlite3.connect(files.database)) as connection:
        connection.execute(f"PRAGMA user_version={len(STEPS) + 1}")
    before = files.database.read_bytes()
    with pytest.raises(ConfigurationError, match="newer"):
        write(files, captured())
    assert files.database.read_bytes() == before


def test_a_database_of_another_program_is_refused(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE theirs(x)")
    with pytest.raises(ConfigurationError, match="another program"):
        migrate(connection)
    assert names(connection) == {"theirs"}
