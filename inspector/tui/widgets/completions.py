"""The small list below the filter: what may stand at the cursor."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from inspector.tui.completion import Completion
from inspector.tui.rows import fit

LINES = 8
_LABEL = 44


class Completions(Widget, can_focus=False):
    """A window of eight lines over the choices; nothing while there are none.

    One widget drawn in one piece, over what is below: a key typed costs no layout.
    """

    class Chosen(Message):
        """A line was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__(id="completions")
        self._choices: Sequence[Completion] = ()
        self._at: int | None = None
        self._top = 0
        self.display = False

    def show(self, choices: Sequence[Completion], at: int | None = None) -> None:
        """These, with the one at `at` chosen."""
        self._choices = choices
        self._at = at
        row = at or 0
        self._top = min(max(self._top, row - LINES + 1), row) if at is not None else 0
        self.display = bool(choices)
        lines = min(len(choices), LINES)
        if lines and self.styles.height is not None and self.styles.height.value != lines:
            self.styles.height = lines
        self.refresh()

    def render(self) -> Content:
        width = self.size.width
        window = self._choices[self._top : self._top + LINES]
        label = min(max((cell_len(one.label) for one in window), default=0), _LABEL)
        more = len(self._choices) > LINES
        lines = []
        for row, one in enumerate(window, self._top):
            # In words as well as in colour: which one, and that there are more.
            mark = ">" if row == self._at else " "
            doc = fit(one.doc, max(width - label - 5 - 7 * more, 0))
            place = f"{row + 1:>3}/{len(self._choices)}" if more and row == self._shown else ""
            text = fit(f"{mark}{fit(one.label, label)}  {doc} {place}", width)
            style = "bold reverse" if row == self._at else ""
            lines.append(Content.styled(text, style))
        return Content("\n").join(lines)

    @property
    def _shown(self) -> int:
        return self._top if self._at is None else self._at

    def on_click(self, event: events.Click) -> None:
        event.stop()
        index = self._top + event.y
        if index < len(self._choices):
            self.post_message(self.Chosen(index))
