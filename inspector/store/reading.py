"""Reading a store without a listener: bring the index up to date, then open a reader.

Nothing here creates a store; the caller holds the lock where it says so.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache

from inspector.domain.delivery import Request
from inspector.domain.envelope import Envelope, Signature
from inspector.errors import ConfigurationError, InspectorError, StoreUnavailableError, remedy
from inspector.providers import read
from inspector.store import migrations
from inspector.store.connect import connect, is_denied
from inspector.store.files import StoreFiles
from inspector.store.indexer import Indexer
from inspector.store.lock import StoreLock
from inspector.store.reader import Reader


def catch_up(
    files: StoreFiles,
    secrets: Callable[[], Sequence[str]],
    *,
    anew: bool = False,
    progress: Callable[[int, int], None] = lambda position, end: None,
) -> None:
    """Index what the journal holds, all of it `anew` or what is missing; the lock is held.

    `secrets` is called once, and only if there is something to index. `progress` is told the
    position reached and the one to reach. Raises `ConfigurationError` for a file that is no store
    of ours, and what `secrets` raises.
    """
    known = cache(secrets)

    def read_request(request: Request, at: int) -> tuple[Envelope, Signature]:
        return read(request, known(), at)

    with _explained(files):
        with closing(connect(files.database)) as connection:
            migrations.migrate(connection)
        with closing(Indexer(files, read_request)) as indexer:
            if anew:
                # Without them the old index is better than none.
                known()
                indexer.reset()
            end = last_seq(files)
            indexer.run(lambda position: progress(position, end))


def locked(files: StoreFiles, command: str) -> StoreLock:
    """The right to write for one command; raises `UnreachableError` naming who has it."""
    return StoreLock(files.lock, {"command": f"inspector {command}", "pid": os.getpid()})


def last_seq(files: StoreFiles) -> int:
    """The position of the last fact; 0 in a store that was never written to."""
    with closing(connect(files.database, read_only=True)) as connection:
        found = connection.execute("SELECT max(seq) FROM fact").fetchone()[0]
    return int(found or 0)


def mirrored(files: StoreFiles, mailbox: str) -> int:
    """The last id of a relay's mailbox that is here; 0 for none, or without a store."""
    return cursor(files, mailbox) or 0


def cursor(files: StoreFiles, name: str) -> int | None:
    """The id that was committed last under this name; None for none, or without a store."""
    if not files.database.is_file():
        return None
    with _explained(files), closing(connect(files.database, read_only=True)) as connection:
        try:
            asked = "SELECT last FROM cursor WHERE name = ?"
            found = connection.execute(asked, (name,)).fetchone()
        except sqlite3.OperationalError:  # a store of before there were relays
            return None
    return int(found[0]) if found else None


def is_listeners(files: StoreFiles) -> bool:
    """Whether the store is one of `inspector serve`, so that no relay will ever take it."""
    if not files.database.is_file():
        return False
    with _explained(files), closing(connect(files.database, read_only=True)) as connection:
        try:
            found = connection.execute("SELECT relay FROM identity").fetchone()
        except sqlite3.OperationalError:  # nothing is in it yet, or it is of before there were any
            return False
    return found is not None and found[0] == 0


@contextmanager
def reading(files: StoreFiles) -> Iterator[Reader]:
    """A reader of a store whose index is there; what SQLite finds wrong is told as our error."""
    with _explained(files), closing(Reader(files)) as reader:
        yield reader


def missing(files: StoreFiles) -> int | None:
    """How many facts the index is behind, or None where there is no index yet to read."""
    try:
        with closing(Reader(files)) as reader:
            return max(0, reader.journal.last_seq() - reader.position())
    except sqlite3.OperationalError:
        return None


def versions(files: StoreFiles) -> dict[str, str | int]:
    """The versions of SQLite and of the journal's schema."""
    with _explained(files), closing(connect(files.database, read_only=True)) as connection:
        return {"sqlite": sqlite3.sqlite_version, "schema": migrations.version(connection)}


@contextmanager
def _explained(files: StoreFiles) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _error(files, error) from error


def _error(files: StoreFiles, error: sqlite3.DatabaseError) -> InspectorError:
    hint = "name another store with --db PATH"
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return ConfigurationError(f"{files.database} is not a store of inspector", hint)
    if is_denied(error):
        return ConfigurationError(f"cannot open the store {files.database}: {error}", hint)
    told = f"cannot read the store {files.database}: {error}"
    return StoreUnavailableError(told, remedy(error, hint))
