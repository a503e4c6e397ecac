"""A menu: each choice has a letter; the first one is taken by Enter at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from inspector.domain.plaintext import one_line

_LABEL = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a menu: its letter, what it says, and more about it (a preview)."""

    key: str
    label: str
    about: str = ""


class MenuScreen(ModalScreen[str | None]):
    """Ends with the key of the choice, or None when the user left with Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Close"),
        Binding("j", "focused.cursor_down", "Down", show=False),
        Binding("k", "focused.cursor_up", "Up", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], *, hint: str = "") -> None:
        super().__init__()
        self._title = title
        self._choices = list(choices)
        self._hint = hint
        self._list = OptionList(*(Option(_line(one)) for one in self._choices), id="choices")

    def compose(self) -> ComposeResult:
        with Vertical(id="menu"):
            yield self._list
            if self._hint:
                yield Static(Content(self._hint), id="menu-hint")

    def on_mount(self) -> None:
        menu = self.query_one("#menu")
        menu.border_title = Content(one_line(self._title, _LABEL))
        menu.border_subtitle = "Enter or its letter, Esc leaves"
        self._list.highlighted = 0
        self.set_focus(self._list)

    def on_key(self, event: events.Key) -> None:
        for one in self._choices:
            if event.key == one.key or event.character == one.key:
                event.stop()
                event.prevent_default()
                self.dismiss(one.key)
                return

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index].key)


def _line(one: Choice) -> Content:
    parts = [
        Content.styled(f" {one.key} ", "bold $text-accent"),
        Content(one_line(one.label, _LABEL)),
    ]
    if one.about:
        parts.append(Content.styled(f"  {one_line(one.about, _LABEL)}", "dim"))
    return Content("").join(parts)
