"""The detail of the delivery under the cursor: tabs of lines."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from inspector.tui.actions import Keys
from inspector.tui.inspection import Inspection, current
from inspector.tui.lines import Line, plain
from inspector.tui.tabs import BUILDERS, MODES, TABS, Shown
from inspector.tui.widgets.lines_view import LinesView


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


class Detail(Vertical):
    """One delivery, tab by tab. It draws what the inspection knows, whenever that changes."""

    def __init__(self, inspection: Inspection, keys: Keys) -> None:
        super().__init__(id="detail")
        self._inspection = inspection
        self._keys = keys
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
        shown = Shown(detail, inspection.attempts, MODES[self._mode], self._reveal, self._keys)
        return list(BUILDERS[self._tab](shown))


def _labels() -> list[str]:
    return [f" {number} {name} " for number, name in enumerate(TABS, 1)]
