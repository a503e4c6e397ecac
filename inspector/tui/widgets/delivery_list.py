"""The list of deliveries: a window over the feed's rows, drawn line by line."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import tzinfo
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from inspector.domain.delivery import Delivery
from inspector.tui.actions import Where, bindings
from inspector.tui.feed import Changed, Feed
from inspector.tui.rows import placeholder, render_row, titles
from inspector.tui.widgets.cells import CellView

_STRIPS = 512
_MINUTE = 60_000_000


class ListTitles(CellView, can_focus=False):
    """The line above the list."""

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        # The list below has a scrollbar of one cell.
        return self.strip(titles(max(width - 1, 1)) if y == 0 else [], width)


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

    def __init__(self, feed: Feed, now: Callable[[], int], tz: tzinfo | None = None) -> None:
        # By id and look: the summary that a strip was drawn from, and the strip.
        self._strips: OrderedDict[tuple[object, ...], tuple[Delivery, Strip]] = OrderedDict()
        super().__init__(id="list")
        self._feed = feed
        self._now = now
        self._tz = tz
        # The delivery in the top line, and the one to put there once it is listed again.
        self._anchor: int | None = None
        self._sought: int | None = None

    # Drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if row >= len(self._feed):
            return Strip.blank(width, self.under)
        selected = row == self._feed.cursor_row
        delivery = self._feed.at(row)
        if delivery is None:
            cells = placeholder(self._feed.id_at(row), width, selected)
            return self.strip(cells, width, self._base(selected))
        return self._row(delivery, width, selected)

    def _row(self, delivery: Delivery, width: int, selected: bool) -> Strip:
        now = self._now()
        key = (delivery.id, width, selected, selected and self.has_focus, now // _MINUTE)
        found = self._strips.get(key)
        if found is not None and found[0] is delivery:
            return found[1]
        cells = render_row(delivery, width, now, self._tz, selected)
        strip = self.strip(cells, width, self._base(selected))
        self._strips[key] = (delivery, strip)
        if len(self._strips) > _STRIPS:
            self._strips.popitem(last=False)
        return strip

    def _base(self, selected: bool) -> Style:
        if not selected:
            return self.under
        name = "cell--selected-focus" if self.has_focus else "cell--selected"
        return self.get_component_rich_style(name)

    def forget_strips(self) -> None:
        self._strips.clear()

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
        self.resize_rows(len(self._feed))
        row = None if top is None else self._feed.row_of(top)
        self._sought = None
        if self._feed.follow:
            self.jump_to(0)
        elif row is not None:
            self.jump_to(row)
        elif not self._feed.complete:
            self._sought = top
        else:
            self._reveal()
        self._settle()
        self.refresh()

    def seek_cursor(self) -> None:
        """The list is about to be another one: find the cursor's delivery in it."""
        self._sought = None if self._feed.follow else self._feed.cursor_id

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
        self.resize_rows(len(self._feed))
        self._strips.clear()
        self._settle()

    # The cursor ----------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        self._go((self._feed.cursor_row or 0) + rows)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self.size.height - 1, 1))

    def action_newest(self) -> None:
        self._go(0)

    def action_oldest(self) -> None:
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
        if row < len(self._feed):
            again = row == self._feed.cursor_row
            self._go(row)
            if again:
                self.post_message(self.Opened())

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        if (row := self._feed.cursor_row) is not None:
            self.repaint_line(row)


class EmptyList(Widget, can_focus=False):
    """What stands in the list's place when it has no rows: what to do now."""

    def __init__(self) -> None:
        super().__init__(id="empty")
        self._text = ""

    def say(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.refresh(layout=True)

    def render(self) -> Content:
        return Content(self._text)
