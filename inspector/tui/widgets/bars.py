"""The bar above the panes that tells of a lost connection."""

from collections.abc import Callable

from textual.content import Content
from textual.widgets import Static

from inspector.domain.plaintext import one_line
from inspector.tui.actions import Keys


class Banner(Static):
    """The connection is lost: why, and when the next try comes. Hidden while it is up."""

    def __init__(self, clock: Callable[[], float], keys: Keys) -> None:
        super().__init__("", id="banner", markup=False)
        self._clock = clock
        self._keys = keys
        self._until: float | None = None
        self._reason = ""
        self.display = False

    def on_mount(self) -> None:
        self.set_interval(0.25, self._draw)

    def lost(self, retry_in: float | None, reason: str) -> None:
        self._until = None if retry_in is None else self._clock() + retry_in
        self._reason = one_line(reason, 120)
        self.display = True
        self._draw()

    def restored(self) -> None:
        self.display = False

    def _draw(self) -> None:
        if self.display:
            self.update(Content(f" {self._told()}."))

    def _told(self) -> str:
        if self._until is None:
            return f"{self._reason}; {self._keys.first('quit')} leaves"
        left = max(self._until - self._clock(), 0.0)
        return f"No connection to the listener: {self._reason}; next try in {left:.0f} s"
