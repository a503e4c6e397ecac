"""The bars above the panes: the filter, and the lost connection."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from inspector.domain.plaintext import one_line, visible
from inspector.domain.query import QueryError
from inspector.errors import UsageError
from inspector.tui.actions import Keys
from inspector.tui.filters import Filter
from inspector.tui.widgets.plain_input import PlainInput


class FilterBar(Vertical):
    """The filter as text. Enter applies it, Esc leaves it as it was; errors point at the column."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave the filter as it was", show=False)
    ]

    class Submitted(Message):
        """A filter that can be read was entered."""

        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.wanted = wanted

    class Left(Message):
        """The user left without applying anything."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(id="filter-bar")
        self._input = PlainInput(
            placeholder=f"{keys.first('filter')} to filter: event:delta.* sig:invalid",
            select_on_focus=False,
            id="filter",
        )
        self._error = Static("", id="filter-error", markup=False)
        self._error.display = False
        self._applied = ""
        self._complaint = ""

    def compose(self) -> ComposeResult:
        yield self._input
        yield self._error

    @property
    def error(self) -> str:
        """What the bar says is wrong with the text, or nothing."""
        return self._complaint

    def edit(self) -> None:
        """Give the text the keys."""
        # At once, unlike `focus()`: what is typed right after the key belongs to the text.
        self.screen.set_focus(self._input)
        self._input.cursor_position = len(self._input.value)

    def show_applied(self, text: str) -> None:
        """The filter in force, wherever it came from."""
        self._applied = text
        self._input.value = text
        self._complain("")

    def action_leave(self) -> None:
        self.show_applied(self._applied)
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._read(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        wanted = self._read(event.value)
        if wanted is not None:
            self.show_applied(wanted.text)
            self.post_message(self.Submitted(wanted))

    def _read(self, text: str) -> Filter | None:
        try:
            wanted = Filter.of(text)
        except QueryError as error:
            # Filter.of reads the text without the blanks around it.
            column = error.column + len(text) - len(text.lstrip())
            self._complain(f"{' ' * (column + 1)}^ {_said(error)}")
        except UsageError as error:
            self._complain(_said(error))
        else:
            self._complain("")
            return wanted
        return None

    def _complain(self, text: str) -> None:
        self._complaint = text
        self._error.update(Content(text))
        self._error.display = bool(text)


class Banner(Static):
    """The connection is lost: why, and when the next try comes. Hidden while it is up."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__("", id="banner", markup=False)
        self._clock = clock
        self._until = 0.0
        self._reason = ""
        self.display = False

    def on_mount(self) -> None:
        self.set_interval(0.25, self._draw)

    def lost(self, retry_in: float, reason: str) -> None:
        self._until = self._clock() + retry_in
        self._reason = one_line(reason, 120)
        self.display = True
        self._draw()

    def restored(self) -> None:
        self.display = False

    def _draw(self) -> None:
        if self.display:
            left = max(self._until - self._clock(), 0.0)
            self.update(
                Content(
                    f" No connection to the listener: {self._reason}; next try in {left:.0f} s."
                )
            )


def _said(error: UsageError) -> str:
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    return visible(text)
