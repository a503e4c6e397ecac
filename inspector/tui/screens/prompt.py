"""A question with a line of text for its answer, checked while it is typed."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector.domain.plaintext import one_line
from inspector.domain.query import QueryError
from inspector.errors import UsageError
from inspector.tui.events import told
from inspector.tui.pointing import pointed
from inspector.tui.widgets.plain_input import PlainInput


def _anything(text: str) -> None:
    del text


class PromptScreen(ModalScreen[str | None]):
    """Ends with the text (blanks around it left out), or None when the user left with Esc.

    `check` raises `UsageError` for a text that is no answer: it is told in place, and Enter does
    not close the prompt. `offers` are answers to choose with the arrow keys, or by a click, which
    puts them into the line. `selected`: typing takes the place of `value`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("down", "offer(1)", "Next offer"),
        Binding("up", "offer(-1)", "Previous offer"),
    ]

    def __init__(
        self,
        question: str,
        value: str = "",
        *,
        hint: str = "",
        offers: Sequence[str] = (),
        selected: bool = False,
        check: Callable[[str], object] = _anything,
    ) -> None:
        super().__init__()
        self._question = question
        self._hint = hint
        self._selected = selected
        self._check = check
        self._offers = list(offers)
        self._input = PlainInput(value, select_on_focus=selected, id="answer")
        self._error = Static("", id="answer-error", markup=False)
        self._list = OptionList(
            *(Option(Content(one_line(one, 200))) for one in self._offers), id="offers"
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="prompt"):
            yield self._input
            yield self._error
            if self._offers:
                yield self._list
            yield Static(Content(self._hint), id="answer-hint")

    def on_mount(self) -> None:
        prompt = self.query_one("#prompt")
        prompt.border_title = Content(one_line(self._question, 200))
        prompt.border_subtitle = "Enter accepts, Esc leaves"
        value = self._input.value
        self._list.highlighted = self._offers.index(value) if value in self._offers else None
        self._input.cursor_position = len(value)
        if self._selected:
            self._input.action_select_all()
        self.set_focus(self._input)
        self._read(value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._read(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._read(event.value):
            self.dismiss(event.value.strip())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._offer(event.option_index)

    def action_offer(self, step: int) -> None:
        if self._offers:
            at = self._list.highlighted
            self._offer((-1 if at is None and step > 0 else at or 0) + step)

    def _offer(self, index: int) -> None:
        self._list.highlighted = index % len(self._offers)
        self._input.value = self._offers[self._list.highlighted]
        self._input.cursor_position = len(self._input.value)
        self.set_focus(self._input)

    def _read(self, text: str) -> bool:
        try:
            self._check(text.strip())
        except QueryError as error:
            column = error.column + len(text) - len(text.lstrip())
            # The line shows a part of a long text.
            at = cell_len(text[:column]) - self._input.scroll_offset.x
            self._complain(pointed(told(error), at, self._input.size.width))
        except UsageError as error:
            self._complain(told(error))
        else:
            self._complain("")
            return True
        return False

    def _complain(self, text: str) -> None:
        self._error.update(Content(text))
