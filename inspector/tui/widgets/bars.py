"""The bar above the panes that tells of a lost connection."""

from collections.abc import Callable

from textual.content import Content
from textual.widgets import Static

from inspector.domain.plaintext import one_line


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
