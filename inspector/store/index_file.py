"""The index's file: opened, or made anew when it is missing, damaged or of another version."""

import sqlite3
from pathlib import Path

from inspector.store.boot_mark import BootMark
from inspector.store.connect import connect, file_at_fault, tune_wal
from inspector.store.files import touch_private
from inspector.store.journal_reader import PrunedError
from inspector.store.schema import SCHEMA, VERSION


def open_index(path: Path, *, anew: bool = False) -> sqlite3.Connection:
    """A connection for the writer, with an index of this version behind it.

    `anew` throws the file away first: readers that have it open keep the old one. So is one that
    was not on the disk when the machine went down.
    """
    mark = BootMark(path)
    if not anew and not mark.distrusted():
        try:
            return _prepared(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    mark.forget()
    return _prepared(path)


def hurry(connection: sqlite3.Connection, path: Path) -> BootMark | None:
    """Wait for the disk no more, where a mark can tell of it; whoever closes the file clears it.

    Its syncs hold up those of the journal, which senders wait for (measured at 1,000 deliveries/s:
    at p99 a delivery is at its app 18 instead of 40 ms after it was sent).
    """
    mark = BootMark(path)
    if not mark.set():
        return None
    connection.execute("PRAGMA synchronous=OFF")
    return mark


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is bad; a full disk or a lock passes."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def may_pass(error: BaseException) -> bool:
    """Whether the file or the machine is at fault, so that the same facts may be indexed later."""
    return file_at_fault(error) or isinstance(error, OSError | MemoryError | PrunedError)


def empty(connection: sqlite3.Connection) -> None:
    """Drop everything in place, for readers that have the index open."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    drops = "".join(f"DROP TABLE {name};" for (name,) in tables)
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {drops} {SCHEMA} COMMIT;")
    finally:
        connection.rollback()


def position(connection: sqlite3.Connection) -> int:
    """The journal position that the index has reached."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'position'").fetchone()
    return int(row[0]) if row else 0


def _prepared(path: Path) -> sqlite3.Connection:
    touch_private(path)
    connection = connect(path)
    try:
        # NORMAL: a power cut may lose the last commits, and they are derived again.
        tune_wal(connection, synchronous="NORMAL")
        connection.execute("PRAGMA cache_size=-8192")
        # A checkpoint waits until the indexer is idle, unless the log has grown to 64 MiB.
        connection.execute("PRAGMA wal_autocheckpoint=16384")
        connection.execute("PRAGMA journal_size_limit=16777216")
        have = int(connection.execute("PRAGMA user_version").fetchone()[0])
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if found and (have != VERSION or "meta" not in found):
            raise sqlite3.DatabaseError("the index is of another version")
        if not found:
            connection.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;"
            )
        position(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
