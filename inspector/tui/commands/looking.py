"""Panes, tabs, and how the detail shows itself."""

from typing import TYPE_CHECKING

from inspector.tui.actions import BY_ID
from inspector.tui.commands.common import at_gap, drop_selection, relay_in_use
from inspector.tui.filters import Filter
from inspector.tui.screens.team import TeamScreen
from inspector.tui.team import Look

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen

_PANES = ("sidebar", "list", "lines")


class Looking:
    """One method an action of `actions/looking.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session

    def open(self) -> None:
        self._session.feed.pause()
        self._screen.focus_pane("lines")
        self._screen.refresh_place()

    def back(self) -> None:
        if self._screen.pane == "lines" and self._screen.detail.searching:
            self._screen.detail.end_search()
        elif self._screen.pane != "list":
            self._screen.focus_pane("list")
        elif self._session.stop_search():
            pass
        elif self._session.selection:
            drop_selection(self._screen)
        elif self._session.filter.text:
            self._screen.apply_filter(Filter())

    def tab(self, number: str) -> None:
        self._screen.detail.show_tab(int(number) - 1)
        self._screen.show_detail_pane()

    def diff(self) -> None:
        if at_gap(self._screen, "compare"):
            return
        self._screen.detail.compare()
        self._screen.show_detail_pane()

    def diff_ignored(self) -> None:
        self._screen.detail.toggle_ignored()
        self._screen.show_detail_pane()

    def team(self) -> None:
        if relay_in_use(self._screen) is None:
            return
        screen, session = self._screen, self._session
        screen.ask(
            TeamScreen(
                lambda: session.relay,
                look=lambda width: Look(screen.now(), screen.tz, width),
                answer=lambda: screen.action_run("answer-senders"),
                asking=lambda: session.acts.asking,
                opened=screen.keys.of(BY_ID["team"]),
            ),
            lambda _: None,
        )

    def search(self) -> None:
        self._screen.show_detail_pane()
        self._screen.detail.search()

    def next_match(self) -> None:
        self._screen.detail.step_match(1)

    def previous_match(self) -> None:
        self._screen.detail.step_match(-1)

    def next_delivery(self) -> None:
        self._screen.list.action_move(1)

    def previous_delivery(self) -> None:
        self._screen.list.action_move(-1)

    def body_mode(self) -> None:
        self._screen.detail.next_mode()

    def load_body(self) -> None:
        feed, inspection = self._session.feed, self._session.inspection
        if feed.cursor_id is not None:
            # The cursor may have come here by the key before, and not have been followed yet.
            inspection.look_at(feed.get(feed.cursor_id))
        inspection.load_body()

    def reveal(self) -> None:
        self._screen.detail.toggle_reveal()

    def next_pane(self) -> None:
        self._turn(1)

    def previous_pane(self) -> None:
        self._turn(-1)

    def _turn(self, step: int) -> None:
        here = _PANES.index(self._screen.pane)
        self._screen.focus_pane(_PANES[(here + step) % len(_PANES)])
