"""What is routed one after the other, and the breakpoint: what matches it is held, not sent."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic

from inspector.domain.attempt import Outcome
from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, Released, Routed
from inspector.domain.query import Query, matches, parse
from inspector.domain.routes import Routing
from inspector.errors import UsageError
from inspector.forward.backlog import Backlog, QueuedDelivery
from inspector.forward.dispatcher import Dispatcher
from inspector.forward.events import event_of, quick
from inspector.forward.fresh import Fresh, fresh
from inspector.forward.insist import insist
from inspector.forward.ports import Facts, HeldItem, Waiting
from inspector.forward.senders import Senders
from inspector.forward.target import Sent
from inspector.tasks import Tasks

# The target under which the store keeps what was captured and not routed yet.
UNROUTED = ""
_PAGE = 500
# What waits to be looked at: more than that is read from the store when its turn comes.
_QUEUE_LIMIT = 50_000
_QUEUE_MEMORY = 12 << 20
# How long deliveries are looked at in one go before captures get their turn.
_SLICE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class _Breakpoint:
    text: str
    query: Query


class Holds:
    """Routes one after the other what takes time to be looked at, and keeps what a breakpoint
    holds.

    `active` says that captures shall be left unrouted and come here by `offer`: there is a
    breakpoint, or some that came before them are not decided yet. What is held is held in the
    store too, and taken up by the next listener; a breakpoint ends with its listener.
    """

    def __init__(
        self,
        routing: Routing,
        dispatcher: Dispatcher,
        facts: Facts,
        waiting: Waiting,
        secrets: Callable[[], Sequence[str]],
        clock: Callable[[], int],
    ) -> None:
        self._routing = routing
        self._dispatcher = dispatcher
        self._facts = facts
        self._waiting = waiting
        self._secrets = secrets
        self._clock = clock
        self._tasks = Tasks("holds")
        self._backlog = Backlog(
            UNROUTED,
            waiting,
            asyncio.sleep,
            limit=_QUEUE_LIMIT,
            memory=_QUEUE_MEMORY,
            monotonic=monotonic,
        )
        self._breakpoint: _Breakpoint | None = None
        # The targets where each is held still; a hundred bytes a delivery.
        self._held: dict[int, tuple[str, ...]] = {}
        self._tried: dict[tuple[int, str], int] = {}
        self.senders = Senders(dispatcher.answer)
        # Where those that are held are being sent by hand; and before `start` has found what is
        # held, where all are, and whether there was an answer.
        self._by_hand: set[tuple[int, str]] = set()
        self._sent_early: dict[tuple[int, str], bool] | None = {}
        self._ready = asyncio.Event()
        self._releasing = asyncio.Lock()
        self._deciding = False
        self._routed: asyncio.Future[Appended] | None = None
        self._turn_ends = 0.0
        # What the last listener left unrouted goes first.
        self.active = routing.needs_event

    @property
    def breakpoint(self) -> str:
        """The query in force, empty without one."""
        return self._breakpoint.text if self._breakpoint else ""

    async def route_left(self) -> None:
        """Route what the last listener left unrouted; on return the store knows where that goes.

        What comes from now on is routed behind it.
        """
        while await self._backlog.more() and self._backlog.behind:
            await self._route_next()
        self._settle()
        if self._routed is not None:
            await asyncio.wait((self._routed,))
        self._tasks.start(self._work(), "routing")

    async def start(self) -> None:
        """Take up what the last listener held; breakpoints and releases are taken from now on."""
        after = (0, "")
        found: dict[int, tuple[str, ...]] = {}
        while page := await self._read(after):
            for item in page:
                after = item.delivery_id, item.target
                found[item.delivery_id] = (*found.get(item.delivery_id, ()), item.target)
                if item.attempts:
                    self._tried[after] = item.attempts
        early, self._sent_early = self._sent_early or {}, None
        for id_, targets in found.items():
            self._held[id_] = targets
            self._take(id_, [target for target in targets if (id_, target) in early])
        self._by_hand -= {pair for pair, answered in early.items() if answered}
        self._ready.set()

    async def _read(self, after: tuple[int, str]) -> list[HeldItem]:
        return await insist(lambda: self._waiting.held(after, _PAGE), asyncio.sleep, "what is held")

    def dismiss(self) -> None:
        """Tell senders whose delivery is held that they wait in vain: the listener stops."""
        self.senders.dismiss(self._held)

    async def stop(self) -> None:
        """End the work; what is held stays so in the store."""
        await self._tasks.stop()

    # The breakpoint.

    async def hold(self, text: str) -> None:
        """Hold what matches from now on; an empty text takes the breakpoint away.

        Raises `UsageError` (a `QueryError`) for a bad query, and where there is no target.
        """
        query = parse(text)
        text = text.strip()
        if text and not self._routing.routes:
            raise UsageError(
                "there is no target, so nothing is sent that could be held",
                "start `inspector serve TARGET`",
            )
        # Deliveries of before are routed in one go at start, and must not come here as well.
        await self._ready.wait()
        self._breakpoint = _Breakpoint(text, query) if text else None
        self._settle()

    def _settle(self) -> None:
        # Without a breakpoint what came before is still to be sent before what comes now.
        self.active = (
            self._breakpoint is not None
            or self._deciding
            or self._backlog.behind
            or len(self._backlog) > 0
        )

    def offer(self, item: QueuedDelivery) -> None:
        """Take a committed delivery that is not routed; never waits."""
        self._backlog.offer(item)
        self._settle()

    async def answered(
        self, item: QueuedDelivery, *, within: float | None, once: bool
    ) -> tuple[bool, Outcome | None]:
        """Take such a delivery and wait for its first target, `within` seconds (None: for ever).

        (False, None) where there is no target. One that is still held then stays so.
        """
        sender = self.senders.expect(item.delivery_id, once=once)
        self.offer(item)
        return await self.senders.answered(item.delivery_id, sender, within)

    async def _work(self) -> None:
        while True:
            await self._route_next()

    async def _route_next(self) -> None:
        item = await self._backlog.take()
        # Until it is decided, what is captured must not overtake it.
        self._deciding = True
        try:
            await self._decide(item)
        finally:
            self._deciding = False
            self._settle()
        if monotonic() > self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = monotonic() + _SLICE_SECONDS

    async def _decide(self, item: QueuedDelivery) -> None:
        """Journal where a delivery goes, and hold it or send it there."""
        request = await self._backlog.request(item)
        if request is None:
            self.senders.turn(item.delivery_id, False)
            return
        stop, held_by = self._breakpoint, ""
        if stop is None:
            event = await event_of(request) if self._routing.needs_event else None
            decision = self._routing.decide(event)
        else:
            subject, matched = await self._looked_at(item, request, stop)
            decision = self._routing.decide(subject.delivery.event)
            held_by = stop.text if matched and decision.targets else ""
        id_, targets = item.delivery_id, decision.targets
        fact = Routed(self._clock(), id_, targets, decision.filtered_by, held_by)
        self._routed = self._facts.append(fact)
        if held_by:
            self._held[id_] = targets
            self.senders.held(id_)
            return
        sender = self.senders.of(id_)
        self._dispatcher.offer(
            id_,
            item.request,
            targets,
            reply=sender is not None,
            once=sender is not None and sender.once,
        )
        self.senders.turn(id_, bool(targets))

    async def _looked_at(
        self, item: QueuedDelivery, request: Request, stop: _Breakpoint
    ) -> tuple[Fresh, bool]:
        def look() -> tuple[Fresh, bool]:
            subject = fresh(item, request, self._secrets())
            return subject, matches(stop.query, subject, self._clock())

        return look() if quick(request) else await asyncio.to_thread(look)

    # Letting go.

    async def release(self, delivery_id: int | None, *, every: bool = False) -> tuple[int, ...]:
        """Send one that is held (None: the oldest), or all of them in order; the ids of those."""
        await self._ready.wait()
        # A caller that goes away must not leave some of them neither held nor sent.
        work = self._tasks.start(self._release(delivery_id, every), "release")
        return await asyncio.shield(work)

    async def _release(self, delivery_id: int | None, every: bool) -> tuple[int, ...]:
        released: list[int] = []
        async with self._releasing:
            if every:
                chosen = sorted(self._held)
            elif delivery_id is None:
                chosen = [min(self._held)] if self._held else []
            else:
                chosen = [delivery_id]
            for start in range(0, len(chosen), _PAGE):
                released += await self._release_some(chosen[start : start + _PAGE])
        return tuple(released)

    async def _release_some(self, ids: Iterable[int]) -> list[int]:
        # Some may have been sent by hand meanwhile.
        taken = {id_: self._held.pop(id_) for id_ in ids if id_ in self._held}
        if taken:
            at = self._clock()
            # The store must say that they wait before a lane may read on from there.
            await asyncio.wait([self._facts.append(Released(at, id_)) for id_ in taken])
        for id_, targets in taken.items():
            sender = self.senders.of(id_)
            tried = {target: self._tried.pop((id_, target), 0) for target in targets}
            self._dispatcher.readmit(
                id_, tried, reply=sender is not None, once=sender is not None and sender.once
            )
            self.senders.turn(id_, True)
        return list(taken)

    def sent(self, delivery_id: int, targets: Sequence[str]) -> None:
        """It is being sent to these targets by hand: it is not released there meanwhile."""
        if self._sent_early is not None:
            self._sent_early.update(((delivery_id, target), False) for target in targets)
        self._take(delivery_id, targets)

    def ended(self, delivery_id: int, target: str, *, answered: bool) -> None:
        """A sending by hand ended: without an answer the delivery is held as before."""
        pair = delivery_id, target
        if self._sent_early is not None:
            if answered:
                self._sent_early[pair] = True
            else:
                self._sent_early.pop(pair, None)
        elif answered:
            self._take(delivery_id, (target,))
        elif pair in self._by_hand:
            self._held[delivery_id] = (*self._held.get(delivery_id, ()), target)
        self._by_hand.discard(pair)

    def _take(self, delivery_id: int, targets: Sequence[str]) -> None:
        held = self._held.pop(delivery_id, ())
        self._by_hand.update((delivery_id, target) for target in held if target in targets)
        if rest := tuple(target for target in held if target not in targets):
            self._held[delivery_id] = rest

    async def claim(self, delivery_id: int) -> "Claim":
        """Take one that is held in order to send another in its place; raises `UsageError`."""
        await self._ready.wait()
        if (targets := self._held.pop(delivery_id, None)) is None:
            raise UsageError(
                f"#{delivery_id} is not held", "send the edited one beside it, without `instead`"
            )
        return Claim(self, delivery_id, targets)


@dataclass(frozen=True, slots=True)
class Claim:
    """A held delivery that nobody else can release: `let_go` or `give_back` ends it."""

    _holds: Holds
    _delivery_id: int
    _targets: tuple[str, ...]

    def let_go(self, by: int, sending: "asyncio.Task[Sent] | None" = None) -> None:
        """Delivery `by` was sent in its place; a sender that waits gets that one's answer."""
        holds = self._holds
        holds._by_hand = {pair for pair in holds._by_hand if pair[0] != self._delivery_id}
        reason = f"edited and sent as #{by}"
        holds._facts.append(Routed(holds._clock(), self._delivery_id, (), reason))
        holds.senders.turn(self._delivery_id, sending or False)

    def give_back(self) -> None:
        """Nothing came of it: it is held as before."""
        self._holds._held[self._delivery_id] = self._targets
