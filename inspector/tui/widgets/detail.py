"""The detail of the delivery under the cursor: tabs of lines."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from inspector.tui.actions import Where, bindings
from inspector.tui.inspection import Inspection, current
from inspector.tui.lines import Line, plain, wrapped
from inspector.tui.tabs import BUILDERS, MODES, TABS, Shown
from inspector.tui.widgets.cells import CellView


class TabBar(Widget, can_focus=False):
    """The names of the tabs with their keys; a click chooses one."""

    chosen: reactive[int] = reactive(0)

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def render(self) -> Content:
        parts = [
            Content.styled(label, "reverse bold" if index == self.chosen else "")
            for index, label in enumerate(_labels())
        ]
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        end = 0
        for index, label in enumerate(_labels()):
            end += len(label)
            if event.x < end:
                self.post_message(self.Chosen(index))
                return


class LinesView(CellView, can_focus=True):
    """Lines of text, wrapped to the width, scrolled by keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.DETAIL)]

    def __init__(self) -> None:
        self._strips: dict[int, Strip] = {}
        super().__init__(id="lines")
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


class Detail(Vertical):
    """One delivery, tab by tab. It draws what the inspection knows, whenever that changes."""

    def __init__(self, inspection: Inspection) -> None:
        super().__init__(id="detail")
        self._inspection = inspection
        self._bar = TabBar(id="tabs")
        self._view = LinesView()
        self._tab = 0
        self._mode = 0
        self._reveal = False
        self._drawn: tuple[int | None, int] = (None, 0)

    def compose(self) -> ComposeResult:
        yield self._bar
        yield self._view

    def show_tab(self, index: int) -> None:
        self._tab = self._bar.chosen = index
        self.draw()

    def next_mode(self) -> None:
        """Switch the body between pretty, raw and hex."""
        self._mode = (self._mode + 1) % len(MODES)
        self.draw()

    def toggle_reveal(self) -> None:
        self._reveal = not self._reveal
        self.draw()

    def draw(self) -> None:
        """Draw the chosen tab anew. Another delivery begins masked and at its top."""
        shown_id = self._inspection.delivery_id
        if shown_id != self._drawn[0]:
            self._reveal = False
        at = (shown_id, self._tab)
        self._view.show(self._lines(), from_top=at != self._drawn)
        self._drawn = at
        self.border_title = None if shown_id is None else f"#{shown_id}"

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        message.stop()
        self.show_tab(message.index)

    def _lines(self) -> list[Line]:
        inspection = self._inspection
        if inspection.error:
            return [plain(inspection.error, "error")]
        if inspection.detail is None:
            waiting = inspection.delivery_id is not None
            return [plain("loading …" if waiting else "no delivery is chosen", "dim")]
        detail = current(inspection.detail, inspection.delivery)
        shown = Shown(detail, inspection.attempts, MODES[self._mode], self._reveal)
        return list(BUILDERS[self._tab](shown))


def _labels() -> list[str]:
    return [f" {number} {name} " for number, name in enumerate(TABS, 1)]
