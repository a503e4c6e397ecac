"""The index's tables: everything in them is derived from the journal."""

import json
from typing import Any

from inspector.domain.attempt import Attempt, Failure, FailureKind, Trigger
from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict

# Another number throws the index away, to be built again from the journal.
VERSION = 4

# The target of a delivery whose routing decision is still to be taken.
UNROUTED = ""

SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE delivery(
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  method TEXT NOT NULL,
  request_target TEXT NOT NULL,
  http_version TEXT NOT NULL,
  remote TEXT NOT NULL,
  content_type TEXT NOT NULL,
  body_size INTEGER NOT NULL,
  body_sha256 TEXT NOT NULL,
  provider TEXT NOT NULL,
  event TEXT,
  event_id TEXT,
  event_time TEXT,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  notes TEXT NOT NULL,
  duplicate_of INTEGER,
  replay_of INTEGER,
  answered INTEGER,
  state TEXT NOT NULL,
  state_reason TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  last_status INTEGER,
  last_failure TEXT,
  last_duration_ms REAL,
  mark TEXT NOT NULL,
  note TEXT NOT NULL,
  origin_relay TEXT,
  origin_id INTEGER,
  gap_first INTEGER,
  gap_count INTEGER
);
CREATE INDEX delivery_event ON delivery(event);
CREATE INDEX delivery_state ON delivery(state);
CREATE INDEX delivery_verdict ON delivery(verdict);
CREATE INDEX delivery_event_id ON delivery(event_id, provider) WHERE event_id IS NOT NULL;
CREATE INDEX delivery_duplicate ON delivery(duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX delivery_redelivered ON delivery(id, duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX delivery_received ON delivery(received_at);
CREATE TABLE chosen(
  delivery_id INTEGER NOT NULL,
  target TEXT NOT NULL,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY(delivery_id, target)
) WITHOUT ROWID;
CREATE INDEX chosen_waiting ON chosen(target, delivery_id) WHERE status = 'waiting';
CREATE INDEX chosen_held ON chosen(delivery_id, target) WHERE status = 'held';
CREATE TABLE attempt(
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  delivery_id INTEGER NOT NULL,
  target TEXT NOT NULL,
  number INTEGER NOT NULL,
  trigger TEXT NOT NULL,
  resigned INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  duration_ms REAL,
  status INTEGER,
  failure_kind TEXT,
  failure_reason TEXT,
  body_size INTEGER,
  chosen INTEGER NOT NULL
);
CREATE INDEX attempt_delivery ON attempt(delivery_id);
CREATE INDEX attempt_open ON attempt(id) WHERE duration_ms IS NULL;
CREATE TABLE counter(
  kind TEXT NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(kind, key)
) WITHOUT ROWID;
"""

COLUMNS = Delivery._fields
DELIVERY = ", ".join(f"d.{name}" for name in COLUMNS)
ATTEMPT_COLUMNS = (
    "id",
    "seq",
    "delivery_id",
    "target",
    "number",
    "trigger",
    "resigned",
    "started_at",
    "duration_ms",
    "status",
    "failure_kind",
    "failure_reason",
    "body_size",
    "chosen",
)
ATTEMPT = ", ".join(ATTEMPT_COLUMNS)

_NOTES = COLUMNS.index("notes")
_VERDICT = COLUMNS.index("verdict")
_STATE = COLUMNS.index("state")


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """The summary in a row of `DELIVERY`."""
    values = list(row)
    values[_NOTES] = tuple(json.loads(values[_NOTES])) if values[_NOTES] else ()
    values[_VERDICT] = Verdict(values[_VERDICT])
    values[_STATE] = State(values[_STATE])
    return Delivery._make(values)


def attempt_of(row: tuple[Any, ...]) -> Attempt:
    """The summary in a row of `ATTEMPT`."""
    values = dict(zip(ATTEMPT_COLUMNS, row, strict=True))
    kind = values["failure_kind"]
    return Attempt(
        id=values["id"],
        seq=values["seq"],
        delivery_id=values["delivery_id"],
        target=values["target"],
        number=values["number"],
        trigger=Trigger(values["trigger"]),
        resigned=bool(values["resigned"]),
        started_at=values["started_at"],
        duration_ms=values["duration_ms"],
        status=values["status"],
        failure=Failure(FailureKind(kind), values["failure_reason"]) if kind else None,
        body_size=values["body_size"],
        chosen=bool(values["chosen"]),
    )
