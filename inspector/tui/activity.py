"""How many deliveries came in the last minutes, as a line of bars."""

from collections.abc import Mapping

STEP = 10_000_000
"""What is asked for: so many microseconds a bucket. A bar stands for one bucket or several."""
_BUCKETS = 60
_SPAN = _BUCKETS * STEP
_BARS = "▁▂▃▄▅▆▇█"


class Activity:
    """The buckets of the last ten minutes; only what may have changed is asked for again."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._upto = 0

    def since(self, now: int) -> int:
        """Where to ask from: the bucket before the last that is not empty, which may still grow."""
        return max(self._upto - STEP, now // STEP * STEP - _SPAN + STEP)

    def take(self, since: int, counts: Mapping[int, int], now: int) -> None:
        """The answer: what was received from `since` on, by the beginning of each bucket."""
        oldest = now // STEP * STEP - _SPAN + STEP
        kept = {at: count for at, count in self._buckets.items() if oldest <= at < since}
        self._buckets = {**kept, **{at: n for at, n in counts.items() if at >= oldest}}
        # The index may be behind by any time, but what it has is the first of what came.
        self._upto = max(counts, default=self._upto)

    def reset(self) -> None:
        """It may be another store: forget what was counted."""
        self._buckets, self._upto = {}, 0

    def bars(self, now: int, width: int) -> tuple[str, str]:
        """A line of bars up to `now`, in at most `width` cells, and what its scale is."""
        together = -(-_BUCKETS // max(min(width, _BUCKETS), 1))
        # A bar stands for a whole number of steps, so that it does not change as time passes.
        size = together * STEP
        last = now // size
        bars = [0] * (_BUCKETS // together)
        for at, count in self._buckets.items():
            place = len(bars) - 1 - (last - at // size)
            if 0 <= place < len(bars):
                bars[place] += count
        peak = max(bars)
        text = "".join(" " if not one else _BARS[-(-one * 8 // peak) - 1] for one in bars)
        seconds = size // 1_000_000
        minutes = len(bars) * seconds / 60
        scale = f"peak {peak:,}/{seconds}s" if peak else "nothing came"
        return text, f"{minutes:.0f} min, {scale}"
