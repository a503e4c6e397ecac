"""The deliveries that one target has still to get: a bounded queue with the store behind it."""

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from inspector.domain.delivery import Request
from inspector.forward.insist import insist
from inspector.forward.ports import Waiting

T = TypeVar("T")

PAGE = 500
BODY_IN_MEMORY = 64 * 1024
# What a request's head takes in memory, about: a dozen headers as text.
HEAD_IN_MEMORY = 2048
# So many requests are read from the store at a time, when they were not kept in memory.
LOADED_AHEAD = 64
# Ids read from the store whose offer may still be on its way: it comes within one group commit.
_READ_REMEMBERED = 4096
# The latest offers that were forgotten: the store may not know of them yet when it is read.
_OFFERS_REMEMBERED = 1024


@dataclass(slots=True)
class QueuedDelivery:
    """A delivery in a queue. Without `request` it is loaded when its turn comes.

    `attempts` were made at the lane's target; `received_at` is microseconds since the epoch;
    `weight` bytes are counted for it by the backlog, which has had it `since` then, in seconds of
    its monotonic clock.
    """

    delivery_id: int
    received_at: int = 0
    attempts: int = 0
    request: Request | None = None
    weight: int = 0
    since: float = field(default=0.0, compare=False)
    remote: str = ""
    answered: int | None = None
    endpoint: str = "default"
    origin_relay: str | None = None
    origin_id: int | None = None


class Backlog:
    """Hands out each waiting delivery once, in the order of ids, whatever piles up.

    It keeps at most `limit` deliveries and `memory` bytes of requests. When more are offered it
    falls behind: it forgets all but the ids of the latest and, once it has handed out what it
    keeps, reads on from the store until that has no more. It begins `behind`, from the first id,
    so that deliveries left over from before come first. Those that were offered out of order may
    exceed the limit.
    """

    def __init__(
        self,
        target: str,
        store: Waiting,
        pause: Callable[[float], Awaitable[None]],
        *,
        limit: int,
        memory: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._target = target
        self._store = store
        self._pause = pause
        self._limit = limit
        self._memory = memory
        self._monotonic = monotonic
        self._queue: deque[QueuedDelivery] = deque()
        self._weight = 0
        self._cursor = 0  # the highest id that was queued
        self._behind = True
        self._reading = False
        self._forgotten = 0
        self._offers = 0  # made while behind
        self._latest: deque[QueuedDelivery] = deque(maxlen=_OFFERS_REMEMBERED)
        # Readmitted while the store is read, which may go past them: at most what was held.
        self._late: list[QueuedDelivery] = []
        self._read: dict[int, None] = {}
        self._removed: set[int] = set()
        self._arrived = asyncio.Event()
        self._taking = asyncio.Lock()
        self._loading = asyncio.Lock()

    def __len__(self) -> int:
        """About how many wait: what was left in the store at start counts once it is read."""
        return len(self._queue) + self._forgotten

    @property
    def behind(self) -> bool:
        """Whether the store may still have some that are neither here nor offered again."""
        return self._behind

    def offer(self, item: QueuedDelivery) -> None:
        """Take a delivery that was committed and chosen for this target; never waits."""
        if item.delivery_id in self._read:
            return  # the store already told of it
        item.since = self._monotonic()
        if item.delivery_id <= self._cursor:
            self._insert(item)
        elif self._behind or len(self._queue) >= self._limit:
            self._behind = True
            self._forgotten += 1
            self._offers += 1
            item.request = None
            self._latest.append(item)
        else:
            self._cursor = item.delivery_id
            self._append(item)
        self._arrived.set()

    def readmit(self, item: QueuedDelivery) -> None:
        """Take a delivery that was held until now, whatever was offered since; never waits.

        The store must say already that it waits.
        """
        if self._reading and item.delivery_id > self._cursor:
            self._forgotten += 1
            item.request = None
            item.since = self._monotonic()
            self._late.append(item)
        else:
            self.offer(item)

    async def take(self) -> QueuedDelivery:
        """The next delivery, when there is one; several may wait, each gets another."""
        async with self._taking:
            while not await self._found():
                self._arrived.clear()
                await self._arrived.wait()
            item = self._queue.popleft()
            self._release(item)
            return item

    async def more(self) -> bool:
        """Whether there is a next one now; the store is read as far as that takes."""
        async with self._taking:
            return await self._found()

    async def _found(self) -> bool:
        while self._behind and not self._queue:
            await self._read_on()
        return bool(self._queue)

    async def request(self, item: QueuedDelivery) -> Request | None:
        """The item's request; None if it is no longer in the store."""
        if item.request is None:
            async with self._loading:
                if item.request is None:
                    await self._load_ahead(item)
        return item.request or await self._insist(lambda: self._store.load(item.delivery_id))

    async def _load_ahead(self, item: QueuedDelivery) -> None:
        """Load its request with those that come next: one reading serves many deliveries."""
        behind = islice(self._queue, LOADED_AHEAD)
        wanted = {each.delivery_id: each for each in behind if each.request is None}
        wanted[item.delivery_id] = item
        found = await self._insist(lambda: self._store.load_small([*wanted], BODY_IN_MEMORY))
        for delivery_id, request in found.items():
            # Few and small: they are held beside what `memory` bounds.
            wanted[delivery_id].request = request

    def find(self, delivery_id: int) -> QueuedDelivery | None:
        """A delivery of the queue; None where it is not there, or in the store alone."""
        return next((item for item in self._queue if item.delivery_id == delivery_id), None)

    def remove(self, delivery_id: int) -> bool:
        """Take a delivery out of the queue; False if it is not there any more."""
        for position, item in enumerate(self._queue):
            if item.delivery_id == delivery_id:
                del self._queue[position]
                self._release(item)
                return True
        if self._behind and delivery_id > self._cursor:
            self._removed.add(delivery_id)
            return True
        return False

    async def _read_on(self) -> None:
        """Queue the store's next page; with its last one, catch up with what is offered."""
        before = self._offers
        after = self._cursor
        self._reading = True
        try:
            found = await self._insist(lambda: self._store.waiting(self._target, after, PAGE))
        finally:
            self._reading = False
        for entry in found:
            self._cursor = max(self._cursor, entry.delivery_id)
            self._remember(entry.delivery_id)
            if entry.delivery_id not in self._removed:
                self._append(
                    QueuedDelivery(
                        entry.delivery_id,
                        entry.received_at,
                        entry.attempts,
                        remote=entry.remote,
                        answered=entry.answered,
                        endpoint=entry.endpoint,
                        origin_relay=entry.origin_relay,
                        origin_id=entry.origin_id,
                        since=self._monotonic(),
                    )
                )
        # Whatever was offered since the reading began must still be at hand.
        complete = len(found) < PAGE and self._offers - before <= _OFFERS_REMEMBERED
        self._queue_offered(complete)
        if complete:
            self._behind = False
            self._forgotten = 0
            self._removed.clear()
        else:
            self._forgotten = max(0, self._forgotten - len(found))

    def _queue_offered(self, complete: bool) -> None:
        """Queue what the reading has gone past, because the store did not know of it yet."""
        latest, late, passed = list(self._latest), self._late, self._cursor
        self._latest.clear()
        self._late = []
        # A late one that is not passed yet comes with the next reading, which knows of it.
        for item in latest + [each for each in late if complete or each.delivery_id <= passed]:
            if item.delivery_id in self._read or item.delivery_id in self._removed:
                continue
            if complete or item.delivery_id <= passed:
                self._cursor = max(self._cursor, item.delivery_id)
                self._insert(item)
            else:
                self._latest.append(item)

    def _remember(self, delivery_id: int) -> None:
        self._read[delivery_id] = None
        if len(self._read) > _READ_REMEMBERED:
            del self._read[next(iter(self._read))]

    def _append(self, item: QueuedDelivery) -> None:
        self._weigh(item)
        self._queue.append(item)

    def _insert(self, item: QueuedDelivery) -> None:
        self._weigh(item)
        if not self._queue or self._queue[-1].delivery_id < item.delivery_id:
            self._queue.append(item)
        else:
            insort(self._queue, item, key=lambda queued: queued.delivery_id)

    def _weigh(self, item: QueuedDelivery) -> None:
        if item.request is None:
            return
        size = len(item.request.body) + HEAD_IN_MEMORY
        if size > BODY_IN_MEMORY or self._weight + size > self._memory:
            item.request = None
        else:
            item.weight = size
            self._weight += size

    def _release(self, item: QueuedDelivery) -> None:
        self._weight -= item.weight
        item.weight = 0

    async def _insist(self, read: Callable[[], Awaitable[T]]) -> T:
        return await insist(read, self._pause, self._target or "routing")
