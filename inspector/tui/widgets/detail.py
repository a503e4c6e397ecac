"""The detail of the delivery under the cursor: tabs of lines."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from inspector.domain.preferences import Preferences
from inspector.tui.actions import Keys
from inspector.tui.finding import pattern
from inspector.tui.reading import DetailReading
from inspector.tui.tabs import DIFF, TABS, attempts
from inspector.tui.widgets.foot import Foot, SearchField
from inspector.tui.widgets.lines_view import DetailView
from inspector.tui.widgets.tab_bar import TabBar


class Detail(Vertical):
    """One delivery, tab by tab. It draws what there is to read, whenever that changes."""

    def __init__(self, reading: DetailReading, keys: Keys, preferences: Preferences) -> None:
        super().__init__(id="detail")
        self._reading = reading
        reading.keys = keys
        reading.ignore = (*reading.ignore, *preferences.diff_ignore)
        self._bar = TabBar(keys)
        self._view = DetailView()
        self._field = SearchField()
        self._foot = Foot()
        self._place: object = None
        self._origin = 0

    def compose(self) -> ComposeResult:
        yield self._bar
        yield self._view
        yield self._field
        yield self._foot

    @property
    def reveals(self) -> bool:
        """Whether the values of secret headers are shown."""
        return self._reading.reveals

    @property
    def searching(self) -> bool:
        """Whether occurrences of a text are marked."""
        return bool(self._reading.sought) or self._field.display

    def value_at_cursor(self) -> tuple[str, str] | None:
        """The path and the value of the line under the cursor, as it was sent; None without,
        and while the delivery that is looked at has not come yet."""
        if self._reading.late:
            return None
        port = self._view.port
        value = port.document.value(port.cursor)
        return None if value is None else (port.document.path(port.cursor), value)

    # How it is read ------------------------------------------------------------------------

    def show_tab(self, index: int) -> None:
        self._reading.tab = self._bar.chosen = index
        # Where the panes are side by side they make room for both sides.
        self.screen.set_class(index == DIFF, "comparing")
        self.draw()

    def next_mode(self) -> None:
        """Switch bodies between pretty, raw and hex."""
        self._reading.next_mode()
        self.draw()

    def toggle_reveal(self) -> None:
        self._reading.toggle_reveal()
        self.draw()

    def compare(self) -> None:
        """Go to the comparison; from there, to the next thing to compare with."""
        comparison = self._reading.comparison
        if self._reading.tab == DIFF:
            comparison.turn()
        elif (attempt := self._attempt_at_cursor()) is not None:
            comparison.want_answer(attempt)
        self.show_tab(DIFF)

    def toggle_ignored(self) -> None:
        """Show or hide what the comparison passes over."""
        self._reading.toggle_ignored()
        self.show_tab(DIFF)

    def _attempt_at_cursor(self) -> int | None:
        if TABS[self._reading.tab].parts is not attempts.parts:
            return None
        port = self._view.port
        return attempts.attempt_of(port.document.key(port.cursor)[0])

    def draw(self) -> None:
        """Draw the chosen tab anew. Another delivery begins masked and at its top."""
        reading = self._reading
        if reading.refresh():
            self._view.show(reading.document, from_top=reading.place != self._place)
            self._place = reading.place
        self._mark()
        shown_id = reading.shown_id
        self._bar.about = "" if shown_id is None else f"#{shown_id} "

    @on(DetailView.Resized)
    def _resized(self, message: DetailView.Resized) -> None:
        message.stop()
        self._reading.width = self._view.port.width
        self.draw()

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        message.stop()
        self.show_tab(message.index)

    # Searching -----------------------------------------------------------------------------

    def search(self) -> None:
        """Open the field; what is typed is found at once."""
        self._origin = self._view.port.cursor
        self._field.display = self._view.searched = True
        # At once, unlike `focus()`: what is typed right after the key belongs to the text.
        self.screen.set_focus(self._field)

    def end_search(self) -> None:
        """Mark nothing any more."""
        self._field.value = ""
        self._leave_field()
        self._reading.search("", 0)
        self._mark()

    def step_match(self, matches: int) -> None:
        """Go to the next occurrence, or to the one before."""
        if not self._reading.sought:
            self.search()
            return
        self._reading.step(matches, self._view.port.cursor)
        self._mark()
        if (hit := self._reading.hit) is not None:
            self._view.go(hit[0])

    @on(Input.Changed, "#search")
    def _sought(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._reading.sought:
            self._reading.search(event.value, self._origin)
            self._mark()

    @on(Input.Submitted, "#search")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value:
            self._leave_field()
        else:
            self.end_search()

    @on(SearchField.Left)
    def _left(self, message: SearchField.Left) -> None:
        message.stop()
        self.end_search()

    def _leave_field(self) -> None:
        if self._field.display:
            self.screen.set_focus(self._view)
            self._field.display = self._view.searched = False

    def _mark(self) -> None:
        """Mark what is found, and go to the one that is chosen."""
        reading = self._reading
        hit = reading.hit
        if self._view.mark(pattern(reading.sought) if reading.sought else None, hit) and hit:
            self._view.go(hit[0])
        self._say()

    # The bottom line -----------------------------------------------------------------------

    @on(DetailView.CursorMoved)
    def _moved(self, message: DetailView.CursorMoved) -> None:
        message.stop()
        self._say()

    def _say(self) -> None:
        path = self._view.port.document.path(self._view.port.cursor)
        reading = self._reading
        state = reading.awaited or ("formatting …" if reading.pending else reading.tally)
        self._foot.say(path, state)
