"""An endpoint's desk at the relay: hands what was captured to the consumers that are attached."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from inspector.domain.attempt import Failure, FailureKind, Outcome
from inspector.domain.endpoint import Endpoint
from inspector.domain.facts import Captured, Probed, Refused
from inspector.errors import StoreUnavailableError
from inspector.tasks import Tasks
from inspector.tunnel.asking import AnswerLog, Asking, Canaries
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.attendance import Attendance
from inspector.tunnel.messages import (
    BATCH_BYTES,
    BATCH_ITEMS,
    CLOSE_TAKEN_OVER,
    Hello,
    RelayState,
    Reply,
)
from inspector.tunnel.parcels import Frames, OutgoingParcel, Tail, Telling, item_of, items_of
from inspector.tunnel.ports import Held, Mailboxes
from inspector.tunnel.shadows import ShadowFeed, Shadows
from inspector.tunnel.supply import Caller, Line, Presence
from inspector.tunnel.wire import encode_packed

STATE_SECONDS = 5.0
# The frames of all consumers of an endpoint together: one that takes nothing keeps its frame in
# memory. Smaller frames for many cost little, since those in step share them.
_BATCHES_BYTES = 8 << 20
_BATCH_LEAST = 32 << 10
_REPLACED = 1000
# Each is served in turn by the loop of all endpoints.
MOST_CONSUMERS = 256
NO_APP = Failure(FailureKind.UNREACHABLE, "no app is there to answer")

_log = logging.getLogger(__name__)


class AttachedError(Exception):
    """Another consumer has the name; `presence` is who."""

    def __init__(self, presence: Presence) -> None:
        super().__init__(presence.consumer)
        self.presence = presence


class CrowdedError(Exception):
    """There are as many consumers as may be; the text says so."""


class ClosedError(Exception):
    """The endpoint has just been removed, or its token changed."""


class Desk:
    """One endpoint at the relay. Everything is called in the loop, and nothing of it waits for a
    consumer but the sender who asks for an answer.

    `captured` and the like are told once a delivery is on disk; what was told late, out of turn or
    never is read from the store. `limited` counts what the endpoint's limits turned away.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        mailboxes: Mailboxes,
        clock: Callable[[], int],
        *,
        store_id: str,
        limited: Callable[[], int] = lambda: 0,
    ) -> None:
        self.endpoint = endpoint
        self.mailboxes = mailboxes
        self.mailbox = endpoint.id
        self.limited = limited
        self.last = 0
        self.closed = False
        self._name = f"{store_id}/{endpoint.id}"
        self._clock = clock
        self._tail = Tail()
        self._frames = Frames()
        self.judging = asyncio.Lock()
        self._attendance = Attendance(lambda: self.last)
        self._attached = self._attendance.attached
        self._feeds: dict[Attachment, asyncio.Task[None]] = {}
        self._asking = Asking()
        self._answers = AnswerLog()
        self._canaries = Canaries()
        self._reads: dict[int, asyncio.Task[list[OutgoingParcel]]] = {}
        self._untold = 0
        self._tasks = Tasks(f"desk {endpoint.name}")
        self._shadows = Shadows(mailboxes, endpoint.id, clock, self._tasks, self._wake)
        self._beating: asyncio.Task[None] | None = None

    # What the intake tells.

    def route(self) -> None:
        """Where a delivery goes is decided at each consumer's home."""
        return

    def captured(self, number: int, fact: Captured) -> None:
        self._told(number, fact)

    def refused(self, number: int, fact: Refused) -> None:
        self._told(number, fact)

    def probed(self, number: int, fact: Probed) -> None:
        self._told(number, fact)

    async def answered_by_app(
        self, number: int, fact: Captured, *, within: float | None, once: bool
    ) -> Outcome | None:
        """Hand on a delivery and wait for the app of the primary consumer.

        None where no target there takes it; a failure without a consumer, or where it was sent
        the delivery before anybody could ask.
        """
        primary = self._attendance.primary
        if primary is not None and not primary.wants(fact):
            self._told(number, fact)
            return None
        if primary is None or number <= primary.sent:
            self._told(number, fact)
            return NO_APP
        # Before it is told: whoever is sent it now is asked.
        self._asking.ask(number, primary, within, once)
        self._shadows.asked(number, primary, self._attached.values())
        self._told(number, fact)
        return await self._asking.outcome(number)

    def answered(self, number: int, status: int, turned_away: bool) -> None:
        """Tell every consumer what a sender was answered."""
        self._tail.settle(number, status, turned_away)
        self._frames.forget()
        self._answers.note(number, status, turned_away)
        self._wake()

    def takes_canary(self, nonce: str) -> bool:
        """Whether a consumer has announced a canary with this nonce; once."""
        return self._canaries.takes(nonce)

    def _told(self, number: int, fact: Telling) -> None:
        if number <= self.last:
            return
        self.last = number
        if not self._attached:
            self._tail.clear()
            return
        self._tail.append(number, item_of(number, fact))
        if self._tail.full:
            self._trim()
        self._wake()

    def _learn(self, last: int) -> None:
        """The store holds more than was told."""
        if last > self.last:
            self.last = last
            self._tail.clear()
            self._wake()

    def _wake(self) -> None:
        for attachment in self._attached.values():
            attachment.wake()

    def _trim(self) -> None:
        self._tail.trim(min(each.sent for each in self._attached.values()))

    # Who is attached.

    def attached(self) -> tuple[Presence, ...]:
        """Who is attached now, the longest first."""
        return self._attendance.presences()

    def attach(self, caller: Caller, line: Line, *, take_over: bool = False) -> Attachment:
        """Give a consumer its name; `detach` follows in any case.

        Raises `AttachedError` when another has it and it is not taken over, `CrowdedError` and
        `ClosedError`. A process that comes back takes the place of its own older connection.
        """
        if self.closed:
            raise ClosedError
        older = self._attached.get(caller.consumer)
        attachment = Attachment(self, line, caller, self._clock())
        if older is None:
            if len(self._attached) >= MOST_CONSUMERS:
                raise CrowdedError(f"{MOST_CONSUMERS} consumers are attached already")
            self._attached[caller.consumer] = attachment
        elif older.caller.instance == caller.instance:
            # In the same place: whoever is attached longest stays so, and so do those who wait.
            self._attendance.succeed(older, attachment)
            self._asking.hand_over(older, attachment)
            self._part(older)
            older.line.close(_REPLACED, "replaced by a newer connection of its own")
        elif take_over:
            self.detach(older)
            self._attached[caller.consumer] = attachment
            reason = f"{caller.consumer} is attached from {caller.remote} now"
            older.line.close(CLOSE_TAKEN_OVER, reason)
        else:
            raise AttachedError(self._attendance.presence(older))
        self._attendance.choose()
        if self._beating is None:
            self._beating = self._tasks.start(self._beat(), "state")
        return attachment

    def detach(self, attachment: Attachment) -> None:
        """A consumer has gone; may be called again."""
        if self._attached.get(attachment.caller.consumer) is attachment:
            del self._attached[attachment.caller.consumer]
        self._part(attachment)
        if not self._attached:
            self._tail.clear()
            self._frames.forget()
            self._attendance.stop()
            if self._beating is not None:
                self._beating.cancel()
                self._beating = None

    def _part(self, attachment: Attachment) -> None:
        if attachment.ended:
            return
        attachment.end()
        if (feed := self._feeds.pop(attachment, None)) is not None:
            feed.cancel()
        self._attendance.choose()
        self._asking.gone(attachment, self._attendance.primary)

    def close(self, code: int, reason: str) -> None:
        """Part from all consumers, for good; returns at once, and may be called again."""
        self.closed = True
        for attachment in list(self._attached.values()):
            attachment.line.close(code, reason)
            self.detach(attachment)

    # What an attachment asks for.

    async def hello(self, version: str) -> Hello:
        """The relay's first word to a consumer; `version` is the program's."""
        held = await self.held()
        endpoint = self.endpoint
        first, last = held.first, held.last
        return Hello(version, endpoint.name, self._name, endpoint.ack, first, last, self._clock())

    async def held(self) -> Held:
        """What the mailbox holds; what nobody told of is learned from it."""
        held = await self.mailboxes.held(self.mailbox)
        self._learn(held.last)
        return held

    @property
    def batch_bytes(self) -> int:
        return min(BATCH_BYTES, max(_BATCH_LEAST, _BATCHES_BYTES // max(1, len(self._attached))))

    def recent(self, seen: int) -> list[OutgoingParcel]:
        return self._tail.after(seen, BATCH_ITEMS)

    async def stored(self, seen: int) -> list[OutgoingParcel]:
        """Those who go in step share one reading."""
        if (reading := self._reads.get(seen)) is None:
            reading = self._tasks.start(self._read(seen), "read")
            self._reads[seen] = reading
        items = await asyncio.shield(reading)
        # Here and not in the reading: what came meanwhile must be in the frame that others share.
        self.settle(items)
        return items

    def settle(self, items: Sequence[OutgoingParcel]) -> None:
        self._answers.settle(items)

    async def _read(self, seen: int) -> list[OutgoingParcel]:
        try:
            found = await self.mailboxes.after(self.mailbox, seen, BATCH_ITEMS, self.batch_bytes)
            return items_of(found)
        finally:
            del self._reads[seen]

    def frame(
        self,
        items: Sequence[OutgoingParcel],
        attachment: Attachment,
        passed: tuple[tuple[int, int], ...] = (),
    ) -> bytes:
        asked = self._asking.marked(items, attachment)
        if marked := self._shadows.marked(items, attachment) | asked:
            packed = [marked.get(each.number) or each.packed() for each in items]
            return encode_packed(packed, passed)
        if len(self._attached) > 1:
            return self._frames.of(items, passed)
        return encode_packed([item.packed() for item in items], passed)

    def answers(self, count: int) -> tuple[int, list[tuple[int, int, bool]]]:
        return self._answers.count, self._answers.since(count)

    def state(self, attachment: Attachment) -> RelayState:
        primary = attachment is self._attendance.primary
        return RelayState(self.last, self.limited(), primary, self._clock(), self.endpoint.ack)

    def team(self, attachment: Attachment) -> bytes:
        return self._attendance.frame(attachment)

    def team_of(self, consumer: str) -> bytes:
        """The same for one who only looks."""
        return self._attendance.seen_by(consumer)

    def started(self, attachment: Attachment) -> None:
        self._asking.lost(attachment)
        self._feeds[attachment] = self._tasks.start(attachment.feed(), "feed")
        self._attendance.started(attachment)

    def taken(self, attachment: Attachment) -> None:
        self._attendance.take(attachment)

    def shadow_feed(self, consumer: str) -> ShadowFeed:
        return ShadowFeed(self._shadows, consumer)

    def replied(self, attachment: Attachment, reply: Reply) -> None:
        asked = self._asking.replied(attachment, reply)
        self._shadows.replied(attachment, reply, asked=asked)

    def left_out(self, attachment: Attachment, seen: int, batch: Sequence[OutgoingParcel]) -> None:
        self._asking.left_out(attachment, seen, batch)

    def announced(self, nonce: str) -> None:
        self._canaries.announced(nonce)

    async def _beat(self) -> None:
        """Every few seconds: tell how things stand, and look after what was forgotten."""
        while True:
            await asyncio.sleep(STATE_SECONDS)
            try:
                held = await self.mailboxes.held(self.mailbox)
            except StoreUnavailableError as error:
                _log.error("the mailbox cannot be read: %s", error.message)
                continue
            # Committed a while ago and told by nobody: whoever took it in was cut off meanwhile.
            self._learn(self._untold)
            self._untold = held.last
            if self._attached:
                self._trim()
            self._frames.forget()
            self._attendance.tell()
            for attachment in list(self._attached.values()):
                attachment.check()
                attachment.tell_state()
