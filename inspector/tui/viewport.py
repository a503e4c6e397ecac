"""The part of a document that is on the screen, and the line under the cursor.

Only the lines in it are made and wrapped, however many there are: positions are a line of the
document and a row of that line, and are found by walking from there.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from inspector.tui.document import Document
from inspector.tui.folding import Folding
from inspector.tui.lines import Line, marked, wrapped

_KEPT = 512
_NARROWEST = 2


class ScreenRow(NamedTuple):
    """One row of the screen: a piece of a line, `number` counts the pieces from 0."""

    line: int
    number: int
    cells: Line


class Viewport:
    """A window of `width` by `height` cells over a document, with a cursor that is a line.

    The top row is row `skip` of line `top`.
    """

    def __init__(self) -> None:
        self.document = Document()
        self.folding = Folding(self.document)
        self.width, self.height = _NARROWEST, 1
        self.top = self.skip = self.cursor = 0
        self._sought: re.Pattern[str] | None = None
        self._hit: tuple[int, int] | None = None
        self._wrapped: dict[int, list[Line]] = {}
        self._end: tuple[int, int] | None = None

    # What is shown -------------------------------------------------------------------------

    def show(self, document: Document, *, from_top: bool) -> None:
        """Show this document; unless `from_top` it is a newer one of the same, and what is
        folded, the cursor and the top stay at their lines."""
        old, folded = self.document, frozenset() if from_top else self.folding.keys
        # What is new begins as it is meant to.
        new = (document.key(one) for one in document.closed)
        folded |= {key for key in new if from_top or old.find(key) is None}
        places = [old.key(one) if one < len(old) else None for one in (self.top, self.cursor)]
        self.document = document
        self.folding = Folding(document, folded)
        self._forget()
        if from_top:
            self.top = self.skip = self.cursor = 0
            return
        top, cursor = (None if key is None else document.find(key) for key in places)
        if top is None:
            self.skip = 0
        self.top = self._line(self.top if top is None else top)
        self.cursor = self._line(self.cursor if cursor is None else cursor)
        self.skip = min(self.skip, self._rows_of(self.top) - 1)
        self._clamp()

    def resize(self, width: int, height: int) -> None:
        width, height = max(width, _NARROWEST), max(height, 1)
        if (width, height) == (self.width, self.height):
            return
        # The cursor stays in sight if it was; else the top stays where it is.
        followed = self._in_sight(self.cursor)
        self.width, self.height = width, height
        self._forget()
        self.skip = min(self.skip, self._rows_of(self.top) - 1)
        self._clamp()
        if followed:
            self._reveal()

    def seek(self, sought: re.Pattern[str] | None, hit: tuple[int, int] | None = None) -> bool:
        """Mark what matches; `hit` is the line and the character where the chosen one begins.

        Whether that is something else than before.
        """
        if (sought, hit) == (self._sought, self._hit):
            return False
        self._sought, self._hit = sought, hit
        self._wrapped.clear()
        return True

    def rows(self) -> list[ScreenRow]:
        """What is on the screen, from the top down; fewer than `height` where it ends before."""
        return list(islice(self._from(self.top, self.skip), self.height))

    @property
    def place(self) -> int:
        """Where the top stands, in lines that are seen: for a scrollbar."""
        return self.folding.place(self.top)

    @property
    def extent(self) -> int:
        """How long a scrollbar's way is, in the unit of `place`: one window more than its end."""
        return self.folding.place(self._last_top()[0]) + self.height

    # Moving --------------------------------------------------------------------------------

    def step(self, lines: int) -> None:
        """Move the cursor by one line down or up; a line longer than the window is scrolled."""
        if not self._in_sight(self.cursor):
            self.cursor = self._edge(lines)
            return
        down = lines > 0
        if (down and self._below(self.cursor)) or (not down and self._above(self.cursor)):
            self.scroll(1 if down else -1)
            return
        after = (self.folding.next if down else self.folding.previous)(self.cursor)
        if after is not None:
            self.cursor = after
            self._reveal(from_below=not down)

    def turn(self, pages: int) -> None:
        """Scroll by pages, and take the cursor along."""
        before = (self.top, self.skip)
        self.scroll(pages * max(self.height - 1, 1))
        if before == (self.top, self.skip):
            self.cursor = self._edge(-pages)
        else:
            self.cursor = self._edge(pages)

    def scroll(self, rows: int) -> None:
        """Move the window, and not the cursor."""
        self.skip += rows
        while self.skip < 0:
            above = self.folding.previous(self.top)
            if above is None:
                self.skip = 0
                break
            self.top = above
            self.skip += self._rows_of(above)
        while self.skip and self.skip >= (count := self._rows_of(self.top)):
            below = self.folding.next(self.top)
            if below is None:
                self.skip = count - 1
                break
            self.top = below
            self.skip -= count
        self._clamp()

    def scroll_to(self, place: int) -> None:
        """Put the top at a place, as `place` counts."""
        self.skip = 0
        self.top = self.folding.at(max(min(place, len(self.folding) - 1), 0))
        self._clamp()

    def go(self, line: int, *, centre: bool = False) -> None:
        """Put the cursor on a line, unfold what hides it, and bring it into sight."""
        line = max(min(line, len(self.document) - 1), 0)
        if self.folding.reveal(line):
            self._forget()
            self.top = self.folding.shown(self.top)
        self.cursor = line
        if centre and not self._in_sight(line):
            self.top, self.skip = self._up(line, 0, self.height // 3)
            self._clamp()
        self._reveal()

    def first(self) -> None:
        self.top = self.skip = self.cursor = 0

    def last(self) -> None:
        self.cursor = self.folding.at(len(self.folding) - 1)
        self.top, self.skip = self._last_top()

    # Folding -------------------------------------------------------------------------------

    def fold(self) -> bool:
        """Fold the cursor's line or what is around it; whether anything was folded."""
        folded = self.folding.fold(self.cursor)
        if folded is not None:
            self.cursor = folded
            self._refold()
        return folded is not None

    def unfold(self) -> bool:
        """Unfold the cursor's line and show what was under it; whether it was folded."""
        done = self.folding.unfold(self.cursor)
        if done:
            self._refold()
            last = self.folding.shown(self.document.closing(self.cursor))
            end = self._up(last, self._rows_of(last), self.height)
            self.top, self.skip = max((self.top, self.skip), min(end, (self.cursor, 0)))
        return done

    def toggle(self) -> bool:
        """Fold or unfold the cursor's line; whether it can be."""
        if not self.folding.foldable(self.cursor):
            return False
        return self.unfold() or self.fold()

    def _refold(self) -> None:
        self._forget()
        self.top = self.folding.shown(self.top)
        self.skip = min(self.skip, self._rows_of(self.top) - 1)
        self._clamp()
        self._reveal()

    # Inside --------------------------------------------------------------------------------

    def _line(self, line: int) -> int:
        """The line that is seen nearest to one that may have gone."""
        return self.folding.shown(min(line, len(self.document) - 1))

    def _forget(self) -> None:
        self._wrapped.clear()
        self._end = None

    def _lines_of(self, line: int) -> list[Line]:
        """The rows of one line."""
        found = self._wrapped.get(line)
        if found is None:
            if len(self._wrapped) > _KEPT:
                self._wrapped.clear()
            folded = self.folding.folded(line)
            cells = self.document.folded(line) if folded else self.document.cells(line)
            if self._sought is not None:
                hit = self._hit[1] if self._hit is not None and self._hit[0] == line else -1
                cells = marked(cells, self._sought, hit)
            found = self._wrapped[line] = list(wrapped([cells], self.width))
        return found

    def _rows_of(self, line: int) -> int:
        return len(self._lines_of(line))

    def _from(self, line: int, skip: int) -> Iterator[ScreenRow]:
        at: int | None = line
        while at is not None:
            pieces = self._lines_of(at)
            for number in range(skip, len(pieces)):
                yield ScreenRow(at, number, pieces[number])
            skip = 0
            at = self.folding.next(at)

    def _up(self, line: int, row: int, rows: int) -> tuple[int, int]:
        """The position this many rows above a row of a line, or the start."""
        while rows > row:
            above = self.folding.previous(line)
            if above is None:
                return line, 0
            rows -= row
            line, row = above, self._rows_of(above)
        return line, row - rows

    def _last_top(self) -> tuple[int, int]:
        """The position of the top when the end is at the bottom."""
        if self._end is None:
            last = self.folding.at(len(self.folding) - 1)
            self._end = self._up(last, self._rows_of(last), self.height)
        return self._end

    def _clamp(self) -> None:
        self.top, self.skip = min((self.top, self.skip), self._last_top())

    def _sight(self) -> tuple[ScreenRow, ScreenRow]:
        rows = self.rows()
        return rows[0], rows[-1]

    def _in_sight(self, line: int) -> bool:
        first, last = self._sight()
        return first.line <= line <= last.line

    def _below(self, line: int) -> bool:
        """Whether a line that is in sight goes on below the window."""
        last = self._sight()[1]
        return last.line == line and last.number < self._rows_of(line) - 1

    def _above(self, line: int) -> bool:
        return line == self.top and self.skip > 0

    def _edge(self, direction: int) -> int:
        """The line at the edge of the window that a cursor comes in by, moving that way."""
        first, last = self._sight()
        if direction < 0:
            return last.line
        after = self.folding.next(first.line) if first.number else None
        return first.line if after is None or after > last.line else after

    def _reveal(self, *, from_below: bool = False) -> None:
        """Bring all of the cursor's line into sight, or as much of it as fits."""
        rows = self._rows_of(self.cursor)
        if self.cursor < self.top or (self.cursor == self.top and self.skip):
            over = max(rows - self.height, 0)
            self.top, self.skip = self.cursor, over if from_below else 0
        elif not self._in_sight(self.cursor) or self._below(self.cursor):
            if rows >= self.height:
                self.top, self.skip = self.cursor, 0
            else:
                self.top, self.skip = self._up(self.cursor, rows, self.height)
        self._clamp()
