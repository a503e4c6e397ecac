"""The filter as text, with completion and history."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from inspector.domain.query import QueryError
from inspector.errors import UsageError
from inspector.tui.actions import Keys, Where, bindings
from inspector.tui.completion import Completion
from inspector.tui.events import told
from inspector.tui.filters import Filter
from inspector.tui.pointing import pointed
from inspector.tui.recall import Recall
from inspector.tui.saved import Saved
from inspector.tui.vocabulary import Vocabulary
from inspector.tui.widgets.completions import Completions
from inspector.tui.widgets.plain_input import PlainInput


class _Line(PlainInput):
    """The line of text: the right arrow at its end takes what is offered there."""

    class Accepted(Message):
        """The right arrow was pressed with nothing more to go right to."""

    def action_cursor_right(self, select: bool = False) -> None:
        if self.cursor_position == len(self.value) and not select:
            self.post_message(self.Accepted())
        else:
            super().action_cursor_right(select)


class FilterBar(Vertical):
    """Enter applies what stands in it, whatever is offered; errors point at the column.

    While a text is typed, what may follow is listed below it. The arrow keys put one of the list
    into the text, or walk through what was applied before when nothing is listed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.FILTER)]

    class Submitted(Message):
        """A filter that can be read was entered."""

        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.wanted = wanted

    class Left(Message):
        """The user left without applying anything."""

    def __init__(self, keys: Keys, vocabulary: Vocabulary, saved: Saved) -> None:
        super().__init__(id="filter-bar")
        self._vocabulary = vocabulary
        self._saved = saved
        self._input = _Line(
            placeholder=f"{keys.first('filter')} to filter: event:delta.* sig:invalid",
            select_on_focus=False,
            id="filter",
        )
        self._list = Completions()
        self._error = Static("", id="filter-error", markup=False)
        self._error.display = False
        self._applied = ""
        self._complaint = ""
        self._recall = Recall()
        # The text and cursor that the list and the complaint are for.
        self._seen = ("", 0)
        self._putting = False
        self._choices: Sequence[Completion] = ()
        # What was typed when the list was opened, and the line of it that stands in the text.
        self._typed = ("", 0)
        self._at: int | None = None

    def compose(self) -> ComposeResult:
        yield self._input
        yield self._list
        yield self._error

    def on_mount(self) -> None:
        self.watch(self._input, "selection", self._follow, init=False)

    @property
    def error(self) -> str:
        """What the bar says is wrong with the text, or nothing."""
        return self._complaint

    @property
    def offered(self) -> Sequence[Completion]:
        """What is listed below the text."""
        return self._choices

    def edit(self) -> None:
        """Give the text the keys."""
        # At once, unlike `focus()`: what is typed right after the key belongs to the text.
        self.screen.set_focus(self._input)
        self._put(self._input.value, len(self._input.value))

    def show_applied(self, text: str) -> None:
        """The filter in force, wherever it came from."""
        self._applied = text
        self._put(text, len(text))
        self._complain("")

    def on_descendant_focus(self) -> None:
        self._vocabulary.refresh()
        self._recall = Recall(self._saved.history())

    def on_descendant_blur(self) -> None:
        self._offer(())

    # Its keys ------------------------------------------------------------------------------

    async def action_apply(self) -> None:
        await self._input.action_submit()

    def action_leave(self) -> None:
        """Close the list, with the text as it was typed; with no list, leave."""
        self._follow()
        if self._choices:
            self._put(*self._typed)
            self._read(self._input.value)
        else:
            self.show_applied(self._applied)
            self.post_message(self.Left())

    def action_complete(self) -> None:
        """Take what is offered first or is chosen; with nothing listed, list all there is."""
        self._follow()
        if not self._choices:
            self._offer(self._completions(asked=True))
        elif self._at is not None:
            # It stands in the text already: go on from there.
            self._offer(self._completions())
        else:
            self._take(0)

    def action_step(self, by: int) -> None:
        """Down or up the list; with none, to the newer or older filters of the history."""
        self._follow()
        if self._choices:
            places = [None, *range(len(self._choices))]
            self._at = places[(places.index(self._at) + by) % len(places)]
            text, cursor = self._typed
            if self._at is not None:
                text, cursor = self._choices[self._at].text, self._choices[self._at].cursor
            self._put(text, cursor, keep_list=True)
            self._list.show(self._choices, self._at)
            return
        found = self._recall.step(by, self._input.value)
        if found is not None:
            self._put(found, len(found))
            self._read(found)

    def on__line_accepted(self, message: _Line.Accepted) -> None:
        message.stop()
        if self._choices:
            self.action_complete()

    def on_completions_chosen(self, message: Completions.Chosen) -> None:
        message.stop()
        self._take(message.index)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._follow()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._offer(())
        wanted = self._read(event.value)
        if wanted is not None:
            self._saved.remember(wanted.text)
            self.show_applied(wanted.text)
            self.post_message(self.Submitted(wanted))

    # Inside --------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Catch up with what was typed, or where the cursor went."""
        now = (self._input.value, self._input.cursor_position)
        if now == self._seen or self._putting:
            return
        typed = now[0] != self._seen[0]
        self._seen = now
        if typed or self._choices:
            self._offer(self._completions())
            self._read(now[0])

    def _put(self, text: str, cursor: int, *, keep_list: bool = False) -> None:
        """Text that nobody typed: it opens no list."""
        self._putting = True
        with self._input.prevent(Input.Changed):
            self._input.value = text
            self._input.cursor_position = cursor
        self._putting = False
        self._seen = (self._input.value, self._input.cursor_position)
        if not keep_list:
            self._offer(())

    def _take(self, index: int) -> None:
        """Put a choice into the text, and list what may follow it."""
        self._put(self._choices[index].text, self._choices[index].cursor)
        self._offer(self._completions())
        self._read(self._input.value)

    def _completions(self, *, asked: bool = False) -> tuple[Completion, ...]:
        return self._vocabulary.complete(*self._seen, asked=asked)

    def _offer(self, choices: Sequence[Completion]) -> None:
        self._choices, self._at, self._typed = choices, None, self._seen
        self._list.show(choices)

    def _read(self, text: str) -> Filter | None:
        try:
            wanted = Filter.of(text)
        except QueryError as error:
            # Filter.of reads the text without the blanks around it.
            column = error.column + len(text) - len(text.lstrip())
            # The line has a blank before its text, and shows a part of a long one.
            at = cell_len(text[:column]) + 1 - self._input.scroll_offset.x
            self._complain(pointed(told(error), at, self.size.width))
        except UsageError as error:
            self._complain(told(error))
        else:
            self._complain("")
            return wanted
        return None

    def _complain(self, text: str) -> None:
        if text == self._complaint:
            # Saying it again would lay the whole screen out anew.
            return
        # While something is offered the text is on its way: what is missing stands in the list.
        text = "" if self._choices else text
        self._complaint = text
        self._error.update(Content(text))
        self._error.display = bool(text)
