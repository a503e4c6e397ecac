"""Which deliveries are listed, and how."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen


class Choosing:
    """One method an action of `actions/choosing.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session

    def filter(self) -> None:
        self._screen.filter_bar.edit()

    def follow(self) -> None:
        feed = self._session.feed
        if feed.follow:
            feed.pause()
        else:
            feed.resume()
        self._screen.list.rows_moved()
        self._screen.list.show_cursor()
