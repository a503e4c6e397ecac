"""A view drawn line by line from cells, and its style names as component classes."""

from collections.abc import Callable, Iterable

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.css.styles import RenderStyles
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict
from inspector.tui.contrast import readable
from inspector.tui.rows import FAMILY_STYLES, Cell

_BLACK, _WHITE = RichColor.from_rgb(0, 0, 0), RichColor.from_rgb(255, 255, 255)
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

    The names of cells are component classes `cell--NAME`, coloured in the app's `.tcss`. They are
    looked up as they are asked for: Textual would look up all of them in each view whenever the
    focus goes elsewhere.
    """

    # Styles by name of cell and what is under it, made once: they are asked for at every cell.
    _styles_made: dict[tuple[str, Style | None], Style] | None = None

    @property
    def under(self) -> Style:
        """The widget's own style."""
        return self._made("", None, lambda: self.rich_style)

    def base(self, name: str) -> Style:
        """The style of a whole line, as of the component class `cell--NAME`."""
        return self._made(name, None, lambda: self._mixed(name, self.under))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_made = None
        self._component_styles.clear()
        self.forget_strips()

    def forget_strips(self) -> None:
        """Drop what was drawn in other colours or for another width."""

    def get_component_styles(self, *names: str) -> RenderStyles:
        for name in names:
            if name not in self._component_styles:
                part = DOMNode(classes=name)
                part._attach(self)
                self.app.stylesheet.apply(part, animate=False)
                self._component_styles[name] = part.styles
        return super().get_component_styles(*names)

    def strip(self, cells: Iterable[Cell], width: int, base: Style | None = None) -> Strip:
        """The cells as a strip of `width`, over the widget's style or `base`."""
        under = base or self.under
        segments = [
            Segment(text, self._style(name, under) if name else under) for text, name in cells
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

    def _style(self, name: str, under: Style) -> Style:
        return self._made(name, under, lambda: self._mixed(name, under))

    def _made(self, name: str, under: Style | None, make: Callable[[], Style]) -> Style:
        made = self._styles_made
        if made is None:
            made = self._styles_made = {}
        if (found := made.get((name, under))) is None:
            found = made[name, under] = make()
        return found

    def _mixed(self, name: str, under: Style) -> Style:
        """The component class over what is under it, in colours that can be read there."""
        styles = self.get_component_styles(f"cell--{name}")
        color, background = (
            Color.from_rich_color(one or default)
            for one, default in ((under.color, _WHITE), (under.bgcolor, _BLACK))
        )
        if styles.has_rule("background"):
            over = styles.background
            background = over if over.ansi is not None else background + over
        faint = styles.has_rule("color") and styles.auto_color
        if faint and background.ansi is None:
            color = background.get_contrast_text(styles.color.a)
        elif styles.has_rule("color") and not faint:
            color = styles.color
        both = Style.from_color(readable(color, background).rich_color, background.rich_color)
        # Of the terminal's own colours it is not known what a fainter one would be.
        dim = Style(dim=True) if faint and background.ansi is not None else Style()
        return under + both + styles.text_style + dim
