"""Help: every key and what it does, from the registry."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from inspector.domain.query import KEYS
from inspector.tui.actions import ACTIONS, Action, Where, keys_text

_KEYS = 14


def help_text() -> str:
    """The whole help as plain text, by where the keys are heard; then the query language."""
    out: list[str] = []
    for where in Where:
        out += ["", f"In the {where}" if where is not Where.EVERYWHERE else "Everywhere", ""]
        out += [_line(action) for action in ACTIONS if action.where is where]
    out += ["", "The filter: conditions side by side must all hold; or, not, -, ( )", ""]
    out += [f"  {doc.example:<30} {doc.doc}" for doc in KEYS.values()]
    out.append('  "free text"'.ljust(33) + "in the path, the event, the headers and the body")
    return "\n".join(out[1:])


def _line(action: Action) -> str:
    return f"  {keys_text(action):<{_KEYS}} {action.label:<14} {action.help}"


class HelpScreen(ModalScreen[None]):
    """Any of its keys closes it; the arrows scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss(None)", "Close")
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Content(help_text()), markup=False)
