"""What a consumer's filter leaves out, on its way there: judged in order, told in few words."""

import asyncio
from collections.abc import Callable

from inspector.domain.relay_filter import RelayFilter, parse_relay_filter
from inspector.errors import UsageError
from inspector.tunnel.messages import Passed, WireError
from inspector.tunnel.parcels import Item

# What is passed over is told with the next delivery, or after so long, or when it is so many.
TELL_SECONDS = 0.5
TELL_AFTER = 1024


class Sieve:
    """A consumer's filter and its place: `rest` are deliveries at hand that were not judged yet.

    `wake` is called when what was passed over has waited long enough to be told.
    """

    def __init__(self, wanted: RelayFilter, wake: Callable[[], None]) -> None:
        self.wants = wanted.takes
        self._wake = wake
        self._rest: list[Item] = []
        self._first = self._last = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due = False

    def takes(self, item: Item) -> bool:
        """Whether it is asked for; what no parser understood, and probes, always."""
        request = item.request
        return request is None or self.wants(*request)

    def rest(self, seen: int) -> list[Item]:
        """Those behind `seen` that are at hand."""
        rest = self._rest
        if rest and rest[0].number <= seen:
            rest = self._rest = rest[seen + 1 - rest[0].number :]
        return rest

    def left_out(self, items: list[Item], seen: int, room: int) -> int:
        """The last id, at most `room` behind `seen`, up to which nothing is asked for."""
        last = seen
        for item in items[:room]:
            if item.number != last + 1 or self.takes(item):
                break
            last = item.number
        if last > seen:
            self._rest = [] if last == items[-1].number else items
        return last

    def run(self, items: list[Item]) -> list[Item]:
        """The first ones, all asked for, up to one that is not; the others are the `rest`."""
        for place, item in enumerate(items):
            if not self.takes(item):
                self._rest = items
                return items[:place]
        self._rest = []
        return items

    def said(self, seen: int) -> int:
        """Up to where the consumer knows of everything, if it was handed over up to `seen`."""
        return seen if self._timer is None else self._first - 1

    def passed(self, seen: int, last: int) -> None:
        """The ids behind `seen` are left out; they follow what was left out and not told."""
        if self._timer is None:
            self._first = seen + 1
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(TELL_SECONDS, self._overdue)
        self._last = last
        self._due |= last - self._first + 1 >= TELL_AFTER

    def _overdue(self) -> None:
        self._due = True
        self._wake()

    def told(self, *, at_once: bool = False) -> Passed | None:
        """What is to be said now, if anything; it is said by this."""
        if self._timer is None or not (at_once or self._due):
            return None
        self.end()
        return Passed(self._first, self._last)

    def end(self) -> None:
        """Nothing more is said."""
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
