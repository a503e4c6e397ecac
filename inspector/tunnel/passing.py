"""What a relay passes over, gathered before it is written: one fact says it of many."""

import asyncio
from collections.abc import Callable, Sequence

from inspector.tunnel.messages import Passed
from inspector.tunnel.ports import Arrival

PASSING_SECONDS = 1.0
# Well within the window, so that the relay goes on meanwhile.
PASSING_MOST = 1024


class Passing:
    """Holds back what was passed over last, for a second at most: then `write` is called."""

    def __init__(self, write: Callable[[Passed], None]) -> None:
        self._write = write
        self._held: Passed | None = None
        self._timer: asyncio.TimerHandle | None = None

    def gather(self, came: Sequence[Arrival], all_here: int | None = None) -> list[Arrival]:
        """What is to be written now, in order. `all_here` is an id with which nothing shall be
        held back."""
        ready: list[Arrival] = []
        for each in came:
            if isinstance(each, Passed):
                first = each.first if self._held is None else self._held.first
                self._held = Passed(first, each.last)
            else:
                if self._held is not None:
                    ready.append(self._given())
                ready.append(each)
        if (held := self._held) is not None:
            full = held.last - held.first + 1 >= PASSING_MOST
            if full or (all_here is not None and held.last >= all_here):
                ready.append(self._given())
            elif self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(PASSING_SECONDS, self.settle)
        return ready

    def settle(self) -> None:
        """Write what is held back."""
        if self._held is not None:
            self._write(self._given())

    def _given(self) -> Passed:
        held = self._held
        assert held is not None
        self.drop()
        return held

    def drop(self) -> None:
        """What is held back is not written; the relay will say it again."""
        self._held = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
