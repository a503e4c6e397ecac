"""What a relay captured, taken into the local journal and forwarded as if it had come here."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import Request
from inspector.domain.facts import (
    Answered,
    Appended,
    Captured,
    Fact,
    Gap,
    Origin,
    Probed,
    Refused,
)
from inspector.domain.facts import Passed as PassedFact
from inspector.domain.headers import decode_head
from inspector.domain.parcel import Parcel
from inspector.server.ports import Onward
from inspector.server.shadowing import Find, Overheard, Shadowing
from inspector.tasks import Tasks
from inspector.tunnel.messages import Passed, Reply, ShadowReply, WireError
from inspector.tunnel.ports import Arrival, Replies, Source

# How many deliveries may be without an answer; a relay repeats 256 answers when it is connected.
_OPEN = 4096

Recent = Callable[[str, int], Awaitable[Mapping[int, tuple[int, int | None]]]]
CapturedAt = Callable[[str, int], Awaitable[int | None]]


class MirrorJournal(Protocol):
    """Facts, appended; one with an origin only where it follows the last of its mailbox."""

    def append(self, fact: Fact) -> "asyncio.Future[Appended]": ...

    def cursor(self, name: str) -> int: ...


class MirrorForwarder(Onward, Overheard, Protocol):
    """The targets of this listener."""


class Mirror:
    """The tunnel's `Mirroring`: each delivery is in the journal once, whatever is sent again.

    `recent(mailbox, limit)` gives the last deliveries of a mailbox: their ids there, with the ids
    here and what was answered; `find(mailbox, id)` a single one, `captured_at(mailbox, id)` its
    time.
    """

    def __init__(
        self,
        journal: MirrorJournal,
        onward: MirrorForwarder,
        recent: Recent,
        find: Find,
        captured_at: CapturedAt,
        clock: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._onward = onward
        self._recent = recent
        self._captured_at = captured_at
        self._clock = clock
        self._tasks = Tasks("mirror")
        self._shadowing = Shadowing(journal, onward, find, clock)
        # Whether the one that came last is asked for.
        self._asking = False
        # By mailbox: the deliveries without an answer, by their ids there.
        self._open: dict[str, dict[int, int]] = {}

    async def position(self, mailbox: str) -> int | None:
        if mailbox not in self._open:
            found = await self._recent(mailbox, _OPEN)
            self._open[mailbox] = {n: here for n, (here, status) in found.items() if status is None}
        return self._journal.cursor(mailbox) or None

    async def captured_at(self, mailbox: str, number: int) -> int | None:
        return await self._captured_at(mailbox, number)

    def take(self, source: Source, came: Sequence[Arrival], reply: Replies) -> Awaitable[None]:
        route = self._onward.route()
        try:
            facts = [
                _passed(source, each, self._clock())
                if isinstance(each, Passed)
                else _fact(source, *each, route)
                for each in came
            ]
        except ValueError as error:
            raise WireError("a delivery came whose head cannot be read") from error
        appended = [self._journal.append(fact) for fact in facts]
        return self._commit(source, came, facts, appended, reply)

    async def _commit(
        self,
        source: Source,
        came: Sequence[Arrival],
        facts: list[Fact],
        appended: "list[asyncio.Future[Appended]]",
        reply: Replies,
    ) -> None:
        waiting = self._open.setdefault(source.mailbox, {})
        # Of one commit all are done at once: the wait for the first is the only one that waits.
        for each, fact, future in zip(came, facts, appended, strict=True):
            here = (await future).delivery_id
            if isinstance(fact, Captured) and not isinstance(each, Passed):
                parcel, _ = each
                if fact.answered is None:
                    waiting[parcel.id] = here
                if self._asking and not parcel.ask:
                    # Those before it that are asked for begin in tasks of their own: theirs first.
                    await asyncio.sleep(0)
                self._asking = parcel.ask
                if parcel.ask or parcel.shadow:
                    self._shadowing.remember(source.mailbox, parcel.id, here)
                self._forward(source.mailbox, parcel, here, fact, reply)
        while len(waiting) > _OPEN:
            del waiting[next(iter(waiting))]

    def _forward(
        self, mailbox: str, parcel: Parcel, here: int, fact: Captured, reply: Replies
    ) -> None:
        if fact.route == ():
            if parcel.ask or parcel.shadow:
                reply(Reply(parcel.id, None))
        elif parcel.ask:
            self._tasks.start(self._ask(parcel, here, fact, reply), f"ask {here}")
        else:
            if parcel.shadow:
                self._shadowing.expect(mailbox, parcel.id, here)
            self._onward.captured(here, fact)

    async def _ask(self, parcel: Parcel, here: int, fact: Captured, reply: Replies) -> None:
        try:
            outcome = await self._onward.answered_by_app(
                here, fact, within=parcel.within or None, once=parcel.once
            )
        except BaseException:
            reply(Reply(parcel.id, Failure(FailureKind.INTERRUPTED, "the listener stopped")))
            raise
        reply(Reply(parcel.id, outcome))

    async def miss(self, gap: Gap) -> None:
        await self._journal.append(gap)

    async def answered(self, mailbox: str, items: tuple[tuple[int, int, bool], ...]) -> None:
        waiting = self._open.get(mailbox, {})
        for number, status, turned_away in items:
            if (here := waiting.pop(number, None)) is not None:
                self._journal.append(Answered(self._clock(), here, status, turned_away))

    def speak(self, mailbox: str, reply: Replies | None) -> None:
        self._shadowing.speak(mailbox, reply)

    def shadowed(self, mailbox: str, said: ShadowReply) -> Awaitable[None]:
        return self._shadowing.heard(mailbox, said)

    async def stop(self) -> None:
        """Wait for no app any more."""
        await self._tasks.stop()


def _passed(source: Source, passed: Passed, at: int) -> Fact:
    first, last = passed
    origin = Origin(source.relay, last, source.mailbox)
    return PassedFact(at, source.endpoint, first, last - first + 1, origin)


def _fact(
    source: Source, parcel: Parcel, pieces: tuple[bytes, ...], route: tuple[str, ...] | None
) -> Fact:
    """What happened at the relay, as a fact of ours; raises `ValueError`."""
    origin = Origin(source.relay, parcel.id, source.mailbox)
    if parcel.kind == "captured":
        body = b"" if pieces else parcel.body
        return Captured(
            parcel.at,
            Request(*decode_head(parcel.head), body),
            parcel.remote,
            source.endpoint,
            parcel.answered,
            # The sender sends again what it was turned away with; here it is only shown.
            () if parcel.turned_away else route,
            pieces=pieces,
            origin=origin,
        )
    if parcel.kind == "probe":
        return Probed(parcel.at, source.endpoint, parcel.nonce, origin)
    request = Request(*decode_head(parcel.head), b"") if parcel.head else None
    return Refused(
        parcel.at,
        parcel.status,
        parcel.code,
        parcel.reason,
        parcel.remote,
        request,
        parcel.body,
        source.endpoint,
        origin,
    )
