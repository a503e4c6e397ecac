"""The picker of catalogue events: choose one, and a sample of it is sent."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from inspector.domain.envelope import EventDoc
from inspector.domain.plaintext import one_line
from inspector.tui.widgets.plain_input import PlainInput

_TYPED = 60


class TriggerScreen(ModalScreen[str | None]):
    """Ends with the name of an event, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("down", "move(1)", "Down"),
        Binding("up", "move(-1)", "Up"),
    ]

    def __init__(self, catalogue: list[EventDoc]) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._found: list[EventDoc] = catalogue
        self._input = PlainInput(
            placeholder="type to narrow, Enter sends a sample", id="event-name"
        )
        self._list = OptionList(id="events", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="trigger"):
            yield self._input
            yield self._list

    def on_mount(self) -> None:
        box = self.query_one("#trigger")
        box.border_title = "Send a sample"
        box.border_subtitle = "Enter sends, the arrow keys choose, Esc leaves"
        self._fill("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        if self._list.highlighted is not None:
            self.dismiss(self._found[self._list.highlighted].event)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index].event)

    def action_move(self, rows: int) -> None:
        if rows > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()

    def _fill(self, typed: str) -> None:
        words = typed.lower().split()
        self._found = [doc for doc in self._catalogue if all(word in doc.event for word in words)]
        self._list.clear_options()
        self._list.add_options(
            [
                Option(Content.assemble((f"{doc.event:<40}", "bold"), (doc.summary, "dim")))
                for doc in self._found
            ]
        )
        if not self._found:
            none = Content(f"no event has {one_line(typed, _TYPED)!r} in its name")
            self._list.add_option(Option(none, disabled=True))
        self._list.highlighted = 0 if self._found else None
