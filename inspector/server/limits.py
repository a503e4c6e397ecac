"""What an endpoint of a relay takes in: how often, and what came of it, counted."""

from collections import Counter
from collections.abc import Callable


class Bucket:
    """Lets `rate` requests a second through on average, twice as many at once.

    `clock` gives seconds that only grow.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self.set(rate)
        self._tokens = self._most

    def set(self, rate: float) -> None:
        """Let so many through from now on."""
        self._rate = rate
        self._most = max(1.0, 2 * rate)

    def take(self) -> float:
        """0 where a request may come in, else the seconds until one may."""
        now = self._clock()
        tokens = self._tokens + (now - self._at) * self._rate
        if tokens > self._most:
            tokens = self._most
        self._at = now
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return 0.0
        self._tokens = tokens
        return (1.0 - tokens) / self._rate


class Counters:
    """What became of an endpoint's requests since the start of the process.

    `captured` and `bytes` (of their bodies) are on disk; `refused` are those with a row, by code;
    `limited` are those turned away without one, by code.
    """

    def __init__(self) -> None:
        self.captured = 0
        self.bytes = 0
        self.probed = 0
        self.refused: Counter[str] = Counter()
        self.limited: Counter[str] = Counter()

    @property
    def turned_away(self) -> int:
        """How many the limits turned away."""
        return self.limited.total()
