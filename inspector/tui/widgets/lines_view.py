"""A view of wrapped lines of text, scrolled by keys."""

from typing import ClassVar

from textual.binding import BindingType
from textual.strip import Strip

from inspector.tui.actions import Where, bindings
from inspector.tui.lines import Line, wrapped
from inspector.tui.widgets.cells import CellView


class LinesView(CellView, can_focus=True):
    """Lines of text, wrapped to the width, scrolled by keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.DETAIL)]

    def __init__(self, view_id: str = "lines") -> None:
        self._strips: dict[int, Strip] = {}
        super().__init__(id=view_id)
        self._lines: list[Line] = []
        self._wrapped: list[Line] = []
        self._width = 0

    def show(self, lines: list[Line], *, from_top: bool) -> None:
        """Replace the lines; `from_top` unless they are the same ones, a little newer."""
        self._lines = lines
        self._wrap()
        if from_top:
            self.jump_to(0)

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        strip = self._strips.get(index)
        if strip is None:
            cells = self._wrapped[index] if index < len(self._wrapped) else ()
            strip = self._strips[index] = self.strip(cells, width)
        return strip

    def forget_strips(self) -> None:
        self._strips.clear()

    def on_resize(self) -> None:
        if self._width != self.scrollable_content_region.width:
            self._wrap()

    def _wrap(self) -> None:
        self.forget_strips()
        self._width = self.scrollable_content_region.width
        self._wrapped = list(wrapped(self._lines, self._width)) if self._width else []
        self.resize_rows(len(self._wrapped))
        self.refresh()

    def action_line(self, lines: int) -> None:
        self.jump_to(self.scroll_offset.y + lines)

    def action_turn(self, pages: int) -> None:
        self.jump_to(self.scroll_offset.y + pages * max(self.size.height - 1, 1))

    def action_top(self) -> None:
        self.jump_to(0)

    def action_bottom(self) -> None:
        self.jump_to(len(self._wrapped))
