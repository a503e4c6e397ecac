"""Pairs of numbers in order: kept in two parallel arrays, 16 bytes a pair."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence


class Pairs:
    """A set of (key, value), ascending. Finding is O(log n), adding and removing a memory move."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._values = array("q")

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: int) -> int:
        """The smallest value under a key, 0 when there is none."""
        at = bisect_left(self._keys, key)
        there = at < len(self._keys) and self._keys[at] == key
        return self._values[at] if there else 0

    def values(self, key: int) -> "array[int]":
        """The values under a key, ascending."""
        low, high = self._span(key)
        return self._values[low:high]

    def count(self, key: int) -> int:
        low, high = self._span(key)
        return high - low

    def nth(self, key: int, number: int) -> int:
        """The value under a key that has this many smaller ones."""
        return self._values[bisect_left(self._keys, key) + number]

    def smaller(self, key: int, value: int) -> int:
        """How many values under a key are smaller than this one."""
        low, high = self._span(key)
        return bisect_left(self._values, value, low, high) - low

    def between(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The pairs whose keys are `low` to `high`."""
        start, end = bisect_left(self._keys, low), bisect_right(self._keys, high)
        return zip(self._keys[start:end], self._values[start:end], strict=True)

    def below(self, key: int) -> int:
        """How many keys are smaller."""
        return bisect_left(self._keys, key)

    def add(self, key: int, value: int) -> None:
        """Add a pair that is not there yet."""
        at = self._position(key, value, 0)
        self._keys.insert(at, key)
        self._values.insert(at, value)

    def remove(self, key: int, value: int) -> None:
        """Remove a pair that is there."""
        at = self._position(key, value, 0)
        del self._keys[at]
        del self._values[at]

    def add_all(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Add pairs that are not there yet, in ascending order.

        What is there is moved in pieces, so that the cost goes with the number of new pairs.
        """
        if not pairs:
            return
        keys, values = array("q"), array("q")
        start = at = self._position(*pairs[0], 0)
        for key, value in pairs:
            end = self._position(key, value, at)
            if end > at:
                keys += self._keys[at:end]
                values += self._values[at:end]
                at = end
            keys.append(key)
            values.append(value)
        self._keys[start:at] = keys
        self._values[start:at] = values

    def drop_below(self, key: int) -> list[tuple[int, int]]:
        """Let go of the pairs whose keys are smaller; they are returned."""
        end = bisect_left(self._keys, key)
        dropped = list(zip(self._keys[:end], self._values[:end], strict=True))
        del self._keys[:end]
        del self._values[:end]
        return dropped

    def _span(self, key: int) -> tuple[int, int]:
        low = bisect_left(self._keys, key)
        return low, bisect_right(self._keys, key, low)

    def _position(self, key: int, value: int, start: int) -> int:
        low = bisect_left(self._keys, key, start)
        return bisect_left(self._values, value, low, bisect_right(self._keys, key, low))
