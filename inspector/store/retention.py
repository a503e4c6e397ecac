"""Which deliveries go, and how the index forgets them; a prune is a fact like any other."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from inspector.store.journal_file import SIZE

# What a prune takes at a time, so that no commit holds captures back for long (measured: those
# behind one that takes a gigabyte wait for 6 s).
STEP = 500
STEP_BYTES = 8 << 20
_COUNTED = ("state", "provider", "event", "verdict", "duplicate_of", "mark")


def counted(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The counters in which a delivery stands."""
    yield "state", row["state"]
    if row["state"] not in ("refused", "gap"):
        yield "event", f"{row['provider']}\x1f{row['event'] or ''}"
        yield "verdict", row["verdict"]
    if row["duplicate_of"] is not None:
        yield "duplicate", ""
    if row["mark"]:
        yield "marked", ""


def forget(
    connection: sqlite3.Connection, ranges: Iterable[tuple[int, int]]
) -> Counter[tuple[str, str]]:
    """Remove deliveries from the index; what changes in the counters is returned.

    Duplicates of one that goes are linked to the first that stays, as they would be in an index
    built from the facts that are left.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for low, high in ranges:
        span = (low, high)
        rows = connection.execute(
            f"SELECT {', '.join(_COUNTED)} FROM delivery WHERE id BETWEEN ? AND ?", span
        ).fetchall()
        for row in rows:
            counts.subtract(counted(dict(zip(_COUNTED, row, strict=True))))
        for table, column in (("delivery", "id"), ("chosen", "delivery_id")):
            connection.execute(f"DELETE FROM {table} WHERE {column} BETWEEN ? AND ?", span)
        connection.execute(
            "DELETE FROM attempt WHERE delivery_id BETWEEN ? AND ?",
            span,
        )
        counts.subtract(_relink(connection, low, high))
        counts["pruned", ""] += high - low + 1
    return counts


def _relink(connection: sqlite3.Connection, low: int, high: int) -> Counter[tuple[str, str]]:
    freed: Counter[tuple[str, str]] = Counter()
    orphans = connection.execute(
        "SELECT duplicate_of, min(id) FROM delivery WHERE duplicate_of BETWEEN ? AND ? "
        "GROUP BY duplicate_of",
        (low, high),
    ).fetchall()
    for gone, heir in orphans:
        connection.execute("UPDATE delivery SET duplicate_of = NULL WHERE id = ?", (heir,))
        connection.execute(
            "UPDATE delivery SET duplicate_of = ? WHERE duplicate_of = ?", (heir, gone)
        )
        freed["duplicate", ""] += 1
    return freed


def candidates(connection: sqlite3.Connection, before: int | None) -> list[int]:
    """The oldest deliveries that may go, at most `STEP`: none that waits or is held.

    Gaps stay, so that what was received can be counted without them for ever. `before` bounds the
    time of capture; None takes the oldest whatever their age.
    """
    # By its index: that nothing is old enough is seen at once, among a million rows.
    older, order = ("", "id") if before is None else ("AND received_at < ?", "received_at, id")
    rows = connection.execute(
        f"SELECT id FROM delivery WHERE state NOT IN ('waiting', 'held', 'gap') {older} "
        f"ORDER BY {order} LIMIT {STEP}",
        () if before is None else (before,),
    )
    return sorted(row[0] for row in rows)


def fitting(journal: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """The first of these deliveries, as many as one prune takes by their size; at least one."""
    marks = ",".join("?" * len(ids))
    sizes = dict(
        journal.execute(
            f"SELECT f.delivery, {SIZE} FROM fact f WHERE f.delivery IN ({marks}) "
            "GROUP BY f.delivery",
            ids,
        ).fetchall()
    )
    size = 0
    for count, id_ in enumerate(ids):
        size += sizes.get(id_, 0)
        if count and size > STEP_BYTES:
            return [*ids[:count]]
    return [*ids]


def ranges_of(ids: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Ascending ids as spans, both ends included."""
    spans: list[tuple[int, int]] = []
    for id_ in ids:
        if spans and spans[-1][1] == id_ - 1:
            spans[-1] = spans[-1][0], id_
        else:
            spans.append((id_, id_))
    return tuple(spans)
