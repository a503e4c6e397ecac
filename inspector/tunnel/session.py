"""One connection of a consumer: from `start` to its end, and what it leaves on the disk."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.facts import Gap, Origin
from inspector.domain.parcel import Parcel
from inspector.errors import StoreUnavailableError
from inspector.tasks import Tasks
from inspector.tunnel.acks import Acks
from inspector.tunnel.connecting import Dialler, LostError
from inspector.tunnel.incoming import Incoming
from inspector.tunnel.messages import (
    MAX_FRAME,
    WINDOW,
    WINDOW_BYTES,
    Answers,
    Begin,
    Canary,
    Hello,
    Message,
    Parcels,
    Passed,
    Piece,
    RelayState,
    Reply,
    ShadowReply,
    Start,
    Team,
    WireError,
)
from inspector.tunnel.passing import Passing
from inspector.tunnel.ports import Arrival, Mirroring, Source
from inspector.tunnel.proving import CanaryProof
from inspector.tunnel.standing import Phase, Standing
from inspector.tunnel.teammate import Teammate
from inspector.tunnel.wire import decode, encode

_log = logging.getLogger(__name__)

_BEGIN_SECONDS = 30.0
# States come at once and then every few seconds: a later one says that a connection lasts.
_LASTING_SECONDS = 5.0
# A relay keeps to the window; one that does not waits in the socket.
_MOST_PENDING = 2 * WINDOW
_MOST_BYTES = 2 * WINDOW_BYTES


class _Entry(NamedTuple):
    """What waits for its commit: deliveries up to `last`, or what is passed over, or else news of
    answers."""

    last: int
    size: int
    parcels: tuple[Parcel, ...]
    waiting: Awaitable[object]
    passed: int = 0


class TunnelSession:
    """A connection that has said hello; `run` is called once.

    `moved` is called whenever something came onto the disk, `proved` when the canary did.
    """

    def __init__(
        self,
        connection: ClientConnection,
        hello: Hello,
        dialler: Dialler,
        mirror: Mirroring,
        standing: Standing,
        teammate: Teammate,
        clock: Callable[[], int],
        moved: Callable[[], None],
        proved: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._hello = hello
        self._dialler = dialler
        self._mirror = mirror
        self._standing = standing
        self._teammate = teammate
        self._clock = clock
        self._moved = moved
        self._source = Source(dialler.address.origin, hello.endpoint, hello.mailbox)
        self._tasks = Tasks("tunnel")
        self._queue: asyncio.Queue[_Entry] = asyncio.Queue()
        self._pending = self._pending_bytes = 0
        self._progress = asyncio.Event()
        self._acks = Acks(self._send)
        self._asked: set[int] = set()
        self._answered = asyncio.Event()
        self._why: LostError | None = None
        self._leaving = False
        self._incoming = Incoming(0)
        self._position = 0
        self._arrived = self._expired = self._skipped = 0
        self._caught_up = False
        self._proof = CanaryProof(dialler, standing, clock, self._send, proved)
        self._passing = Passing(lambda passed: self._write([passed]))
        self._lasting_from = 0.0
        self.begun = False
        self.fruitful = False

    async def run(self, start: Start, skipping: str, *, prove: bool) -> None:
        """Take what comes until the connection ends; what came is committed, or failed, then.

        Always raises: `LostError`, or what `Dialler.closed` gives. `skipping` says why what is
        older than `start.since` is left out; `begun` is set when that is on the disk, `fruitful`
        when anything else is, or the connection has lasted.
        """
        try:
            await self._begin(start, skipping)
            self._mirror.speak(self._source.mailbox, self._reply)
            self._tasks.start(self._commit(), "commit")
            self._tasks.start(self._acks.run(), "acknowledge")
            self._tasks.start(self._measure(), "measure")
            self._tasks.start(self._teammate.run(self._send), "teammate")
            if prove:
                self._tasks.start(self._proof.run(), "canary")
            await self._read()
        except ConnectionClosed as error:
            raise self._why or self._dialler.closed(error) from error
        except WireError as error:
            raise LostError(f"the relay: {error}") from error
        finally:
            self._mirror.speak(self._source.mailbox, None)
            self._passing.drop()
            try:
                await self._connection.close()
                await self._committed()
                self._asked.clear()
                self._answered.set()
            finally:
                await self._tasks.stop()

    async def leave(self, deadline: float) -> None:
        """Take nothing more, commit what came, give asked apps so many seconds, close."""
        self._leaving = True
        self._passing.settle()
        await self._committed()
        await self._acks.flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                while self._asked:
                    self._answered.clear()
                    await self._answered.wait()
        await self._connection.close(1001)

    def abort(self, reason: str) -> None:
        """Cut the connection without a word: the peer would not hear it."""
        self._why = LostError(reason)
        self._connection.transport.abort()

    async def _begin(self, start: Start, skipping: str) -> None:
        hello, standing = self._hello, self._standing
        await self._send(start)
        try:
            async with asyncio.timeout(_BEGIN_SECONDS):
                begin = decode(await self._connection.recv())
        except TimeoutError as error:
            raise LostError("the relay does not begin") from error
        if not isinstance(begin, Begin):
            raise WireError("something else came than where it begins")
        expired, skipped = begin.expired, begin.skipped
        if min(expired, skipped) < 0 or start.after + expired + skipped + 1 != begin.next:
            raise WireError("it does not begin where it says")
        await self._miss(start.after, expired, "they expired at the relay before they were fetched")
        await self._miss(start.after + expired, skipped, skipping)
        self.begun = True
        self._lasting_from = asyncio.get_running_loop().time() + _LASTING_SECONDS
        self._incoming = Incoming(begin.next - 1)
        self._position = standing.position = begin.next - 1
        self._expired, self._skipped = expired, skipped
        standing.last = max(hello.last, self._position)
        self._moved()
        waiting = standing.last - self._position
        standing.turn(Phase.CONNECTED, waiting=waiting, expired=expired, skipped=skipped)
        self._look_back()

    async def _miss(self, after: int, count: int, reason: str) -> None:
        if count:
            source = self._source
            origin = Origin(source.relay, after + count, source.mailbox)
            gap = Gap(self._clock(), source.endpoint, after + 1, count, reason, origin)
            try:
                await self._mirror.miss(gap)
            except StoreUnavailableError as error:
                raise LostError(error.message) from error

    async def _read(self) -> None:
        while True:
            message = decode(await self._connection.recv())
            if self._leaving:
                continue
            match message:
                case Parcels() | Piece() | Passed():
                    if came := self._incoming.feed(message):
                        await self._take(came)
                    # With more at hand `recv` does not wait: others get their turn here.
                    await asyncio.sleep(0)
                case Answers():
                    noted = self._mirror.answered(self._source.mailbox, message.items)
                    self._put(_Entry(0, 0, (), noted))
                case ShadowReply():
                    await self._room()
                    heard = self._mirror.shadowed(self._source.mailbox, message)
                    self._put(_Entry(0, _size_of(message), (), heard))
                case RelayState():
                    self._state(message)
                case Team():
                    self._standing.team = message
                case Canary(nonce):
                    self._proof.expected(nonce)
                case _:
                    raise WireError("a message came that a relay does not send")

    def _state(self, state: RelayState) -> None:
        self.fruitful |= asyncio.get_running_loop().time() >= self._lasting_from
        standing = self._standing
        standing.last = max(state.last, standing.last or 0)
        standing.limited = state.limited
        standing.ack = state.ack or standing.ack
        standing.answers(state.primary)
        self._teammate.told(state.primary)
        standing.skew = state.now + int((standing.rtt or 0) * 500_000) - self._clock()

    async def _take(self, came: Sequence[Arrival]) -> None:
        await self._room()
        standing = self._standing
        standing.last = max(_last_of(came), standing.last or 0)
        # When all is here that the relay held, that is told at once.
        all_here = None if self._caught_up else self._hello.last
        if ready := self._passing.gather(came, all_here):
            self._write(ready)

    def _write(self, ready: Sequence[Arrival]) -> None:
        parcels = tuple([each[0] for each in ready if not isinstance(each, Passed)])
        self._asked.update([parcel.id for parcel in parcels if parcel.ask])
        waiting = self._mirror.take(self._source, ready, self._reply)
        size = sum([parcel.size for parcel in parcels])
        last = _last_of(ready)
        passed = 0
        if len(parcels) < len(ready):
            passed = sum(1 + e.last - e.first for e in ready if isinstance(e, Passed))
        self._put(_Entry(last, size, parcels, waiting, passed))

    async def _room(self) -> None:
        while self._pending >= _MOST_PENDING or self._pending_bytes >= _MOST_BYTES:
            await self._step()

    def _put(self, entry: _Entry) -> None:
        self._pending += len(entry.parcels) or 1
        self._pending_bytes += entry.size
        self._queue.put_nowait(entry)

    async def _committed(self) -> None:
        """Until everything that came is on disk, or has failed to get there."""
        while self._pending:
            await self._step()

    async def _step(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    async def _commit(self) -> None:
        """Wait for the commits in order; after one that failed nothing is acknowledged."""
        while True:
            entry = await self._queue.get()
            began = time.monotonic()
            try:
                await entry.waiting
            except Exception as error:
                told = error.message if isinstance(error, StoreUnavailableError) else repr(error)
                if not isinstance(error, StoreUnavailableError):
                    _log.error("what came by the tunnel is lost on the way", exc_info=error)
                self._standing.hops.journal.failed(self._clock(), told)
                if self._why is None:
                    self.abort(told)
            else:
                if entry.last and self._why is None:
                    self._onto_disk(entry, began)
            self._pending -= len(entry.parcels) or 1
            self._pending_bytes -= entry.size
            self._progress.set()

    def _onto_disk(self, entry: _Entry, began: float) -> None:
        self.fruitful = True
        self._position = self._standing.position = entry.last
        self._standing.passed += entry.passed
        self._acks.reached(entry.last)
        if (hop := self._standing.hops.journal).ok is False:
            hop.worked(self._clock(), time.monotonic() - began)
        self._moved()
        if not self._caught_up:
            last = self._hello.last
            self._arrived += sum([p.kind != "probe" and p.id <= last for p in entry.parcels])
            self._look_back()
        self._proof.arrived(entry.parcels, began)

    def _look_back(self) -> None:
        """Told once, when all is here that the relay held at hello."""
        if self._position >= self._hello.last and not self._caught_up:
            self._caught_up = True
            if self._arrived or self._expired or self._skipped:
                told = {"expired": self._expired, "skipped": self._skipped}
                self._standing.tell("caught-up", arrived=self._arrived, **told)

    async def _measure(self) -> None:
        """Follow the time that a ping takes; the library sends them."""
        with suppress(ConnectionClosed):
            self._standing.rtt = await (await self._connection.ping())
            while True:
                await asyncio.sleep(1.0)
                self._standing.rtt = self._connection.latency

    def _reply(self, reply: Reply) -> None:
        data = encode(reply)
        if len(data) > MAX_FRAME:
            failure = Failure(FailureKind.MALFORMED, "the app's answer is too large")
            data = encode(Reply(reply.id, failure))
        self._tasks.start(self._send_reply(reply.id, data), f"reply {reply.id}")

    async def _send_reply(self, number: int, data: bytes) -> None:
        # Whoever asked is gone with the connection.
        with suppress(ConnectionClosed):
            await self._connection.send(data)
        self._asked.discard(number)
        self._answered.set()

    async def _send(self, message: Message) -> None:
        await self._connection.send(encode(message))


def _size_of(said: ShadowReply) -> int:
    return len(said.outcome.body) if isinstance(said.outcome, Response) else 0


def _last_of(came: Sequence[Arrival]) -> int:
    last = came[-1]
    return last.last if isinstance(last, Passed) else last[0].id
