"""The list of deliveries: a window over the feed's rows, drawn line by line."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import tzinfo
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from inspector.domain.delivery import Delivery
from inspector.domain.preferences import Preferences
from inspector.tui.actions import Where, bindings
from inspector.tui.changes import Changed
from inspector.tui.columns import Columns
from inspector.tui.feed import Feed
from inspector.tui.lines import Line, plain, wrapped
from inspector.tui.rows import TIMES, Cell, Row, ago, clock, placeholder, render_row, titles
from inspector.tui.selection import Selection
from inspector.tui.widgets.cells import CellView

_STRIPS = 512
_AGES_SECONDS = 1.0


class ListTitles(CellView, can_focus=False):
    """The line above the list."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self._chosen = preferences.columns

    def notify_style_update(self) -> None:
        super().notify_style_update()
        # It stands out while the list has the focus, and nothing else of it changes then.
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        # The list below has a scrollbar of one cell.
        columns = Columns.fitting(max(width - 1, 1), self._chosen)
        return self.strip(titles(columns) if y == 0 else [], width)


class DeliveryList(CellView, can_focus=True):
    """The feed's rows, newest on top. The feed decides; the widget draws and moves its cursor.

    `now` gives microseconds since the epoch, `tz` is what times are shown in,
    the machine's own where it is None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.LIST)]

    class CursorMoved(Message):
        """The cursor is on another delivery, or on a newer summary of the same."""

    class Opened(Message):
        """The user clicked the delivery under the cursor once more."""

    class WentPast(Message):
        """The user wanted to go on from the oldest row."""

    class Folded(Message):
        """The count of an event's deliveries was clicked: that row is to unfold, or to fold."""

        def __init__(self, delivery_id: int) -> None:
            super().__init__()
            self.delivery_id = delivery_id

    def __init__(
        self,
        feed: Feed,
        selection: Selection,
        preferences: Preferences,
        now: Callable[[], int],
        tz: tzinfo | None = None,
    ) -> None:
        # By look: the summary that a strip was drawn from, and the strip.
        self._strips: OrderedDict[tuple[object, ...], tuple[Delivery, Strip]] = OrderedDict()
        super().__init__(id="list")
        self._feed = feed
        self._selection = selection
        self._chosen = preferences.columns
        self._relative = preferences.time == "relative"
        self._now = now
        self._tz = tz
        # Runs while times are relative; `_ages` are those on the screen.
        self._timer: Timer | None = None
        self._ages: list[str] = []
        # The delivery in the top line, and the one to put there once it is listed again.
        self._anchor: int | None = None
        self._sought: int | None = None
        # Whether the cursor is in the window: then it stays there, whatever becomes of the rows.
        self._sees_cursor = True
        # What stands in the place of rows where there are none.
        self._said = ""

    # Drawing -------------------------------------------------------------------------------

    @property
    def _columns(self) -> Columns:
        return Columns.fitting(self.scrollable_content_region.width, self._chosen)

    def render_line(self, y: int) -> Strip:
        line = self.scroll_offset.y + y
        columns = self._columns
        if not len(self._feed):
            return self.strip(self._instead(y, columns.width), columns.width)
        if line >= len(self._feed):
            return Strip.blank(columns.width, self.under)
        delivery = self._feed.at(line)
        row = self._row(line, delivery)
        if delivery is None:
            cells = placeholder(self._feed.id_at(line), row, columns)
            return self.strip(cells, columns.width, self._base(row.cursor))
        key = (delivery.id, columns, row, row.cursor and self.has_focus)
        found = self._strips.get(key)
        if found is not None and found[0] is delivery:
            return found[1]
        cells = render_row(delivery, row, columns)
        strip = self.strip(cells, columns.width, self._base(row.cursor))
        self._strips[key] = (delivery, strip)
        if len(self._strips) > _STRIPS:
            self._strips.popitem(last=False)
        return strip

    def say(self, text: str) -> None:
        """What to show for as long as there are no rows: plain text of several lines.

        Drawn in the list itself: a widget of its own would lay the whole screen out anew each
        time that it comes and goes, which takes 20 ms of a filter's 50.
        """
        if text != self._said:
            self._said = text
            self.refresh()

    def _instead(self, y: int, width: int) -> Line:
        lines = [plain(f"  {one}", "dim") for one in ("", *self._said.split("\n"))]
        shown = list(wrapped(lines, width - 1))
        return shown[y] if y < len(shown) else ()

    def _row(self, line: int, delivery: Delivery | None) -> Row:
        feed = self._feed
        delivery_id = feed.id_at(line)
        below = feed.first_above(delivery_id) != 0
        return Row(
            "" if delivery is None else self._time(delivery),
            line == feed.cursor_row,
            delivery_id in self._selection,
            1 if below else feed.times(delivery_id),
            below,
        )

    def _time(self, delivery: Delivery) -> str:
        at, now = delivery.received_at, self._now()
        return ago(at, now) if self._relative else clock(at, now, self._tz)

    def _base(self, cursor: bool) -> Style:
        if not cursor:
            return self.under
        return self.base("selected-focus" if self.has_focus else "selected")

    def forget_strips(self) -> None:
        self._strips.clear()

    # Times ---------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._timer = self.set_interval(_AGES_SECONDS, self._age, pause=not self._relative)

    def switch_times(self) -> None:
        """Show times by the clock, or how long ago."""
        self._relative = not self._relative
        if self._timer is not None:
            self._timer.resume() if self._relative else self._timer.pause()
        self.refresh()

    def _age(self) -> None:
        """Repaint the lines whose relative time reads differently now."""
        first, last = self._window()
        shown = [self._feed.at(line) for line in range(first, last + 1)]
        ages = ["" if delivery is None else self._time(delivery) for delivery in shown]
        before, self._ages = self._ages, ages
        for line, age in enumerate(ages):
            if line >= len(before) or before[line] != age:
                self.repaint_line(first + line)

    # Following the feed --------------------------------------------------------------------

    def show_changes(self, changed: Changed) -> None:
        """Draw what the feed did: the lines touched, or all of them where rows came or went."""
        if changed.moved:
            self.rows_moved()
        else:
            first, last = self._window()
            for row in range(first, last + 1):
                if self._feed.id_at(row) in changed.touched:
                    self.repaint_line(row)
        cursor = self._feed.cursor_id
        if changed.moved or cursor in changed.touched:
            self.post_message(self.CursorMoved())

    def rows_moved(self) -> None:
        """Rows came or went: keep the deliveries that are on the screen where they are."""
        top = self._sought if self._sought is not None else self._anchor
        sees_cursor = self._sees_cursor
        self.resize_rows(len(self._feed))
        row = None if top is None else self._feed.place_of(top)
        self._sought = None
        if self._feed.follow:
            self.jump_to(0)
        elif row is not None:
            self.jump_to(row)
        elif not self._feed.complete:
            self._sought = top
        else:
            self._reveal()
        if sees_cursor:
            self._reveal()
        self._settle()
        self.refresh()

    def want_again(self) -> None:
        """What could not be loaded may be had now."""
        self._settle()

    def seek_cursor(self) -> None:
        """The list is about to be another one: show the part of it where the cursor will be."""
        self._sought = self._anchor = None
        self._sees_cursor = True

    def _window(self) -> tuple[int, int]:
        first = self.scroll_offset.y
        return first, min(first + self.size.height, len(self._feed)) - 1

    def _settle(self) -> None:
        """The window stands: remember its top, and have its summaries loaded."""
        first, last = self._window()
        if last < first:
            self._anchor = None
            return
        self._anchor = self._feed.id_at(first)
        if (cursor := self._feed.cursor_row) is not None:
            self._sees_cursor = first <= cursor <= last
        if first == 0 and not self._feed.follow:
            self._feed.saw_top()
        self._feed.want(first, last)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) == round(new_value):
            return
        if round(new_value) and self._feed.follow:
            # Following stays at the top, so it was the wheel or the scrollbar: a move ends it.
            self._feed.pause()
            self.post_message(self.CursorMoved())
        self._settle()

    def on_resize(self) -> None:
        sees_cursor = self._sees_cursor
        self.resize_rows(len(self._feed))
        self._strips.clear()
        if sees_cursor:
            self._reveal()
        self._settle()

    # The cursor ----------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        row = (self._feed.cursor_row or 0) + rows
        if row >= len(self._feed):
            self.post_message(self.WentPast())
        self._go(row)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self.size.height - 1, 1))

    def action_newest(self) -> None:
        self._go(0)

    def action_oldest(self) -> None:
        self.post_message(self.WentPast())
        self._go(len(self._feed) - 1)

    def _go(self, row: int) -> None:
        before = self._feed.cursor_row
        self._feed.select(row)
        self.show_cursor(before)

    def show_cursor(self, before: int | None = None) -> None:
        """Bring the cursor into view and repaint it; `before` is the row that it left."""
        row = self._feed.cursor_row
        if row is None:
            return
        self._reveal()
        for line in {row, row if before is None else before}:
            self.repaint_line(line)
        self.post_message(self.CursorMoved())

    def _reveal(self) -> None:
        row = self._feed.cursor_row
        first, height = self.scroll_offset.y, max(self.size.height, 1)
        if row is not None and row < first:
            self.jump_to(row)
        elif row is not None and row >= first + height:
            self.jump_to(row - height + 1)

    def on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.y
        if row >= len(self._feed):
            return
        again = row == self._feed.cursor_row
        on_count = self._on_count(row, event.x)
        self._go(row)
        if on_count:
            self.post_message(self.Folded(self._feed.id_at(row)))
        elif again:
            self.post_message(self.Opened())

    def _on_count(self, line: int, x: int) -> bool:
        """Whether the count of an event's deliveries stands there."""
        delivery = self._feed.at(line)
        if delivery is None:
            return False
        cells: list[Cell] = render_row(delivery, self._row(line, delivery), self._columns)
        ends = accumulate(cell_len(text) for text, _ in cells)
        return (
            next((style for (_, style), end in zip(cells, ends, strict=True) if x < end), "")
            == TIMES
        )

    def watch_has_focus(self, has_focus: bool) -> None:
        # Nothing else of it looks different with the focus, and to style it anew with all its
        # component classes takes 10 ms.
        if (row := self._feed.cursor_row) is not None:
            self.repaint_line(row)
