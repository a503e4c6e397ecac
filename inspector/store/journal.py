"""The journal: facts appended by one writer thread, a group a commit, on disk before they count."""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from inspector.domain.facts import Appended, Captured, Fact, Gap, Pruned, Refused
from inspector.errors import ConfigurationError, StoreUnavailableError
from inspector.store.checkpoint import Checkpointer
from inspector.store.codec import CAPTURED, PRUNED, Row, encode
from inspector.store.connect import connect, tune_wal
from inspector.store.files import StoreFiles
from inspector.store.migrations import migrate

# Rows of one INSERT: a batch as one statement hands the GIL over once (measured: the loop keeps
# 1.4 times as many requests a second as with a statement a row).
_ROWS_A_STATEMENT = 128
_RETRY_PAUSE = 0.25
# How long attempts, answers and decisions wait for others to share their commit with: a crash
# forgets the last few, which are then sent again (measured: 1.4 times as many forwarded a second).
GATHER_SECONDS = 0.003
_log = logging.getLogger(__name__)
_COLUMNS = "seq, kind, delivery, at, meta, head, body"


@dataclass(slots=True)
class _Item:
    """One fact on its way: `pieces` of its body still to be written, `piece_ids` written."""

    row: Row
    future: "asyncio.Future[Appended]"
    pieces: deque[bytes] = field(default_factory=deque)
    piece_ids: list[int] = field(default_factory=list)
    new_delivery: bool = False
    prune: Pruned | None = None


class Journal:
    """Append-only facts with one growing position `seq`.

    `append` may be called from the loop that made the journal; `on_commit(seq)` is called from the
    writer thread after each commit. The queue to the writer is bounded by its callers: captures by
    the bytes in flight, attempts by the connections to the targets.
    """

    def __init__(
        self, files: StoreFiles, on_commit: Callable[[int], None] = lambda seq: None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._newest: asyncio.Future[Appended] | None = None
        self._gathered: list[_Item] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._on_commit = on_commit
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._writing = threading.Lock()
        self._closing = False
        # Pieces of large bodies that came to nothing, to be deleted when commits succeed again.
        self._litter: list[int] = []
        self.error = ""
        files.create()
        self._connection, self._seq, self._delivery = self._open(files)
        self._checkpointer = Checkpointer(files.database, self._writing)
        self._thread = threading.Thread(target=self._run, name="inspector-journal", daemon=True)
        self._thread.start()

    @staticmethod
    def _open(files: StoreFiles) -> tuple[sqlite3.Connection, int, int]:
        connection: sqlite3.Connection | None = None
        try:
            connection = connect(files.database)
            migrate(connection)
            tune_wal(connection, synchronous="FULL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute("PRAGMA journal_size_limit=16777216")
            # Pieces of bodies whose capture never came to its commit.
            connection.execute("DELETE FROM piece WHERE id IN (SELECT id FROM loose_piece)")
            connection.execute("DELETE FROM loose_piece")
            last = "SELECT max(seq), (SELECT max(delivery) FROM fact) FROM fact"
            seq, delivery = connection.execute(last).fetchone()
        except (sqlite3.Error, ConfigurationError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, ConfigurationError):
                raise
            raise StoreUnavailableError(
                f"cannot open the store {files.database}: {error}",
                "move the file away, or use another store with --db PATH",
            ) from error
        return connection, seq or 0, delivery or 0

    @property
    def last_seq(self) -> int:
        """The position of the last fact committed."""
        return self._seq

    @property
    def last_delivery(self) -> int:
        """The id given last: so many deliveries were received in the life of this store."""
        return self._delivery

    def append(self, fact: Fact) -> "asyncio.Future[Appended]":
        """Queue a fact; the future resolves when it is on disk, with its position.

        It raises `StoreUnavailableError` when a capture or a refusal cannot be committed. Other
        facts are kept and tried again until they can be. After `close` it raises for every fact.
        """
        future: asyncio.Future[Appended] = self._loop.create_future()
        if self._closing:
            _reject([future], StoreUnavailableError("the store is closed"))
            return future
        item = _Item(encode(fact), future)
        self._newest = future
        self._gathered.append(item)
        if isinstance(fact, Captured):
            item.new_delivery = True
            item.pieces.extend(fact.pieces)
        elif isinstance(fact, Refused | Gap):
            item.new_delivery = True
        elif isinstance(fact, Pruned):
            item.prune = fact
        else:
            # Nobody waits for these: gathered for a moment they share a commit.
            if self._gathering is None:
                self._gathering = self._loop.call_later(GATHER_SECONDS, self._hand_over)
            return future
        self._hand_over()
        return future

    def _hand_over(self) -> None:
        """Give the writer what was appended, in the order of the calls."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        gathered, self._gathered = self._gathered, []
        for item in gathered:
            self._queue.put(item)

    async def settled(self, patience: float) -> None:
        """Wait until what was appended before the call is on disk, so many seconds at most."""
        self._hand_over()
        if self._newest is not None and not self._newest.done() and not self.error:
            await asyncio.wait((self._newest,), timeout=patience)

    async def close(self) -> None:
        """Write what is queued, then stop; may be called again."""
        self._closing = True
        if self._thread.is_alive():
            self._hand_over()
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            await asyncio.to_thread(self._checkpointer.close)
            self._connection.close()

    # The rest runs in the writer thread.

    def _run(self) -> None:
        large: deque[_Item] = deque()
        again: list[_Item] = []
        closing = False
        while not closing or large:
            patience = 0.0 if large or closing else _RETRY_PAUSE if again else None
            batch = self._take(patience)
            if None in batch:
                closing = True
            items = [item for item in batch if item is not None]
            large.extend(item for item in items if item.pieces)
            small = again + [item for item in items if not item.pieces]
            again = self._commit(small) if small else []
            # One piece a turn, so that a large body never holds back the small ones behind it.
            if large and not self._write_piece(large[0]):
                large.popleft()
            elif large and not large[0].pieces:
                again += self._commit([_with_pieces(large.popleft())])
        if again and (lost := self._commit(again)):
            _log.error("%d facts could not be written: %s", len(lost), self.error)
            self._refuse(lost, self.error)

    def _take(self, patience: float | None) -> list[_Item | None]:
        """What is queued now; wait for the first one so many seconds, or (None) for ever."""
        batch: list[_Item | None] = []
        try:
            if patience != 0:
                batch.append(self._queue.get(timeout=patience))
            while len(batch) < _ROWS_A_STATEMENT:
                batch.append(self._queue.get_nowait())
        except Empty:
            pass
        return batch

    def _commit(self, batch: list[_Item]) -> list[_Item]:
        """Write a batch as one transaction; give back the items to try again after a failure."""
        seq, delivery, size = self._seq, self._delivery, 0
        parameters: list[int | str | bytes | None] = []
        done: list[tuple[asyncio.Future[Appended], Appended]] = []
        for item in batch:
            kind, about, at, meta, head, body = item.row
            seq += 1
            if item.new_delivery:
                delivery += 1
                about = delivery
            elif item.prune:
                about = delivery
            parameters += (seq, kind, about, at, meta, head, body)
            size += len(meta) + len(head or b"") + len(body or b"") + 64
            done.append((item.future, Appended(seq, about, about)))
        try:
            with self._writing:
                self._insert(batch, parameters)
        except Exception as error:
            if _may_pass(error):
                return self._failed(batch, error)
            if len(batch) > 1:
                # A fact that can never be written takes none of the others with it.
                return [item for each in batch for item in self._commit([each])]
            _log.error("a fact cannot be written: %r", error)
            self._refuse(batch, str(error))
            return []
        self._seq, self._delivery, self.error = seq, delivery, ""
        self._on_commit(seq)
        self._tell(_resolve, done)
        self._checkpointer.wrote(size)
        if self._litter:
            self._sweep()
        return []

    def _insert(self, batch: list[_Item], parameters: list[int | str | bytes | None]) -> None:
        simple = not any(item.prune or item.piece_ids for item in batch)
        if simple and len(batch) <= _ROWS_A_STATEMENT:
            self._insert_rows(parameters)
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            # After a long fault more facts may be kept than one statement takes parameters.
            for start in range(0, len(parameters), 7 * _ROWS_A_STATEMENT):
                self._insert_rows(parameters[start : start + 7 * _ROWS_A_STATEMENT])
            for item in batch:
                if item.prune:
                    self._delete(item.prune)
                if item.piece_ids:
                    self._connection.executemany(
                        "DELETE FROM loose_piece WHERE id = ?", [(n,) for n in item.piece_ids]
                    )
            self._connection.execute("COMMIT")
        finally:
            self._connection.rollback()

    def _insert_rows(self, parameters: list[int | str | bytes | None]) -> None:
        rows = ",".join(["(?,?,?,?,?,?,?)"] * (len(parameters) // 7))
        self._connection.execute(f"INSERT INTO fact({_COLUMNS}) VALUES {rows}", parameters)

    def _delete(self, prune: Pruned) -> None:
        for low, high in prune.ranges:
            span = (low, high, PRUNED)
            where = "delivery BETWEEN ? AND ? AND kind != ?"
            self._connection.execute(
                "DELETE FROM piece WHERE id IN (SELECT value FROM fact, "
                f"json_each(fact.meta, '$.pieces') WHERE {where})",
                span,
            )
            self._connection.execute(f"DELETE FROM fact WHERE {where}", span)

    def _write_piece(self, item: _Item) -> bool:
        """Commit the next piece of a large body; a failure fails the whole capture."""
        try:
            with self._writing:
                self._connection.execute("BEGIN IMMEDIATE")
                insert = "INSERT INTO piece(data) VALUES (?)"
                piece_id = self._connection.execute(insert, (item.pieces[0],)).lastrowid or 0
                self._connection.execute("INSERT INTO loose_piece VALUES (?)", (piece_id,))
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._connection.rollback()
            self._failed([item], error)
            return False
        self._checkpointer.wrote(len(item.pieces.popleft()))
        item.piece_ids.append(piece_id)
        return True

    def _sweep(self) -> None:
        numbers = [(number,) for number in self._litter]
        try:
            with self._writing:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany("DELETE FROM piece WHERE id = ?", numbers)
                self._connection.executemany("DELETE FROM loose_piece WHERE id = ?", numbers)
                self._connection.execute("COMMIT")
            self._litter.clear()
        except sqlite3.Error as error:
            self._connection.rollback()
            _log.debug("pieces of a lost body stay for now: %s", error)

    def _failed(self, batch: list[_Item], error: Exception) -> list[_Item]:
        """Tell those who captured; give back the facts that must be tried again."""
        self.error = str(error)
        self._refuse([item for item in batch if item.new_delivery], self.error)
        return [item for item in batch if not item.new_delivery]

    def _refuse(self, items: list[_Item], error: str) -> None:
        failure = StoreUnavailableError(
            f"the store cannot commit: {error}", "free disk space or repair the store"
        )
        self._tell(_reject, [item.future for item in items], failure)
        for item in items:
            self._litter += item.piece_ids

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        # The loop may be gone when the process stops on an error; then nobody waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)


def _may_pass(error: Exception) -> bool:
    """Whether the file is at fault (full, locked, damaged), and not the fact itself."""
    faults = (sqlite3.OperationalError, sqlite3.InternalError)
    return isinstance(error, faults) or type(error) is sqlite3.DatabaseError


def _with_pieces(item: _Item) -> _Item:
    kind, about, at, meta, head, _ = item.row
    assert kind == CAPTURED
    item.row = kind, about, at, f'{meta[:-1]},"pieces":{item.piece_ids}}}', head, None
    return item


def _resolve(done: list[tuple["asyncio.Future[Appended]", Appended]]) -> None:
    for future, appended in done:
        if not future.done():
            future.set_result(appended)


def _reject(futures: list["asyncio.Future[Appended]"], error: StoreUnavailableError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            # A refusal's row is nobody's to wait for; the error is shown by `error` as well.
            future.exception()
