"""Reading the index: keyset pages, single deliveries, counters, the ledger, and the replay."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery
from inspector.domain.ledger import Ledger
from inspector.domain.query import Query
from inspector.store import codec, frames, retention
from inspector.store.connect import attach, connect
from inspector.store.files import StoreFiles
from inspector.store.journal_reader import JournalReader
from inspector.store.matching import Matching, Span
from inspector.store.schema import ATTEMPT, DELIVERY, attempt_of, delivery_of

_REPLAY_FACTS = 1024


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """A delivery that waits for a target, with the attempts already made there, who sent it and
    was answered what, and where it came in."""

    delivery_id: int
    received_at: int
    attempts: int
    remote: str
    answered: int | None
    endpoint: str
    origin_relay: str | None
    origin_id: int | None


@dataclass(frozen=True, slots=True)
class HeldTarget:
    """A target at which a delivery is held, with the attempts already made there."""

    delivery_id: int
    target: str
    attempts: int


class Reader:
    """Reads over connections of its own, in one thread at a time."""

    def __init__(self, files: StoreFiles) -> None:
        self._file = files.index
        self._inode = files.index.stat().st_ino if files.index.exists() else 0
        self._index = connect(files.index, read_only=True)
        try:
            attach(self._index, files.database, "journal")
            self._journal_connection = connect(files.database, read_only=True)
        except BaseException:
            self._index.close()
            raise
        self.journal = JournalReader(self._journal_connection)
        self._matching = Matching(self._index, self.journal)

    def close(self) -> None:
        self._index.close()
        self._journal_connection.close()

    def replaced(self) -> bool:
        """Whether a new index stands in the place of the one that is open here."""
        try:
            return self._file.stat().st_ino != self._inode
        except OSError:
            return False

    def position(self) -> int:
        """The journal position that the index has reached."""
        return self._meta("position")

    def page(
        self,
        query: Query,
        now: int,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Deliveries newest first with ids below `before`, or oldest first above `after`."""
        order = "DESC" if after is None else "ASC"
        rows = self._matching.rows(DELIVERY, query, now, Span(before, after, limit, order))
        return [delivery_of(row) for row in rows]

    def ids(
        self,
        query: Query,
        now: int,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int,
    ) -> "array[int]":
        """The ids alone, newest first."""
        rows = self._matching.rows("d.id", query, now, Span(before, after, limit))
        return array("q", (row[0] for row in rows))

    def duplicates(
        self,
        query: Query,
        now: int,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int,
    ) -> "array[int]":
        """Each redelivery that matches, and behind it the first of its event; newest first."""
        span = Span(before, after, limit, of="d.duplicate_of IS NOT NULL")
        rows = self._matching.rows("d.id, d.duplicate_of", query, now, span)
        return array("q", (number for row in rows for number in row))

    def delivery(self, delivery_id: int) -> Delivery | None:
        row = self._index.execute(
            f"SELECT {DELIVERY} FROM delivery d WHERE d.id = ?", (delivery_id,)
        ).fetchone()
        return row and delivery_of(row)

    def latest(self) -> int | None:
        """The id of the newest delivery; a gap is none."""
        row = self._index.execute(
            "SELECT id FROM delivery WHERE +state != 'gap' ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return row and int(row[0])

    def attempts(self, delivery_id: int) -> list[Attempt]:
        """The attempts on a delivery, in order."""
        rows = self._index.execute(
            f"SELECT {ATTEMPT} FROM attempt WHERE delivery_id = ? ORDER BY id", (delivery_id,)
        )
        return [attempt_of(row) for row in rows]

    def open_attempts(self) -> list[Attempt]:
        """The attempts that were under way when the last listener was killed."""
        rows = self._index.execute(
            f"SELECT {ATTEMPT} FROM attempt WHERE duration_ms IS NULL ORDER BY id"
        )
        return [attempt_of(row) for row in rows]

    def waiting(self, target: str, after: int, limit: int) -> list[WaitingDelivery]:
        """Deliveries that wait for a target, oldest first; `UNROUTED` names those without one."""
        rows = self._index.execute(
            "SELECT c.delivery_id, d.received_at, c.attempts, d.remote, d.answered, d.endpoint, "
            "d.origin_relay, d.origin_id FROM chosen c JOIN delivery d ON d.id = c.delivery_id "
            "WHERE c.status = 'waiting' AND c.target = ? AND c.delivery_id > ? "
            "ORDER BY c.delivery_id LIMIT ?",
            (target, after, limit),
        )
        return [WaitingDelivery(*row) for row in rows]

    def held(self, after: tuple[int, str], limit: int) -> list[HeldTarget]:
        """Where deliveries are held, in the order of ids and targets, after such a pair."""
        rows = self._index.execute(
            "SELECT delivery_id, target, attempts FROM chosen "
            "WHERE status = 'held' AND (delivery_id, target) > (?, ?) "
            "ORDER BY delivery_id, target LIMIT ?",
            (*after, limit),
        )
        return [HeldTarget(*row) for row in rows]

    def activity(self, since: int, upto: int, step: int) -> list[tuple[int, int]]:
        """How many deliveries were received in each step from `since` to `upto`, both included.

        Gaps are none. A step is named by where it begins, a multiple of `step`; empty ones are left
        out.
        """
        return self._index.execute(
            "SELECT received_at / ? * ? AS start, count(*) FROM delivery "
            "WHERE received_at BETWEEN ? AND ? AND id NOT IN (SELECT id FROM delivery "
            "WHERE state = 'gap') GROUP BY start ORDER BY start",
            (step, step, since, upto),
        ).fetchall()

    def newest_of(self, event: str | None, limit: int) -> list[Delivery]:
        """The newest few deliveries of an event type."""
        rows = self._index.execute(
            f"SELECT {DELIVERY} FROM delivery d WHERE d.event IS ? "
            "AND d.gap_count IS NULL ORDER BY d.id DESC LIMIT ?",
            (event, limit),
        )
        return [delivery_of(row) for row in rows]

    def waiting_counts(self) -> dict[str, int]:
        """How many deliveries wait for each target."""
        rows = self._index.execute(
            "SELECT target, count(*) FROM chosen WHERE status = 'waiting' GROUP BY target"
        )
        return dict(rows.fetchall())

    def counts(self) -> dict[str, dict[str, int]]:
        """The kept counters by kind: state, event (provider, \\x1f, event), verdict, duplicate,
        marked."""
        found: dict[str, dict[str, int]] = {}
        for kind, key, n in self._index.execute("SELECT kind, key, n FROM counter WHERE n != 0"):
            found.setdefault(kind, {})[key] = n
        return found

    def ledger(self) -> Ledger:
        """What was received against where it is; both sides are counted on their own."""
        # The index first: what is captured in between counts as not yet indexed.
        self._index.execute("BEGIN")
        try:
            counts = self.counts()
            indexed = self._meta("last_delivery")
            skipped = self._meta("skipped")
        finally:
            self._index.rollback()
        received = self.journal.last_delivery()
        pruned = counts.get("pruned", {}).get("", 0)
        return Ledger(received, received - indexed + skipped, pruned, counts.get("state", {}))

    def replay(
        self, after: int, upto: int, headers: Callable[[int], bytes] | None = None
    ) -> tuple[int, list[bytes]]:
        """Frames of the next facts in (after, upto], and the position reached."""
        outline = self.journal.outline(after, upto, _REPLAY_FACTS)
        if not outline:
            return upto, []
        runs = frames.group(
            (seq, kind, delivery, frames.attempt_id(seq, kind, meta))
            for seq, kind, delivery, meta in outline
        )
        ids = {id_ for run in runs if run.letter == "D" for id_ in run.ids}
        ids |= {id_ for run in runs for id_ in run.touched}
        attempts = {id_ for run in runs if run.letter == "A" for id_ in run.ids}
        deliveries = {row[0]: delivery_of(row) for row in self._by_id(DELIVERY, "delivery d", ids)}
        found = {row[0]: attempt_of(row) for row in self._by_id(ATTEMPT, "attempt", attempts)}
        return outline[-1][0], frames.render(runs, deliveries, found, headers)

    def changed_at(self, seq: int) -> list[bytes]:
        """The `C` frame that belongs to an `A` frame at `seq`: a reader may have missed it.

        Repeating a change is harmless, because it carries the whole present summary.
        """
        # A frame's attempts have two facts each, where they started and where they ended.
        facts = 2 * frames.MAX_ITEMS
        run = frames.Run("C", seq)
        for position, kind, delivery, _ in reversed(
            self.journal.outline(max(0, seq - facts), seq, facts)
        ):
            if kind not in (codec.ATTEMPT_STARTED, codec.ATTEMPT_FINISHED):
                break
            run.touched[delivery] = position
        rows = self._by_id(DELIVERY, "delivery d", set(run.touched))
        lines = frames.render([run], {row[0]: delivery_of(row) for row in rows}, {})
        # Where it takes several lines, none may send its reader back behind `seq`.
        return [frames.moved(line, seq) for line in lines]

    def _by_id(self, columns: str, table: str, ids: set[int]) -> list[tuple[Any, ...]]:
        marks = ",".join("?" * len(ids))
        return self._index.execute(
            f"SELECT {columns} FROM {table} WHERE id IN ({marks})", [*ids]
        ).fetchall()

    def prunable(self, before: int | None) -> list[int]:
        """The oldest deliveries that retention may take; see `retention.candidates`."""
        return self.journal.fitting(retention.candidates(self._index, before))

    def _meta(self, key: str) -> int:
        row = self._index.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return int(row[0]) if row else 0
