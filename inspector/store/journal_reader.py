"""Reading the journal: facts after a position, and one delivery's request as it was captured."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from inspector.domain.attempt import Response
from inspector.domain.delivery import Request
from inspector.domain.facts import AttemptFinished, Fact, Shadowed
from inspector.domain.headers import Headers
from inspector.store import codec
from inspector.store.mailbox_reader import captured_at
from inspector.store.retention import fitting


class JournalEntry(NamedTuple):
    """A fact at its position, about its delivery."""

    seq: int
    delivery_id: int
    fact: Fact
    pieces: tuple[int, ...] = ()


class PrunedError(LookupError):
    """A part of a body is no longer there."""


class JournalReader:
    """Reads over one connection, which belongs to one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def last_seq(self) -> int:
        return int(self._connection.execute("SELECT max(seq) FROM fact").fetchone()[0] or 0)

    def last_delivery(self) -> int:
        return int(self._connection.execute("SELECT max(delivery) FROM fact").fetchone()[0] or 0)

    def live_bytes(self) -> int:
        """Bytes in use: pages that a prune freed are used again before the file grows."""
        pages, free, page_size = (
            int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page_size

    def fitting(self, ids: Sequence[int]) -> list[int]:
        """See `retention.fitting`."""
        return fitting(self._connection, ids)

    def after(self, seq: int, limit: int) -> Iterator[JournalEntry]:
        """Up to `limit` facts later than `seq`, in order; large bodies are left in pieces."""
        rows = self._connection.execute(
            "SELECT seq, kind, delivery, at, meta, head, body FROM fact WHERE seq > ? "
            "ORDER BY seq LIMIT ?",
            (seq, limit),
        )
        for row in rows:
            pieces: tuple[int, ...] = ()
            if row[1] == codec.CAPTURED and row[6] is None:
                pieces = tuple(json.loads(row[4]).get("pieces", ()))
            yield JournalEntry(row[0], row[2], codec.decode(*row), pieces)

    def outline(self, seq: int, upto: int, limit: int) -> list[tuple[int, int, int, str]]:
        """(seq, kind, delivery, meta) of the facts after `seq` up to `upto`, without any body."""
        return self._connection.execute(
            "SELECT seq, kind, delivery, meta FROM fact WHERE seq > ? AND seq <= ? "
            "ORDER BY seq LIMIT ?",
            (seq, upto, limit),
        ).fetchall()

    def body_pieces(self, pieces: tuple[int, ...]) -> Iterator[bytes]:
        """The parts of a large body, one at a time; `PrunedError` when it is pruned meanwhile."""
        for number in pieces:
            found = self._connection.execute("SELECT data FROM piece WHERE id = ?", (number,))
            if (row := found.fetchone()) is None:
                raise PrunedError("a part of the body is gone")
            yield row[0]

    def request(
        self, delivery_id: int, *, body: bool = True, refused: bool = True
    ) -> Request | None:
        """The captured request, byte for byte; None when it was pruned or never understood.

        A `refused` one has no body, since that was never read.
        """
        kinds = (codec.CAPTURED, codec.REFUSED if refused else codec.CAPTURED)
        row = self._connection.execute(
            f"SELECT meta, head, {'body' if body else 'NULL'} FROM fact "
            "WHERE delivery = ? AND kind IN (?, ?)",
            (delivery_id, *kinds),
        ).fetchone()
        if row is None or row[1] is None:
            return None
        meta, head, content = row
        if body and content is None:
            try:
                content = b"".join(self.body_pieces(tuple(json.loads(meta).get("pieces", ()))))
            except PrunedError:
                return None
        return codec.request_of(head, content or b"")

    def small_requests(self, delivery_ids: Sequence[int], most: int) -> dict[int, Request]:
        """Of these deliveries the captured requests with bodies of at most `most` bytes."""
        marks = ",".join("?" * len(delivery_ids))
        rows = self._connection.execute(
            "SELECT delivery, head, body FROM fact "
            f"WHERE delivery IN ({marks}) AND kind = ? AND length(body) <= ?",
            (*delivery_ids, codec.CAPTURED, most),
        )
        return {id_: codec.request_of(head, body) for id_, head, body in rows}

    def raw_refusal(self, delivery_id: int) -> bytes:
        """The first bytes of a request that no parser understood, or nothing."""
        row = self._connection.execute(
            "SELECT body FROM fact WHERE delivery = ? AND kind = 2 AND head IS NULL", (delivery_id,)
        ).fetchone()
        return row[0] if row and row[0] else b""

    def recent_origins(self, mailbox: str, limit: int) -> dict[int, tuple[int, int | None]]:
        """The newest captures that came from a mailbox of a relay: by their ids there the ids here
        and what their senders were answered, None where that is not known."""
        rows = self._connection.execute(
            "SELECT c.number, c.delivery, c.meta, a.meta FROM fact c "
            f"LEFT JOIN fact a ON a.delivery = c.delivery AND a.kind = {codec.ANSWERED} "
            f"WHERE c.mailbox = ? AND c.number > 0 AND c.kind = {codec.CAPTURED} "
            "ORDER BY c.number DESC, a.seq LIMIT ?",
            (mailbox, limit),
        )
        found = {}
        for number, delivery, captured, answer in rows:
            status = (
                json.loads(answer)["status"] if answer else json.loads(captured).get("answered")
            )
            found[number] = delivery, status
        return found

    def captured_at(self, mailbox: str, number: int) -> int | None:
        """When the delivery with that number was captured at a relay."""
        return captured_at(self._connection, mailbox, number)

    def mirrored(self, mailbox: str, number: int) -> int | None:
        """The id here of a capture that came from a mailbox of a relay."""
        row = self._connection.execute(
            "SELECT delivery FROM fact WHERE mailbox = ? AND number = ? AND kind = ?",
            (mailbox, number, codec.CAPTURED),
        ).fetchone()
        return row and int(row[0])

    def responses(self, delivery_id: int) -> dict[int, tuple[Headers, bytes]]:
        """Response headers and stored body by attempt id, of the attempts that were answered."""
        rows: list[tuple[Any, ...]] = self._connection.execute(
            "SELECT seq, kind, delivery, at, meta, head, body FROM fact "
            "WHERE delivery = ? AND kind = 6 ORDER BY seq",
            (delivery_id,),
        ).fetchall()
        found = {}
        for row in rows:
            fact = codec.decode(*row)
            assert isinstance(fact, AttemptFinished)
            if isinstance(fact.outcome, Response):
                found[fact.attempt_id] = fact.outcome.headers, fact.outcome.body
        return found

    def shadows(self, delivery_id: int) -> list[Shadowed]:
        """What the apps of other consumers said to a delivery, in the order in which it came."""
        rows: list[tuple[Any, ...]] = self._connection.execute(
            "SELECT seq, kind, delivery, at, meta, head, body FROM fact "
            f"WHERE delivery = ? AND kind = {codec.SHADOWED} ORDER BY seq",
            (delivery_id,),
        ).fetchall()
        facts = [codec.decode(*row) for row in rows]
        return [fact for fact in facts if isinstance(fact, Shadowed)]
