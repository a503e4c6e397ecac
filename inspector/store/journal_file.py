"""The journal's database: opened, migrated, and written by one thread."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from inspector.domain.facts import Pruned
from inspector.errors import ConfigurationError, StoreUnavailableError, remedy
from inspector.store.codec import CAPTURED, PASSED, PRUNED, SHADOWED
from inspector.store.connect import connect, is_denied, tune_wal
from inspector.store.files import StoreFiles
from inspector.store.migrations import migrate
from inspector.store.positions import (
    GONE,
    NO_USAGE,
    OVERHEAD,
    Parameter,
    PendingFact,
    Plan,
    Positions,
    Usage,
)

# Rows of one INSERT: a batch as one statement hands the GIL over once (measured: the loop keeps
# 1.4 times as many requests a second as with a statement a row).
ROWS_A_STATEMENT = 128

_COLUMNS = "seq, kind, delivery, at, meta, head, body"
_WIDE = f"{_COLUMNS}, mailbox, number"
# The length of a value is in the head of its row: none of the bodies is read.
_PIECES = (
    f"CASE WHEN f.kind = {CAPTURED} AND f.body IS NULL THEN (SELECT sum(length(p.data)) "
    "FROM json_each(f.meta, '$.pieces') j JOIN piece p ON p.id = j.value) END"
)
_PARTS = ("length(f.head)", "length(f.body)", _PIECES)
SIZE = f"sum({OVERHEAD} + {' + '.join(f'ifnull({part}, 0)' for part in _PARTS)})"
"""The bytes that rows of `fact f` hold, in SQL."""


class JournalFile:
    """One connection that writes; all of it but the opening happens in the writer's thread."""

    def __init__(self, files: StoreFiles, *, relay: bool) -> None:
        self.identity = ""
        connection: sqlite3.Connection | None = None
        try:
            self.connection = connection = connect(files.database)
            migrate(connection)
            self._claim(relay)
            tune_wal(connection, synchronous="FULL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute("PRAGMA journal_size_limit=16777216")
            # Pieces of bodies whose capture never came to its commit.
            connection.execute("DELETE FROM piece WHERE id IN (SELECT id FROM loose_piece)")
            connection.execute("DELETE FROM loose_piece")
            self.positions = self._positions(relay)
        except (sqlite3.Error, ConfigurationError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, ConfigurationError):
                raise
            told = f"cannot open the store {files.database}: {error}"
            if is_denied(error):
                raise ConfigurationError(told, "use a store of your own with --db PATH") from error
            raise StoreUnavailableError(
                told, remedy(error, "move the file away, or use another store with --db PATH")
            ) from error

    def _claim(self, relay: bool) -> None:
        """A store is a relay's or a listener's for ever, from its first use."""
        self.identity, whose, used = self.connection.execute(
            "SELECT id, relay, EXISTS (SELECT 1 FROM fact) FROM identity"
        ).fetchone()
        if whose is None and used:
            whose = 0
        if whose is None:
            self.connection.execute("UPDATE identity SET relay = ?", (int(relay),))
        elif whose != relay:
            theirs = "`inspector relay`" if whose else "`inspector serve`"
            raise ConfigurationError(
                f"the store is one of {theirs}", "use another store with --db PATH"
            )

    def _positions(self, relay: bool) -> Positions:
        last = "SELECT max(seq), (SELECT max(delivery) FROM fact) FROM fact"
        seq, delivery = self.connection.execute(last).fetchone()
        cursors = dict(self.connection.execute("SELECT name, last FROM cursor").fetchall())
        positions = Positions(seq or 0, delivery or 0, relay, cursors)
        if relay:
            kept = self.connection.execute("SELECT mailbox, last FROM numbered").fetchall()
            positions.usage = {name: Usage(last, 0, 0) for name, last in kept}
            rows = self.connection.execute(
                f"SELECT f.mailbox, max(f.number), count(*), {SIZE} FROM fact f "
                "WHERE f.number IS NOT NULL GROUP BY f.mailbox"
            )
            positions.usage |= {name: Usage(*numbers) for name, *numbers in rows}
            beside = self.connection.execute(
                f"SELECT f.mailbox, {SIZE} FROM fact f WHERE f.kind = {SHADOWED} GROUP BY f.mailbox"
            )
            for whose, size in beside:
                have = positions.usage.get(whose, NO_USAGE)
                positions.usage[whose] = have._replace(size=have.size + size)
        return positions

    def insert(self, batch: Sequence[PendingFact], plan: Plan) -> None:
        """Write a planned batch as one transaction."""
        simple = not plan.cursors and not any(item.prune or item.large for item in batch)
        if simple and len(batch) <= ROWS_A_STATEMENT:
            self._insert_rows(plan.parameters, plan.width)
            return
        with self._transaction() as execute:
            # After a long fault more facts may be kept than one statement takes parameters.
            step = plan.width * ROWS_A_STATEMENT
            for start in range(0, len(plan.parameters), step):
                self._insert_rows(plan.parameters[start : start + step], plan.width)
            for item in batch:
                if item.prune:
                    self._delete(item.prune, plan)
                elif item.beside:
                    self._merge(item)
                if item.large:
                    self._forget_loose(item.large.piece_ids)
            for name, last in plan.cursors.items():
                if last != GONE:
                    execute("INSERT OR REPLACE INTO cursor VALUES (?,?)", (name, last))
                else:
                    execute("DELETE FROM cursor WHERE name = ?", (name,))
                    execute("DELETE FROM numbered WHERE mailbox = ?", (name,))

    def _insert_rows(self, parameters: list[Parameter], width: int) -> None:
        marks = "(?,?,?,?,?,?,?)" if width == 7 else "(?,?,?,?,?,?,?,?,?)"
        rows = ",".join([marks] * (len(parameters) // width))
        columns = _COLUMNS if width == 7 else _WIDE
        self.connection.execute(f"INSERT INTO fact({columns}) VALUES {rows}", parameters)

    def _merge(self, item: PendingFact) -> None:
        """Of passes with nothing between them one is left: they come as long as others' deliveries
        do, and nothing that could be pruned need ever come among them."""
        before = self.connection.execute(
            "SELECT seq, kind, json_extract(meta, '$.first') FROM fact "
            "WHERE mailbox = ? AND number < ? ORDER BY number DESC LIMIT 1",
            (item.mailbox, item.first),
        ).fetchone()
        if before is not None and before[1] == PASSED:
            self.connection.execute("DELETE FROM fact WHERE seq = ?", before[:1])
            self.connection.execute(
                "UPDATE fact SET meta = json_set(meta, '$.first', ?1, '$.count', ?2 - ?1 + 1) "
                "WHERE mailbox = ?3 AND number = ?2",
                (before[2], item.last, item.mailbox),
            )

    def _delete(self, prune: Pruned, plan: Plan) -> None:
        for low, high in prune.ranges:
            span = (low, high)
            where = f"f.delivery BETWEEN ? AND ? AND f.kind != {PRUNED}"
            self._take_leave(where, span, plan)
            self.connection.execute(
                "DELETE FROM piece WHERE id IN (SELECT value FROM fact f, "
                f"json_each(f.meta, '$.pieces') WHERE {where})",
                span,
            )
            self.connection.execute(f"DELETE FROM fact AS f WHERE {where}", span)

    def _take_leave(self, where: str, span: tuple[int, int], plan: Plan) -> None:
        """Count what goes; of a relay's endpoints no number is given again."""
        rows = self.connection.execute(
            f"SELECT f.mailbox, ifnull(max(f.number), 0), count(f.number), {SIZE} FROM fact f "
            f"WHERE {where} GROUP BY f.mailbox",
            span,
        ).fetchall()
        for name, last, count, size in rows:
            # Many builds of SQLite write zeros over what is deleted.
            plan.written += size
            if not self.positions.relay or name is None:
                continue
            self.positions.went(plan, name, count, size)
            self.connection.execute(
                "INSERT INTO numbered VALUES (?,?) "
                "ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
                (name, last),
            )

    def add_piece(self, data: bytes) -> int:
        """Commit a piece of a body whose capture is still to come; its id."""
        with self._transaction() as execute:
            piece_id = execute("INSERT INTO piece(data) VALUES (?)", (data,)).lastrowid or 0
            execute("INSERT INTO loose_piece VALUES (?)", (piece_id,))
        return piece_id

    def sweep(self, piece_ids: Sequence[int]) -> None:
        """Delete pieces that came to nothing."""
        with self._transaction():
            numbers = [(number,) for number in piece_ids]
            self.connection.executemany("DELETE FROM piece WHERE id = ?", numbers)
            self._forget_loose(piece_ids)

    def _forget_loose(self, piece_ids: Sequence[int]) -> None:
        numbers = [(number,) for number in piece_ids]
        self.connection.executemany("DELETE FROM loose_piece WHERE id = ?", numbers)

    @contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            yield execute
            execute("COMMIT")
        finally:
            self.connection.rollback()

    def close(self) -> None:
        self.connection.close()
