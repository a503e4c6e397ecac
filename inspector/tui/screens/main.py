"""The main screen: it lays out the panes and passes messages on; it knows no feature."""

import time
from collections.abc import Callable
from datetime import tzinfo
from typing import ClassVar, Literal, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import Provider
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from inspector.client.control import Control
from inspector.client.stream import Stream
from inspector.domain.plaintext import visible
from inspector.domain.preferences import Preferences
from inspector.errors import InspectorError, UsageError
from inspector.tui.actions import BY_ID, Keys, Where, bindings
from inspector.tui.commands import Commands
from inspector.tui.emptiness import said_of
from inspector.tui.events import (
    ConnectionChanged,
    CountsChanged,
    DetailChanged,
    Ended,
    Event,
    FeedChanged,
    JobChanged,
    JobEnded,
    Said,
    StatusChanged,
    complaint,
)
from inspector.tui.filters import Filter
from inspector.tui.palette import ActionCommands, SampleCommands, ViewCommands
from inspector.tui.saved import Saved
from inspector.tui.screens.help import HelpScreen
from inspector.tui.session import Session
from inspector.tui.views import NamedViews
from inspector.tui.vocabulary import Vocabulary
from inspector.tui.widgets.bars import Banner
from inspector.tui.widgets.delivery_list import DeliveryList, ListTitles
from inspector.tui.widgets.detail import Detail
from inspector.tui.widgets.filter_bar import FilterBar
from inspector.tui.widgets.foot import SearchField
from inspector.tui.widgets.job_bar import JobBar
from inspector.tui.widgets.sidebar import Sidebar
from inspector.tui.widgets.status import KeyBar, StatusBar

T = TypeVar("T")
Severity = Literal["information", "warning", "error"]


class MainScreen(Screen[None]):
    """Event types, list and detail around one session."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.MAIN, Where.BROWSING)]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        ActionCommands,
        SampleCommands,
        ViewCommands,
    }
    AUTO_FOCUS = "#list"

    class Told(Message):
        """The session told something."""

        def __init__(self, event: Event) -> None:
            super().__init__()
            self.event = event

    class Failed(Message):
        """The session cannot go on."""

        def __init__(self, error: InspectorError) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        control: Control,
        stream: Stream,
        preferences: Preferences,
        saved: Saved,
        now: Callable[[], int],
        tz: tzinfo | None,
    ) -> None:
        super().__init__()
        self.preferences = preferences
        self.now = now
        self.tz = tz
        self.keys = Keys(preferences.keymap, in_ascii=preferences.glyphs == "ascii")
        self.views = NamedViews(preferences.views, saved)
        self.session = Session(control, stream, self._tell, now)
        self.list = DeliveryList(self.session.feed, self.session.selection, preferences, now, tz)
        self.detail = Detail(self.session.reading, self.keys, preferences)
        self.filter_bar = FilterBar(self.keys, Vocabulary(self.session, self.views), saved)
        self.pane = "list"
        self._sidebar = Sidebar(self.session, self.views, now)
        self._banner = Banner(time.monotonic, self.keys)
        self._job = JobBar(self.session.acts.jobs)
        self._status = StatusBar(self.session, self.keys)
        self._key_bar = KeyBar(self.keys)
        self._commands = Commands(self)

    def compose(self) -> ComposeResult:
        yield self.filter_bar
        yield self._banner
        with Horizontal(id="panes"):
            yield self._sidebar
            with Container(id="right"):
                with Vertical(id="list-pane"):
                    yield ListTitles(self.preferences)
                    yield self.list
                yield self.detail
        yield self._job
        yield self._status
        yield self._key_bar

    def on_mount(self) -> None:
        self._place_class("list")
        self._sidebar.show()
        self.detail.draw()
        self._list_or_empty()
        if self.views.problem is not None:
            self.say_error(self.views.problem)
        # The first look at the screen would hold up the first answers.
        self.call_after_refresh(self.session.start)

    async def on_unmount(self) -> None:
        await self.session.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        asked = BY_ID.get(str(parameters[0])) if action == "run" and parameters else None
        if asked is not None:
            # Keys that come before all others, so that nothing typed after them is lost, do not
            # come before the text itself.
            typing = asked.priority and isinstance(self.focused, Input)
            return not typing and not (asked.where is Where.BROWSING and self.pane == "lines")
        return super().check_action(action, parameters)

    @property
    def here(self) -> Where:
        """Whose keys are heard first."""
        if self.filter_bar.has_focus_within:
            return Where.FILTER
        if isinstance(self.focused, SearchField):
            return Where.SEARCH
        panes = {"list": Where.LIST, "lines": Where.DETAIL, "sidebar": Where.SIDEBAR}
        return panes[self.pane]

    def action_run(self, action_id: str) -> None:
        self._commands.run(action_id)

    # What the session tells ----------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self.post_message(self.Told(event))

    def on_main_screen_told(self, message: Told) -> None:
        match message.event:
            case FeedChanged(changed):
                self._list_or_empty()
                self.list.show_changes(changed)
                self.refresh_place()
            case CountsChanged():
                self._sidebar.show()
            case StatusChanged():
                self._list_or_empty()
                self.refresh_place()
            case ConnectionChanged(up, retry_in, reason):
                self._banner.restored() if up else self._banner.lost(retry_in, reason)
                if up:
                    self.list.want_again()
                self.refresh_place()
            case DetailChanged():
                self.detail.draw()
            case Said(text, severity):
                self.say(text, severity)
            case JobChanged():
                self._job.look()
            case JobEnded(said):
                self._job.look()
                self.say(said.text, said.severity)
            case Ended(error):
                self.fail(error)

    # What the widgets tell -----------------------------------------------------------------

    @on(DeliveryList.CursorMoved)
    def _look(self) -> None:
        feed = self.session.feed
        cursor = feed.cursor_id
        if cursor is not None:
            self.session.inspection.look_at(feed.get(cursor))
        elif feed.complete and self.session.inspection.delivery_id is not None:
            self.session.inspection.clear()
        self.refresh_place()

    @on(JobBar.Clicked)
    def _show_job(self) -> None:
        self.action_run("job")

    @on(DeliveryList.Opened)
    def _open(self) -> None:
        self.action_run("open")

    @on(DeliveryList.WentPast)
    def _go_on(self) -> None:
        self.session.go_on()

    @on(DeliveryList.Folded)
    def _fold(self, message: DeliveryList.Folded) -> None:
        self.list.show_changes(self.session.feed.toggle(message.delivery_id))

    @on(Sidebar.Chosen)
    def _choose(self, message: Sidebar.Chosen) -> None:
        self.show_query(message.query)

    @on(FilterBar.Submitted)
    def _submit(self, message: FilterBar.Submitted) -> None:
        self.apply_filter(message.wanted)

    @on(FilterBar.Left)
    def _leave_filter(self) -> None:
        self.focus_pane("list")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget.id in ("sidebar", "list", "lines"):
            self._place_class(event.widget.id)
        self._key_bar.here = self.here

    # What the commands ask for -------------------------------------------------------------

    def apply_filter(self, wanted: Filter) -> None:
        """Show what matches, with the filter as visible text."""
        self.filter_bar.show_applied(wanted.text)
        self.list.seek_cursor()
        self.session.show(wanted)
        self._sidebar.show()
        self.list.rows_moved()
        self._list_or_empty()
        self.focus_pane("list")

    def show_query(self, query: str) -> None:
        """Apply a query that was not typed now, or say what is wrong with it."""
        try:
            self.apply_filter(Filter.of(query))
        except UsageError as error:
            self.say_error(error)

    def fail(self, error: InspectorError) -> None:
        """Leave, because of this."""
        self.post_message(self.Failed(error))

    def refresh_views(self) -> None:
        """Views came or went."""
        self._sidebar.show()

    def focus_pane(self, pane: str) -> None:
        self._place_class(pane)
        # At once, unlike `focus()`: what is typed right after the key is for that pane.
        self.set_focus(self.query_one(f"#{pane}"))

    def show_detail_pane(self) -> None:
        """Make sure that the detail is seen, where only one pane fits."""
        # Its search keeps the keys where it has them: a pane takes the focus a little later.
        if self.has_class("-narrow") and self.pane != "lines":
            self.focus_pane("lines")

    def refresh_place(self) -> None:
        self._status.show()

    def say(self, text: str, severity: str = "information") -> None:
        """One line for the user, as plain text."""
        levels: dict[str, Severity] = {"warning": "warning", "error": "error"}
        level = levels.get(severity, "information")
        sign = "" if level == "information" else "! "
        self.notify(sign + visible(text), severity=level, markup=False, timeout=6)

    def say_error(self, error: InspectorError) -> None:
        said = complaint(error)
        self.say(said.text, said.severity)

    def ask(self, screen: Screen[T], answered: Callable[[T | None], None]) -> None:
        """Show a screen over this one; `answered` gets what it ends with."""
        self.app.push_screen(screen, answered)

    def show_help(self) -> None:
        self.app.push_screen(HelpScreen(self.keys, self.here))

    # Inside --------------------------------------------------------------------------------

    def _place_class(self, pane: str) -> None:
        self.pane = pane
        for name in ("sidebar", "list", "lines"):
            self.set_class(name == pane, f"pane-{name}", update=False)
        # A look at the styles of all widgets takes long, and only these depend on it.
        if self.has_class("-narrow"):
            self.update_node_styles()

    def _list_or_empty(self) -> None:
        """The list, or what to do where it has no rows."""
        if not len(self.session.feed):
            self.list.say(said_of(self.session, self.keys))
            # A delivery that is not listed is not the one that keys act on.
            self._look()
