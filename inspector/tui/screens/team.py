"""Who else is attached to the relay, as it changes; and the key that lets this app answer."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from inspector.client.models import TunnelStatus
from inspector.domain.plaintext import one_line
from inspector.tui.document import Document
from inspector.tui.lines import Line, wrapped
from inspector.tui.team import Look, can_take, team_lines
from inspector.tui.widgets.lines_view import LinesView

_LOOK = 0.25
# Lines of the window that are not for the team: the border, the key, and some of what is below.
_AROUND = 8
_KEY = Content.assemble(("Enter", "bold $text-accent"), "  let this app answer the senders")


class AnswerLine(Static):
    """A key and what it does, which a click does as well."""

    class Clicked(Message):
        """The user clicked on it."""

    def on_click(self) -> None:
        self.post_message(self.Clicked())


class TeamScreen(ModalScreen[None]):
    """Esc, q and the keys that opened it (`opened`) close it; Enter takes the senders over.

    `relay` is the tunnel as it is known now, and so on while the screen is open. `look` says how
    the lines are to look at a width. `answer` asks to be the one whose app answers, `asking` says
    whether that is under way.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Close"),
        Binding("enter", "answer", "Answer the senders"),
    ]

    def __init__(
        self,
        relay: Callable[[], TunnelStatus | None],
        look: Callable[[int], Look],
        answer: Callable[[], None],
        asking: Callable[[], bool],
        opened: tuple[str, ...],
    ) -> None:
        super().__init__()
        self._relay = relay
        self._look = look
        self._answer = answer
        self._asking = asking
        self._opened = opened
        self._view = LinesView("team-lines")
        self._line = AnswerLine("", id="team-answer", markup=False)
        self._drawn: list[Line] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="team"):
            yield self._view
            yield self._line

    def on_mount(self) -> None:
        self.set_interval(_LOOK, self._draw)
        self.set_focus(self._view)
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def on_key(self, event: events.Key) -> None:
        if event.key in self._opened:
            event.stop()
            self.dismiss(None)

    def on_answer_line_clicked(self, message: AnswerLine.Clicked) -> None:
        message.stop()
        self.action_answer()

    def action_answer(self) -> None:
        self._answer()
        self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return  # closed since it was asked for
        relay = self._relay()
        width = self._view.port.width
        lines = list(wrapped(team_lines(relay, self._look(width)), width))
        # As high as what it holds; what is too high for the window is scrolled.
        self._view.styles.height = max(min(len(lines), self.size.height - _AROUND), 1)
        asking = self._asking()
        self._line.update(Content("asking the relay …") if asking else _KEY)
        self._line.display = asking or (relay is not None and can_take(relay))
        if lines == self._drawn:
            return
        box = self.query_one("#team")
        box.border_title = Content(f"Team of {one_line(relay.endpoint, 40)}" if relay else "Team")
        box.border_subtitle = "Esc closes"
        self._view.show(Document(lines), from_top=self._drawn is None)
        self._drawn = lines
