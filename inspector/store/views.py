"""Applying facts to the index: one bulk write a batch, the same result whenever it is done."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

from inspector.domain.attempt import Attempt, Outcome, Response, Trigger
from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.envelope import Envelope, Signature
from inspector.domain.facts import (
    Answered,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Gap,
    Marked,
    Passed,
    Probed,
    Pruned,
    Refused,
    Released,
    Routed,
    Shadowed,
)
from inspector.domain.headers import Headers
from inspector.domain.lifecycle import TargetState, after_attempt, state_of
from inspector.store import codec, frames, retention
from inspector.store.drafts import Draft, Drafts, new_delivery
from inspector.store.journal_reader import JournalEntry, JournalReader
from inspector.store.schema import UNROUTED, attempt_of, delivery_of

Read = Callable[[Request, int], tuple[Envelope, Signature]]

_KINDS = {
    Captured: codec.CAPTURED,
    Refused: codec.REFUSED,
    Gap: codec.GAP,
    Passed: codec.PASSED,
    Probed: codec.PROBED,
    Routed: codec.ROUTED,
    Released: codec.RELEASED,
    Answered: codec.ANSWERED,
    AttemptStarted: codec.ATTEMPT_STARTED,
    AttemptFinished: codec.ATTEMPT_FINISHED,
    Shadowed: codec.SHADOWED,
    Marked: codec.MARKED,
    Pruned: codec.PRUNED,
}


class _Decoded(NamedTuple):
    size: int
    digest: str
    envelope: Envelope
    signature: Signature


class Views:
    """The index's writer: `apply` takes facts in order, each once.

    `read` decodes and verifies a request as of its capture. `connection` is in a transaction of
    the caller's.
    """

    def __init__(self, connection: sqlite3.Connection, journal: JournalReader, read: Read) -> None:
        self._connection = connection
        self._journal = journal
        self._read = read
        self._begin()

    def _begin(self) -> None:
        self._drafts = Drafts(self._connection)
        self.headers: dict[int, Headers] = {}

    def _load_meta(self) -> None:
        meta = dict(self._connection.execute("SELECT key, value FROM meta").fetchall())
        self._last_delivery: int = meta.get("last_delivery", 0)
        self._skipped: int = meta.get("skipped", 0)

    def _save_meta(self, position: int) -> None:
        meta = {
            "position": position,
            "last_delivery": self._last_delivery,
            "skipped": self._skipped,
        }
        self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", meta.items())

    def apply(self, entries: Sequence[JournalEntry]) -> list[frames.Run]:
        """Write what the facts change; the runs tell subscribers of it."""
        self._begin()
        self._decodings = {
            entry.seq: self._decoded(entry, entry.fact)
            for entry in entries
            if isinstance(entry.fact, Captured)
        }
        decoded = self._decodings.values()
        # One look-up for all of the batch: one for each costs a tenth of the indexing.
        self._event_ids = [each.envelope.event_id for each in decoded if each.envelope.event_id]
        self._firsts = self._known_firsts()
        marks = []
        self._load_meta()
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
                case Gap():
                    self._missed(entry, fact)
                    self._reach(entry.delivery_id, 1)
                case Passed() | Probed() | Shadowed():
                    pass
                case AttemptStarted():
                    attempt = entry.seq
                    self._started(entry, fact)
                case AttemptFinished():
                    attempt = fact.attempt_id
                    self._finished(entry, fact)
                case Routed():
                    self._routed(fact)
                case Released():
                    self._released(fact)
                case Answered():
                    if draft := self._drafts.delivery(fact.delivery_id):
                        draft["answered"] = fact.status
                case Marked():
                    self._marked(fact)
                case Pruned():
                    self._drafts.flush()
                    self._reach(entry.delivery_id, 0)
                    self._forget(fact)
            marks.append((entry.seq, _KINDS[type(fact)], entry.delivery_id, attempt))
        self._drafts.flush()
        self._save_meta(entries[-1].seq)
        return frames.group(marks)

    def leave_out(self, entries: Sequence[JournalEntry]) -> list[frames.Run]:
        """Go on behind facts that cannot be indexed, as if their deliveries were never seen."""
        self._begin()
        self._load_meta()
        for entry in entries:
            self._reach(entry.delivery_id, 0)
        self._save_meta(entries[-1].seq)
        return []

    def delivery(self, delivery_id: int) -> Delivery | None:
        """The summary as it stands in this batch."""
        draft = self._drafts.delivery(delivery_id)
        return None if draft is None else delivery_of(tuple(draft.values()))

    def attempt(self, attempt_id: int) -> Attempt | None:
        draft = self._drafts.attempt(attempt_id)
        return None if draft is None else attempt_of(tuple(draft.values()))

    # One method a fact.

    def _decoded(self, entry: JournalEntry, fact: Captured) -> _Decoded:
        body = fact.request.body
        if entry.pieces:
            body = b"".join(self._journal.body_pieces(entry.pieces))
        request = fact.request._replace(body=body) if entry.pieces else fact.request
        return _Decoded(len(body), sha256(body).hexdigest(), *self._read(request, fact.at))

    def _captured(self, entry: JournalEntry, fact: Captured) -> None:
        size, digest, envelope, signature = self._decodings[entry.seq]
        id_ = entry.delivery_id
        draft = new_delivery(entry, fact.at, fact.remote, fact.endpoint, fact.request, fact.origin)
        draft.update(
            body_size=size,
            body_sha256=digest,
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
            same = (envelope.event_id, envelope.provider, envelope.event)
            first = self._firsts.setdefault(same, id_)
            draft["duplicate_of"] = first if first != id_ else None
        targets = (UNROUTED,) if fact.route is None else fact.route
        if targets:
            self._drafts.choose(id_, targets)
            draft["state"] = State.WAITING
        self._add(draft, fact.request.headers)

    def _refused(self, entry: JournalEntry, fact: Refused) -> None:
        draft = new_delivery(entry, fact.at, fact.remote, fact.endpoint, fact.request, fact.origin)
        draft.update(
            body_size=len(fact.raw),
            body_sha256=sha256(fact.raw).hexdigest(),
            answered=fact.status or None,
            state=State.REFUSED,
            state_reason=f"{fact.code}: {fact.reason}",
            reason="refused before its body was read",
        )
        self._add(draft, fact.request.headers if fact.request else ())

    def _missed(self, entry: JournalEntry, fact: Gap) -> None:
        draft = new_delivery(entry, fact.at, "", fact.endpoint, None, fact.origin)
        draft.update(
            state=State.GAP,
            state_reason=fact.reason,
            gap_first=fact.first,
            gap_count=fact.count,
        )
        self._add(draft, ())

    def _add(self, draft: Draft, headers: Headers) -> None:
        self._drafts.add(draft)
        self._drafts.counts.update(retention.counted(draft))
        self.headers[draft["id"]] = headers

    def _routed(self, fact: Routed) -> None:
        if (draft := self._drafts.delivery(fact.delivery_id)) is None:
            return
        status = TargetState.HELD if fact.held_by else TargetState.WAITING
        self._drafts.choose(fact.delivery_id, fact.targets, status)
        draft["state_reason"] = fact.filtered_by or (fact.held_by if fact.targets else "")
        self._restate(fact.delivery_id, draft)

    def _released(self, fact: Released) -> None:
        if (draft := self._drafts.delivery(fact.delivery_id)) is None:
            return
        for target, (status, tried) in self._drafts.targets(fact.delivery_id).items():
            if status is TargetState.HELD:
                self._drafts.set_target(fact.delivery_id, target, TargetState.WAITING, tried)
        self._restate(fact.delivery_id, draft)

    def _marked(self, fact: Marked) -> None:
        if (draft := self._drafts.delivery(fact.delivery_id)) is None:
            return
        self._drafts.counts["marked", ""] += bool(fact.mark) - bool(draft["mark"])
        draft["mark"], draft["note"] = fact.mark, fact.note

    def _started(self, entry: JournalEntry, fact: AttemptStarted) -> None:
        if (draft := self._drafts.delivery(fact.delivery_id)) is None:
            return
        attempt = {
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
        self._drafts.add_attempt(attempt)
        draft["attempts"] += 1
        targets = self._drafts.targets(fact.delivery_id)
        if fact.target in targets:
            status, tried = targets[fact.target]
            self._drafts.set_target(fact.delivery_id, fact.target, status, tried + 1)

    def _finished(self, entry: JournalEntry, fact: AttemptFinished) -> None:
        draft = self._drafts.delivery(fact.delivery_id)
        attempt = self._drafts.attempt(fact.attempt_id)
        if draft is None or attempt is None:
            return
        attempt.update(_outcome(fact.outcome), seq=entry.seq, duration_ms=fact.duration_ms)
        draft["last_status"] = attempt["status"]
        draft["last_failure"] = attempt["failure_reason"]
        draft["last_duration_ms"] = fact.duration_ms
        if attempt["chosen"]:
            targets = self._drafts.targets(fact.delivery_id)
            name = attempt["target"]
            before, tried = targets.get(name, (None, 1))
            by_hand = attempt["trigger"] == Trigger.MANUAL
            status = after_attempt(before, fact.outcome, final=fact.final, by_hand=by_hand)
            if status is not None:
                self._drafts.set_target(fact.delivery_id, name, status, tried)
                self._restate(fact.delivery_id, draft)

    def _reach(self, delivery_id: int, seen: int) -> None:
        """Every id up to this one was given; those never seen go in a prune that follows."""
        self._skipped += max(0, delivery_id - self._last_delivery - seen)
        self._last_delivery = max(delivery_id, self._last_delivery)

    def _forget(self, fact: Pruned) -> None:
        self._drafts.forget()
        counts = retention.forget(self._connection, fact.ranges)
        found = -sum(n for (kind, _), n in counts.items() if kind == "state")
        self._skipped -= counts["pruned", ""] - found
        self._drafts.counts.update(counts)
        self._firsts = self._known_firsts()

    def _restate(self, delivery_id: int, draft: Draft) -> None:
        statuses = [status for status, _ in self._drafts.targets(delivery_id).values()]
        state = state_of(statuses, filtered=bool(draft["state_reason"]))
        # What was refused stays so, whatever is sent of it, and so does what never came.
        if draft["state"] not in (State.REFUSED, State.GAP, state):
            self._drafts.counts["state", draft["state"]] -= 1
            self._drafts.counts["state", state] += 1
            if draft["state"] == State.HELD and state is not State.FILTERED:
                # By which breakpoint it was held is no reason of what came after.
                draft["state_reason"] = ""
            draft["state"] = state

    def _known_firsts(self) -> dict[tuple[str, str, str | None], int]:
        """The first delivery in the index of each (event id, provider, event) of this batch.

        Who gives no id to an event, but one to the thing that it is about, has events of several
        names under one id.
        """
        marks = ",".join("?" * len(self._event_ids))
        rows = self._connection.execute(
            "SELECT event_id, provider, event, min(id) FROM delivery "
            f"WHERE event_id IN ({marks}) AND replay_of IS NULL GROUP BY event_id, provider, event",
            self._event_ids,
        )
        return {(event_id, provider, event): first for event_id, provider, event, first in rows}


def _outcome(outcome: Outcome) -> Draft:
    # All four columns: an attempt taken for interrupted may yet be answered.
    names = ("status", "body_size", "failure_kind", "failure_reason")
    if isinstance(outcome, Response):
        return dict(zip(names, (outcome.status, outcome.body_size, None, None), strict=True))
    return dict(zip(names, (None, None, outcome.kind, outcome.reason), strict=True))
