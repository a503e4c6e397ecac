"""A search that only the listener can decide goes window by window: how large, and how far it is.

Pure: `Loading` asks for the windows and says how long each one took.
"""

from dataclasses import dataclass

_FIRST = 2_000
# Beside a narrow condition a window costs next to nothing, and the next one may cost much.
_LEAST, _MOST = 200, 100_000
# A window that takes so long shows its hits soon and costs little to be stopped in.
_SECONDS = 0.12
_STEEPEST = 4.0


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """How far a search is, from 0 to 1. `stopped`: the user ended it, and it can go on."""

    part: float
    stopped: bool = False


class Windows:
    """Spans of ids from `newest` down to `oldest`, sized by the time that they take."""

    def __init__(self, newest: int, oldest: int) -> None:
        self._newest = newest
        self._oldest = oldest
        self._size = _FIRST
        self.before = newest + 1

    @property
    def done(self) -> bool:
        return self.before <= self._oldest

    @property
    def part(self) -> float:
        """How much has been searched, from 0 to 1."""
        whole = self._newest - self._oldest + 1
        return 1.0 if whole <= 0 or self.done else (self._newest + 1 - self.before) / whole

    def next(self) -> tuple[int, int]:
        """The ids to look at: all below the first number and above the second."""
        return self.before, max(self.before - self._size, self._oldest) - 1

    def took(self, seconds: float, down_to: int) -> bool:
        """A window was searched down to this id, in so many seconds; whether it was the last."""
        factor = _SECONDS / max(seconds, _SECONDS / _STEEPEST)
        self._size = round(min(max(self._size * max(factor, 1 / _STEEPEST), _LEAST), _MOST))
        self.before = down_to
        return self.done
