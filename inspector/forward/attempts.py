"""Making attempts and journalling them, without waiting for the journal."""

import asyncio
import logging
from collections.abc import Callable

from inspector.domain.attempt import Failure, FailureKind, Outcome
from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, AttemptFinished, AttemptStarted
from inspector.domain.plaintext import one_line
from inspector.forward.message import ours
from inspector.forward.ports import Client, Facts
from inspector.forward.target import Sent

# How many facts sending may run ahead of the journal: a crash sends their deliveries again.
_UNCOMMITTED = 256
# How many deliveries are listened to at most; of more, the oldest are forgotten.
_OVERHEARD = 4096
_WHY_LIMIT = 200
_STOPPED = Failure(FailureKind.INTERRUPTED, "stopped before the target had answered")

_log = logging.getLogger(__name__)


class Attempts:
    """Each attempt is two facts: it started, it finished with an outcome.

    The second carries the first's journal position and so follows its commit, but nobody waits
    for that unless more than a few are open. What cannot be journalled is logged; the delivery
    is then sent again by the next listener.
    """

    def __init__(
        self, facts: Facts, clock: Callable[[], int], monotonic: Callable[[], float]
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._monotonic = monotonic
        self._open: set[asyncio.Future[Appended]] = set()
        self._room = asyncio.Event()
        self._room.set()
        self._overheard: dict[int, Callable[[Outcome, float], None]] = {}
        self.latest: tuple[int, Outcome] | None = None
        """When the latest one ended, and how."""

    async def room(self) -> None:
        """Wait until the journal is close enough behind."""
        # Several may have waited for the same room.
        while not self._room.is_set():
            await self._room.wait()

    async def settled(self) -> None:
        """Wait until every fact is committed; for the end, when no attempt is under way."""
        while self._open:
            await asyncio.wait(self._open)

    def overhear(self, delivery_id: int, told: Callable[[Outcome, float], None]) -> None:
        """`told` how the next attempt on this delivery ends, and after how many milliseconds; once,
        and not of one that was interrupted."""
        self._overheard[delivery_id] = told
        if len(self._overheard) > _OVERHEARD:
            del self._overheard[next(iter(self._overheard))]

    def start(self, fact: AttemptStarted) -> asyncio.Future[Appended]:
        """Journal that an attempt starts; `carry_out` comes next."""
        return self._append(fact)

    async def carry_out(
        self,
        fact: AttemptStarted,
        started: asyncio.Future[Appended],
        client: Client,
        request: Request,
        limit: float | None,
        conclude: Callable[[Outcome], bool],
    ) -> Sent:
        """Send, journal the outcome, and give it back; at most `limit` seconds (None: for ever).

        `conclude` is told the outcome and says whether it is final. When cancelled, the outcome
        is that the attempt was interrupted, and nothing is given back.
        """
        extra = ours(fact.delivery_id, fact.number)
        sent: Sent | None = None
        begun = self._monotonic()
        try:
            sent = await client.send(request, timeout=limit, extra=extra)
        except Exception as error:
            _log.exception("sending delivery %d to %s", fact.delivery_id, fact.target)
            why = one_line(repr(error), _WHY_LIMIT)
            failure = Failure(FailureKind.MALFORMED, f"not sent: internal error ({why})")
            sent = Sent(failure, self._since(begun))
        finally:
            ended = sent or Sent(_STOPPED, self._since(begun))
            self._finish(fact, started, ended, conclude(ended.outcome))
        return sent

    def record_unsent(self, fact: AttemptStarted, failure: Failure) -> None:
        """Journal an attempt that ended, for good, before anything was sent."""
        self._finish(fact, self._append(fact), Sent(failure, 0.0), True)

    def _since(self, begun: float) -> float:
        return (self._monotonic() - begun) * 1000

    def _finish(
        self,
        fact: AttemptStarted,
        started: asyncio.Future[Appended],
        sent: Sent,
        final: bool,
    ) -> None:
        at = self._clock()
        if self._overheard and not interrupted(sent.outcome):
            told = self._overheard.pop(fact.delivery_id, None)
            if told is not None:
                # Not from in here: what goes wrong there is no matter of the attempt.
                asyncio.get_running_loop().call_soon(told, sent.outcome, sent.duration_ms)
        self.latest = at, sent.outcome

        def append(done: asyncio.Future[Appended]) -> None:
            if not done.cancelled() and done.exception() is None:
                seq = done.result().seq
                self._append(
                    AttemptFinished(
                        at, fact.delivery_id, seq, sent.duration_ms, sent.outcome, final
                    )
                )

        if started.done():
            append(started)
        else:
            started.add_done_callback(append)

    def _append(self, fact: AttemptStarted | AttemptFinished) -> asyncio.Future[Appended]:
        future = self._facts.append(fact)
        self._open.add(future)
        if len(self._open) >= _UNCOMMITTED:
            self._room.clear()
        future.add_done_callback(self._committed)
        return future

    def _committed(self, future: asyncio.Future[Appended]) -> None:
        self._open.discard(future)
        if len(self._open) < _UNCOMMITTED:
            self._room.set()
        if not future.cancelled() and (error := future.exception()) is not None:
            _log.warning("an attempt could not be journalled: %s", error)


def interrupted(outcome: Outcome) -> bool:
    """Whether a stop of ours ended it, which says nothing of the target."""
    return isinstance(outcome, Failure) and outcome.kind is FailureKind.INTERRUPTED
