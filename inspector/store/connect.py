"""SQLite connections, each opened for one purpose."""

import sqlite3
from pathlib import Path

# How long a statement waits for another process's lock before it fails: long enough for a
# checkpoint or a short write of ours, short enough that a sender gets its 503 in time.
BUSY_MS = 2000


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any one thread at a time."""
    connection = sqlite3.connect(
        _uri(path, "ro" if read_only else "rwc"),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    return connection


def untouched(path: Path) -> sqlite3.Connection:
    """A connection for a look at the file alone: it takes no lock and makes nothing beside it."""
    return sqlite3.connect(_uri(path, "ro") + "&immutable=1", uri=True)


def attach(connection: sqlite3.Connection, path: Path, name: str) -> None:
    """Let this connection read another database, too, under a name of its own."""
    connection.execute(f"ATTACH ? AS {name}", (_uri(path, "ro"),))


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def file_at_fault(error: BaseException) -> bool:
    """Whether the file is at fault (full, locked, damaged), and not what is written or read."""
    faults = (sqlite3.OperationalError, sqlite3.InternalError)
    return isinstance(error, faults) or type(error) is sqlite3.DatabaseError


def is_denied(error: BaseException) -> bool:
    """Whether the file, or its folder, may not be opened or written by this user."""
    denied = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in denied


def tune_wal(connection: sqlite3.Connection, *, synchronous: str) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
