"""Laws of the index: however the facts came in, it is what they say, and counters count."""

import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.attempt import Trigger
from inspector.domain.delivery import State
from inspector.domain.facts import (
    Answered,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Fact,
    Gap,
    Marked,
    Origin,
    Passed,
    Probed,
    Pruned,
    Refused,
    Released,
    Routed,
    Shadowed,
)
from inspector.domain.query import parse
from inspector.store import indexer as indexer_module
from inspector.store.files import StoreFiles
from inspector.store.indexer import Indexer
from inspector.store.reader import Reader
from tests.store.parts import (
    APP,
    AT,
    GONE,
    OK,
    OTHER,
    captured,
    entries,
    finished,
    pruned,
    read_plain,
    rebuilt,
    rows,
    started,
    tables,
    write,
)

ROUTES: tuple[tuple[str, ...] | None, ...] = (None, (), (APP,), (APP, OTHER))
Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["capture"] * 4
            + ["start", "finish"] * 3
            + ["hold", "release"] * 2
            + ["refuse", "route", "answer", "shadow", "mark", "replay", "index", "prune"]
            + ["mirror", "miss", "probe", "pass"]
        ),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    max_size=30,
)


@dataclass
class Maker:
    """Turns steps into facts about deliveries and attempts that there are."""

    deliveries: int = 0
    seq: int = 0
    cursor: int = 0
    attempts: list[tuple[int, int]] = field(default_factory=list)
    queue: list[Fact] = field(default_factory=list)

    def add(self, fact: Fact) -> None:
        self.seq += 1
        if isinstance(fact, Captured | Refused | Gap):
            self.deliveries += 1
        if isinstance(fact, AttemptStarted):
            self.attempts.append((fact.delivery_id, self.seq))
        self.queue.append(fact)

    def make(self, name: str, a: int, b: int) -> None:
        if name == "capture":
            event_id = "" if b == 7 else f"evt_{b % 3}"
            event = (("Event", f"e{a % 2}"),) if a else ()
            self.add(captured(event_id, at=AT + a, route=ROUTES[a % 4], headers=event))
        elif name == "refuse":
            self.add(Refused(AT + a, 0 if b else 413, "code", "reason", "r"))
        elif name in ("mirror", "miss", "probe", "pass"):
            self.mirror(name, a, b)
        elif not self.deliveries:
            return
        elif name == "finish":
            if self.attempts:
                delivery, attempt = self.attempts[a % len(self.attempts)]
                self.add(finished(delivery, attempt, GONE if b % 2 else OK, final=b < 4))
        else:
            self.about(name, 1 + a % self.deliveries, b)

    def mirror(self, name: str, a: int, b: int) -> None:
        """The next from the relay."""
        first = self.cursor + 1
        self.cursor += 1 + b if name in ("miss", "pass") else 1
        origin = Origin("https://relay", self.cursor, "relay/box")
        made: dict[str, Fact] = {
            "mirror": captured(f"evt_{b % 3}", at=AT + a, route=ROUTES[a % 4], origin=origin),
            "miss": Gap(AT + a, "default", first, 1 + b, "expired", origin),
            "probe": Probed(AT, "default", "nonce", origin),
            "pass": Passed(AT + a, "default", first, 1 + b, origin),
        }
        self.add(made[name])

    def about(self, name: str, id_: int, b: int) -> None:
        made: dict[str, Fact] = {
            "start": started(
                id_,
                (APP, OTHER)[b % 2],
                b,
                (Trigger.AUTO, Trigger.MANUAL)[b % 3 == 0],
                chosen=b < 6,
            ),
            "route": Routed(AT, id_, ROUTES[1 + b % 3] or (), "rule" if b == 0 else ""),
            "answer": Answered(AT, id_, 200 + b),
            "shadow": Shadowed(AT, id_, "bob", 1.5, GONE if b % 2 else OK),
            "hold": Routed(AT, id_, ROUTES[1 + b % 3] or (), held_by="event:e*"),
            "release": Released(AT, id_),
            "mark": Marked(AT, id_, f"m{b}" if b % 3 else "", ""),
            "replay": captured("evt_0", replay_of=id_),
        }
        self.add(made[name])


def pages(files: StoreFiles) -> list[int]:
    with closing(Reader(files)) as reader:
        assert reader.ledger().balanced
        return [each.id for each in reader.page(parse(""), AT, limit=1000)]


def counted(files: StoreFiles) -> Counter[tuple[str, str]]:
    """The counters, counted."""
    found: Counter[tuple[str, str]] = Counter()
    states = "SELECT state, provider, event, verdict, duplicate_of, mark FROM delivery"
    for state, provider, event, verdict, duplicate, mark in rows(files.index, states):
        found["state", state] += 1
        if state not in ("refused", "gap"):
            found["event", f"{provider}\x1f{event or ''}"] += 1
            found["verdict", verdict] += 1
        if duplicate is not None:
            found["duplicate", ""] += 1
        if mark:
            found["marked", ""] += 1
    return found


@settings(max_examples=70, deadline=None)
@given(steps, st.integers(1, 5))
@example([("miss", 0, 3), ("mirror", 1, 0), ("mark", 0, 1), ("prune", 7, 0)], 1)
@example([("miss", 0, 0), ("hold", 0, 0)], 1)
@example([("pass", 0, 1), ("mirror", 0, 0), ("index", 0, 0), ("pass", 0, 1), ("pass", 0, 0)], 1)
@example([("refuse", 0, 0), ("start", 0, 0), ("finish", 0, 0)], 1)
@example([("capture", 0, 0), ("hold", 0, 1), ("release", 0, 0), ("start", 0, 0)], 1)
@example([("capture", 0, 0), ("hold", 0, 2), ("prune", 0, 0), ("index", 0, 0)], 1)
def test_step_by_step_is_the_same_as_at_once(script: list[Step], batch: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(indexer_module, "BATCH_FACTS", batch)
        files = StoreFiles(Path(folder) / "store.db")
        maker = Maker()
        write(files)
        with closing(Indexer(files, read_plain)) as indexer:
            for name, a, b in [*script, ("index", 0, 0)]:
                if name not in ("index", "prune"):
                    maker.make(name, a, b)
                    continue
                write(files, *maker.queue)
                maker.queue.clear()
                while indexer.step():
                    with closing(Reader(files)) as reader:
                        assert reader.ledger().balanced
                if name == "prune":
                    with closing(Reader(files)) as reader:
                        old = reader.prunable(None)
                    old = old[-a - 1 :] if b % 2 else old[: a + 1]
                    if old:
                        maker.add(pruned(*old))
        check_against_the_facts(files)
        grown = tables(files)
        patch.setattr(indexer_module, "BATCH_FACTS", 1 + batch % 3)
        check_a_rebuild(files, grown)
        patch.setattr(indexer_module, "BATCH_FACTS", 512)
        assert rebuilt(files) == grown


def check_a_rebuild(files: StoreFiles, grown: dict[str, Any]) -> None:
    """In place, with the ledger balanced all the way."""
    with closing(Indexer(files, read_plain)) as indexer, closing(Reader(files)) as reader:
        indexer.reset()
        assert reader.ledger().balanced
        assert reader.position() == 0
        while indexer.step():
            assert reader.ledger().balanced
    assert tables(files) == grown


def check_against_the_facts(files: StoreFiles) -> None:
    found = counted(files)
    kept = {(kind, key): n for kind, key, n in tables(files)["counter"] if kind != "pruned"}
    assert kept == dict(found)
    expected = Expected()
    for entry in entries(files):
        expected.apply(entry.seq, entry.delivery_id, entry.fact)
    columns = "id, state, attempts, answered, mark, duplicate_of, last_status, last_failure"
    assert rows(files.index, f"SELECT {columns} FROM delivery") == expected.rows()
    assert pages(files) == [row[0] for row in reversed(expected.rows())]


class Expected:
    """The index as a simple reading of the facts that are left would have it."""

    def __init__(self) -> None:
        self.deliveries: dict[int, dict[str, Any]] = {}
        self.attempts: dict[int, AttemptStarted] = {}
        self.first: dict[tuple[str, str | None], int] = {}

    def apply(self, seq: int, id_: int, fact: Fact) -> None:
        if isinstance(fact, Captured):
            self.capture(id_, fact)
        elif isinstance(fact, Gap):
            self.deliveries[id_] = {"state": "gap"}
        elif isinstance(fact, Refused):
            self.deliveries[id_] = {"state": "refused", "answered": fact.status or None}
        elif not isinstance(fact, Pruned) and (found := self.deliveries.get(id_)):
            self.change(seq, found, fact)

    def capture(self, id_: int, fact: Captured) -> None:
        headers = dict(fact.request.headers)
        first = None
        if (event_id := headers.get("Event-Id")) and fact.replay_of is None:
            first = self.first.setdefault((event_id, headers.get("Event")), id_)
        route = ("",) if fact.route is None else fact.route
        self.deliveries[id_] = {
            "chosen": dict.fromkeys(route, "waiting"),
            "duplicate_of": None if first == id_ else first,
        }

    def change(self, seq: int, found: dict[str, Any], fact: Fact) -> None:
        match fact:
            case Routed():
                status = "held" if fact.held_by else "waiting"
                found["chosen"] = dict.fromkeys(fact.targets, status)
                found["rule"] = fact.filtered_by
            case Released():
                chosen = found.get("chosen", {})
                chosen |= {target: "waiting" for target in chosen if chosen[target] == "held"}
            case Answered():
                found["answered"] = fact.status
            case Marked():
                found["mark"] = fact.mark
            case AttemptStarted():
                self.attempts[seq] = fact
                found["attempts"] = found.get("attempts", 0) + 1
            case AttemptFinished():
                self.finish(found, self.attempts[fact.attempt_id], fact)

    def finish(self, found: dict[str, Any], start: AttemptStarted, fact: AttemptFinished) -> None:
        answered = fact.outcome is OK or fact.outcome == OK
        found["last"] = (200, None) if answered else (None, GONE.reason)
        if start.chosen:
            chosen = found.setdefault("chosen", {})
            status = chosen.get(start.target)
            pending = start.trigger is Trigger.MANUAL and status in ("waiting", "held")
            if answered:
                chosen[start.target] = "answered"
            elif fact.final and not pending:
                chosen[start.target] = "failed"

    @staticmethod
    def state(found: dict[str, Any]) -> str:
        if found.get("state"):
            return str(found["state"])
        statuses = set(found["chosen"].values())
        for status in ("failed", "waiting", "held"):
            if status in statuses:
                return status
        return "forwarded" if statuses else "filtered" if found.get("rule") else "kept"

    def rows(self) -> list[tuple[Any, ...]]:
        return [
            (
                id_,
                State(self.state(found)),
                found.get("attempts", 0),
                found.get("answered"),
                found.get("mark", ""),
                found.get("duplicate_of"),
                *found.get("last", (None, None)),
            )
            for id_, found in self.deliveries.items()
        ]
