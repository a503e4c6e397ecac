"""What a relay passes over, gathered before it is written: one fact says it of many."""

import asyncio
from collections.abc import Callable

PASSING_SECONDS = 1.0
# Well within the window, so that the relay goes on meanwhile.
PASSING_MOST = 1024


class Passing:
    """Ids that follow each other, until `write(first, last)`: at the latest after a second."""

    def __init__(self, write: Callable[[int, int], None]) -> None:
        self._write = write
        self._first = self._last = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, first: int, last: int, *, urgent: bool) -> None:
        """These too; they follow those that are gathered."""
        if self._timer is None:
            self._first = first
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PASSING_SECONDS, self.settle)
        self._last = last
        if urgent or last - self._first + 1 >= PASSING_MOST:
            self.settle()

    def settle(self) -> None:
        """Write what is gathered: something comes behind it."""
        if self._timer is not None:
            self.drop()
            self._write(self._first, self._last)

    def drop(self) -> None:
        """It is not written; the relay will say it again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
