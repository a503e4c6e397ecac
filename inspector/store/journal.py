"""The journal: facts appended by one writer thread, a group a commit, on disk before they count."""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

from inspector.domain.facts import Appended, Fact
from inspector.errors import StoreUnavailableError
from inspector.store.checkpoint import Checkpointer
from inspector.store.connect import file_at_fault
from inspector.store.files import StoreFiles
from inspector.store.journal_file import ROWS_A_STATEMENT, JournalFile
from inspector.store.positions import GONE, NO_USAGE, PendingFact, Usage, item_of
from inspector.tasks import to_the_end

_RETRY_PAUSE = 0.25
# How long attempts, answers and decisions wait for others to share their commit with: a crash
# forgets the last few, which are then sent again (measured: 1.4 times as many forwarded a second).
GATHER_SECONDS = 0.003
_log = logging.getLogger(__name__)


class Journal:
    """Append-only facts with one growing position `seq`.

    `append` may be called from the loop that made the journal; `on_commit(seq)` is called from the
    writer thread after each commit. The queue to the writer is bounded by its callers: captures by
    the bytes in flight, attempts by the connections to the targets. A `relay`'s journal numbers
    the deliveries of each endpoint. In any other, a fact with an origin is taken only if it follows
    the last one of its mailbox: each is there once and in order, whatever comes twice or late.
    """

    def __init__(
        self,
        files: StoreFiles,
        on_commit: Callable[[int], None] = lambda seq: None,
        *,
        relay: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._newest: asyncio.Future[Appended] | None = None
        self._gathered: list[PendingFact] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._on_commit = on_commit
        self._queue: SimpleQueue[PendingFact | None] = SimpleQueue()
        self._writing = threading.Lock()
        self._closing = False
        # Pieces of large bodies that came to nothing, to be deleted when commits succeed again.
        self._litter: list[int] = []
        self.error = ""
        self._relay = relay
        files.create()
        self._file = JournalFile(files, relay=relay)
        self._positions = self._file.positions
        self._checkpointer = Checkpointer(files.database, self._writing)
        self._thread = threading.Thread(target=self._run, name="inspector-journal", daemon=True)
        self._thread.start()

    @property
    def identity(self) -> str:
        """What this store is called for ever: random, made when it was."""
        return self._file.identity

    @property
    def last_seq(self) -> int:
        """The position of the last fact committed."""
        return self._positions.seq

    @property
    def last_delivery(self) -> int:
        """The id given last: so many deliveries were received in the life of this store."""
        return self._positions.delivery

    def usage(self, mailbox: str) -> Usage:
        """What a relay's journal has stored for an endpoint; never seen: nothing."""
        return self._positions.usage.get(mailbox, NO_USAGE)

    def mailboxes(self) -> dict[str, Usage]:
        """What a relay's journal has stored, by endpoint."""
        return self._positions.usage.copy()

    def cursor(self, name: str) -> int:
        """The id that was committed last under this name, 0 for none."""
        return self._positions.cursors.get(name, 0)

    def cursors(self) -> dict[str, int]:
        """All cursors by name."""
        return self._positions.cursors.copy()

    def append(self, fact: Fact) -> "asyncio.Future[Appended]":
        """Queue a fact; the future resolves when it is on disk, with its position.

        It raises `StoreUnavailableError` when a delivery, a gap or a probe cannot be committed, or
        does not follow the last of its origin. Other facts are kept and tried again until they can
        be. After `close` it raises for every fact.
        """
        future: asyncio.Future[Appended] = self._loop.create_future()
        if self._closing:
            return _closed(future)
        self._take_in(item_of(fact, future, self._relay))
        return future

    def move(self, name: str, last: int) -> "asyncio.Future[Appended]":
        """Queue a cursor that moves without a fact."""
        future: asyncio.Future[Appended] = self._loop.create_future()
        if self._closing:
            return _closed(future)
        self._take_in(PendingFact(None, future, mailbox=name, last=last))
        return future

    def forget(self, name: str) -> "asyncio.Future[Appended]":
        """Queue that a cursor is no more, or that an endpoint never was."""
        return self.move(name, GONE)

    def _take_in(self, item: PendingFact) -> None:
        self._newest = item.future
        self._gathered.append(item)
        if item.vital or item.prune is not None:
            self._hand_over()
        # Nobody waits for the others: gathered for a moment they share a commit.
        elif self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_SECONDS, self._hand_over)

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
            await to_the_end(asyncio.to_thread(self._end))

    def _end(self) -> None:
        self._thread.join()
        self._checkpointer.close()
        self._file.close()

    # The rest runs in the writer thread.

    def _run(self) -> None:
        large: deque[PendingFact] = deque()
        again: list[PendingFact] = []
        closing = False
        while not closing or large:
            patience = 0.0 if large or closing else _RETRY_PAUSE if again else None
            batch = self._take(patience)
            if None in batch:
                closing = True
            small = again + _without_large([item for item in batch if item is not None], large)
            again = self._commit(small) if small else []
            # One piece a turn, so that a large body never holds back the small ones behind it.
            if large and large[0].unfinished and not self._write_piece(large[0]):
                large.popleft()
            ready: list[PendingFact] = []
            while large and not large[0].unfinished:
                ready.append(large.popleft().with_pieces())
            again += self._commit(ready) if ready else []
        if again and (lost := self._commit(again)):
            _log.error("%d facts could not be written: %s", len(lost), self.error)
            self._refuse(lost, self.error)

    def _take(self, patience: float | None) -> list[PendingFact | None]:
        """What is queued now; wait for the first one so many seconds, or (None) for ever."""
        batch: list[PendingFact | None] = []
        try:
            if patience != 0:
                batch.append(self._queue.get(timeout=patience))
            while len(batch) < ROWS_A_STATEMENT:
                batch.append(self._queue.get_nowait())
        except Empty:
            pass
        return batch

    def _commit(self, batch: list[PendingFact]) -> list[PendingFact]:
        """Write a batch as one transaction; give back the items to try again after a failure."""
        plan = self._positions.plan(batch)
        if plan.refused:
            refused = {*plan.refused}
            batch = [item for item in batch if item not in refused]
        try:
            if batch:
                with self._writing:
                    self._file.insert(batch, plan)
        except Exception as error:
            self._refuse_order(plan.refused)
            if file_at_fault(error):
                return self._failed(batch, error)
            if len(batch) > 1:
                # A fact that can never be written takes none of the others with it.
                return [item for each in batch for item in self._commit([each])]
            _log.error("a fact cannot be written: %r", error)
            self._refuse(batch, str(error))
            return []
        self._refuse_order(plan.refused)
        if batch:
            self._positions.commit(plan)
            self.error = ""
            self._on_commit(plan.seq)
            self._checkpointer.wrote(plan.written)
            self._tell(_resolve, plan.done)
            if self._litter:
                self._sweep()
        return []

    def _write_piece(self, item: PendingFact) -> bool:
        """Commit the next piece of a large body; a failure fails the whole capture."""
        assert item.large is not None
        pieces, _, written = item.large
        try:
            with self._writing:
                piece_id = self._file.add_piece(pieces[0])
        except sqlite3.Error as error:
            self._failed([item], error)
            return False
        self._checkpointer.wrote(len(pieces.popleft()))
        written.append(piece_id)
        return True

    def _sweep(self) -> None:
        try:
            with self._writing:
                self._file.sweep(self._litter)
            self._litter.clear()
        except sqlite3.Error as error:
            _log.debug("pieces of a lost body stay for now: %s", error)

    def _failed(self, batch: list[PendingFact], error: Exception) -> list[PendingFact]:
        """Tell those who captured; give back the facts that must be tried again."""
        self.error = str(error)
        self._refuse([item for item in batch if item.vital], self.error)
        return [item for item in batch if not item.vital]

    def _refuse(self, items: list[PendingFact], error: str) -> None:
        failure = StoreUnavailableError(
            f"the store cannot commit: {error}", "free disk space or repair the store"
        )
        self._drop(items, failure)

    def _refuse_order(self, items: list[PendingFact]) -> None:
        for item in items:
            last = self.cursor(item.mailbox)
            why = f"delivery {item.first} of the relay does not follow {last}, the last one here"
            if item.fills:
                why = f"delivery {item.fills} is no longer stored"
            self._drop([item], StoreUnavailableError(why))

    def _drop(self, items: list[PendingFact], failure: StoreUnavailableError) -> None:
        self._tell(_reject, [item.future for item in items], failure)
        for item in items:
            if item.large is not None:
                self._litter += item.large.piece_ids

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        # The loop may be gone when the process stops on an error; then nobody waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)


def _without_large(items: list[PendingFact], large: deque[PendingFact]) -> list[PendingFact]:
    """Those to commit now; large bodies go to the others, with what must come behind them."""
    if not large and not any(item.large for item in items):
        return items
    behind = {item.mailbox for item in large if item.first}
    small = []
    for item in items:
        if item.large or (item.first and item.mailbox in behind):
            large.append(item)
            if item.first:
                behind.add(item.mailbox)
        else:
            small.append(item)
    return small


def _closed(future: "asyncio.Future[Appended]") -> "asyncio.Future[Appended]":
    _reject([future], StoreUnavailableError("the store is closed"))
    return future


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
