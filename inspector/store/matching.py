"""Which deliveries match a query: rows of the index, in the order of their ids."""

import sqlite3
from functools import cached_property
from typing import Any, NamedTuple

from inspector.domain.delivery import Delivery, Request
from inspector.domain.headers import Headers
from inspector.domain.query import Bound, Query, to_sql
from inspector.providers import by_name
from inspector.store.contents import JournalContents
from inspector.store.journal_reader import JournalReader
from inspector.store.schema import DELIVERY, delivery_of

_CONTENTS = JournalContents()
# So many rows are sorted within some milliseconds.
_FEW = 5_000


class Span(NamedTuple):
    """The part of the list that is asked for: ids between the bounds, `of` a further condition."""

    before: int | None
    after: int | None
    limit: int
    order: str = "DESC"
    of: str = ""


class Candidate:
    """A delivery as a query sees it; headers and body are loaded when a condition asks."""

    def __init__(self, delivery: Delivery, journal: JournalReader) -> None:
        self.delivery = delivery
        self._journal = journal

    @cached_property
    def _request(self) -> Request:
        found = self._journal.request(self.delivery.id)
        return found or Request("", "", "", (), b"")

    @property
    def headers(self) -> Headers:
        return self._request.headers

    @property
    def body(self) -> bytes:
        return self._request.body

    @cached_property
    def data(self) -> Any:
        name = self.delivery.provider
        return by_name(name).decode(self._request).data if name else None


class Matching:
    """Selects over a connection to the index that has the journal attached as `journal`."""

    def __init__(self, index: sqlite3.Connection, journal: JournalReader) -> None:
        self._index = index
        self._journal = journal

    def rows(self, columns: str, query: Query, now: int, span: Span) -> sqlite3.Cursor:
        """`columns` of the table alias `d`, in the order of the span."""
        sql = to_sql(query, now, _CONTENTS)
        last: tuple[int, Candidate] | None = None

        def match(number: int, id_: int) -> bool:
            # One subject serves all conditions of a row.
            nonlocal last
            if last is None or last[0] != id_:
                row = self._index.execute(
                    f"SELECT {DELIVERY} FROM delivery d WHERE d.id = ?", (id_,)
                ).fetchone()
                last = id_, Candidate(delivery_of(row), self._journal)
            return bool(sql.predicates[number](last[1]))

        if sql.predicates:
            self._index.create_function("inspector_match", 2, match)
        where = [span.of] if span.of else []
        parameters: list[Bound] = []
        for condition, bound in (("d.id < ?", span.before), ("d.id > ?", span.after)):
            if bound is not None:
                where.append(condition)
                parameters.append(bound)
        where.append(f"({sql.where})")
        parameters += sql.params
        condition = " AND ".join(where)
        source = "delivery d"
        if self._would_sort_many(condition, parameters, whole=not query.needs_content):
            source += " NOT INDEXED"
        return self._index.execute(
            f"SELECT {columns} FROM {source} WHERE {condition} ORDER BY d.id {span.order} LIMIT ?",
            [*parameters, span.limit],
        )

    def _would_sort_many(self, condition: str, parameters: list[Bound], *, whole: bool) -> bool:
        """Whether SQLite is about to find very many by an index, only to sort them by their ids.

        `event:delta.*` of a million took 1.2 s for a page that way. Where there are many, the
        newest are soon found by looking at one after the other. Unless the condition is decided
        by the index as a `whole`, every one found would be looked into before the first is given.
        """
        ordered = f"SELECT d.id FROM delivery d WHERE {condition} ORDER BY d.id LIMIT 1"
        plan = self._index.execute(f"EXPLAIN QUERY PLAN {ordered}", parameters).fetchall()
        if not any("TEMP B-TREE" in row[3] for row in plan):
            return False
        if not whole:
            return True
        some = f"SELECT 1 FROM delivery d WHERE {condition} LIMIT {_FEW}"
        count = self._index.execute(f"SELECT count(*) FROM ({some})", parameters).fetchone()[0]
        return bool(count == _FEW)
