"""Help: every key and what it does, from the registry; and the query language."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from inspector.domain.query import KEYS
from inspector.tui.actions import ACTIONS, Where, keys_text
from inspector.tui.lines import Line, heading, pair
from inspector.tui.widgets.lines_view import LinesView

_ORDER = (Where.LIST, Where.DETAIL, Where.MAIN, Where.EVERYWHERE)
_EXAMPLE = 26


def help_lines() -> Iterator[Line]:
    """The whole help, by where the keys are heard."""
    for where in _ORDER:
        yield heading(f"Keys: {where}")
        for action in ACTIONS:
            if action.where is where:
                yield pair(keys_text(action), f"{action.label}: {action.help}")
        yield ()
    yield heading("The filter: conditions side by side must all hold; or, not, -, ( )")
    for doc in KEYS.values():
        yield pair(doc.example, doc.doc, width=_EXAMPLE)
    yield pair('"free text"', "in the path, the event, the headers and the body", width=_EXAMPLE)


class HelpScreen(ModalScreen[None]):
    """Esc, q, ? and Enter close it; the keys of the detail scroll it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss(None)", "Close")
    ]

    def __init__(self) -> None:
        super().__init__()
        self._view = LinesView("help")

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_title = "Help"
        self._view.border_subtitle = "Esc closes"
        self._view.show(list(help_lines()), from_top=True)
