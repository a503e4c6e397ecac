"""Applying facts to the index: one bulk write a batch, the same result whenever it is done."""

import json
import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from inspector.domain.attempt import Attempt, Outcome, Response
from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.envelope import Envelope, Signature, Verdict
from inspector.domain.facts import (
    Answered,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Marked,
    Pruned,
    Refused,
    Routed,
)
from inspector.domain.headers import Headers, first
from inspector.domain.lifecycle import TargetStatus, after_attempt, state_of
from inspector.store import codec, frames, retention
from inspector.store.journal_reader import Entry, JournalReader
from inspector.store.schema import (
    ATTEMPT,
    ATTEMPT_COLUMNS,
    COLUMNS,
    DELIVERY,
    UNROUTED,
    attempt_of,
    delivery_of,
)

# First deliveries of recent event ids, so that a burst of redeliveries needs no look-up.
_RECENT_EVENTS = 4096

Draft = dict[str, Any]
Read = Callable[[Request, int], tuple[Envelope, Signature]]

_KINDS = {
    Captured: codec.CAPTURED,
    Refused: codec.REFUSED,
    Routed: codec.ROUTED,
    Answered: codec.ANSWERED,
    AttemptStarted: codec.ATTEMPT_STARTED,
    AttemptFinished: codec.ATTEMPT_FINISHED,
    Marked: codec.MARKED,
    Pruned: codec.PRUNED,
}
_DELIVERY_SQL = f"INSERT OR REPLACE INTO delivery VALUES ({','.join('?' * len(COLUMNS))})"
_ATTEMPT_SQL = f"INSERT OR REPLACE INTO attempt VALUES ({','.join('?' * len(ATTEMPT_COLUMNS))})"


class Views:
    """The index's writer: `apply` takes facts in order, each once.

    `read` decodes and verifies a request as of its capture. `connection` is in a transaction of
    the caller's.
    """

    def __init__(self, connection: sqlite3.Connection, journal: JournalReader, read: Read) -> None:
        self._connection = connection
        self._journal = journal
        self._read = read
        self._recent: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._begin()

    def _begin(self) -> None:
        self._drafts: dict[int, Draft] = {}
        self._attempts: dict[int, Draft] = {}
        self._chosen: dict[int, dict[str, tuple[TargetStatus, int]]] = {}
        self._touched_chosen: set[int] = set()
        self._counts: Counter[tuple[str, str]] = Counter()
        self.headers: dict[int, Headers] = {}

    def apply(self, entries: Iterable[Entry]) -> list[frames.Run]:
        """Write what the facts change; the runs tell subscribers of it."""
        self._begin()
        marks = []
        last = 0
        meta = dict(self._connection.execute("SELECT key, value FROM meta").fetchall())
        self._last_delivery = meta.get("last_delivery", 0)
        self._skipped = meta.get("skipped", 0)
        for entry in entries:
            fact = entry.fact
            attempt = 0
            match fact:
                case Captured():
                    self._captured(entry, fact)
                    self._reach(entry.delivery_id, 1)
                case Refused():
                    self._refused(entry, fact)
                    self._reach(entry.delivery_id, 1)
                case AttemptStarted():
                    attempt = entry.seq
                    self._started(entry, fact)
                case AttemptFinished():
                    attempt = fact.attempt_id
                    self._finished(entry, fact)
                case Routed():
                    self._routed(fact)
                case Answered():
                    if draft := self._draft(fact.delivery_id):
                        draft["answered"] = fact.status
                case Marked():
                    if draft := self._draft(fact.delivery_id):
                        draft["mark"], draft["note"] = fact.mark, fact.note
                case Pruned():
                    self._flush()
                    self._reach(entry.delivery_id, 0)
                    self._forget(fact)
            marks.append((entry.seq, _KINDS[type(fact)], entry.delivery_id, attempt))
            last = entry.seq
        self._flush()
        if last:
            self._meta("position", last)
            self._meta("last_delivery", self._last_delivery)
            self._meta("skipped", self._skipped)
        return frames.group(marks)

    def delivery(self, delivery_id: int) -> Delivery | None:
        """The summary as it stands in this batch."""
        draft = self._draft(delivery_id)
        return None if draft is None else delivery_of(tuple(draft.values()))

    def attempt(self, attempt_id: int) -> Attempt | None:
        draft = self._attempt(attempt_id)
        return None if draft is None else attempt_of(tuple(draft.values()))

    # One method a fact.

    def _captured(self, entry: Entry, fact: Captured) -> None:
        request = fact.request
        digest = sha256(request.body)
        size = len(request.body)
        if entry.pieces:
            body = b"".join(self._journal.body_pieces(entry.pieces))
            digest, size = sha256(body), len(body)
            request = Request(
                request.method, request.target, request.http_version, request.headers, body
            )
        envelope, signature = self._read(request, fact.at)
        id_ = entry.delivery_id
        draft = _new(entry, fact.at, fact.remote, fact.endpoint, request)
        draft.update(
            body_size=size,
            body_sha256=digest.hexdigest(),
            provider=envelope.provider,
            event=envelope.event,
            event_id=envelope.event_id,
            event_time=envelope.event_time,
            verdict=signature.verdict,
            reason=signature.reason,
            notes=json.dumps(envelope.notes) if envelope.notes else "",
            replay_of=fact.replay_of,
            answered=fact.answered,
        )
        if envelope.event_id is not None and fact.replay_of is None:
            draft["duplicate_of"] = self._first_of(envelope.provider, envelope.event_id, id_)
        targets = (UNROUTED,) if fact.route is None else fact.route
        if targets:
            self._chosen[id_] = dict.fromkeys(targets, (TargetStatus.WAITING, 0))
            self._touched_chosen.add(id_)
            draft["state"] = State.WAITING
        self._drafts[id_] = draft
        self.headers[id_] = request.headers
        self._count(draft, 1)

    def _refused(self, entry: Entry, fact: Refused) -> None:
        draft = _new(entry, fact.at, fact.remote, fact.endpoint, fact.request)
        draft.update(
            body_size=len(fact.raw),
            body_sha256=sha256(fact.raw).hexdigest(),
            answered=fact.status or None,
            state=State.REFUSED,
            state_reason=f"{fact.code}: {fact.reason}",
            reason="refused before its body was read",
        )
        self._drafts[entry.delivery_id] = draft
        self.headers[entry.delivery_id] = fact.request.headers if fact.request else ()
        self._count(draft, 1)

    def _routed(self, fact: Routed) -> None:
        if (draft := self._draft(fact.delivery_id)) is None:
            return
        self._targets(fact.delivery_id).clear()
        self._targets(fact.delivery_id).update(
            dict.fromkeys(fact.targets, (TargetStatus.WAITING, 0))
        )
        self._touched_chosen.add(fact.delivery_id)
        draft["state_reason"] = fact.filtered_by
        self._restate(fact.delivery_id, draft)

    def _started(self, entry: Entry, fact: AttemptStarted) -> None:
        if (draft := self._draft(fact.delivery_id)) is None:
            return
        self._attempts[entry.seq] = {
            "id": entry.seq,
            "seq": entry.seq,
            "delivery_id": fact.delivery_id,
            "target": fact.target,
            "number": fact.number,
            "trigger": fact.trigger,
            "resigned": fact.resigned,
            "started_at": fact.at,
            "duration_ms": None,
            "status": None,
            "failure_kind": None,
            "failure_reason": None,
            "body_size": None,
            "chosen": fact.chosen,
        }
        draft["attempts"] += 1
        targets = self._targets(fact.delivery_id)
        if fact.target in targets:
            status, attempts = targets[fact.target]
            targets[fact.target] = status, attempts + 1
            self._touched_chosen.add(fact.delivery_id)

    def _finished(self, entry: Entry, fact: AttemptFinished) -> None:
        draft = self._draft(fact.delivery_id)
        attempt = self._attempt(fact.attempt_id)
        if draft is None or attempt is None:
            return
        attempt.update(_outcome(fact.outcome), seq=entry.seq, duration_ms=fact.duration_ms)
        draft["last_status"] = attempt["status"]
        draft["last_failure"] = attempt["failure_reason"]
        draft["last_duration_ms"] = fact.duration_ms
        if attempt["chosen"]:
            targets = self._targets(fact.delivery_id)
            name = attempt["target"]
            status, attempts = targets.get(name, (TargetStatus.WAITING, 1))
            targets[name] = after_attempt(status, fact.outcome, final=fact.final), attempts
            self._touched_chosen.add(fact.delivery_id)
            self._restate(fact.delivery_id, draft)

    def _reach(self, delivery_id: int, seen: int) -> None:
        """Every id up to this one was given; those never seen go in a prune that follows."""
        self._skipped += max(0, delivery_id - self._last_delivery - seen)
        self._last_delivery = max(delivery_id, self._last_delivery)

    def _forget(self, fact: Pruned) -> None:
        for loaded in (self._drafts, self._attempts, self._chosen, self._recent):
            loaded.clear()
        counts = retention.forget(self._connection, fact.ranges)
        found = -sum(n for (kind, _), n in counts.items() if kind == "state")
        self._skipped -= counts["pruned", ""] - found
        self._counts.update(counts)

    def _restate(self, delivery_id: int, draft: Draft) -> None:
        statuses = [status for status, _ in self._targets(delivery_id).values()]
        state = state_of(statuses, filtered=bool(draft["state_reason"]))
        if state != draft["state"]:
            self._counts["state", draft["state"]] -= 1
            self._counts["state", state] += 1
            draft["state"] = state

    # What a batch has loaded, and what it writes.

    def _draft(self, delivery_id: int) -> Draft | None:
        if (draft := self._drafts.get(delivery_id)) is None:
            row = self._connection.execute(
                f"SELECT {DELIVERY} FROM delivery d WHERE id = ?", (delivery_id,)
            ).fetchone()
            if row is None:
                return None
            draft = self._drafts[delivery_id] = dict(zip(COLUMNS, row, strict=True))
        return draft

    def _attempt(self, attempt_id: int) -> Draft | None:
        if (draft := self._attempts.get(attempt_id)) is None:
            row = self._connection.execute(
                f"SELECT {ATTEMPT} FROM attempt WHERE id = ?", (attempt_id,)
            ).fetchone()
            if row is None:
                return None
            draft = self._attempts[attempt_id] = dict(zip(ATTEMPT_COLUMNS, row, strict=True))
        return draft

    def _targets(self, delivery_id: int) -> dict[str, tuple[TargetStatus, int]]:
        if (targets := self._chosen.get(delivery_id)) is None:
            rows = self._connection.execute(
                "SELECT target, status, attempts FROM chosen WHERE delivery_id = ?", (delivery_id,)
            )
            targets = {target: (TargetStatus(status), n) for target, status, n in rows}
            self._chosen[delivery_id] = targets
        return targets

    def _first_of(self, provider: str, event_id: str, delivery_id: int) -> int | None:
        key = (provider, event_id)
        if (known := self._recent.get(key)) is None:
            known = self._connection.execute(
                "SELECT min(id) FROM delivery "
                "WHERE event_id = ? AND provider = ? AND replay_of IS NULL",
                (event_id, provider),
            ).fetchone()[0]
            self._recent[key] = known or delivery_id
            if len(self._recent) > _RECENT_EVENTS:
                self._recent.popitem(last=False)
        return known

    def _count(self, draft: Draft, n: int) -> None:
        for key in retention.counted(draft):
            self._counts[key] += n

    def _flush(self) -> None:
        execute = self._connection.executemany
        execute(_DELIVERY_SQL, [tuple(draft.values()) for draft in self._drafts.values()])
        execute(_ATTEMPT_SQL, [tuple(draft.values()) for draft in self._attempts.values()])
        if self._touched_chosen:
            ids = [(id_,) for id_ in self._touched_chosen]
            execute("DELETE FROM chosen WHERE delivery_id = ?", ids)
            rows = [
                (id_, target, status, attempts)
                for (id_,) in ids
                for target, (status, attempts) in self._chosen[id_].items()
            ]
            execute("INSERT INTO chosen VALUES (?,?,?,?)", rows)
            self._touched_chosen.clear()
        execute(
            "INSERT INTO counter VALUES (?,?,?) "
            "ON CONFLICT(kind, key) DO UPDATE SET n = n + excluded.n",
            [(kind, key, n) for (kind, key), n in self._counts.items() if n],
        )
        self._counts.clear()

    def _meta(self, key: str, value: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))


def _new(entry: Entry, at: int, remote: str, endpoint: str, request: Request | None) -> Draft:
    """A draft in the order of the columns, with what every delivery starts from."""
    return {
        "id": entry.delivery_id,
        "seq": entry.seq,
        "endpoint": endpoint,
        "received_at": at,
        "method": request.method if request else "",
        "request_target": request.target if request else "",
        "http_version": request.http_version if request else "",
        "remote": remote,
        "content_type": (first(request.headers, "content-type") or "") if request else "",
        "body_size": 0,
        "body_sha256": "",
        "provider": "",
        "event": None,
        "event_id": None,
        "event_time": None,
        "verdict": Verdict.UNCHECKED,
        "reason": "",
        "notes": "",
        "duplicate_of": None,
        "replay_of": None,
        "answered": None,
        "state": State.KEPT,
        "state_reason": "",
        "attempts": 0,
        "last_status": None,
        "last_failure": None,
        "last_duration_ms": None,
        "mark": "",
        "note": "",
    }


def _outcome(outcome: Outcome) -> Draft:
    # All four columns: an attempt taken for interrupted may yet be answered.
    names = ("status", "body_size", "failure_kind", "failure_reason")
    if isinstance(outcome, Response):
        return dict(zip(names, (outcome.status, outcome.body_size, None, None), strict=True))
    return dict(zip(names, (None, None, outcome.kind, outcome.reason), strict=True))
