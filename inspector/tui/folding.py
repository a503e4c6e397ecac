"""Which lines of a document are folded, and what is seen of it then."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from inspector.tui.document import Document, Key


class Folding:
    """The lines that are seen of one document. A folded line stands for all under it.

    Only what is folded is kept, so that a document may have a million lines.
    """

    def __init__(self, document: Document, keys: Iterable[Key] = ()) -> None:
        self._document = document
        found = (document.find(key) for key in keys)
        self._folded = {one for one in found if one is not None and self.foldable(one)}
        # The outermost folded ranges: first and last line, lines hidden up to and in each.
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._hidden: list[int] = []
        self._settle()

    def __len__(self) -> int:
        return len(self._document) - (self._hidden[-1] if self._hidden else 0)

    @property
    def keys(self) -> frozenset[Key]:
        """What is folded, for a newer document of the same."""
        return frozenset(self._document.key(one) for one in self._folded)

    def foldable(self, index: int) -> bool:
        return self._document.closing(index) > index

    def folded(self, index: int) -> bool:
        return index in self._folded

    def fold(self, index: int) -> int | None:
        """Fold this line, or what it folds under; the line that was folded, None if there is none.

        A line that is folded already folds what is around it.
        """
        if not self.foldable(index) or index in self._folded:
            index = self._document.parent(index)
        if index < 0:
            return None
        self._folded.add(index)
        self._settle()
        return index

    def unfold(self, index: int) -> bool:
        """Unfold this line; whether it was folded."""
        if index not in self._folded:
            return False
        self._folded.discard(index)
        self._settle()
        return True

    def reveal(self, index: int) -> bool:
        """Unfold whatever hides this line; whether anything did."""
        hiding = {one for one in self._folded if one < index <= self._document.closing(one)}
        self._folded -= hiding
        if hiding:
            self._settle()
        return bool(hiding)

    def shown(self, index: int) -> int:
        """The line that is seen in this one's place: itself, or the one that it is folded under."""
        number = bisect_left(self._firsts, index) - 1
        if number >= 0 and index <= self._lasts[number]:
            return self._firsts[number]
        return index

    def next(self, index: int) -> int | None:
        """The next line that is seen after one that is seen, None at the end."""
        after = self._document.closing(index) + 1 if index in self._folded else index + 1
        return after if after < len(self._document) else None

    def previous(self, index: int) -> int | None:
        return self.shown(index - 1) if index > 0 else None

    def place(self, index: int) -> int:
        """How many lines are seen before one that is seen."""
        number = bisect_left(self._firsts, index)
        return index - (self._hidden[number - 1] if number else 0)

    def at(self, place: int) -> int:
        """The line at a place among those that are seen."""
        # The place of each outermost folded line grows with its number.
        number = bisect_right(range(len(self._firsts)), place - 1, key=self._place_of)
        return place + (self._hidden[number - 1] if number else 0)

    def _place_of(self, number: int) -> int:
        return self._firsts[number] - (self._hidden[number - 1] if number else 0)

    def _settle(self) -> None:
        self._firsts, self._lasts, self._hidden = [], [], []
        for first in sorted(self._folded):
            last = self._document.closing(first)
            if self._lasts and first <= self._lasts[-1]:
                continue
            before = self._hidden[-1] if self._hidden else 0
            self._firsts.append(first)
            self._lasts.append(last)
            self._hidden.append(before + last - first)
