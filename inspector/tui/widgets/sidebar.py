"""The sidebar: the last minutes, the sets people need at once, views, and event types by family.

Choosing an entry sets the filter, which is visible text and can be edited.
"""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from inspector.client.models import Counts
from inspector.tui.actions import Where, bindings
from inspector.tui.session import Session
from inspector.tui.sets import SetEntry, SetKind, entries, line, sign_at
from inspector.tui.views import NamedViews
from inspector.tui.widgets.cells import CellView

# Above the entries: the bars, their scale, and a blank line.
_ABOVE = 3
_SECONDS = 2.0


class Sidebar(CellView, can_focus=True):
    """Lines of entries; only those that read differently are drawn anew."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.SIDEBAR)]

    class Chosen(Message):
        """An entry was chosen; `query` is the filter it stands for."""

        def __init__(self, query: str) -> None:
            super().__init__()
            self.query = query

    def __init__(self, session: Session, views: NamedViews, now: Callable[[], int]) -> None:
        super().__init__(id="sidebar")
        self._session = session
        self._views = views
        self._now = now
        self._entries: list[SetEntry] = []
        # What the entries were made from, by identity: they change as a whole.
        self._made_from: tuple[Counts, object] | None = None
        # Families that the user has folded or unfolded.
        self._opened: dict[str, bool] = {}
        self._cursor = 0
        self._bars = ("", "")
        self._filter = ""

    # Drawing -------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.set_interval(_SECONDS, self._draw_bars)

    def show(self) -> None:
        """Draw what the session knows now; the cursor stays on its entry."""
        sources = (self._session.counts, self._views.all)
        before = self._made_from
        if before is None or before[0] is not sources[0] or before[1] is not sources[1]:
            self._made_from = sources
            self._rebuild()
        if self._filter != self._session.filter.text:
            self._filter = self._session.filter.text
            self.refresh()
        self._draw_bars()

    def render_line(self, y: int) -> Strip:
        place = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if place < _ABOVE:
            text = f" {self._bars[place]}" if place < 2 else ""
            return self.strip([(text, "event-0" if place == 0 else "dim")], width)
        index = place - _ABOVE
        if index >= len(self._entries):
            return Strip.blank(width, self.under)
        entry = self._entries[index]
        cursor = index == self._cursor and self.has_focus
        chosen = entry.choosable and entry.query == self._filter
        cells = line(entry, width, cursor=cursor, chosen=chosen, opened=self._is_open(index))
        base = self.base("selected-focus") if cursor else self.under
        return self.strip(cells, width, base)

    def _draw_bars(self) -> None:
        width = self.scrollable_content_region.width - 2
        bars = self._session.activity.bars(self._now(), width)
        if bars != self._bars:
            self._bars = bars
            self.repaint_line(0)
            self.repaint_line(1)

    def _rebuild(self) -> None:
        before = self._entries
        self._entries = entries(self._session.counts, self._views.all, self._opened.get)
        if [_key(one) for one in before] == [_key(one) for one in self._entries]:
            for index, (old, new) in enumerate(zip(before, self._entries, strict=True)):
                if old != new:
                    self.repaint_line(index + _ABOVE)
            return
        here = _key(before[self._cursor]) if before else ()
        found = (index for index, one in enumerate(self._entries) if _key(one) == here)
        self._cursor = min(next(found, self._cursor), len(self._entries) - 1)
        while not self._entries[self._cursor].choosable:
            # What was there is folded away; the first entry of all can be chosen.
            self._cursor -= 1
        self._measure()
        self.refresh()

    def on_resize(self) -> None:
        self._measure()
        self._draw_bars()

    def _measure(self) -> None:
        self.resize_rows(len(self._entries) + _ABOVE)
        # Its coming and going is worth the layout that further entries are spared.
        self.show_vertical_scrollbar = self.virtual_size.height > self.size.height

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.repaint_line(self._cursor + _ABOVE)

    # The cursor ----------------------------------------------------------------------------

    def action_move(self, entries: int) -> None:
        """Over the entries that can be chosen."""
        target = min(max(self._cursor + entries, 0), len(self._entries) - 1)
        ahead = range(target, len(self._entries)) if entries > 0 else range(target, -1, -1)
        behind = reversed(range(target)) if entries > 0 else range(target, len(self._entries))
        places = (place for place in (*ahead, *behind) if self._entries[place].choosable)
        self._go(next(places, self._cursor))

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        self._go(0)
        self.jump_to(0)

    def action_last(self) -> None:
        self.action_move(len(self._entries))

    def action_choose(self) -> None:
        if self._entries:
            self.post_message(self.Chosen(self._entries[self._cursor].query))

    def action_unfold(self) -> None:
        """Show the types of a family, or go to the first of them."""
        entry = self._entries[self._cursor]
        if entry.kind is SetKind.FAMILY and self._is_open(self._cursor):
            self.action_move(1)
        elif entry.kind is SetKind.FAMILY:
            self._open(entry.family, True)

    def action_fold(self) -> None:
        """Fold a family, or go from a type to its family."""
        entry = self._entries[self._cursor]
        if entry.kind is SetKind.FAMILY and self._is_open(self._cursor):
            self._open(entry.family, False)
        elif entry.family and entry.kind is SetKind.TYPE:
            while self._entries[self._cursor].kind is not SetKind.FAMILY:
                self._go(self._cursor - 1)

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.y - _ABOVE
        if not 0 <= index < len(self._entries) or not self._entries[index].choosable:
            return
        self._go(index)
        entry = self._entries[index]
        if event.x == sign_at(entry):
            self._open(entry.family, not self._is_open(index))
        else:
            self.action_choose()

    def _is_open(self, index: int) -> bool:
        """Whether the types of the family in a line stand below it."""
        below = self._entries[index + 1 : index + 2]
        return any(one.kind is SetKind.TYPE and one.family for one in below) and (
            below[0].family == self._entries[index].family
        )

    def _open(self, family: str, opened: bool) -> None:
        self._opened[family] = opened
        self._rebuild()

    def _go(self, index: int) -> None:
        before, self._cursor = self._cursor, index
        place, first, height = index + _ABOVE, self.scroll_offset.y, max(self.size.height, 1)
        if place < first:
            self.jump_to(place)
        elif place >= first + height:
            self.jump_to(place - height + 1)
        self.repaint_line(before + _ABOVE)
        self.repaint_line(place)


def _key(entry: SetEntry) -> tuple[str, ...]:
    """What makes an entry the same when its count is another."""
    return (entry.kind, entry.query, entry.label)
