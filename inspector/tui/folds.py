"""What is listed, as rows: the redeliveries of an event stand under its first, folded or not.

A listed delivery has a row of its own unless it is a redelivery whose first has one. So it does
not matter which of them match a filter, or in which order they come to be known: no delivery is
ever out of sight without a row that counts it.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import accumulate
from typing import NamedTuple

from inspector.tui.pairs import Pairs
from inspector.tui.row_ids import RowIds, spliced


class _Open(NamedTuple):
    """The unfolded firsts from the top down: their rows, what stands below, and its sum."""

    firsts: list[int]
    own_rows: list[int]
    rows: list[int]
    counts: list[int]
    sums: list[int]


_NONE = _Open([], [], [], [], [])


class Folds:
    """Ids and the firsts of the redeliveries among them, as rows; the newest is row 0.

    8 bytes for each delivery and 32 more for each redelivery. Finding is O(log n), and so is
    adding the newest; other changes are memory moves. Redeliveries below their unfolded first
    stand newest first, as everything else does.
    """

    def __init__(self, unfolded: Iterable[int] = ()) -> None:
        self._own = RowIds()
        self._by_first = Pairs()
        self._first_of = Pairs()
        self._total = 0
        self._layout: _Open | None = _NONE
        self.unfolded = set(unfolded)

    # Rows ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        opened = self._opened()
        return len(self._own) + (opened.sums[-1] if opened.sums else 0)

    @property
    def total(self) -> int:
        """How many deliveries are listed, the folded ones too."""
        return self._total

    @property
    def newest(self) -> int:
        """The newest delivery with a row of its own, 0 when there is none."""
        return self._own.newest

    @property
    def oldest(self) -> int:
        """The oldest delivery of all, 0 when there is none."""
        return self._own.oldest

    def newer_than(self, one: int) -> int:
        """How many of the deliveries with a row of their own are newer."""
        return self._own.newer_than(one)

    def at(self, row: int) -> int:
        opened = self._opened()
        place = bisect_right(opened.rows, row) - 1
        if place < 0:
            return self._own.at(row)
        first, below = opened.firsts[place], row - opened.rows[place]
        if below == 0:
            return first
        if below <= opened.counts[place]:
            return self._by_first.nth(first, opened.counts[place] - below)
        return self._own.at(row - opened.sums[place])

    def row_of(self, one: int) -> int | None:
        """The row of a delivery, or None when it is folded or not listed."""
        own = self._own.row_of(one)
        opened = self._opened()
        if own is not None:
            place = bisect_left(opened.own_rows, own)
            return own + (opened.sums[place - 1] if place else 0)
        first = self.head(one)
        if not first or first not in self.unfolded:
            return None
        place = bisect_left(opened.firsts, -first, key=lambda each: -each)
        newer = opened.counts[place] - self._by_first.smaller(first, one)
        return opened.rows[place] + newer

    def nearest_row(self, one: int) -> int:
        """The row of that delivery, or of the one that it is folded under, or the next older."""
        row = self.row_of(one)
        if row is None:
            row = self.row_of(self.head(one))
        if row is None:
            row = self.row_of(self._own.at(self._own.nearest_row(one)))
        assert row is not None
        return row

    def nearest(self, one: int) -> int:
        """That delivery, or the nearest with a row of its own; not to be asked without rows."""
        return one if one in self else self._own.nearest(one)

    def head(self, one: int) -> int:
        """The first that a redelivery stands under, 0 for what has a row of its own or none."""
        first = self._first_of.get(one)
        return first if first and one not in self._own else 0

    def times(self, one: int) -> int:
        """How many deliveries of its event stand in a row and under it."""
        return 1 + self._by_first.count(one)

    def ids(self) -> "array[int]":
        """Every delivery that is listed, ascending, the folded ones too."""
        everything = self._own.copied()
        if self._total > len(everything):
            known = self._first_of.between(0, 2**62)
            folded = array("q", (one for one, _ in known if one not in self._own))
            everything = spliced(everything, (), folded)
        return everything

    # Folding -------------------------------------------------------------------------------

    def unfold(self, one: int) -> bool:
        """Show what stands under a row; whether there is anything that did not show."""
        if one in self.unfolded or one not in self._own or not self._by_first.count(one):
            return False
        self.unfolded.add(one)
        self._layout = None
        return True

    def fold(self, one: int) -> bool:
        """The opposite; whether anything showed."""
        if one not in self.unfolded:
            return False
        self.unfolded.discard(one)
        self._layout = None
        return True

    # Listing -------------------------------------------------------------------------------

    def __contains__(self, one: int) -> bool:
        return one in self._own or self._first_of.get(one) != 0

    def add(self, one: int, first: int) -> bool:
        """List a delivery, a redelivery of `first` unless that is 0; whether rows have moved."""
        if first >= one:
            first = 0
        known = self._first_of.get(one)
        listed = known != 0 or one in self._own
        if listed and known == first:
            return False
        before = len(self)
        self._layout = None
        if known:
            self._unlink(one, known)
        if first:
            self._first_of.add(one, first)
            self._by_first.add(first, one)
        if not listed:
            self._total += 1
        moved = self._refold([(one, first), *self._below(one)])
        return moved or known != 0 or len(self) != before

    def remove(self, one: int) -> bool:
        """List a delivery no more; whether rows have moved."""
        first, own = self._first_of.get(one), one in self._own
        if not first and not own:
            return False
        before = len(self)
        self._layout = None
        self._total -= 1
        if first:
            self._unlink(one, first)
        if own:
            self._own.remove(one)
            self._refold(self._below(one))
        return own or len(self) != before

    def add_older(self, ids: "array[int]", pairs: Iterable[tuple[int, int]]) -> None:
        """List ids that come newest first, and as a rule after all that are listed.

        `pairs` are the redeliveries among them with the first of each, in any order; what was
        known of a delivery before is newer and stays.
        """
        if not ids:
            return
        low, high = ids[-1], ids[0]
        folded = {one for one, _ in self._first_of.between(low, high) if one not in self._own}
        if folded:
            ids = array("q", (one for one in ids if one not in folded))
        before = len(self._own)
        known = len(self._first_of)
        self._own.add_older(ids)
        self._total += len(self._own) - before
        new = sorted({(one, first) for one, first in pairs if first < one and self._unlinked(one)})
        self._first_of.add_all(new)
        self._by_first.add_all(sorted((first, one) for one, first in new))
        self._layout = None
        # Those that waited as rows for their first to be listed, too.
        waiting = self._by_first.between(low, high) if known else ()
        self._refold([*new, *((one, first) for first, one in waiting)])

    def keep_newest(self, count: int) -> None:
        """Let go of about all but the newest; redeliveries of what goes get rows of their own."""
        low, high = self.oldest, self.newest + 1
        while low < high:
            middle = (low + high) // 2
            if self._own.older_than(middle) + self._first_of.below(middle) < self._total - count:
                low = middle + 1
            else:
                high = middle
        self._drop_below(low)

    # Inside --------------------------------------------------------------------------------

    def _drop_below(self, end: int) -> None:
        folded = sum(one not in self._own for one, _ in self._first_of.drop_below(end))
        self._total -= self._own.older_than(end) + folded
        self._own.drop_below(end)
        kept = [(first, one) for first, one in self._by_first.drop_below(end) if one >= end]
        self._by_first.add_all(kept)
        self.unfolded = {first for first in self.unfolded if first >= end}
        self._layout = None
        self._refold([(one, first) for first, one in kept])

    def _unlinked(self, one: int) -> bool:
        return one in self._own and not self._first_of.get(one)

    def _unlink(self, one: int, first: int) -> None:
        self._first_of.remove(one, first)
        self._by_first.remove(first, one)

    def _below(self, first: int) -> list[tuple[int, int]]:
        return [(one, first) for one in self._by_first.values(first)]

    def _refold(self, doubtful: list[tuple[int, int]]) -> bool:
        """Give rows of their own to those that should have one, and take them from the others.

        `doubtful` are listed deliveries with their firsts (0: none). In the order of their ids,
        because a row decides on those of its own redeliveries, which are all newer.
        """
        come: set[int] = set()
        gone: set[int] = set()
        heapify(doubtful)
        while doubtful:
            one, first = heappop(doubtful)
            now = one in come or (one not in gone and one in self._own)
            wanted = first in gone or (first not in come and first not in self._own)
            if now == wanted:
                continue
            (come if wanted else gone).add(one)
            for each in self._below(one):
                heappush(doubtful, each)
        self._own.replace(sorted(gone), sorted(come))
        return bool(come or gone)

    def _opened(self) -> _Open:
        """Where the unfolded firsts stand; worked out anew when something has changed."""
        if self._layout is None:
            self._layout = self._laid_out() if self.unfolded else _NONE
        return self._layout

    def _laid_out(self) -> _Open:
        places = sorted(
            (own, first, self._by_first.count(first))
            for first in self.unfolded
            if (own := self._own.row_of(first)) is not None
        )
        places = [place for place in places if place[2]]
        own_rows = [own for own, _, _ in places]
        counts = [count for _, _, count in places]
        sums = list(accumulate(counts))
        rows = [
            own + total - count for own, total, count in zip(own_rows, sums, counts, strict=True)
        ]
        return _Open([first for _, first, _ in places], own_rows, rows, counts, sums)
