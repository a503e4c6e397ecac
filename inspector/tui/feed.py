"""The list's view model: which deliveries match, which of them are known, and where the cursor is.

Neither Textual nor a loop: pages are asked for through an injected `load`, and their answers are
handed back to `loaded`. The newest row is row 0 on the screen. A million rows cost 8 MB of ids
(redeliveries 32 bytes each on top) and a bounded cache of summaries.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence

from inspector.client.models import Item
from inspector.domain.delivery import Delivery
from inspector.tui.changes import Changed, Redelivered
from inspector.tui.cursor import NOWHERE, Cursor
from inspector.tui.folds import Folds
from inspector.tui.pages import PageRequest, Pages

CACHE = 2048
LIMIT = 1_000_000
_SLACK = 16_384  # deliveries over the limit before the oldest are let go, so that it is done rarely
_PARSED = 256  # summaries of one batch that are read; older ones are paged when they are looked at
_UNDECIDED = 4096


class Feed:
    """Rows over ids; every method is O(log n) or a memory move, none waits.

    `load` is called with each page that is needed; answer with `loaded` or `load_failed`.
    """

    def __init__(
        self, load: Callable[[PageRequest], None], *, cache: int = CACHE, limit: int = LIMIT
    ) -> None:
        self._limit = limit
        self._rows = Folds()
        self._pages = Pages(load, cache)
        self._cursor = Cursor(self._rows)
        self._matches: Callable[[Delivery], bool] | None = None
        self._asks = False
        self._undecided: set[int] = set()
        # Decisions on ids that the server has not listed yet, with their firsts (None: no match),
        # kept until it does.
        self._parked: dict[int, int | None] = {}
        self._floor = NOWHERE
        self._trimmed = False
        self.redelivered = Redelivered()
        self.complete = False

    # What is shown -------------------------------------------------------------------------

    def __len__(self) -> int:
        """The rows on the screen and off it."""
        return len(self._rows)

    @property
    def total(self) -> int:
        """The deliveries that are listed, those folded under a row too."""
        return self._rows.total

    @property
    def trimmed(self) -> bool:
        """Whether older matches exist that are not listed, because of the limit."""
        return self._trimmed

    @property
    def oldest(self) -> int | None:
        """The id to page older ids before; None before the first page."""
        return None if self._floor == NOWHERE else self._floor

    def id_at(self, row: int) -> int:
        return self._rows.at(row)

    def row_of(self, delivery_id: int) -> int | None:
        """The row of a delivery, or None when it is folded or not in the list."""
        return self._rows.row_of(delivery_id)

    def place_of(self, delivery_id: int) -> int | None:
        """The row of a delivery, or of the one that it is folded under; None without either."""
        row = self._rows.row_of(delivery_id)
        return self._rows.row_of(self._rows.head(delivery_id)) if row is None else row

    def at(self, row: int) -> Delivery | None:
        """The summary in a row, or None while its page is on the way."""
        return self._pages.get(self._rows.at(row))

    def get(self, delivery_id: int) -> Delivery | None:
        return self._pages.get(delivery_id)

    def ids(self) -> "array[int]":
        """Every delivery that is listed, oldest first, the folded ones too."""
        return self._rows.ids()

    # Folding -------------------------------------------------------------------------------

    def times(self, delivery_id: int) -> int:
        """How many deliveries of its event stand in a row and under it."""
        return self._rows.times(delivery_id)

    def first_above(self, delivery_id: int) -> int:
        """The first of its event that a delivery stands under, 0 for a row of its own."""
        return self._rows.head(delivery_id)

    def unfold(self, delivery_id: int) -> Changed:
        """Show the redeliveries under a row."""
        return Changed(moved=self._rows.unfold(delivery_id))

    def toggle(self, delivery_id: int) -> Changed:
        """Unfold a row, or fold it."""
        return self.unfold(delivery_id) or self.fold(delivery_id)

    def fold(self, delivery_id: int) -> Changed:
        """Fold what stands under a row, or that row with all beside it; a cursor goes up to it."""
        first = self._rows.head(delivery_id) or delivery_id
        cursor = self.cursor_id
        if cursor is not None and self._rows.head(cursor) == first:
            self._cursor.put(first)
        return Changed(moved=self._rows.fold(first))

    # The cursor ----------------------------------------------------------------------------

    @property
    def follow(self) -> bool:
        return self._cursor.follow

    @property
    def cursor_row(self) -> int | None:
        """The cursor's row: its delivery, or where that is folded, or the next older one.

        None without rows, and while its place in the list is still to be loaded.
        """
        return self._cursor.row(0 if self.complete else self._floor)

    @property
    def cursor_id(self) -> int | None:
        row = self.cursor_row
        return None if row is None else self.id_at(row)

    @property
    def new(self) -> int:
        """How many deliveries came on top since the newest was last looked at."""
        return self._cursor.new

    def select(self, row: int) -> None:
        """Put the cursor on a row (clamped); a move ends following."""
        if not len(self):
            return
        self.redelivered = Redelivered()
        row = min(max(row, 0), len(self) - 1)
        if row != self.cursor_row:
            self.pause()
        self._cursor.put(self.id_at(row))
        if row == 0:
            self.saw_top()

    def pause(self) -> None:
        """Stop following: the cursor stays at the delivery it is on."""
        self._cursor.pause()

    def resume(self) -> None:
        """Follow: the cursor stays on the newest."""
        self._cursor.follow = True
        self.redelivered = Redelivered()

    def saw_top(self) -> None:
        """The newest row is on the screen: nothing is new."""
        self._cursor.saw_top()

    def settle(self) -> None:
        """No older rows come for now: the cursor goes to the nearest that there is."""
        self._cursor.settle(0)

    def begin_anew(self) -> None:
        """Another journal's deliveries are to be listed: these ids mean others there."""
        self._rows = self._cursor.rows = Folds()
        self._cursor.begin_anew()

    # Filter and ids ------------------------------------------------------------------------

    def reset(
        self,
        matches: Callable[[Delivery], bool] | None = None,
        *,
        asks: bool = False,
        forget: bool = False,
    ) -> None:
        """Start an empty list under another filter; the cursor keeps the delivery that it shows.

        `matches` decides on summaries; with `asks` the server has to (see `take_undecided`).
        `forget` drops the summaries too, after something may have been missed.
        """
        if self.follow:
            self.saw_top()
        elif (shown := self.cursor_id) is not None:
            self._cursor.put(shown)
        self._rows = self._cursor.rows = Folds(self._rows.unfolded)
        self._pages.reset(forget=forget)
        self._undecided.clear()
        self._parked.clear()
        self._matches, self._asks = matches, asks
        self._floor = NOWHERE
        self._trimmed = self.complete = False
        self.redelivered = Redelivered()

    def extend_older(
        self,
        ids: "array[int]",
        pairs: Iterable[tuple[int, int]] = (),
        *,
        last: bool,
        floor: int | None = None,
    ) -> Changed:
        """Add ids that the server listed, newest first, all older than those it listed before.

        `pairs` are the redeliveries among them, each with the first of its event. `floor` is
        the id down to which it has looked, where that is below the last of the ids.
        """
        room = max(self._limit - self.total, 0)
        if len(ids) > room:
            ids, last, self._trimmed, floor = ids[:room], True, True, None
        # Some of the first page may have come by the stream while it was on its way.
        self._rows.add_older(ids, pairs)
        if ids or floor is not None:
            self._floor = ids[-1] if floor is None else floor
        if last:
            self.complete, self._floor = True, 0
        for delivery_id in [one for one in self._parked if one >= self._floor]:
            self._settle(delivery_id, self._parked.pop(delivery_id), Changed())
        self._cursor.settle(self._floor)
        return Changed(moved=bool(ids))

    def remember(self, deliveries: Iterable[Delivery]) -> None:
        """Keep summaries that came with a page; what the stream brought meanwhile is newer."""
        self._pages.remember(deliveries)

    # The stream ----------------------------------------------------------------------------

    def apply(self, arrived: Sequence[Item], changed: Sequence[Item]) -> Changed:
        """One batch of the stream: new summaries, and whole current ones of changed deliveries."""
        done = Changed()
        if self._matches is None and not self._asks:
            for item in arrived:
                first = item.get("duplicate_of") or 0
                self._settle(int(item["id"]), first, done, arrived=True)
            arrived = arrived[-_PARSED:]
        for item in arrived:
            delivery = Delivery.from_json(dict(item))
            self._pages.put(delivery, awaited=self._floor == NOWHERE)
            done.touched.add(delivery.id)
            self._judge(delivery, done, arrived=True)
        for item in changed:
            delivery_id = int(item["id"])
            known = delivery_id in self._pages or self._awaits(delivery_id)
            if not known and self._matches is None and not self._asks:
                continue
            delivery = Delivery.from_json(dict(item))
            if known:
                self._pages.put(delivery, awaited=self._floor == NOWHERE)
                done.touched.add(delivery_id)
            self._judge(delivery, done)
        if self.total > self._limit + _SLACK:
            self._rows.keep_newest(self._limit)
            self._trimmed = True
        if self._floor != NOWHERE and not self._cursor.placed:
            self._cursor.settle(self._floor)
        return done

    def take_undecided(self, limit: int = 64) -> list[int]:
        """Ids that only the server can judge, at most `limit`; answer with `decided`."""
        taken = sorted(self._undecided)[:limit]
        self._undecided.difference_update(taken)
        return taken

    @property
    def overrun(self) -> bool:
        """More ids wait for the server's judgement than it is worth: reload instead."""
        return len(self._undecided) > _UNDECIDED

    def decided(self, asked: Iterable[int], matching: Iterable[Delivery]) -> Changed:
        """The server's judgement of what `take_undecided` gave."""
        done = Changed()
        found = {delivery.id: delivery for delivery in matching}
        # What has changed again since it was asked for would be remembered as it was.
        self.remember(one for one in found.values() if one.id not in self._undecided)
        for delivery_id in asked:
            match = found.get(delivery_id)
            self._settle(delivery_id, None if match is None else match.duplicate_of or 0, done)
        return done

    # Pages ---------------------------------------------------------------------------------

    def want(self, first: int, last: int) -> None:
        """Rows `first` to `last` are on the screen: load what is missing, and a page each way."""
        span = last - first + 1
        low, high = max(first - span, 0), min(last + span, len(self) - 1)
        self._pages.want([self.id_at(row) for row in range(low, high + 1)])

    def loaded(self, request: PageRequest, items: Sequence[Delivery]) -> Changed:
        """The answer to a `PageRequest`: rows that it does not bring are gone from the list."""
        gone = self._pages.loaded(request, items)
        if gone is None:
            return Changed()
        done = Changed(touched={delivery.id for delivery in items})
        for delivery_id in gone:
            self._settle(delivery_id, None, done)
        return done

    def load_failed(self, request: PageRequest) -> None:
        """The page did not come; it is asked for again when its rows are shown again."""
        self._pages.failed(request)

    # Inside --------------------------------------------------------------------------------

    def _judge(self, delivery: Delivery, done: Changed, *, arrived: bool = False) -> None:
        if self._asks:
            self._undecided.add(delivery.id)
            return
        match = self._matches is None or self._matches(delivery)
        first = delivery.duplicate_of or 0
        self._settle(delivery.id, first if match else None, done, arrived=arrived)

    def _settle(
        self, delivery_id: int, first: int | None, done: Changed, *, arrived: bool = False
    ) -> None:
        """List a delivery, whose first is `first` (0: itself), or unlist it (None).

        Below the floor the server's list is still to come and would overwrite the decision, so
        it is parked; what has just arrived is newer than any list that is on its way.
        """
        rows = self._rows
        parked = not arrived and delivery_id < self._floor
        if parked:
            self._parked[delivery_id] = first
        head = rows.head(delivery_id)
        if first is None:
            self._cursor.leave(delivery_id, head or delivery_id)
            done.moved |= rows.remove(delivery_id)
        elif delivery_id in rows or not (parked or (self._trimmed and delivery_id < rows.oldest)):
            there = delivery_id in rows
            done.moved |= rows.add(delivery_id, first)
            head = rows.head(delivery_id)
            if arrived and head and not there:
                self.redelivered = Redelivered(self.redelivered.count + 1, head)
        if head:
            done.touched.add(head)

    def _awaits(self, delivery_id: int) -> bool:
        """Whether a summary may be on its way that is older than what the stream says now."""
        return self._pages.asked(delivery_id) or self._floor == NOWHERE
