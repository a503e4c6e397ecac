"""The indexer: follows the journal and keeps the index, resuming where it stopped."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from inspector.store import frames
from inspector.store.connect import connect, tune_wal
from inspector.store.files import StoreFiles, touch_private
from inspector.store.journal_reader import Entry, JournalReader
from inspector.store.schema import SCHEMA, VERSION
from inspector.store.views import Read, Views

# A batch ends after so many facts or so many bytes of bodies, whichever comes first.
BATCH_FACTS = 512
BATCH_BYTES = 8 << 20
_CHECKPOINT_FACTS = 4096


class Indexer:
    """One writer of the index, in one thread; the caller sees to it that there is only one.

    `step` applies the next facts and returns the frames for subscribers, or nothing when the index
    has reached the journal's end.
    """

    def __init__(self, files: StoreFiles, read: Read, *, with_headers: bool = False) -> None:
        self._journal_connection = connect(files.database, read_only=True)
        self._journal = JournalReader(self._journal_connection)
        self._connection = _open(files.index)
        self._read = read
        self._views = Views(self._connection, self._journal, read)
        self._with_headers = with_headers
        self._untidy = 0
        self.position = _position(self._connection)

    def step(self) -> list[bytes]:
        """Index one batch in one transaction."""
        batch = list(self._batch())
        if not batch:
            self._tidy()
            return []
        self._untidy += len(batch)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            runs = self._views.apply(batch)
            lines = self._frames(runs)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self.position = batch[-1].seq
        return [*lines, frames.position(self.position)]

    def journal_end(self) -> int:
        """The position of the journal's last fact."""
        return self._journal.last_seq()

    def run(self, progress: Callable[[int], None] = lambda position: None) -> None:
        """Index everything that the journal holds now."""
        end = self.journal_end()
        while self.position < end and self.step():
            progress(self.position)

    def _tidy(self) -> None:
        """With nothing else to do: copy the log back, if it has grown."""
        if self._untidy >= _CHECKPOINT_FACTS:
            self._untidy = 0
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def reset(self) -> None:
        """Empty the index in place, for readers that have it open; `step` builds it again."""
        tables = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        drops = "".join(f"DROP TABLE {name};" for (name,) in tables.fetchall())
        self._connection.executescript(f"BEGIN IMMEDIATE; {drops} {SCHEMA} COMMIT;")
        self._views = Views(self._connection, self._journal, self._read)
        self.position = 0

    def close(self) -> None:
        self._connection.close()
        self._journal_connection.close()

    def _batch(self) -> Iterator[Entry]:
        size = 0
        for entry in self._journal.after(self.position, BATCH_FACTS):
            yield entry
            # A body in pieces is as long as half a megabyte a piece.
            request = getattr(entry.fact, "request", None)
            size += len(request.body) if request else 0
            size += len(entry.pieces) << 19
            if size > BATCH_BYTES:
                return

    def _frames(self, runs: list[frames.Run]) -> list[bytes]:
        views = self._views
        ids = {id_ for run in runs if run.letter == "D" for id_ in run.ids}
        ids |= {id_ for run in runs for id_ in run.touched}
        deliveries = {id_: each for id_ in ids if (each := views.delivery(id_)) is not None}
        attempt_ids = {id_ for run in runs if run.letter == "A" for id_ in run.ids}
        attempts = {id_: made for id_ in attempt_ids if (made := views.attempt(id_)) is not None}
        headers = (
            (lambda id_: frames.headers_json(views.headers[id_])) if self._with_headers else None
        )
        return frames.render(runs, deliveries, attempts, headers)


def prepare(files: StoreFiles) -> None:
    """See to it that there is an index of this version, so that readers can open it."""
    _open(files.index).close()


def _open(path: Path) -> sqlite3.Connection:
    """The index, made anew when it is missing, damaged, or of another version."""
    try:
        connection = _prepared(path)
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        connection = _prepared(path)
    return connection


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
        if have != VERSION:
            if have:
                raise sqlite3.DatabaseError("the index is of another version")
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _position(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = 'position'").fetchone()
    return int(row[0]) if row else 0
