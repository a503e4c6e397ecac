"""The indexer: follows the journal and keeps the index, resuming where it stopped."""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

from inspector.store import frames, index_file
from inspector.store.boot_mark import BootMark
from inspector.store.connect import connect
from inspector.store.files import StoreFiles
from inspector.store.journal_reader import JournalEntry, JournalReader
from inspector.store.reader import Reader
from inspector.store.views import Read, Views

# A batch ends after so many facts or so many bytes of bodies, whichever comes first.
BATCH_FACTS = 512
BATCH_BYTES = 8 << 20
_CHECKPOINT_FACTS = 32768

_log = logging.getLogger(__name__)


class Indexer:
    """The writer of the index, in one thread.

    `step` applies the next facts and returns the frames for subscribers, or nothing when there are
    none: the index has reached the journal's end, or `position` is another one than before. The
    indexer of a killed listener may still be at its last batch; none is applied twice. With `hurry`
    no step waits for the disk, and nobody else of this process may have the index open at `close`.
    """

    def __init__(
        self, files: StoreFiles, read: Read, *, with_headers: bool = False, hurry: bool = False
    ) -> None:
        self._files = files
        self._read = read
        self._with_headers = with_headers
        self._hurry = hurry
        self._mark: BootMark | None = None
        self._untidy = 0
        self._journal_connection = connect(files.database, read_only=True)
        self._journal = JournalReader(self._journal_connection)
        with ExitStack() as opened:
            opened.callback(self._journal_connection.close)
            self._open()
            opened.callback(lambda: self._connection.close())  # a reset opens another
            if self.position > self.journal_end():
                # It was made from a journal that is no longer there.
                self.reset()
            opened.pop_all()

    def _open(self, *, anew: bool = False) -> None:
        index = self._files.index
        self._use(index_file.open_index(index, anew=anew))
        if self._hurry:
            self._mark = index_file.hurry(self._connection, index)

    def _use(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._views = Views(connection, self._journal, self._read)
        self.position = index_file.position(connection)

    def step(self, shown: int = 0) -> list[bytes]:
        """Index one batch in one transaction, none that goes across the position `shown`.

        What can never be indexed is left out and told of; a delivery stays unindexed in the ledger.
        """
        batch = list(self._batch(shown))
        if not batch:
            self._tidy()
            return []
        self._untidy += len(batch)
        return self._index(batch)

    def _index(self, batch: list[JournalEntry]) -> list[bytes]:
        try:
            return self._write(batch, self._views.apply)
        except Exception as error:
            if index_file.may_pass(error):
                raise
            if len(batch) == 1:
                if lines := self._write(batch, self._views.leave_out):
                    seq, delivery, *_ = batch[0]
                    _log.error(
                        "fact %d, of delivery %d, cannot be indexed: %r", seq, delivery, error
                    )
                return lines
        # It takes none of the others with it.
        lines = []
        for entry in batch:
            lines += self._index([entry])
            if self.position != entry.seq:
                break
        return lines

    def _write(
        self, batch: list[JournalEntry], apply: Callable[[Sequence[JournalEntry]], list[frames.Run]]
    ) -> list[bytes]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if index_file.position(self._connection) != self.position:
                self._connection.rollback()
                self._use(self._connection)
                return []
            lines = self._frames(apply(batch))
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._recover(error)
            return []
        self.position = batch[-1].seq
        return [*lines, frames.position(self.position)]

    def _recover(self, error: BaseException) -> None:
        """Put a new index in the place of a damaged one; any other error is raised again."""
        self._connection.rollback()
        if not index_file.is_damage(error):
            # What the views remember was rolled back with the rest.
            self._views = Views(self._connection, self._journal, self._read)
            raise error
        self._connection.close()
        self._open(anew=True)

    def missed(self, after: int) -> Iterator[bytes]:
        """The frames of what is indexed since `after`, for subscribers that were not told."""
        with closing(Reader(self._files)) as reader:

            def headers(delivery_id: int) -> bytes:
                request = reader.journal.request(delivery_id, body=False)
                return frames.headers_json(request.headers if request else ())

            yield from reader.changed_at(after)
            while after < self.position:
                after, lines = reader.replay(
                    after, self.position, headers if self._with_headers else None
                )
                yield from lines
        yield frames.position(self.position)

    def journal_end(self) -> int:
        """The position of the journal's last fact."""
        return self._journal.last_seq()

    def run(self, progress: Callable[[int], None] = lambda position: None) -> None:
        """Index everything that the journal holds now."""
        end = self.journal_end()
        while self.position < end:
            self.step()
            progress(self.position)

    def _tidy(self) -> None:
        """With nothing else to do: copy the log back, if it has grown."""
        if self._untidy >= _CHECKPOINT_FACTS:
            self._untidy = 0
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def reset(self, read: Read | None = None) -> None:
        """Empty the index in place, for readers that have it open; `step` builds it again.

        From then on `read` is what decodes and verifies, if it is given.
        """
        self._read = read or self._read
        try:
            index_file.empty(self._connection)
        except sqlite3.DatabaseError as error:
            self._recover(error)
        self._use(self._connection)

    def close(self) -> None:
        self._connection.close()
        self._journal_connection.close()
        if self._mark is not None:
            self._mark.clear()

    def _batch(self, shown: int) -> Iterator[JournalEntry]:
        size = first = 0
        for entry in self._journal.after(self.position, BATCH_FACTS):
            first = first or entry.seq
            if first <= shown < entry.seq:
                return
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
    index_file.open_index(files.index).close()
