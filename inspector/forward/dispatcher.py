"""Takes deliveries to their targets, one lane each, and re-sends them by hand beside the lanes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from inspector.domain.attempt import Outcome, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, AttemptStarted
from inspector.domain.routes import Routing, Target, parse_target
from inspector.errors import UnreachableError
from inspector.forward.attempts import Attempts, interrupted
from inspector.forward.backlog import QueuedDelivery
from inspector.forward.lane import AwaitedOutcome, ForwardSettings, Lane, LaneStatus
from inspector.forward.ports import Client, Facts, Waiting
from inspector.forward.target import Sent
from inspector.tasks import Tasks

# A journal that answers nothing any more must not keep the process from ending.
_JOURNAL_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Resend:
    """A re-send under way: where it was journalled, and its outcome.

    Cancelling `sent` interrupts the sending: shield it where only the wait may end.
    """

    started: asyncio.Future[Appended]
    sent: asyncio.Task[Sent]


class Dispatcher:
    """Forwards deliveries to the targets of a routing: at least once, in order for each target.

    `clients` makes the client of a target; `clock` gives microseconds since the epoch, for what
    is stored; `monotonic` gives seconds, for what is waited for, and `pause` waits them;
    `on_change` is called when `lanes()` tells something new of a target's health.
    """

    def __init__(
        self,
        routing: Routing,
        clients: Callable[[Target], Client],
        facts: Facts,
        waiting: Waiting,
        clock: Callable[[], int],
        settings: ForwardSettings,
        on_change: Callable[[], None] = lambda: None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._settings = settings
        self._attempts = Attempts(facts, clock, monotonic)
        self._tasks = Tasks("forward")
        self._resends: set[asyncio.Task[Sent]] = set()
        self._answers: dict[int, tuple[Lane, AwaitedOutcome]] = {}
        self._stopping = False
        self._lanes = {
            target.url: Lane(
                target.url,
                clients(target),
                self._attempts,
                waiting,
                settings,
                clock,
                monotonic,
                pause,
                on_change,
            )
            for target in routing.targets
        }

    def start(self) -> None:
        """Begin to send, first what was waiting when the last listener stopped."""
        for lane in self._lanes.values():
            lane.start(self._tasks)

    def offer(
        self,
        delivery_id: int,
        request: Request | None,
        targets: tuple[str, ...],
        *,
        reply: bool = False,
        once: bool = False,
    ) -> None:
        """Take a delivery that is committed with these targets; never waits.

        Without `request` it is loaded when its turn comes. With `reply` the caller awaits
        `answer` next; with `once` the first target is tried a single time. A target that is not
        configured is passed over: the delivery waits for it in the store.
        """
        if self._stopping:
            return
        for number, url in enumerate(targets):
            if (lane := self._lanes.get(url)) is None:
                continue
            promise = self._promise(delivery_id, lane, once) if number == 0 and reply else None
            lane.offer(QueuedDelivery(delivery_id, request=request), promise)

    def readmit(
        self,
        delivery_id: int,
        targets: Mapping[str, int],
        *,
        reply: bool = False,
        once: bool = False,
    ) -> None:
        """Take a delivery that was held, now that its release is committed; never waits.

        `targets` come with the attempts made at each; the time for retries runs from now.
        """
        if self._stopping:
            return
        for number, (url, attempts) in enumerate(targets.items()):
            if (lane := self._lanes.get(url)) is None:
                continue
            promise = self._promise(delivery_id, lane, once) if number == 0 and reply else None
            lane.readmit(QueuedDelivery(delivery_id, attempts=attempts), promise)

    def _promise(self, delivery_id: int, lane: Lane, once: bool) -> AwaitedOutcome:
        promise = AwaitedOutcome(asyncio.get_running_loop().create_future(), once)
        self._answers[delivery_id] = (lane, promise)
        return promise

    async def answer(self, delivery_id: int, within: float | None) -> Outcome | None:
        """The first target's outcome: its response, or its failure once no further try follows.

        None when `within` seconds (None or 0: for ever) are over, or when none was asked for. A
        delivery that is tried once only and still waits for its turn then is not sent any more.
        """
        if (asked := self._answers.get(delivery_id)) is None:
            return None
        lane, reply = asked
        try:
            await asyncio.wait((reply.outcome,), timeout=within or None)
        finally:
            del self._answers[delivery_id]
            if not reply.once:
                lane.forget(delivery_id)
        if reply.outcome.done():
            return reply.outcome.result()
        return lane.give_up(delivery_id) if reply.once else None

    def resend(
        self,
        delivery_id: int,
        request: Request,
        target: str,
        *,
        number: int = 1,
        chosen: bool = True,
        resigned: bool = False,
    ) -> Resend:
        """Send once, now, beside the queue; `number` counts the attempts there from 1.

        Without an answer it ends nothing: what waits in the queue is sent all the same.
        `chosen` says that the target is one of the delivery's own. Raises `UsageError` for a
        target that cannot be read, `UnreachableError` after `stop`.
        """
        if self._stopping:
            raise UnreachableError("the listener is stopping", "send it again when it is back")
        parsed = parse_target(target)
        lane = self._lanes.get(parsed.url)
        client = lane.client if lane else self._clients(parsed)
        if lane is not None:
            lane.begun(delivery_id, number)
        fact = AttemptStarted(
            self._clock(), delivery_id, parsed.url, number, Trigger.MANUAL, resigned, chosen
        )
        started = self._attempts.start(fact)
        work = self._resend(fact, started, client, request, lane)
        task = self._tasks.start(work, f"resend {delivery_id}")
        self._resends.add(task)
        task.add_done_callback(self._resends.discard)
        return Resend(started, task)

    async def _resend(
        self,
        fact: AttemptStarted,
        started: asyncio.Future[Appended],
        client: Client,
        request: Request,
        lane: Lane | None,
    ) -> Sent:
        try:
            sent = await self._attempts.carry_out(
                fact,
                started,
                client,
                request,
                self._settings.timeout,
                lambda outcome: not interrupted(outcome),
            )
        finally:
            if lane is None:
                await client.close()
        if lane is not None and fact.chosen and isinstance(sent.outcome, Response):
            lane.answered(fact.delivery_id, sent.outcome)
        return sent

    def overhear(self, delivery_id: int, told: Callable[[Outcome, float], None]) -> None:
        """`told` how the next attempt on this delivery ends, and after how many milliseconds."""
        self._attempts.overhear(delivery_id, told)

    @property
    def latest(self) -> tuple[int, Outcome] | None:
        """When the latest attempt ended and how, whoever made it; None before the first."""
        return self._attempts.latest

    def lanes(self) -> tuple[LaneStatus, ...]:
        """How each target fares, in the order of the routes."""
        return tuple(lane.status() for lane in self._lanes.values())

    async def stop(self, deadline: float) -> None:
        """Begin nothing more, give what is being sent `deadline` seconds, then interrupt it.

        Interrupted deliveries keep waiting in the store. Every attempt is journalled when this
        returns. May be called again, also meanwhile, to make the first call's wait shorter.
        """
        self._stopping = True
        busy: set[asyncio.Task[object]] = set()
        for lane in self._lanes.values():
            busy.update(lane.stop_taking())
        busy.update(self._resends)
        if busy and deadline > 0:
            await asyncio.wait(busy, timeout=deadline)
        await self._tasks.stop()
        for lane in self._lanes.values():
            lane.stopped()
        with suppress(TimeoutError):
            async with asyncio.timeout(_JOURNAL_PATIENCE):
                await self._attempts.settled()
        await asyncio.gather(*(lane.client.close() for lane in self._lanes.values()))
