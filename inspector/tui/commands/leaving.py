"""Help, and the way out."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen


class Leaving:
    """One method an action of `actions/leaving.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen

    def help(self) -> None:
        self._screen.show_help()

    def quit(self) -> None:
        gone = self._screen.session.gone
        if gone is None:
            self._screen.app.exit(return_code=0)
        else:
            self._screen.fail(gone)
