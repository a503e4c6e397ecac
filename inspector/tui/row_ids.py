"""The ids of the rows of a list: kept ascending in one array, 8 bytes each, newest is row 0."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import merge


class RowIds:
    """A set of ids in order. Finding is O(log n); adding the newest, too; else a memory move."""

    def __init__(self) -> None:
        self._ids = array("q")

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, one: int) -> bool:
        return self.row_of(one) is not None

    @property
    def newest(self) -> int:
        """The greatest id, 0 when there is none."""
        return self._ids[-1] if self._ids else 0

    @property
    def oldest(self) -> int:
        """The smallest id, 0 when there is none."""
        return self._ids[0] if self._ids else 0

    def at(self, row: int) -> int:
        return self._ids[-1 - row]

    def row_of(self, one: int) -> int | None:
        position = bisect_left(self._ids, one)
        there = position < len(self._ids) and self._ids[position] == one
        return len(self._ids) - 1 - position if there else None

    def nearest_row(self, one: int) -> int:
        """The row of that id, or of the next older one, or the last row."""
        position = max(bisect_right(self._ids, one) - 1, 0)
        return len(self._ids) - 1 - position

    def nearest(self, one: int) -> int:
        """The id that is nearest, of two the smaller one; not to be asked while there are none."""
        position = bisect_left(self._ids, one)
        return min(self._ids[max(position - 1, 0) : position + 1], key=lambda each: abs(each - one))

    def newer_than(self, one: int) -> int:
        """How many ids are greater."""
        return len(self._ids) - bisect_right(self._ids, one)

    def older_than(self, one: int) -> int:
        """How many ids are smaller."""
        return bisect_left(self._ids, one)

    def copied(self) -> "array[int]":
        """All of them, ascending."""
        return self._ids[:]

    def add(self, one: int) -> None:
        """Add an id that is not there yet."""
        if one > self.newest:
            self._ids.append(one)
        else:
            self._ids.insert(bisect_left(self._ids, one), one)

    def remove(self, one: int) -> None:
        """Remove an id that is there."""
        del self._ids[bisect_left(self._ids, one)]

    def add_older(self, ids: Iterable[int]) -> None:
        """Add ids that come newest first; as a rule they are all older than those at hand."""
        page = array("q", ids)
        page.reverse()
        if page and self._ids and page[-1] >= self._ids[0]:
            self._ids = array("q", sorted(set(page).union(self._ids)))
        else:
            self._ids[0:0] = page

    def replace(self, gone: Sequence[int], come: Sequence[int]) -> None:
        """Remove ids that are there and add ids that are not, both ascending."""
        if gone or come:
            self._ids = spliced(self._ids, gone, come)

    def drop_below(self, one: int) -> None:
        """Let go of all that are smaller."""
        del self._ids[: bisect_left(self._ids, one)]


def spliced(ids: "array[int]", gone: Sequence[int], come: Sequence[int]) -> "array[int]":
    """Ascending ids without those that are `gone` and with those that `come`, both ascending.

    What lies between them is copied in pieces, so that beside that copy the cost goes with what
    changes. `ids` may be used up.
    """
    start = bisect_left(ids, min((*gone[:1], *come[:1])))
    out = array("q")
    at = start
    for one, comes in merge(((one, True) for one in come), ((one, False) for one in gone)):
        end = bisect_left(ids, one, at)
        out += ids[at:end]
        if comes:
            out.append(one)
        at = end if comes else end + 1
    ids[start:at] = out
    return ids
