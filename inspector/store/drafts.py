"""What one batch of facts has loaded of the index, and writes back in bulk."""

import sqlite3
from collections import Counter
from typing import Any

from inspector.domain.delivery import Request, State
from inspector.domain.envelope import Verdict
from inspector.domain.facts import Origin
from inspector.domain.headers import first
from inspector.domain.lifecycle import TargetState
from inspector.store.journal_reader import JournalEntry
from inspector.store.schema import ATTEMPT, ATTEMPT_COLUMNS, COLUMNS, DELIVERY

# A row of the index by column, in the order of the columns.
Draft = dict[str, Any]

_DELIVERY_SQL = f"INSERT OR REPLACE INTO delivery VALUES ({','.join('?' * len(COLUMNS))})"
_ATTEMPT_SQL = f"INSERT OR REPLACE INTO attempt VALUES ({','.join('?' * len(ATTEMPT_COLUMNS))})"


class Drafts:
    """Rows being changed: taken from the index at first use, written by `flush`.

    `counts` gathers what changes in the counters.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._deliveries: dict[int, Draft] = {}
        self._attempts: dict[int, Draft] = {}
        self._targets: dict[int, dict[str, tuple[TargetState, int]]] = {}
        self._retargeted: set[int] = set()
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, draft: Draft) -> None:
        self._deliveries[draft["id"]] = draft

    def add_attempt(self, draft: Draft) -> None:
        self._attempts[draft["id"]] = draft

    def delivery(self, delivery_id: int) -> Draft | None:
        """The delivery to read or change, or None when it was pruned."""
        if (draft := self._deliveries.get(delivery_id)) is None:
            row = self._connection.execute(
                f"SELECT {DELIVERY} FROM delivery d WHERE id = ?", (delivery_id,)
            ).fetchone()
            if row is None:
                return None
            draft = self._deliveries[delivery_id] = dict(zip(COLUMNS, row, strict=True))
        return draft

    def attempt(self, attempt_id: int) -> Draft | None:
        if (draft := self._attempts.get(attempt_id)) is None:
            row = self._connection.execute(
                f"SELECT {ATTEMPT} FROM attempt WHERE id = ?", (attempt_id,)
            ).fetchone()
            if row is None:
                return None
            draft = self._attempts[attempt_id] = dict(zip(ATTEMPT_COLUMNS, row, strict=True))
        return draft

    def targets(self, delivery_id: int) -> dict[str, tuple[TargetState, int]]:
        """Status and attempts of each chosen target, to read."""
        if (targets := self._targets.get(delivery_id)) is None:
            rows = self._connection.execute(
                "SELECT target, status, attempts FROM chosen WHERE delivery_id = ?", (delivery_id,)
            )
            targets = {target: (TargetState(status), n) for target, status, n in rows}
            self._targets[delivery_id] = targets
        return targets

    def set_target(self, delivery_id: int, target: str, status: TargetState, tried: int) -> None:
        self.targets(delivery_id)[target] = status, tried
        self._retargeted.add(delivery_id)

    def choose(
        self,
        delivery_id: int,
        targets: tuple[str, ...],
        status: TargetState = TargetState.WAITING,
    ) -> None:
        """All of them wait, or are held; targets chosen before are dropped."""
        self._targets[delivery_id] = dict.fromkeys(targets, (status, 0))
        self._retargeted.add(delivery_id)

    def flush(self) -> None:
        """Write everything; what is loaded stays readable."""
        execute = self._connection.executemany
        execute(_DELIVERY_SQL, [tuple(draft.values()) for draft in self._deliveries.values()])
        execute(_ATTEMPT_SQL, [tuple(draft.values()) for draft in self._attempts.values()])
        if self._retargeted:
            ids = [(id_,) for id_ in self._retargeted]
            execute("DELETE FROM chosen WHERE delivery_id = ?", ids)
            rows = [
                (id_, target, status, tried)
                for (id_,) in ids
                for target, (status, tried) in self._targets[id_].items()
            ]
            execute("INSERT INTO chosen VALUES (?,?,?,?)", rows)
            self._retargeted.clear()
        execute(
            "INSERT INTO counter VALUES (?,?,?) "
            "ON CONFLICT(kind, key) DO UPDATE SET n = n + excluded.n",
            [(kind, key, n) for (kind, key), n in self.counts.items() if n],
        )
        self.counts.clear()

    def forget(self) -> None:
        """Drop what is loaded, after a flush: rows are about to go."""
        for loaded in (self._deliveries, self._attempts, self._targets):
            loaded.clear()


def new_delivery(
    entry: JournalEntry,
    at: int,
    remote: str,
    endpoint: str,
    request: Request | None,
    origin: Origin | None,
) -> Draft:
    """What every delivery starts from."""
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
        "origin_relay": origin and origin.relay,
        "origin_id": origin and origin.id,
        "gap_first": None,
        "gap_count": None,
    }
