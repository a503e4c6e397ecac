"""What a tab shows, as lines with a meaning: each may have a path, a value, and lines to fold."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from inspector.tui.lines import Line

Key = tuple[str, int, int]
"""Finds a line again in a newer document: its section, the piece in that, the line in that."""


class Entry(NamedTuple):
    """One line. `path` says what it is about, `value` is what is copied of it, as it was sent.

    `cells` are harmless already; path and value are not.
    """

    cells: Line
    path: str = ""
    value: str | None = None


@runtime_checkable
class Block(Protocol):
    """Very many lines, each made when it is seen. Indexes count from its own first line.

    Cells, path and value are what an `Entry` has; they are asked for one by one, because a value
    may be as large as a body.
    """

    def __len__(self) -> int: ...

    def cells(self, index: int) -> Line: ...

    def path(self, index: int) -> str: ...

    def value(self, index: int) -> str | None: ...

    def folded(self, index: int) -> Line:
        """The one line that stands for those to the closing one."""
        ...

    def closing(self, index: int) -> int:
        """The last line that folds under this one; the line itself where nothing does."""
        ...

    def parent(self, index: int) -> int:
        """The line that this one folds under, or -1."""
        ...

    def may_hold(self, word: str, index: int) -> bool:
        """Whether the line can hold a word, in lower case; False only if it cannot."""
        ...


class Section(NamedTuple):
    """Parts that fold under a head, and begin so where they are `closed`.

    `name` is its own among the sections of the document.
    """

    name: str
    head: Entry
    parts: "Iterable[Part]"
    closed: bool = False


Part = Line | Entry | Block | Section
"""What tabs are built of; a line alone is one without a path and a value."""


class Document:
    """The lines of one tab, counted from 0; at least one, be it empty. It never changes.

    `closed` are the lines that are folded at first.
    """

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        self._starts: list[int] = []
        self._pieces: list[Block] = []
        self._keys: list[tuple[str, int]] = []
        # First and last line of each section, those around others before them.
        self._sections: list[tuple[int, int]] = []
        self._length = 0
        self.closed: list[int] = []
        self._add("", parts)
        if not self._length:
            self._add("", [()])
        self._by_key = {key: number for number, key in enumerate(self._keys)}
        self._ends = dict(self._sections)

    def __len__(self) -> int:
        return self._length

    def cells(self, index: int) -> Line:
        piece, start = self._piece(index)
        return piece.cells(index - start)

    def path(self, index: int) -> str:
        """What the line is about, not made harmless; empty for most."""
        piece, start = self._piece(index)
        return piece.path(index - start)

    def value(self, index: int) -> str | None:
        """What is copied of the line, as it was sent; None where there is nothing to copy."""
        piece, start = self._piece(index)
        return piece.value(index - start)

    def folded(self, index: int) -> Line:
        """The line that stands for all that folds under it."""
        if index in self._ends:
            return (*self.cells(index), (" …", "dim"))
        piece, start = self._piece(index)
        return piece.folded(index - start)

    def closing(self, index: int) -> int:
        """The last line that folds under this one; the line itself where nothing does."""
        if index in self._ends:
            return self._ends[index]
        piece, start = self._piece(index)
        return start + piece.closing(index - start)

    def parent(self, index: int) -> int:
        """The line that this one folds under, or -1."""
        piece, start = self._piece(index)
        inner = piece.parent(index - start)
        if inner >= 0:
            return start + inner
        around = [first for first, last in self._sections if first < index <= last]
        return max(around, default=-1)

    def key(self, index: int) -> Key:
        number = bisect_right(self._starts, index) - 1
        return (*self._keys[number], index - self._starts[number])

    def find(self, key: Key) -> int | None:
        """The line that has this key, if there is one."""
        number = self._by_key.get(key[:2])
        if number is None or key[2] >= len(self._pieces[number]):
            return None
        return self._starts[number] + key[2]

    def texts(self, first: int, last: int, word: str = "") -> Iterator[tuple[int, str]]:
        """The text of each line from `first` up to before `last`; with a word in lower case
        only of those that may hold it."""
        index = first
        while index < min(last, self._length):
            piece, start = self._piece(index)
            end = min(start + len(piece), last)
            for one in range(index - start, end - start):
                if not word or piece.may_hold(word, one):
                    yield start + one, "".join(text for text, _ in piece.cells(one))
            index = end

    def _piece(self, index: int) -> tuple[Block, int]:
        number = bisect_right(self._starts, index) - 1
        return self._pieces[number], self._starts[number]

    def _add(self, scope: str, parts: Iterable[Part], head: Entry | None = None) -> None:
        loose: list[Entry] = [] if head is None else [head]
        count = 0

        def put(piece: Block) -> None:
            nonlocal count
            if len(piece):
                self._starts.append(self._length)
                self._pieces.append(piece)
                self._keys.append((scope, count))
                self._length += len(piece)
            count += 1

        for part in parts:
            if isinstance(part, Section):
                put(_Listed(loose))
                loose = []
                first = self._length
                number = len(self._sections)
                self._sections.append((first, first))
                if part.closed:
                    self.closed.append(first)
                self._add(part.name, part.parts, part.head)
                self._sections[number] = (first, self._length - 1)
            elif isinstance(part, Entry):
                loose.append(part)
            elif isinstance(part, Block):
                put(_Listed(loose))
                loose = []
                put(part)
            else:
                loose.append(Entry(part))
        put(_Listed(loose))


class _Listed:
    """Entries that are there already."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def cells(self, index: int) -> Line:
        return self._entries[index].cells

    def path(self, index: int) -> str:
        return self._entries[index].path

    def value(self, index: int) -> str | None:
        return self._entries[index].value

    def folded(self, index: int) -> Line:
        return self._entries[index].cells

    def closing(self, index: int) -> int:
        return index

    def parent(self, index: int) -> int:
        del index
        return -1

    def may_hold(self, word: str, index: int) -> bool:
        return word in "".join(text for text, _ in self._entries[index].cells).lower()
