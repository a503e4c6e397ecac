"""One lane: what waits for one target, sent in order and tried again until it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.facts import AttemptStarted
from inspector.forward.attempts import Attempts
from inspector.forward.backlog import Backlog, QueuedDelivery
from inspector.forward.message import UNWRITABLE
from inspector.forward.ports import Client, Waiting
from inspector.tasks import Tasks

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0

_GONE = Failure(FailureKind.INTERRUPTED, "not sent: it is no longer in the store")
_STOPPING = Failure(FailureKind.INTERRUPTED, "not sent: the listener is stopping")
_TOO_LATE = Failure(FailureKind.TIMEOUT, "not sent: the queue before it took the whole time-out")


@dataclass(frozen=True, slots=True)
class ForwardSettings:
    """How deliveries are sent. Seconds; `timeout` None or 0 waits for ever, `retry` 0 never tries
    again.

    `queue_limit` deliveries and `queue_memory` bytes of requests are held for each target.
    """

    timeout: float | None = 30.0
    retry: float = 300.0
    max_connections: int = 1
    queue_limit: int = 50_000
    queue_memory: int = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """How one target fares. `waiting` is about right; `retry_in` is seconds; `failure` is why the
    target gives no answer, empty when it does.
    """

    target: str
    waiting: int
    sending: int
    retry_in: float | None
    failure: str


@dataclass(frozen=True, slots=True)
class AwaitedOutcome:
    """The promise of an outcome to a sender that waits; `once`: it is tried a single time."""

    outcome: asyncio.Future[Outcome]
    once: bool


@dataclass(slots=True)
class _Worker:
    """One of a lane's connections: what it is doing, and its pause while the target is away."""

    busy: bool = False
    pause: float = 0.0
    retry_at: float | None = None
    failure: str = ""


class Lane:
    """Sends what is offered to one target, with one worker per connection.

    With one worker the order is kept: a delivery that gets no answer holds back the others until
    it is answered or its retry time is over. That runs from when the lane came to know of it (was
    offered it or, of what piled up in the store, read it) but not before the lane's start, and on a
    monotonic clock: neither a computer that slept nor a clock that was set ends it early or never.
    `clock` gives microseconds since the epoch, `monotonic` seconds; `pause` waits seconds.
    """

    def __init__(
        self,
        target: str,
        client: Client,
        attempts: Attempts,
        store: Waiting,
        settings: ForwardSettings,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
        on_change: Callable[[], None],
    ) -> None:
        self.target = target
        self.client = client
        self._attempts = attempts
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._pause = pause
        self._on_change = on_change
        self._backlog = Backlog(
            target,
            store,
            pause,
            limit=settings.queue_limit,
            memory=settings.queue_memory,
            monotonic=monotonic,
        )
        self._replies: dict[int, AwaitedOutcome] = {}
        self._workers: dict[asyncio.Task[None], _Worker] = {}
        # What the workers have, and are still to send.
        self._in_hand: dict[int, QueuedDelivery] = {}
        self._since = 0.0
        self._stopping = False

    def start(self, tasks: Tasks) -> None:
        """Begin, with what was left over from before; the retry clock of that runs from now."""
        self._since = self._monotonic()
        for number in range(1, max(1, self._settings.max_connections) + 1):
            worker = _Worker()
            task = tasks.start(self._work(worker), f"{self.target} {number}")
            self._workers[task] = worker

    def offer(self, item: QueuedDelivery, reply: AwaitedOutcome | None) -> None:
        """Take a delivery; never waits."""
        if reply is not None:
            self._replies[item.delivery_id] = reply
        self._backlog.offer(item)

    def readmit(self, item: QueuedDelivery, reply: AwaitedOutcome | None) -> None:
        """Take a delivery that was held until now; never waits."""
        if reply is not None:
            self._replies[item.delivery_id] = reply
        self._backlog.readmit(item)

    def withdraw(self, delivery_id: int) -> bool:
        """Take back a delivery that no worker has begun with; False if it is too late."""
        return self._backlog.remove(delivery_id)

    def begun(self, delivery_id: int, number: int) -> None:
        """An attempt is made on it beside the queue, so that its next one has a higher number."""
        item = self._in_hand.get(delivery_id) or self._backlog.find(delivery_id)
        if item is not None:
            item.attempts = max(item.attempts, number)

    def answered(self, delivery_id: int, response: Response) -> None:
        """The target answered it beside the queue: it is sent no more, and who waits gets that.

        No pause is needed any longer, either.
        """
        if not self.withdraw(delivery_id):
            self._in_hand.pop(delivery_id, None)
        self._resolve(delivery_id, response)
        for worker in self._workers.values():
            worker.pause, worker.failure = 0.0, ""
        self._on_change()

    def forget(self, delivery_id: int) -> None:
        """Nobody waits for this outcome any longer; the delivery stays in the queue."""
        self._replies.pop(delivery_id, None)

    def give_up(self, delivery_id: int) -> Failure | None:
        """Fail a delivery for good that still waits for its turn; None if that has come."""
        if not self.withdraw(delivery_id):
            return None
        self._record_unsent(delivery_id, _TOO_LATE)
        return _TOO_LATE

    def status(self) -> LaneStatus:
        workers = self._workers.values()
        retries = [worker.retry_at for worker in workers if worker.retry_at is not None]
        return LaneStatus(
            self.target,
            waiting=len(self._backlog),
            sending=sum(worker.busy for worker in workers),
            retry_in=round(max(0.0, min(retries) - self._monotonic()), 3) if retries else None,
            failure=next((worker.failure for worker in workers if worker.failure), ""),
        )

    def stop_taking(self) -> list[asyncio.Task[None]]:
        """Begin nothing more; the workers that are sending, to be waited for or cancelled.

        What waits stays waiting in the store, but for deliveries whose sender waits for the one
        try: the sender is told, and sends again.
        """
        self._stopping = True
        busy: list[asyncio.Task[None]] = []
        for task, worker in self._workers.items():
            if worker.busy:
                busy.append(task)
            else:
                task.cancel()
        return busy

    def stopped(self) -> None:
        """After the workers have ended: nobody waits for an outcome any longer."""
        for delivery_id, reply in list(self._replies.items()):
            if reply.once:
                self._record_unsent(delivery_id, _STOPPING)
            else:
                self._resolve(delivery_id, _STOPPING)

    async def _work(self, worker: _Worker) -> None:
        while not self._stopping:
            item = await self._backlog.take()
            self._in_hand[item.delivery_id] = item
            try:
                await self._deliver(worker, item)
            finally:
                self._in_hand.pop(item.delivery_id, None)

    async def _deliver(self, worker: _Worker, item: QueuedDelivery) -> None:
        request = await self._backlog.request(item)
        if request is None:
            self._resolve(item.delivery_id, _GONE)
            return
        reply = self._replies.get(item.delivery_id)
        once = reply is not None and reply.once
        deadline = 0.0 if once else self._deadline(item)
        final = False
        while not final and not self._stopping:
            await self._hold_off(worker, deadline)
            if item.delivery_id not in self._in_hand:
                return
            worker.busy = True
            try:
                final = await self._try(worker, item, request, deadline, once)
            finally:
                worker.busy = False

    def _deadline(self, item: QueuedDelivery) -> float:
        """Until when a delivery is tried again, on the monotonic clock; 0: not at all."""
        if self._settings.retry <= 0:
            return 0.0
        return max(item.since, self._since) + self._settings.retry

    async def _hold_off(self, worker: _Worker, deadline: float) -> None:
        """Leave a target that gave no answer alone for a while, but not beyond the deadline."""
        now = self._monotonic()
        seconds = min(worker.pause, deadline - now)
        if seconds <= 0:
            return
        worker.retry_at = now + seconds
        self._on_change()
        try:
            await self._pause(seconds)
        finally:
            worker.retry_at = None

    async def _try(
        self, worker: _Worker, item: QueuedDelivery, request: Request, deadline: float, once: bool
    ) -> bool:
        """One attempt; whether it was the delivery's last."""
        await self._attempts.room()
        item.attempts += 1
        trigger = Trigger.AUTO if item.attempts == 1 else Trigger.RETRY
        fact = AttemptStarted(self._clock(), item.delivery_id, self.target, item.attempts, trigger)
        started = self._attempts.start(fact)
        final = False

        def conclude(outcome: Outcome) -> bool:
            nonlocal final
            if final := self._is_final(outcome, deadline, once):
                self._resolve(item.delivery_id, outcome)
            return final

        sent = await self._attempts.carry_out(
            fact, started, self.client, request, self._settings.timeout, conclude
        )
        self._learn(worker, sent.outcome)
        if not final:  # the next try's start must not come before this one's end in the journal
            await asyncio.wait((started,))
        return final

    def _is_final(self, outcome: Outcome, deadline: float, once: bool) -> bool:
        # What cannot be written now never can.
        if isinstance(outcome, Response) or once or outcome == UNWRITABLE:
            return True
        return outcome.kind is not FailureKind.INTERRUPTED and self._monotonic() >= deadline

    def _learn(self, worker: _Worker, outcome: Outcome) -> None:
        if outcome == UNWRITABLE:
            return  # it says nothing of the target
        before = worker.failure
        if isinstance(outcome, Failure):
            worker.failure = outcome.reason
            worker.pause = min(worker.pause * 2, LONGEST_PAUSE) or FIRST_PAUSE
        else:
            worker.failure = ""
            worker.pause = 0.0
        if worker.failure != before:
            self._on_change()

    def _resolve(self, delivery_id: int, outcome: Outcome) -> None:
        reply = self._replies.pop(delivery_id, None)
        if reply is not None and not reply.outcome.done():
            reply.outcome.set_result(outcome)

    def _record_unsent(self, delivery_id: int, failure: Failure) -> None:
        fact = AttemptStarted(self._clock(), delivery_id, self.target, 1, Trigger.AUTO)
        self._attempts.record_unsent(fact, failure)
        self._resolve(delivery_id, failure)
