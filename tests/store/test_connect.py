"""Databases are opened wherever the file system lets a file be."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from inspector.errors import NO_ROOM, remedy
from inspector.store.connect import connect
from inspector.store.files import StoreFiles
from inspector.store.reader import Reader
from tests.store.parts import captured, index, write

NAMES = {
    "what a URI would take for more": b"a?mode=ro#%41 &.db",
    "no text": b"\xff\xe9.db",
    "text": "\xe9\u20ac.db".encode(),
}


def check(path: Path) -> None:
    files = StoreFiles(path)
    write(files, captured("a"))
    index(files)
    with closing(Reader(files)) as reader:
        assert reader.latest() == 1
        assert reader.ledger().balanced
    assert path.is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
@pytest.mark.parametrize("name", NAMES)
def test_a_store_of_any_name(name: str, tmp_path: Path) -> None:
    check(tmp_path / os.fsdecode(NAMES[name]))


@pytest.mark.skipif(os.name != "posix", reason="paths that begin with two slashes")
def test_a_path_that_begins_with_two_slashes(tmp_path: Path) -> None:
    check(Path(f"/{tmp_path}") / "store.db")


def test_a_path_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check(Path("store.db"))


def test_what_to_do_about_a_full_disk_is_to_make_room(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "small.db")) as connection:
        connection.execute("CREATE TABLE small(x)")
        connection.execute("PRAGMA max_page_count=2")
        with pytest.raises(sqlite3.Error) as full:
            connection.execute("INSERT INTO small VALUES (zeroblob(100000))")
        with pytest.raises(sqlite3.Error) as other:
            connection.execute("SELECT nothing")
    assert remedy(full.value, "other") == NO_ROOM
    assert remedy(other.value, "other") == "other"
