"""Help: every key and what it does, from the registry; and the query language."""

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from inspector.domain.query import KEYS
from inspector.tui.actions import ACTIONS, BY_ID, Keys, Where
from inspector.tui.document import Document
from inspector.tui.lines import Line, heading, pair
from inspector.tui.widgets.lines_view import LinesView

_EXAMPLE = 26


def help_lines(keys: Keys, here: Where = Where.LIST) -> Iterator[Line]:
    """The whole help, by where the keys are heard: first those of the pane with the focus."""
    for where in sorted(Where, key=lambda where: where is not here):
        yield heading(f"Keys: {where}" + (", where you are" if where is here else ""))
        for action in ACTIONS:
            if action.where is where:
                yield pair(keys.text(action), f"{action.label}: {action.help}")
        yield ()
    yield heading("The filter: conditions side by side must all hold; or, not, -, ( )")
    for doc in KEYS.values():
        yield pair(doc.example, doc.doc, width=_EXAMPLE)
    yield pair('"free text"', "in the path, the event, the headers and the body", width=_EXAMPLE)


class HelpScreen(ModalScreen[None]):
    """Esc, q, Enter and the key that opened it close it; the keys of the detail scroll it.

    `here` is where the focus is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss(None)", "Close")]

    def __init__(self, keys: Keys, here: Where) -> None:
        super().__init__()
        self._keys = keys
        self._here = here
        self._view = LinesView("help")

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_title = "Help"
        self._view.border_subtitle = "Esc closes"
        self._view.show(Document(help_lines(self._keys, self._here)), from_top=True)

    def on_key(self, event: events.Key) -> None:
        if event.key in self._keys.of(BY_ID["help"]):
            event.stop()
            self.dismiss(None)
