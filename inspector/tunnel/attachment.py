"""One consumer at the relay: what it has been sent, what it has, and what it is sent next.

Its place is one number, the last id that it was sent. Whatever is newer comes from the tail that
all consumers share, or where that no longer reaches back, from the store: always the next id, so
none is skipped and none comes twice, however the two are mixed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from hashlib import sha256

from inspector.domain.facts import Captured
from inspector.errors import StoreUnavailableError
from inspector.tunnel.messages import (
    BATCH_ITEMS,
    CLOSE_AGAIN,
    CLOSE_FAULT,
    CLOSE_SET_BACK,
    CLOSE_SLOW,
    PIECE_BYTES,
    Ack,
    Answers,
    Attempted,
    Begin,
    Canary,
    Message,
    Piece,
    Primary,
    Reply,
    Start,
    WireError,
)
from inspector.tunnel.parcels import OutgoingParcel
from inspector.tunnel.sieve import Sieve, sieve_of
from inspector.tunnel.supply import Caller, Line, Supply
from inspector.tunnel.team import passed_on
from inspector.tunnel.window import Window
from inspector.tunnel.wire import encode

CURSOR_SECONDS = 2.0
SLOW_SECONDS = 60.0
ANSWERS_REPEATED = 256
# A consumer sends one at a time; of one that does not, the oldest are not said back.
_CANARIES = 8
_SET_BACK = "the relay's store was set back: delivery {} there is another than the one here"

_log = logging.getLogger(__name__)


class _ExpiredError(Exception):
    """What comes next is no longer stored."""


class Attachment:
    """Feeds one consumer. `feed` runs as a task of the desk's; nobody ever waits for it."""

    def __init__(self, supply: Supply, line: Line, caller: Caller, since: int) -> None:
        self.caller = caller
        self.since = since
        self.line = line
        self.sent = 0
        self.acked = 0
        self.started = False
        self.ended = False
        # Takes the place of the primary, before it has said where it goes on.
        self.expected = False
        # Wants its app to answer; and the how manieth to take that it was, 0 if it never did.
        self.claims = False
        self.taken = 0
        self.attempted: Attempted | None = None
        self._supply = supply
        self._cursor = f"{supply.mailbox}/{caller.consumer}"
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._window = Window(0)
        self._sieve: Sieve | None = None
        self._full_since: float | None = None
        self._state_due = self._team_due = False
        self._canaries: deque[str] = deque(maxlen=_CANARIES)
        # From the oldest that is remembered: the last ones may not be in the store yet.
        self._answers = 0
        self._others = supply.shadow_feed(caller.consumer)
        self._keeper: asyncio.TimerHandle | None = None

    def wants(self, fact: Captured) -> bool:
        """Whether its filter asks for this delivery."""
        request = fact.request
        return self._sieve is None or self._sieve.wants(
            request.method, request.target, request.headers
        )

    def wake(self) -> None:
        """There is something new."""
        self._news.set()

    def tell_state(self) -> None:
        self._state_due = True
        self._news.set()

    def tell_team(self) -> None:
        self._team_due = True
        self._news.set()

    def check(self) -> None:
        """Part with a consumer that has taken nothing for too long; called every few seconds."""
        self.line.check()
        full = self._full_since
        if full is not None and self._loop.time() - full >= SLOW_SECONDS:
            self.line.close(CLOSE_SLOW, f"nothing was acknowledged for {SLOW_SECONDS:.0f} s")

    def end(self) -> None:
        """Nothing more is sent or taken; where it stands is kept."""
        self.ended = True
        if self._sieve is not None:
            self._sieve.end()
        if self._keeper is not None:
            self._keep()

    # What the consumer says.

    async def take(self, message: Message) -> None:
        """Act on a message; raises `WireError` for one that is out of order."""
        if self.ended:
            return
        match message:
            case Ack(id):
                self._acknowledged(id)
            case Reply():
                self._supply.replied(self, message)
            case Canary(nonce):
                self._supply.announced(nonce)
                self._canaries.append(nonce)
                self._news.set()
            case Attempted():
                self.attempted = passed_on(message)
            case Primary() if self.started:
                self._supply.taken(self)
            case Start():
                await self._start(message)
            case _:
                raise WireError("a message came that only a relay sends")

    async def _start(self, start: Start) -> None:
        if self.started:
            raise WireError("a start came twice")
        after, since = start.after, start.since
        sieve = sieve_of(start.filter, self.wake)
        supply = self._supply
        held = await supply.held()
        found = await supply.mailboxes.captured_at(supply.mailbox, after) if start.at else None
        if found not in (None, start.at):
            self.line.close(CLOSE_SET_BACK, _SET_BACK.format(after))
            return
        following = max(after + 1, min(held.first, held.last + 1))
        expired = following - after - 1
        begin = await supply.mailboxes.since(supply.mailbox, since) if since else 0
        skipped = max(0, min(begin, held.last + 1) - following)
        following += skipped
        repeated = await supply.mailboxes.answers(supply.mailbox, after, ANSWERS_REPEATED)
        await self._others.begin(after)
        if self.ended or self.started:
            return
        self._sieve = sieve
        self.claims = start.primary
        self.acked = min(after, held.last)
        supply.mailboxes.move(self._cursor, self.acked)
        self.sent = following - 1
        if sieve is not None:
            sieve.told = self.sent
        self._window = Window(self.sent)
        self.started = True
        await self.line.send(encode(Begin(following, expired, skipped)))
        if repeated:
            await self.line.send(encode(Answers(tuple(repeated))))
        if not self.ended:
            supply.started(self)
            self.tell_state()

    def _acknowledged(self, upto: int) -> None:
        if upto > self.sent or not self.started:
            raise WireError("an acknowledgement came of what was not sent")
        if upto <= self.acked:
            return
        self.acked = upto
        self._window.acked(upto)
        if self._keeper is None:
            self._keeper = self._loop.call_later(CURSOR_SECONDS, self._keep)
        if self._full_since is not None:
            self._full_since = None
            self._news.set()

    def _keep(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        self._supply.mailboxes.move(self._cursor, self.acked)

    # What the consumer is told.

    async def feed(self) -> None:
        """Send what is there, then what comes, until the task is cancelled or the line is cut."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._tell()
                while await self._hand_on():
                    await self._tell()
        except ConnectionError:
            pass
        except _ExpiredError:
            self.line.close(CLOSE_AGAIN, "deliveries expired before they were sent: start again")
        except StoreUnavailableError as error:
            _log.error("a consumer cannot be served: %s", error.message)
            self.line.close(CLOSE_FAULT, "the relay cannot read its store")
        except Exception:
            self.line.close(CLOSE_FAULT, "internal error")
            raise

    async def _tell(self) -> None:
        """Send what is due besides deliveries."""
        if self._sieve is not None:
            await self._tell_passed(at_once=False)
        if self._state_due:
            self._state_due = False
            await self.line.send(encode(self._supply.state(self)))
        if self._team_due:
            self._team_due = False
            await self.line.send(self._supply.team(self))
        while self._canaries:
            await self.line.send(encode(Canary(self._canaries.popleft())))
        count, answers = self._supply.answers(self._answers)
        if count != self._answers:
            self._answers = count
            # What was not sent yet will come with its answer.
            said = self.sent if self._sieve is None else self._sieve.told
            due = tuple(answer for answer in answers if answer[0] <= said)
            if due:
                await self.line.send(encode(Answers(due)))
        if self._others.waits:
            await self._others.tell(self.sent, self.line.send)

    async def _hand_on(self) -> bool:
        """Send the next frame of deliveries; whether there may be more."""
        supply, seen = self._supply, self.sent
        if seen >= supply.last:
            return False
        if self._window.items <= 0:
            await self._wait_for_acks()
            return False
        items = supply.recent(seen) or await supply.stored(seen)
        if not items:
            if (await supply.held()).first > seen + 1:
                raise _ExpiredError
            return False
        if self._sieve is None:
            batch, size, last = self._fitting(items)
        else:
            # One consumer in each turn of the loop: many together would hold up all endpoints.
            async with supply.judging:
                await asyncio.sleep(0)
                supply.settle(items)
                self._sieve.begin()
                batch, size, last = self._fitting(items)
        if last == seen:
            await self._wait_for_acks()
            return False
        # From here on the consumer may have them, whatever becomes of the line.
        self.sent = last
        frame = self._frame(batch, size) if batch else b""
        if self._sieve is not None:
            self._left_out(self._sieve, seen, batch)
        if batch:
            await self.line.send(frame)
            if batch[-1].large:
                await self._send_body(batch[-1])
        return True

    def _frame(self, batch: Sequence[OutgoingParcel], size: int) -> bytes:
        self._window.sent(batch[-1].number, size)
        passed = () if self._sieve is None else self._sieve.between(batch)
        return self._supply.frame(batch, self, passed)

    def _fitting(self, items: Sequence[OutgoingParcel]) -> tuple[list[OutgoingParcel], int, int]:
        """The first ones that are asked for and go into a frame and into the window, and their
        size there; up to which id these are all."""
        batch: list[OutgoingParcel] = []
        size = framed = 0
        most = self._supply.batch_bytes
        last = self.sent
        room = min(self._window.items, BATCH_ITEMS, self._supply.last - last)
        for item in items[:room]:
            if item.number != last + 1:
                if last > self.sent:
                    break
                raise _ExpiredError
            if self._sieve is not None:
                if last > self.sent and self._sieve.over:
                    break
                if not self._sieve.takes(item):
                    last = item.number
                    continue
            if not self._window.takes(size + item.size) and (batch or not self._window.idle):
                break
            framed += item.framed
            if batch and framed > most:
                break
            batch.append(item)
            size += item.size
            last = item.number
            if item.large:
                break
        return batch, size, last

    def _left_out(self, sieve: Sieve, seen: int, batch: Sequence[OutgoingParcel]) -> None:
        """What was handed over behind `seen`, but for the batch, is not asked for."""
        self._supply.left_out(self, seen, batch)
        self._window.passed(self.sent)
        sieve.handed_over(self.sent)

    async def _tell_passed(self, *, at_once: bool = True) -> None:
        if self._sieve is not None:
            passed = self._sieve.passed(self.sent, at_once=at_once)
            if passed is not None:
                await self.line.send(encode(passed))

    async def _wait_for_acks(self) -> None:
        await self._tell_passed()
        if self._full_since is None:
            self._full_since = self._loop.time()

    async def _send_body(self, item: OutgoingParcel) -> None:
        """The pieces of a large body, the last one with the digest."""
        digest = sha256(item.parcel.head)
        left = item.parcel.size
        for number in item.pieces or (0,):
            data = await self._supply.mailboxes.piece(number) if number else item.parcel.body
            if data is None:
                raise _ExpiredError
            for start in range(0, len(data), PIECE_BYTES):
                body = data[start : start + PIECE_BYTES]
                left -= len(body)
                digest.update(body)
                told = digest.hexdigest() if left == 0 else ""
                await self.line.send(encode(Piece(item.number, body, told)))
        if left:
            raise StoreUnavailableError("a stored body is not whole")
