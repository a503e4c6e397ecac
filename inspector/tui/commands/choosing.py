"""Which deliveries are listed, and how."""

from typing import TYPE_CHECKING

from inspector.domain.plaintext import one_line
from inspector.errors import InspectorError
from inspector.tui.screens.prompt import PromptScreen
from inspector.tui.screens.views import ViewsScreen

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen


class Choosing:
    """One method an action of `actions/choosing.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session

    def filter(self) -> None:
        self._screen.filter_bar.edit()

    def filter_here(self) -> None:
        self.filter()

    def save_view(self) -> None:
        query, views = self._session.filter.text, self._screen.views
        if not query:
            self._screen.say("there is no filter to save", "warning")
            return

        def answered(name: str | None) -> None:
            if name is None:
                return
            try:
                views.save(name, query)
            except InspectorError as error:
                self._screen.say_error(error)
            else:
                self._screen.refresh_views()
                key = self._screen.keys.first("views")
                self._screen.say(f'saved as the view "{name}"; {key} lists them')

        hint = f"{one_line(query, 300)}\n\nA view of the same name is replaced."
        self._screen.ask(
            PromptScreen("Save the filter as a view", hint=hint, check=views.check_name), answered
        )

    def views(self) -> None:
        views = self._screen.views
        if not views.all:
            key = self._screen.keys.first("save-view")
            self._screen.say(f"there are no views yet: {key} saves the filter as one", "warning")
            return
        self._screen.ask(ViewsScreen(views), self._viewed)

    def _viewed(self, name: str | None) -> None:
        self._screen.refresh_views()
        if name is not None:
            self._screen.show_query(self._screen.views.all[name])

    def follow(self) -> None:
        feed = self._session.feed
        if feed.follow:
            feed.pause()
        else:
            feed.resume()
        self._screen.list.rows_moved()
        self._screen.list.show_cursor()
