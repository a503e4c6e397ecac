"""Re-sending many deliveries: oldest first, one at a time, at a rate; and marking many."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from inspector.client.control import Control
from inspector.client.models import Resent
from inspector.domain.attempt import Attempt
from inspector.errors import InspectorError, NotFoundError, UnreachableError, UsageError
from inspector.tui.events import Said

RATE = 10.0


@dataclass(frozen=True, slots=True)
class ResendPlan:
    """How to send: `to` one URL instead of their own targets, signed anew, `rate` a second.

    A rate of 0 is as fast as the targets answer.
    """

    to: str | None = None
    re_sign: bool = False
    rate: float = RATE


class BulkSend:
    """A job that sends deliveries again and waits for each one's answers before the next.

    It goes on after a delivery that cannot be sent, and ends with the error when the listener is
    gone or refuses it altogether. `clock` gives seconds.
    """

    def __init__(
        self,
        control: Control,
        ids: Sequence[int],
        plan: ResendPlan,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._control = control
        self._ids = ids
        self._plan = plan
        self._clock = clock
        self._sleep = sleep
        self._began = clock()
        self._outcomes: Counter[str] = Counter()
        self._unsent: Counter[str] = Counter()
        self._failed: list[int] = []
        self._under_way: int | None = None
        self.total = len(ids)
        self.done = 0
        where = f" to {plan.to}" if plan.to else ""
        how = "Re-signing and re-sending" if plan.re_sign else "Re-sending"
        self.title = f"{how} {count(self.total)}{where}"

    def figures(self) -> str:
        seconds = max(self._clock() - self._began, 0.1)
        parts = self._told()
        if self._unsent:
            parts.append(f"{self._unsent.total():,} not sent")
        parts.append(f"{self.total - self.done:,} left")
        return "  ".join([*parts, f"{self.done / seconds:.1f} a second"])

    @property
    def left(self) -> list[int]:
        """What failed, was not sent, or was interrupted: to be tried once more."""
        return [*self._failed, *self._ids[self.done :]]

    async def run(self) -> None:
        self._began = begin = self._clock()
        for delivery_id in self._ids:
            if (early := begin - self._clock()) > 0:
                await self._sleep(early)
            # From one beginning to the next: a slow target is not made up for by a burst.
            begin = self._clock() + (1 / self._plan.rate if self._plan.rate else 0.0)
            self._under_way = delivery_id
            try:
                self._count(delivery_id, await self._send(delivery_id))
            except (NotFoundError, UsageError) as error:
                self._unsent[error.message] += 1
                self._failed.append(delivery_id)
            except UnreachableError:
                # It may have been taken before the listener went away.
                raise
            except InspectorError:
                self._under_way = None
                raise
            self._under_way = None
            self.done += 1

    def summary(self, stopped: str) -> Said:
        """`120 sent: 118 x 2xx, 2 x 500`."""
        sent = self.done - self._unsent.total()
        text = f"{sent:,} sent" if not stopped else f"{stopped}, after {sent:,} of {self.total:,}"
        if self._outcomes:
            text += ": " + ", ".join(self._told())
        for reason, n in self._unsent.items():
            text += f"; {n:,} not sent: {reason}"
        if self._under_way is not None:
            text += f"; #{self._under_way} was under way"
        return Said(text, "warning" if stopped or self._failed else "information")

    async def _send(self, delivery_id: int) -> Resent:
        return await self._control.resend(
            delivery_id, to=self._plan.to, re_sign=self._plan.re_sign, wait=True
        )

    def _told(self) -> list[str]:
        """The answers so far."""
        return [f"{n:,} x {name}" for name, n in sorted(self._outcomes.items())]

    def _count(self, delivery_id: int, resent: Resent) -> None:
        for attempt in resent.attempts:
            self._outcomes[_named(attempt)] += 1
        if not resent.attempts or any(map(_bad, resent.attempts)):
            self._failed.append(delivery_id)
        if not resent.attempts:
            self._unsent["it has no target"] += 1


class BulkMark:
    """A job that marks deliveries, or takes their marks away."""

    def __init__(self, control: Control, ids: Sequence[int], mark: str) -> None:
        self._control = control
        self._ids = ids
        self._mark = mark
        self._gone = 0
        self.total = len(ids)
        self.done = 0
        self.title = f"{'Marking' if mark else 'Unmarking'} {count(self.total)}"

    def figures(self) -> str:
        return f"{self.done:,} of {self.total:,}"

    async def run(self) -> None:
        for delivery_id in self._ids:
            try:
                await self._control.mark(delivery_id, mark=self._mark)
            except NotFoundError:
                self._gone += 1
            self.done += 1

    def summary(self, stopped: str) -> Said:
        done = self.done - self._gone
        text = f"{done:,} {'marked' if self._mark else 'no longer marked'}"
        if stopped:
            text = f"{stopped}, after {done:,} of {self.total:,}"
        if self._gone:
            text += f"; {self._gone:,} are no longer in the store"
        return Said(text, "warning" if stopped or self._gone else "information")


def count(deliveries: int) -> str:
    return f"{deliveries:,} {'delivery' if deliveries == 1 else 'deliveries'}"


def _named(attempt: Attempt) -> str:
    """How an outcome is counted: alike by class where it is well, exactly where it is not."""
    if attempt.status is None:
        return "no answer"
    return f"{attempt.status // 100}xx" if attempt.status < 400 else str(attempt.status)


def _bad(attempt: Attempt) -> bool:
    return attempt.status is None or attempt.status >= 400
