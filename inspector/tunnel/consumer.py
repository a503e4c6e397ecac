"""The developer's side of the tunnel: one consumer, connected for as long as it can be."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from inspector.domain.relay_filter import RelayFilter
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    StoreUnavailableError,
    UnreachableError,
)
from inspector.tasks import Tasks
from inspector.tunnel.address import Backfill
from inspector.tunnel.connecting import SET_BACK, Dialler, LostError, TakenOverError
from inspector.tunnel.messages import Attempted, Hello, Start
from inspector.tunnel.ports import Mirroring
from inspector.tunnel.session import TunnelSession
from inspector.tunnel.standing import Phase, Standing
from inspector.tunnel.teammate import Teammate

_log = logging.getLogger(__name__)

_MICROS = 1_000_000
# Signatures are judged by the relay's clock and ours: more than that is no accident.
_MOST_SKEW = 300 * _MICROS
_WATCH_SECONDS = 2.0
# The machine was asleep when its clock went on for longer than its processes did.
_ASLEEP = 5 * _MICROS
# A canary takes a place among the deliveries: not one at each of many short connections.
_PROOF_SECONDS = 60.0


@dataclass
class Pauses:
    """Seconds before the next try: growing ones, with `jitter` (0..1), and one after a refusal."""

    first: float = 0.25
    longest: float = 15.0
    refused: float = 60.0
    jitter: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        self._next = self.first

    def reset(self) -> None:
        self._next = self.first

    def next(self) -> float:
        pause = self._next
        self._next = min(2 * pause, self.longest)
        return pause * (0.5 + self.jitter() / 2)


class Consumer:
    """Mirrors one endpoint of a relay; `report` hears of changes of the connection.

    It goes on for ever: after a loss, and each minute after a refusal, but not once another
    consumer took its name over. What came is on the disk before it is acknowledged, and nothing
    is asked for anew before the disk has settled what came earlier. With `primary` its app is to
    answer the senders until another consumer takes that; `latest` gives the latest attempt.
    """

    def __init__(
        self,
        dialler: Dialler,
        mirror: Mirroring,
        clock: Callable[[], int],
        report: Callable[[dict[str, Any]], None],
        *,
        backfill: Backfill,
        take_over: bool = False,
        wanted: RelayFilter | None = None,
        primary: bool = False,
        latest: Callable[[], Attempted | None] = lambda: None,
        pauses: Pauses | None = None,
    ) -> None:
        self._dialler = dialler
        self._mirror = mirror
        self._clock = clock
        self._backfill = backfill
        self._take_over = take_over
        self._pauses = pauses or Pauses()
        self._tasks = Tasks("consumer")
        self._standing = Standing(dialler.address.url, dialler.consumer, clock, report)
        self._filter = self._standing.filter = wanted.text if wanted is not None else ""
        self._teammate = Teammate(latest, wanted=primary)
        self._session: TunnelSession | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping = False
        self._hurry = asyncio.Event()
        self._news = asyncio.Event()
        self._refusal: InspectorError | None = None
        self._tried = self._ever = self._proved = self._backfilled = False
        self._since: int | None = None
        self._proved_at: float | None = None
        self._moved_at = 0.0

    def start(self) -> None:
        self._moved_at = asyncio.get_running_loop().time()
        self._running = self._tasks.start(self._run(), "run")
        self._tasks.start(self._watch(), "watch")

    async def tried(self, patience: float) -> None:
        """Until the first try has ended or has lasted so many seconds; raises its refusal."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not self._tried and not self._stopping:
                    await self._change()
        if self._refusal is not None:
            raise self._refusal

    async def ready(self, patience: float) -> None:
        """Until a canary has come all the way.

        Raises what the relay refuses, and `UnreachableError` when for so many seconds nothing
        moves: no connection, no canary, nothing that still comes before it.
        """
        loop = asyncio.get_running_loop()
        while not self._proved and not self._stopping:
            if self._refusal is not None:
                raise self._refusal
            left = self._moved_at + patience - loop.time()
            if left <= 0:
                raise self._unready(patience)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._change()

    def status(self) -> dict[str, Any]:
        """The contract's `relay` object; may be called in any thread."""
        return self._standing.to_json()

    async def take_primary(self, patience: float) -> None:
        """Have its app answer the senders from now on; returns when the relay has said so.

        Raises `UnreachableError` without a connection, and `TimedOutError` after so many seconds.
        """
        await self._teammate.take(patience)

    def part(self) -> None:
        """It will be stopped: `tried` and `ready` return now."""
        self._stopping = True
        self._hurry.set()
        self._news.set()

    async def stop(self, deadline: float) -> None:
        """Take nothing more, let what came be stored and asked apps answer, then close."""
        self.part()
        if self._session is not None:
            await self._session.leave(deadline)
            if self._running is not None:
                await asyncio.wait((self._running,), timeout=deadline)
        await self._tasks.stop()
        self._standing.turn(Phase.STOPPED)

    async def _change(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _unready(self, patience: float) -> UnreachableError:
        standing = self._standing
        host = self._dialler.address.origin
        if standing.state is not Phase.CONNECTED:
            why = f": {standing.reason}" if standing.reason else ""
            return UnreachableError(
                f"no connection to the relay {host}{why}",
                f"see whether it runs and this machine is online; it was tried for {patience:g} s",
            )
        hop = standing.hops.capture
        why = hop.reason or standing.hops.journal.reason or "it was sent, but did not come back"
        return UnreachableError(
            f"no canary came through the relay {host}: {why}",
            "see that its capture address can be reached from here, and what "
            "`inspector relay status` says there",
        )

    async def _run(self) -> None:
        standing, pauses = self._standing, self._pauses
        while not self._stopping:
            self._hurry.clear()
            phase = Phase.CONNECTING
            try:
                await self._connect()
            except LostError as error:
                pause, reason = pauses.next(), error.reason
            except TakenOverError as error:
                self._refusal = ConfigurationError(
                    str(error), "use another --consumer NAME, or take it back with --take-over"
                )
                standing.turn(Phase.TAKEN_OVER, str(error))
                self._news.set()
                return
            except StoreUnavailableError as error:
                pause, reason = pauses.next(), error.message
            except InspectorError as error:
                self._refusal, phase = error, Phase.REFUSED
                pause, reason = pauses.refused, error.message
            except Exception as error:
                # A fault of ours must not end the tunnel: it is logged, and tried again.
                _log.error("the tunnel failed", exc_info=error)
                pause, reason = pauses.next(), f"internal error ({type(error).__name__})"
            self._tried = True
            if not self._stopping:
                standing.turn(phase, reason, pause)
                self._news.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._hurry.wait()

    async def _connect(self) -> None:
        """One connection, to its end; always raises why it ended."""
        dialler, mirror = self._dialler, self._mirror
        connection, hello = await dialler.dial(take_over=self._take_over)
        try:
            self._check(hello)
            after = await mirror.position(hello.mailbox) or 0
            self._check_position(hello, after)
            at = await mirror.captured_at(hello.mailbox, after) or 0
        except BaseException:
            await connection.close()
            raise
        # A name that was taken is ours; should another take it later, it is that one's.
        self._take_over = False
        self._greeted(hello)
        start = Start(after, filter=self._filter, primary=self._teammate.wanted, at=at)
        if not self._backfilled:
            # One moment, though it may take several connections to get there.
            if self._since is None:
                self._since = self._backfill.since(hello.now)
            start = start._replace(since=self._since)
        session = self._session = TunnelSession(
            connection,
            hello,
            dialler,
            mirror,
            self._standing,
            self._teammate,
            self._clock,
            self._moved,
            self._home,
        )
        try:
            skipping = f"--backfill {self._backfill.text} leaves them out"
            await session.run(start, skipping, prove=self._unproved())
        finally:
            self._session = None
            self._backfilled |= session.begun
            if session.fruitful:
                self._pauses.reset()

    def _check(self, hello: Hello) -> None:
        """At first a clock that is wrong is refused; later it is shown."""
        skew = hello.now - self._clock()
        self._standing.skew = skew
        if not self._ever and abs(skew) > _MOST_SKEW:
            minutes = round(abs(skew) / (60 * _MICROS))
            way = "behind" if skew > 0 else "ahead of"
            raise ConfigurationError(
                f"this machine's clock is {minutes} minutes {way} the relay's",
                "set the clock that is wrong: signatures are judged by the time of capture",
            )

    def _check_position(self, hello: Hello, after: int) -> None:
        if hello.last < after:
            raise ConfigurationError(
                f"the relay's store was set back: it ends at delivery {hello.last} of "
                f"{hello.endpoint}, and {after} is here already",
                SET_BACK,
            )

    def _greeted(self, hello: Hello) -> None:
        standing = self._standing
        standing.endpoint, standing.ack = hello.endpoint, hello.ack
        standing.relay_version = hello.version
        self._refusal = None
        self._ever = self._tried = True
        self._news.set()

    def _unproved(self) -> bool:
        """Whether it is time for a canary."""
        now = asyncio.get_running_loop().time()
        return self._proved_at is None or now - self._proved_at > _PROOF_SECONDS

    def _moved(self) -> None:
        self._moved_at = asyncio.get_running_loop().time()

    def _home(self) -> None:
        self._proved, self._proved_at = True, asyncio.get_running_loop().time()
        self._news.set()

    async def _watch(self) -> None:
        """A machine that was asleep connects anew at once: its old connection is long dead."""
        loop = asyncio.get_running_loop()
        while True:
            clock, steady = self._clock(), loop.time()
            await asyncio.sleep(_WATCH_SECONDS)
            if self._clock() - clock - (loop.time() - steady) * _MICROS > _ASLEEP:
                self._hurry.set()
                if self._session is not None:
                    self._session.abort("this machine was asleep")
