"""A consumer's filter at the relay: what it leaves out, told in its place and in few words."""

import asyncio
import time
from collections.abc import Callable, Sequence

from inspector.domain.relay_filter import RelayFilter, parse_relay_filter
from inspector.errors import UsageError
from inspector.tunnel.messages import Passed, WireError
from inspector.tunnel.parcels import OutgoingParcel

# What is left out is told with the next delivery, or after so long, or when it is so many.
TELL_SECONDS = 0.5
TELL_AFTER = 1024
# So long one consumer's filter may hold up all others at a time.
JUDGING_SECONDS = 0.01


class Sieve:
    """A filter and how far its consumer knows: of everything up to `told`. What was handed over
    behind it is left out.

    `wake` is called when that has waited long enough to be told.
    """

    def __init__(self, wanted: RelayFilter, wake: Callable[[], None]) -> None:
        self.wants = wanted.takes
        self.told = 0
        self._wake = wake
        self._timer: asyncio.TimerHandle | None = None
        self._due = False
        self._until = 0.0

    def begin(self) -> None:
        """It judges from now on, until it is `over`."""
        # Not the time of the loop, which may stand still while the loop does not turn.
        self._until = time.monotonic() + JUDGING_SECONDS

    @property
    def over(self) -> bool:
        """Whether it has taken as long as it may."""
        return time.monotonic() > self._until

    def takes(self, item: OutgoingParcel) -> bool:
        """Whether it is asked for; what no parser understood, and probes, always."""
        request = item.request
        return request is None or self.wants(*request)

    def between(self, items: Sequence[OutgoingParcel]) -> tuple[tuple[int, int], ...]:
        """What is left out before and between these, which are told of now."""
        found, told = [], self.told
        for item in items:
            if item.number > told + 1:
                found.append((told + 1, item.number - 1))
            told = item.number
        self.end()
        self.told = told
        return tuple(found)

    def handed_over(self, upto: int) -> None:
        """Everything is, up to that id; what was not told of is told soon."""
        if upto > self.told:
            self._due |= upto - self.told >= TELL_AFTER
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(TELL_SECONDS, self._overdue)

    def _overdue(self) -> None:
        self._due = True
        self._wake()

    def passed(self, upto: int, *, at_once: bool) -> Passed | None:
        """What is to be told now, of all that was handed over; it is told by this."""
        if upto <= self.told or not (at_once or self._due):
            return None
        self.end()
        told, self.told = self.told, upto
        return Passed(told + 1, upto)

    def end(self) -> None:
        """Nothing waits to be told."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, False


def sieve_of(text: str, wake: Callable[[], None]) -> Sieve | None:
    """What a start asks for; raises `WireError`."""
    try:
        wanted = parse_relay_filter(text)
    except UsageError as error:
        raise WireError(error.message) from error
    return None if wanted is None else Sieve(wanted, wake)
