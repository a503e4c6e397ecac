"""An area of text that shows what is in it."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location
from textual.widgets import TextArea

from inspector.domain.plaintext import visible


class PlainArea(TextArea):
    """Text from outside gets into it by pasting, too: unseen characters are spelled out.

    What it is given by `load_text` must be harmless already.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "edge(False)", "Start", show=False),
        Binding("ctrl+end", "edge(True)", "End", show=False),
    ]

    def action_edge(self, end: bool) -> None:
        self.move_cursor(self.document.end if end else self.document.start)

    def _replace_via_keyboard(
        self, insert: str, start: Location, end: Location
    ) -> EditResult | None:
        # Of everything that splits lines only "\n" does here: the others are spelled out as well.
        harmless = visible(insert.replace("\r\n", "\n").replace("\r", "\n"), keep_layout=True)
        return super()._replace_via_keyboard(harmless, start, end)
