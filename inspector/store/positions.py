"""What the journal has given out so far: positions, ids, numbers at endpoints, and cursors.

A batch is planned against it first, and counts only when it has been committed. No SQLite here.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from inspector.domain.facts import (
    Appended,
    Captured,
    Fact,
    Gap,
    Passed,
    Probed,
    Pruned,
    Refused,
    Shadowed,
)
from inspector.store.codec import CAPTURED, Row, encode

# What a delivery takes beside its head and its body, roughly: meta, positions, index entries.
OVERHEAD = 256

# A cursor that is forgotten.
GONE = -1

Parameter = int | str | bytes | None


class Large(NamedTuple):
    """A body on its way in pieces: those still to be written, the ids of those that are."""

    pieces: deque[bytes]
    size: int
    piece_ids: list[int]


@dataclass(slots=True, eq=False)
class PendingFact:
    """One fact on its way.

    `mailbox` is where it has a number: at a relay its endpoint, else the mailbox of its origin;
    `first` to `last` are its ids there, of a fact with an origin (else 0). `vital`: whoever
    appended it is told when it cannot be written, other facts are tried again. `beside`: it stands
    with the delivery that came last, and goes with it. `fills`: at a relay it has no number, but
    belongs to the delivery with that one and fills its mailbox. Without a row it only moves the
    cursor `mailbox` to `last`, or forgets it (`GONE`), or an endpoint.
    """

    row: Row | None
    future: "asyncio.Future[Appended]"
    large: Large | None = None
    new_delivery: bool = False
    beside: bool = False
    vital: bool = False
    prune: Pruned | None = None
    mailbox: str = ""
    first: int = 0
    last: int = 0
    fills: int = 0

    @property
    def unfinished(self) -> bool:
        """Whether pieces of its body are still to be written."""
        return self.large is not None and bool(self.large.pieces)

    def with_pieces(self) -> "PendingFact":
        """The same with the ids of its pieces in its row, once they are written."""
        if self.large is not None and self.row is not None:
            kind, about, at, meta, head, _ = self.row
            assert kind == CAPTURED
            self.row = kind, about, at, f'{meta[:-1]},"pieces":{self.large.piece_ids}}}', head, None
        return self


def item_of(fact: Fact, future: "asyncio.Future[Appended]", relay: bool) -> PendingFact:
    """A fact for the writer; in a `relay`'s journal deliveries are numbered at their endpoints."""
    item = PendingFact(encode(fact), future)
    match fact:
        case Captured():
            item.new_delivery = item.vital = True
            if fact.pieces:
                item.large = Large(deque(fact.pieces), sum(map(len, fact.pieces)), [])
        case Refused() | Gap():
            item.new_delivery = item.vital = True
        case Probed():
            # At home it is no delivery; at a relay it goes like one.
            item.new_delivery, item.vital = relay, True
        case Pruned():
            item.prune, item.beside = fact, True
            return item
        case Passed():
            item.beside = item.vital = True
        case Shadowed() if relay:
            item.mailbox, item.fills = fact.mailbox, fact.number
            return item
        case _:
            return item
    if relay:
        item.mailbox = fact.endpoint
    elif fact.origin is not None:
        item.mailbox = fact.origin.mailbox
        item.first = fact.first if isinstance(fact, Gap | Passed) else fact.origin.id
        item.last = fact.origin.id
    return item


class Usage(NamedTuple):
    """What a relay keeps for an endpoint: the last number given, and how many deliveries of how
    many bytes are stored."""

    last: int
    held: int
    size: int


NO_USAGE = Usage(0, 0, 0)


@dataclass(slots=True)
class Plan:
    """A batch with its positions given: `parameters` of rows, each of `width` columns."""

    width: int
    seq: int
    delivery: int
    parameters: list[Parameter] = field(default_factory=list)
    done: list[tuple["asyncio.Future[Appended]", Appended]] = field(default_factory=list)
    refused: list[PendingFact] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)
    written: int = 0


@dataclass(slots=True)
class Positions:
    """Belongs to the writer's thread; others may look at single values."""

    seq: int
    delivery: int
    relay: bool
    cursors: dict[str, int] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)

    def plan(self, batch: Sequence[PendingFact]) -> Plan:
        """Give each item its place; those that do not follow their cursor are `refused`."""
        relay = wide = self.relay
        for item in batch:
            if item.mailbox:
                wide = True
                break
        plan = Plan(9 if wide else 7, self.seq, self.delivery)
        parameters, done = plan.parameters, plan.done
        seq, delivery, written = self.seq, self.delivery, 0
        for item in batch:
            if item.row is None:
                plan.cursors[item.mailbox] = item.last
                done.append((item.future, Appended(seq, 0)))
                continue
            number = None
            if item.mailbox and (number := self._number(plan, item)) is None:
                plan.refused.append(item)
                continue
            kind, about, at, meta, head, body = item.row
            seq += 1
            if item.new_delivery:
                delivery += 1
                about = delivery
            elif item.beside:
                about = delivery
            parameters += (seq, kind, about, at, meta, head, body)
            if wide:
                parameters += (item.mailbox or None, number or None)
            written += len(meta) + len(head or b"") + len(body or b"") + 64
            done.append((item.future, Appended(seq, about, number or 0 if relay else about)))
        plan.seq, plan.delivery, plan.written = seq, delivery, written
        return plan

    def _number(self, plan: Plan, item: PendingFact) -> int | None:
        """The number of an item at its mailbox, 0 for one that only fills it; None for one that
        does not follow there, or whose delivery is gone."""
        name = item.mailbox
        if self.relay:
            have = plan.usage.get(name) or self.usage.get(name, NO_USAGE)
            assert item.row is not None
            *_, head, body = item.row
            size = OVERHEAD + len(head or b"") + len(body or b"")
            size += item.large.size if item.large else 0
            if item.fills:
                # What a mailbox holds has no holes, so these numbers are gone.
                if item.fills <= have.last - have.held:
                    return None
                plan.usage[name] = Usage(have.last, have.held, have.size + size)
                return 0
            plan.usage[name] = Usage(have.last + 1, have.held + 1, have.size + size)
            return have.last + 1
        if (last := plan.cursors.get(name)) is None:
            last = self.cursors.get(name, 0)
        if item.first != max(last, 0) + 1:
            return None
        plan.cursors[name] = item.last
        return item.last

    def went(self, plan: Plan, name: str, count: int, size: int) -> None:
        """So many deliveries of an endpoint are removed by the batch."""
        have = plan.usage.get(name) or self.usage.get(name, NO_USAGE)
        plan.usage[name] = Usage(have.last, have.held - count, have.size - size)

    def commit(self, plan: Plan) -> None:
        """The batch is on disk."""
        self.seq, self.delivery = plan.seq, plan.delivery
        self.usage.update(plan.usage)
        self.cursors.update(plan.cursors)
        for name in [name for name, last in plan.cursors.items() if last == GONE]:
            del self.cursors[name]
            self.usage.pop(name, None)
