"""How the list shows itself, and what is selected in it."""

from typing import TYPE_CHECKING

from inspector.domain.query.nodes import Or
from inspector.tui.commands.common import drop_selection
from inspector.tui.filters import Filter

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen

_MARKED = "is:marked"


class Listing:
    """One method an action of `actions/listing.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session
        self._before_marked = Filter()
        # The latest filter of `clear`, and the one that it narrowed.
        self._cleared = (Filter(), Filter())

    def unfold(self) -> None:
        delivery_id = self._session.feed.cursor_id
        if delivery_id is not None:
            self._screen.list.show_changes(self._session.feed.unfold(delivery_id))

    def fold(self) -> None:
        delivery_id = self._session.feed.cursor_id
        if delivery_id is not None:
            self._screen.list.show_changes(self._session.feed.fold(delivery_id))

    def select(self) -> None:
        delivery_id = self._session.feed.cursor_id
        if delivery_id is not None:
            self._session.selection.toggle(delivery_id)
            self._screen.list.action_move(1)
            self._screen.refresh_place()

    def select_all(self) -> None:
        selection = self._session.selection
        if selection:
            drop_selection(self._screen)
            return
        selection.take(self._session.feed.ids())
        if not self._session.feed.complete:
            self._screen.say(
                f"{len(selection):,} are selected: the list is not complete yet", "warning"
            )
        self._screen.list.refresh()
        self._screen.refresh_place()

    def times(self) -> None:
        self._screen.list.switch_times()

    def only_marked(self) -> None:
        now = self._session.filter
        if now.text == _MARKED:
            self._screen.apply_filter(self._before_marked)
        else:
            self._before_marked = now
            self._screen.apply_filter(Filter.of(_MARKED))

    def clear(self) -> None:
        self._session.newest(self._clear)

    def _clear(self, newest: int) -> None:
        cleared, narrowed = self._cleared
        if self._session.filter != cleared:
            narrowed = self._session.filter
        kept = narrowed.text
        if narrowed.query is not None and isinstance(narrowed.query.root, Or):
            kept = f"({kept})"
        wanted = Filter.of(f"{kept} id:>{newest}")
        self._cleared = (wanted, narrowed)
        self._screen.apply_filter(wanted)
        back = self._screen.keys.first("back")
        self._screen.say(
            f"what comes after #{newest} is listed; nothing is deleted, and {back} shows it again"
        )

    def stop_search(self) -> None:
        if not self._session.stop_search():
            self._screen.say("no search is running", "warning")
