"""A view drawn line by line from cells, and its style names as component classes."""

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict
from inspector.tui.rows import FAMILY_STYLES, Cell

_PLAIN = (
    "cursor titles dim id time flag event-id size heading name value doc unknown warning error "
    "good body state state-error string number literal fold repeated match match-chosen times note "
    "diff-added diff-removed diff-changed added removed added-part removed-part"
)
STYLES = frozenset(
    {
        *_PLAIN.split(),
        *(f"sig-{verdict}" for verdict in Verdict),
        *(f"state-{state}" for state in State),
        *(f"event-{number}" for number in range(FAMILY_STYLES)),
    }
)


class CellView(ScrollView):
    """Lines of cells; a subclass gives `render_line` and says how many there are.

    The names of cells are the component classes `cell--NAME`, coloured in the app's `.tcss`.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"cell--{name}" for name in STYLES} | {
        "cell--selected",
        "cell--selected-focus",
    }

    _under: Style | None = None

    @property
    def under(self) -> Style:
        """The widget's own style, worked out once: it is asked for at every line."""
        if self._under is None:
            self._under = self.rich_style
        return self._under

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._under = None
        self.forget_strips()

    def forget_strips(self) -> None:
        """Drop what was drawn in other colours or for another width."""

    def strip(self, cells: Iterable[Cell], width: int, base: Style | None = None) -> Strip:
        """The cells as a strip of `width`, over the widget's style or `base`."""
        under = base or self.under
        segments = [
            Segment(text, under + self._style(name) if name else under) for text, name in cells
        ]
        return Strip(segments).adjust_cell_length(width, under).simplify()

    def resize_rows(self, count: int) -> None:
        """Tell the scrollbar how many lines there are.

        Without the layout of the whole screen that setting `virtual_size` brings at each append:
        nothing outside this widget depends on the number.
        """
        size = Size(self.scrollable_content_region.width, count)
        if size != self.virtual_size:
            self.set_reactive(ScrollView.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = count
            self.scroll_y = self.validate_scroll_y(self.scroll_y)
            self.scroll_target_y = self.scroll_y

    def jump_to(self, line: int) -> None:
        """Show this line at the top, as far as there are lines below it, at once."""
        self.scroll_y = self.validate_scroll_y(line)
        self.scroll_target_y = self.scroll_y

    def repaint_line(self, line: int) -> None:
        """Repaint one line if it is on the screen."""
        y = line - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"cell--{name}", partial=True)
