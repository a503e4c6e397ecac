"""What the apps of consumers say that do not answer the sender: kept at the relay, told to others.

Such a consumer is a shadow. Its app may say one thing to each delivery that a sender waits for,
and what it says changes nothing for the sender.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from inspector.domain.attempt import Outcome, Response
from inspector.domain.facts import Shadowed
from inspector.domain.shadow import capped
from inspector.errors import StoreUnavailableError
from inspector.tasks import Tasks
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.messages import Reply, ShadowReply
from inspector.tunnel.parcels import OutgoingParcel
from inspector.tunnel.ports import Mailboxes
from inspector.tunnel.wire import Packed, encode

# Of so many deliveries that senders waited for, what shadows say is still taken.
ASKED = 4096
# What is told again to a consumer that comes back.
REPEATED = 256
# Read at a time for all consumers that go in step; with long bodies half a megabyte.
_READ = 16
_KEPT_AT_ONCE = 256
# What may wait for the disk; over that it is thrown away.
_WAITING_BYTES = 8 << 20
_OVERHEAD = 512

_log = logging.getLogger(__name__)


class StoredShadow(NamedTuple):
    """What was kept, at its position in the store, as the frame for everybody else."""

    position: int
    number: int
    consumer: str
    frame: bytes


class _Heard(NamedTuple):
    """What came and is not on the disk yet."""

    number: int
    consumer: str
    at: int
    ms: float
    outcome: Outcome
    size: int


class Shadows:
    """The shadows of one endpoint. `news` is called when something new is on the disk."""

    def __init__(
        self,
        mailboxes: Mailboxes,
        mailbox: str,
        clock: Callable[[], int],
        tasks: Tasks,
        news: Callable[[], None],
    ) -> None:
        self.newest = 0
        self._mailboxes = mailboxes
        self._mailbox = mailbox
        self._clock = clock
        self._tasks = tasks
        self._news = news
        # Who may still speak, by delivery; those asked for one after the other share a set.
        self._due: dict[int, frozenset[str]] = {}
        self._asked: deque[int] = deque()
        self._team: frozenset[str] = frozenset()
        self._heard: deque[_Heard] = deque()
        self._heard_bytes = 0
        self._keeping: asyncio.Task[None] | None = None
        self._reads: dict[tuple[int, int], asyncio.Task[list[StoredShadow]]] = {}

    # Who speaks.

    def asked(self, number: int, by: Attachment, attached: Iterable[Attachment]) -> None:
        """A sender waits for the app of one consumer: all others that are here are shadows."""
        team = frozenset(
            [each.caller.consumer for each in attached if each.started and each is not by]
        )
        if not team:
            return
        if team != self._team:
            self._team = team
        self._due[number] = self._team
        self._asked.append(number)
        if len(self._asked) > ASKED:
            self._due.pop(self._asked.popleft(), None)

    def marked(self, items: Sequence[OutgoingParcel], by: Attachment) -> dict[int, Packed]:
        """Of these deliveries those to which this consumer is a shadow, as they are sent to it."""
        if not self._due:
            return {}
        due, name = self._due, by.caller.consumer
        return {
            item.number: item.packed_shadow()
            for item in items
            if item.number in due and name in due[item.number]
        }

    def replied(self, by: Attachment, reply: Reply, *, asked: bool) -> None:
        """An app has spoken: taken once, if it may. Where the sender `asked` for it, it is no
        shadow's, and neither is what follows. It is on the disk later."""
        name = by.caller.consumer
        due = self._due.get(reply.id, frozenset())
        if name not in due:
            return
        if len(due) > 1:
            self._due[reply.id] = due - {name}
        else:
            del self._due[reply.id]
        if not asked and reply.outcome is not None:
            self._hear(reply.id, name, reply.ms, capped(reply.outcome))

    def _hear(self, number: int, consumer: str, ms: float, outcome: Outcome) -> None:
        size = _OVERHEAD
        if isinstance(outcome, Response):
            size += len(outcome.body) + sum(len(n) + len(v) for n, v in outcome.headers)
        if self._heard_bytes + size > _WAITING_BYTES:
            _log.warning("what an app said to delivery %d is not kept: too much waits", number)
            return
        self._heard_bytes += size
        self._heard.append(_Heard(number, consumer, self._clock(), ms, outcome, size))
        if self._keeping is None or self._keeping.done():
            self._keeping = self._tasks.start(self._keep(), "shadows")

    async def _keep(self) -> None:
        """Put on the disk what was heard, until nothing is left."""
        while self._heard:
            batch = list(islice(self._heard, _KEPT_AT_ONCE))
            try:
                newest = await self._append(batch)
            except StoreUnavailableError as error:
                _log.warning("what apps said is not kept: %s", error.message)
                newest = 0
            for _ in batch:
                self._heard_bytes -= self._heard.popleft().size
            if newest > self.newest:
                self.newest = newest
                self._news()

    async def _append(self, batch: Sequence[_Heard]) -> int:
        """The last position; what was said to a delivery that is gone is gone, too."""
        numbers = list({each.number for each in batch})
        ids = await self._mailboxes.deliveries(self._mailbox, numbers)
        appended = [
            self._mailboxes.append(
                Shadowed(
                    each.at, ids[each.number], each.consumer, each.ms, each.outcome,
                    self._mailbox, each.number,
                )
            )
            for each in batch
            if each.number in ids
        ]  # fmt: skip
        done = await asyncio.gather(*appended, return_exceptions=True)
        return max((each.seq for each in done if not isinstance(each, BaseException)), default=0)

    # Who is told.

    async def since(self, after: int) -> int:
        """The position behind which a consumer is told all that it may lack, who has the
        deliveries up to `after`."""
        position, newest = await self._mailboxes.shadows_since(self._mailbox, after, REPEATED)
        self.newest = max(newest, self.newest)
        return position

    async def after(self, position: int) -> list[StoredShadow]:
        """The next ones behind a position; those who go in step share one reading."""
        key = position, self.newest
        if (reading := self._reads.get(key)) is None:
            reading = self._reads[key] = self._tasks.start(self._read(key), "read shadows")
        return await asyncio.shield(reading)

    async def _read(self, key: tuple[int, int]) -> list[StoredShadow]:
        try:
            found = await self._mailboxes.shadows(self._mailbox, key[0], _READ)
            return [
                StoredShadow(
                    position,
                    fact.number,
                    fact.consumer,
                    encode(
                        ShadowReply(
                            fact.number, fact.consumer, fact.at, fact.duration_ms, fact.outcome
                        )
                    ),
                )
                for position, fact in found
            ]
        finally:
            del self._reads[key]


class ShadowFeed:
    """What one consumer is told of the others, each after its delivery, in the order in which it
    was kept."""

    def __init__(self, shadows: Shadows, consumer: str) -> None:
        self._shadows = shadows
        self._consumer = consumer
        self._position = 0
        self._at_hand: deque[StoredShadow] = deque()

    async def begin(self, after: int) -> None:
        """The consumer has the deliveries up to `after`."""
        self._position = await self._shadows.since(after)

    @property
    def waits(self) -> bool:
        """Whether there is anything that was not sent; asked at every turn, so it costs nothing."""
        return bool(self._at_hand) or self._position < self._shadows.newest

    async def tell(self, sent: int, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what is said of deliveries up to `sent`; the rest waits for its delivery."""
        while (said := await self._next()) is not None and said.number <= sent:
            self._at_hand.popleft()
            if said.consumer != self._consumer:
                await send(said.frame)

    async def _next(self) -> StoredShadow | None:
        while not self._at_hand and self._position < (newest := self._shadows.newest):
            self._at_hand.extend(await self._shadows.after(self._position))
            # Where there is none any more, all were pruned meanwhile.
            self._position = self._at_hand[-1].position if self._at_hand else newest
        return self._at_hand[0] if self._at_hand else None
