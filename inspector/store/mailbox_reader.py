"""Reading a relay's journal by the numbers at its endpoints: what the tunnel hands on."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from inspector.domain.facts import Shadowed
from inspector.domain.parcel import Held, Parcel, Stored, digest_of
from inspector.store import codec
from inspector.store.retention import fitting

# How far back of a consumer's position it is looked for answers that it may not have heard of:
# they are of requests that were under way when its connection went, far fewer than these.
_ANSWERS_WITHIN = 4096
_KINDS = {codec.CAPTURED: "captured", codec.REFUSED: "refused", codec.PROBED: "probe"}
_Answer = tuple[int, bool]


class MailboxReader:
    """Reads over one connection, which belongs to one thread at a time. A mailbox is an endpoint's
    id; its deliveries are removed from the front alone, so that what it holds has no holes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def held(self, mailbox: str) -> Held:
        """The numbers that are there; where there are none, `last` is the last one given."""
        with_number = "FROM fact WHERE mailbox = ?1 AND number IS NOT NULL"
        first, last, given = self._connection.execute(
            f"SELECT (SELECT min(number) {with_number}), (SELECT max(number) {with_number}), "
            "(SELECT last FROM numbered WHERE mailbox = ?1)",
            (mailbox,),
        ).fetchone()
        last = max(last or 0, given or 0)
        return Held(first or last + 1, last)

    def since(self, mailbox: str, at: int) -> int | None:
        """The first number that was captured at `at` or later."""
        row = self._connection.execute(
            "SELECT number FROM fact WHERE mailbox = ? AND number > 0 AND at >= ? "
            "ORDER BY number LIMIT 1",
            (mailbox, at),
        ).fetchone()
        return row and int(row[0])

    def captured_at(self, mailbox: str, number: int) -> int | None:
        """See `tunnel.ports.Mailboxes`."""
        return captured_at(self._connection, mailbox, number)

    def after(self, mailbox: str, seen: int, limit: int, most: int) -> list[Stored]:
        """See `tunnel.ports.Mailboxes`."""
        rows: list[tuple[Any, ...]] = []
        size = 0
        for row in self._connection.execute(
            "SELECT number, kind, delivery, at, meta, head, body FROM fact "
            "WHERE mailbox = ? AND number > ? ORDER BY number LIMIT ?",
            (mailbox, seen, limit),
        ):
            rows.append(row)
            size += len(row[6] or b"")
            if size > most:
                break
        answers = self._answers([row[2] for row in rows if row[1] == codec.CAPTURED])
        return [self._stored(answers.get(row[2]), *row) for row in rows]

    def _answers(self, deliveries: Sequence[int]) -> dict[int, _Answer]:
        marks = ",".join("?" * len(deliveries))
        rows = self._connection.execute(
            f"SELECT delivery, meta FROM fact WHERE delivery IN ({marks}) "
            f"AND kind = {codec.ANSWERED} ORDER BY seq",
            deliveries,
        )
        return {delivery: _answer(meta) for delivery, meta in rows}

    def _stored(
        self, answer: _Answer | None, number: int, kind: int, delivery: int, at: int, meta: str,
        head: bytes | None, body: bytes | None,
    ) -> Stored:  # fmt: skip
        told = json.loads(meta)
        head, content = head or b"", body or b""
        pieces = tuple(told.get("pieces", ())) if body is None else ()
        digest = "" if pieces else digest_of(head, content)
        size = self._size(pieces) if pieces else len(content)
        answered, turned_away = answer or (told.get("answered"), False)
        parcel = Parcel(
            _KINDS[kind],
            number,
            at,
            told.get("remote", ""),
            head,
            content,
            digest,
            size,
            answered,
            turned_away=turned_away,
            status=told.get("status", 0),
            code=told.get("code", ""),
            reason=told.get("reason", ""),
            nonce=told.get("nonce", ""),
        )
        return Stored(parcel, pieces)

    def _size(self, pieces: Sequence[int]) -> int:
        marks = ",".join("?" * len(pieces))
        found = f"SELECT sum(length(data)) FROM piece WHERE id IN ({marks})"
        return int(self._connection.execute(found, pieces).fetchone()[0] or 0)

    def piece(self, number: int) -> bytes | None:
        """A piece of a large body, None when it is gone."""
        found = "SELECT data FROM piece WHERE id = ?"
        row = self._connection.execute(found, (number,)).fetchone()
        return row and bytes(row[0])

    def answers(self, mailbox: str, upto: int, limit: int) -> list[tuple[int, int, bool]]:
        """(number, status, turned away) of the last answers that came after their captures, of
        deliveries up to `upto`, in the order of the numbers."""
        rows = self._connection.execute(
            "SELECT c.number, a.meta FROM fact c JOIN fact a ON a.delivery = c.delivery "
            f"WHERE c.mailbox = ? AND c.number > ? AND c.number <= ? AND a.kind = {codec.ANSWERED} "
            "ORDER BY c.number DESC LIMIT ?",
            (mailbox, upto - _ANSWERS_WITHIN, upto, limit),
        ).fetchall()
        return [(number, *_answer(meta)) for number, meta in reversed(rows)]

    def deliveries(self, mailbox: str, numbers: Sequence[int]) -> dict[int, int]:
        """The ids of captures by their numbers; those that are not there are left out."""
        marks = ",".join("?" * len(numbers))
        rows = self._connection.execute(
            f"SELECT number, delivery FROM fact WHERE mailbox = ? AND number IN ({marks}) "
            f"AND kind = {codec.CAPTURED}",
            (mailbox, *numbers),
        )
        return dict(rows.fetchall())

    def shadows(self, mailbox: str, after: int, limit: int) -> list[tuple[int, Shadowed]]:
        """See `tunnel.ports.Mailboxes`."""
        rows = self._connection.execute(
            "SELECT seq, kind, delivery, at, meta, head, body FROM fact "
            f"WHERE mailbox = ? AND kind = {codec.SHADOWED} AND seq > ? ORDER BY seq LIMIT ?",
            (mailbox, after, limit),
        )
        found = [(row[0], codec.decode(*row)) for row in rows]
        return [(seq, fact) for seq, fact in found if isinstance(fact, Shadowed)]

    def shadows_since(self, mailbox: str, seen: int, limit: int) -> tuple[int, int]:
        """See `tunnel.ports.Mailboxes`."""
        of_mailbox = f"FROM fact WHERE mailbox = ?1 AND kind = {codec.SHADOWED}"
        newest, repeated, following = self._connection.execute(
            f"SELECT (SELECT max(seq) {of_mailbox}), "
            f"(SELECT seq {of_mailbox} ORDER BY seq DESC LIMIT 1 OFFSET ?3), "
            "(SELECT seq FROM fact WHERE mailbox = ?1 AND number > ?2 ORDER BY number LIMIT 1)",
            (mailbox, seen, limit),
        ).fetchone()
        newest = newest or 0
        return min(repeated or 0, following or newest), newest

    def oldest(
        self, mailbox: str, upto: int, now: int, before: int | None, limit: int
    ) -> list[int]:
        """The ids of the first deliveries up to number `upto`, none behind one that was captured
        at `before` or later, and no more than one prune takes.

        A time later than `now` is that of a wrong clock: such a one is as old as the next one.
        """
        rows = self._connection.execute(
            "SELECT delivery, at, number FROM fact WHERE mailbox = ? AND number > 0 "
            "AND number <= ? ORDER BY number LIMIT ?",
            (mailbox, upto, limit),
        ).fetchall()
        if before is None:
            return fitting(self._connection, [delivery for delivery, _, _ in rows])
        found = undated = 0
        for _, at, _ in rows:
            if at < before:
                found, undated = found + undated + 1, 0
            elif at > now:
                undated += 1
            else:
                break
        else:
            following = self._next_at(mailbox, rows[-1][2], upto, now) if undated else None
            if following is not None and following < before:
                found += undated
        return fitting(self._connection, [delivery for delivery, _, _ in rows[:found]])

    def _next_at(self, mailbox: str, number: int, upto: int, now: int) -> int | None:
        """When the first delivery behind that number was captured that has a true time."""
        row = self._connection.execute(
            "SELECT at FROM fact WHERE mailbox = ? AND number > ? AND number <= ? AND at <= ? "
            "ORDER BY number LIMIT 1",
            (mailbox, number, upto, now),
        ).fetchone()
        return row and int(row[0])


def captured_at(connection: sqlite3.Connection, mailbox: str, number: int) -> int | None:
    """When the delivery with that number in a mailbox was captured, here or at its relay; None
    where it is not stored."""
    row = connection.execute(
        "SELECT at FROM fact WHERE mailbox = ? AND number = ? "
        f"AND kind IN ({', '.join(map(str, _KINDS))})",
        (mailbox, number),
    ).fetchone()
    return row and int(row[0])


def _answer(meta: str) -> _Answer:
    told = json.loads(meta)
    return int(told["status"]), bool(told.get("turned_away", False))
