"""An area of text that shows what is in it."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location
from textual.widgets import TextArea

from inspector.domain.plaintext import visible
from inspector.tui.widgets.in_order import act_for_screen, act_in_order


class PlainArea(TextArea):
    """Text from outside gets into it by pasting, too: unseen characters are spelled out.

    What it is given by `load_text` must be harmless already.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "edge(False)", "Start", show=False),
        Binding("ctrl+end", "edge(True)", "End", show=False),
    ]

    async def on_key(self, event: events.Key) -> None:
        # Some keys of the area are the screen's (Ctrl+E is a line's end here), and two are text.
        if not await act_for_screen(self, event) and event.key not in ("enter", "tab"):
            await act_in_order(self, event)

    def action_edge(self, end: bool) -> None:
        self.move_cursor(self.document.end if end else self.document.start)

    def _replace_via_keyboard(
        self, insert: str, start: Location, end: Location
    ) -> EditResult | None:
        # Of everything that splits lines only "\n" does here: the others are spelled out as well.
        harmless = visible(insert.replace("\r\n", "\n").replace("\r", "\n"), keep_layout=True)
        return super()._replace_via_keyboard(harmless, start, end)
