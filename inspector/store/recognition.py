"""Whether a file may be a store: it is looked at before anything is changed, or made beside it."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from inspector.errors import ConfigurationError
from inspector.store.connect import untouched

_MAGIC = b"SQLite format 3\0"
_HINT = "name another one with --db PATH"


def refuse_foreign(path: Path) -> None:
    """Raise `ConfigurationError` for a file that is no store; one that is empty or not there is
    none yet. Raises `OSError` where it may not be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError(f"{path} is not a regular file", _HINT)
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    if not head:
        return
    if head != _MAGIC:
        raise ConfigurationError(f"{path} is not a store of inspector", _HINT)
    if (tables := _tables(path)) and "fact" not in tables:
        raise ConfigurationError(f"{path} is a database of another program", _HINT)


def _tables(path: Path) -> set[str]:
    """What stands in the file itself; where it is damaged, or just being written, nothing."""
    try:
        with closing(untouched(path)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError:
        return set()
