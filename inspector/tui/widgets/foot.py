"""The bottom of the detail: where the cursor is, and the search."""

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from inspector.domain.plaintext import one_line
from inspector.tui.actions import Where, bindings
from inspector.tui.widgets.plain_input import PlainInput

_LONGEST = 500


class Foot(Widget, can_focus=False):
    """The path of the line under the cursor, and on the right what is going on."""

    def __init__(self) -> None:
        super().__init__(id="foot")
        self._path = self._state = ""

    def say(self, path: str, state: str) -> None:
        if (path, state) != (self._path, self._state):
            self._path, self._state = path, state
            self.refresh()

    def render(self) -> Content:
        state = Content.styled(self._state, "bold")
        room = max(self.size.width - state.cell_length - 3, 0)
        # The end of a path says more than its beginning.
        path = Content(one_line(self._path, _LONGEST))
        if path.cell_length > room:
            text = path.plain
            while text and Content(text).cell_length >= room:
                text = text[max(len(text) - room, 1) :]
            path = Content(f"…{text}" if room else "")
        blanks = self.size.width - path.cell_length - state.cell_length - 2
        return Content(" ") + path + Content(" " * max(blanks, 0)) + state


class SearchField(PlainInput):
    """What is searched in the detail. Enter goes on reading at what was found, Esc ends it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.SEARCH)]

    class Left(Message):
        """The user ended the search."""

    def __init__(self) -> None:
        super().__init__(placeholder="search in this tab", id="search")
        self.display = False

    def action_leave(self) -> None:
        self.post_message(self.Left())
