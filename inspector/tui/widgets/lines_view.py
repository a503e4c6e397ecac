"""A window over a document, drawn row by row and moved by keys."""

import re
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from inspector.tui.actions import Where, bindings
from inspector.tui.document import Document
from inspector.tui.rows import Cell
from inspector.tui.viewport import ScreenRow, Viewport
from inspector.tui.widgets.cells import CellView

_WHEEL = 3
# The actions of the detail that any text can do.
_SCROLLING = ("down", "up", "page-down", "page-up", "top", "bottom")
_SCROLLS = [one for one in bindings(Where.DETAIL) if f"{one.id}"[7:] in _SCROLLING]
# Before the text: the cursor's sign, and the sign of what folds.
_GUTTER = 2


class LinesView(CellView, can_focus=True):
    """A document, wrapped to the width, scrolled by keys. The `Viewport` decides; this draws.

    The scrollbar counts lines, whatever their number of rows: those out of sight are not wrapped.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*_SCROLLS]
    gutter_width = 0

    def __init__(self, view_id: str = "lines") -> None:
        self._rows: list[ScreenRow] = []
        super().__init__(id=view_id)
        self.port = Viewport()

    def show(self, document: Document, *, from_top: bool) -> None:
        """Replace the document; `from_top` unless it is the same one, a little newer."""
        self.port.show(document, from_top=from_top)
        self.redraw()

    def redraw(self) -> None:
        """The viewport has changed: draw what is in it, and move the scrollbar along."""
        self._rows = self.port.rows()
        self.resize_rows(self.port.extent)
        self.jump_to(self.port.place)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y >= len(self._rows):
            return Strip.blank(width, self.under)
        return self.strip(self._rows[y].cells, width)

    def forget_strips(self) -> None:
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(new_value) != self.port.place:
            # By the scrollbar: everything else moves the viewport first.
            self.port.scroll_to(round(new_value))
            self.redraw()

    def on_resize(self) -> None:
        region = self.scrollable_content_region
        self.port.resize(region.width - self.gutter_width, region.height)
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -_WHEEL)

    def _wheel(self, event: events.MouseEvent, rows: int) -> None:
        event.prevent_default()
        event.stop()
        self.port.scroll(rows)
        self.redraw()

    def action_line(self, lines: int) -> None:
        self.port.scroll(lines)
        self.redraw()

    def action_turn(self, pages: int) -> None:
        self.port.turn(pages)
        self.redraw()

    def action_top(self) -> None:
        self.port.first()
        self.redraw()

    def action_bottom(self) -> None:
        self.port.last()
        self.redraw()


class DetailView(LinesView):
    """A document with a cursor, which is seen while the pane has the keys, and with folding."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings(Where.DETAIL) if one not in _SCROLLS
    ]
    gutter_width = _GUTTER
    searched = False
    """The keys are in the search field: the cursor is seen all the same."""

    class CursorMoved(Message):
        """The cursor is on another line, or another line is where it is."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, DetailView.CursorMoved)

    class Resized(Message):
        """The lines have another width."""

    def on_resize(self) -> None:
        before = self.port.width
        super().on_resize()
        if before != self.port.width:
            self.post_message(self.Resized())

    def redraw(self) -> None:
        super().redraw()
        self.post_message(self.CursorMoved())

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y >= len(self._rows):
            return Strip.blank(width, self.under)
        row = self._rows[y]
        chosen = row.line == self.port.cursor and (self.has_focus or self.searched)
        base = self.base("selected-focus") if chosen else None
        return self.strip([self._gutter(row, chosen), *row.cells], width, base)

    def _gutter(self, row: ScreenRow, chosen: bool) -> Cell:
        if row.number:
            return "  ", ""
        folding = self.port.folding
        sign = " "
        if folding.foldable(row.line):
            sign = "+" if folding.folded(row.line) else "-"
        return (">" if chosen else " ") + sign, "fold"

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.refresh()

    def action_line(self, lines: int) -> None:
        self.port.step(lines)
        self.redraw()

    def mark(self, sought: re.Pattern[str] | None, hit: tuple[int, int] | None) -> bool:
        """Mark what matches, `hit` before all; whether that is something else than before."""
        if not self.port.seek(sought, hit):
            return False
        self.redraw()
        return True

    def go(self, line: int) -> None:
        """Put the cursor on a line that may be folded or far away."""
        self.port.go(line, centre=True)
        self.redraw()

    def action_fold(self) -> None:
        self.port.fold()
        self.redraw()

    def action_unfold(self) -> None:
        self.port.unfold()
        self.redraw()

    def action_turn_over(self) -> None:
        self.port.toggle()
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self._rows):
            self.port.go(self._rows[event.y].line)
            if event.x < _GUTTER:
                self.port.toggle()
            self.redraw()
