"""The list's view model: which deliveries match, which of them are known, and where the cursor is.

Neither Textual nor a loop: pages are asked for through an injected `load`, and their answers are
handed back to `loaded`. Ids are kept ascending, the newest is row 0 on the screen. A million rows
cost 8 MB of ids and a bounded cache of summaries.
"""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from inspector.client.models import Item
from inspector.domain.delivery import Delivery
from inspector.tui.row_ids import RowIds

CACHE = 2048
LIMIT = 1_000_000
_SLACK = 16_384  # rows over the limit before the oldest are let go, so that it is done rarely
_PAGE = 100
_PARSED = 256  # summaries of one batch that are read; older ones are paged when they are looked at
_UNDECIDED = 4096
_NOTHING = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Summaries wanted: the newest `limit` below the id `before`, under the filter then in force.

    `ids` are the rows that it is asked for; those that do not come are not there any more.
    """

    before: int
    limit: int
    ids: tuple[int, ...]
    generation: int


@dataclass(slots=True)
class Changed:
    """What a call did: rows came or went (`moved`), summaries are new (`touched`, by id)."""

    moved: bool = False
    touched: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return self.moved or bool(self.touched)


class Feed:
    """Rows over ids; every method is O(log n) or a memory move, none waits.

    `load` is called with each page that is needed; answer with `loaded` or `load_failed`.
    """

    def __init__(
        self, load: Callable[[PageRequest], None], *, cache: int = CACHE, limit: int = LIMIT
    ) -> None:
        self._load = load
        self._capacity = cache
        self._limit = limit
        self._ids = RowIds()
        self._cache: OrderedDict[int, Delivery] = OrderedDict()
        self._asked: set[int] = set()
        self._generation = 0
        self._matches: Callable[[Delivery], bool] | None = None
        self._asks = False
        self._undecided: set[int] = set()
        # Decisions on ids that the server has not listed yet, kept until it does.
        self._parked: dict[int, bool] = {}
        self._floor = _NOTHING
        self._trimmed = False
        self._wish = _NOTHING
        self._seen = 0
        self.follow = True
        self.complete = False

    # What is shown -------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def trimmed(self) -> bool:
        """Whether older matches exist that are not listed, because of the limit."""
        return self._trimmed

    @property
    def oldest(self) -> int | None:
        """The id to page older ids before; None before the first page."""
        return None if self._floor == _NOTHING else self._floor

    def id_at(self, row: int) -> int:
        return self._ids.at(row)

    def row_of(self, delivery_id: int) -> int | None:
        """The row of a delivery, or None when it is not in the list."""
        return self._ids.row_of(delivery_id)

    def at(self, row: int) -> Delivery | None:
        """The summary in a row, or None while its page is on the way."""
        return self._cache.get(self._ids.at(row))

    def get(self, delivery_id: int) -> Delivery | None:
        return self._cache.get(delivery_id)

    # The cursor ----------------------------------------------------------------------------

    @property
    def cursor_row(self) -> int | None:
        """The cursor's row: its delivery, or the next older one when that is not listed.

        None without rows, and while its place in the list is still to be loaded.
        """
        if not self._ids:
            return None
        if self.follow:
            return 0
        if not self.complete and self._wish < self._floor:
            return None
        return self._ids.nearest_row(self._wish)

    @property
    def cursor_id(self) -> int | None:
        row = self.cursor_row
        return None if row is None else self.id_at(row)

    @property
    def new(self) -> int:
        """How many deliveries came on top since the newest was last looked at."""
        if self.follow:
            return 0
        return self._ids.newer_than(self._seen)

    def select(self, row: int) -> None:
        """Put the cursor on a row (clamped); a move ends following."""
        if not self._ids:
            return
        row = min(max(row, 0), len(self._ids) - 1)
        if row != self.cursor_row:
            self.pause()
        self._wish = self.id_at(row)
        if row == 0:
            self.saw_top()

    def move(self, rows: int) -> None:
        self.select((self.cursor_row or 0) + rows)

    def pause(self) -> None:
        """Stop following: the cursor stays at the delivery it is on."""
        if self.follow:
            self.saw_top()
            self._wish = self._seen or _NOTHING
            self.follow = False

    def resume(self) -> None:
        """Follow: the cursor stays on the newest."""
        self.follow = True

    def saw_top(self) -> None:
        """The newest row is on the screen: nothing is new."""
        self._seen = self._ids.newest

    # Filter and ids ------------------------------------------------------------------------

    def reset(
        self,
        matches: Callable[[Delivery], bool] | None = None,
        *,
        asks: bool = False,
        forget: bool = False,
    ) -> None:
        """Start an empty list under another filter; the cursor keeps its delivery.

        `matches` decides on summaries; with `asks` the server has to (see `take_undecided`).
        `forget` drops the summaries too, after something may have been missed.
        """
        self._generation += 1
        self._ids = RowIds()
        self._asked.clear()
        self._undecided.clear()
        self._parked.clear()
        self._matches, self._asks = matches, asks
        self._floor = _NOTHING
        self._trimmed = self.complete = False
        if forget:
            self._cache.clear()

    def extend_older(self, ids: "array[int] | Sequence[int]", *, last: bool) -> Changed:
        """Add ids that the server listed, newest first, all older than those it listed before."""
        room = max(self._limit - len(self._ids), 0)
        if len(ids) > room:
            ids, last, self._trimmed = ids[:room], True, True
        # Some of the first page may have come by the stream while it was on its way.
        self._ids.add_older(ids)
        if ids:
            self._floor = ids[-1]
        if last:
            self.complete, self._floor = True, 0
        for delivery_id in [one for one in self._parked if one >= self._floor]:
            self._settle(delivery_id, self._parked.pop(delivery_id))
        return Changed(moved=bool(ids))

    def remember(self, deliveries: Iterable[Delivery]) -> None:
        """Keep summaries that came with a page; what the stream brought meanwhile is newer."""
        for delivery in deliveries:
            if delivery.id not in self._cache:
                self._put(delivery)

    # The stream ----------------------------------------------------------------------------

    def apply(self, arrived: Sequence[Item], changed: Sequence[Item]) -> Changed:
        """One batch of the stream: new summaries, and whole current ones of changed deliveries."""
        done = Changed()
        if self._matches is None and not self._asks:
            for item in arrived:
                done.moved |= self._settle(int(item["id"]), True, arrived=True)
            arrived = arrived[-_PARSED:]
        for item in arrived:
            delivery = Delivery.from_json(dict(item))
            self._put(delivery)
            done.touched.add(delivery.id)
            done.moved |= self._judge(delivery, arrived=True)
        for item in changed:
            delivery_id = int(item["id"])
            known = delivery_id in self._cache or self._awaits(delivery_id)
            if not known and self._matches is None and not self._asks:
                continue
            delivery = Delivery.from_json(dict(item))
            if known:
                self._put(delivery)
                done.touched.add(delivery_id)
            done.moved |= self._judge(delivery)
        self._trim()
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
            done.moved |= self._settle(delivery_id, delivery_id in found)
        return done

    # Pages ---------------------------------------------------------------------------------

    def want(self, first: int, last: int) -> None:
        """Rows `first` to `last` are on the screen: load what is missing, and a page each way."""
        span = last - first + 1
        low, high = max(first - span, 0), min(last + span, len(self._ids) - 1)
        missing = [
            one
            for row in range(low, high + 1)
            if (one := self.id_at(row)) not in self._cache and one not in self._asked
        ]
        for start in range(0, len(missing), _PAGE):
            ids = tuple(missing[start : start + _PAGE])
            rows = self._ids.newer_than(ids[-1]) - self._ids.newer_than(ids[0]) + 1
            self._asked.update(ids)
            self._load(PageRequest(ids[0] + 1, min(rows, 3 * _PAGE), ids, self._generation))

    def loaded(self, request: PageRequest, items: Sequence[Delivery]) -> Changed:
        """The answer to a `PageRequest`: rows that it does not bring are gone from the list."""
        if request.generation != self._generation:
            return Changed()
        self._asked.difference_update(request.ids)
        came = {delivery.id for delivery in items}
        lowest = min(came) if len(items) >= request.limit else 0
        done = Changed(touched=came)
        self.remember(items)
        for delivery_id in request.ids:
            there = delivery_id in came or delivery_id in self._cache
            if not there and delivery_id >= lowest:
                done.moved |= self._settle(delivery_id, False)
        return done

    def load_failed(self, request: PageRequest) -> None:
        """The page did not come; it is asked for again when its rows are shown again."""
        if request.generation == self._generation:
            self._asked.difference_update(request.ids)

    # Inside --------------------------------------------------------------------------------

    def _judge(self, delivery: Delivery, *, arrived: bool = False) -> bool:
        if self._asks:
            self._undecided.add(delivery.id)
            return False
        match = self._matches is None or self._matches(delivery)
        return self._settle(delivery.id, match, arrived=arrived)

    def _settle(self, delivery_id: int, match: bool, *, arrived: bool = False) -> bool:
        """List or unlist one delivery; whether that changed anything.

        Below the floor the server's list is still to come and would overwrite the decision, so
        it is parked; what has just arrived is newer than any list that is on its way.
        """
        parked = not arrived and delivery_id < self._floor
        if parked:
            self._parked[delivery_id] = match
        if delivery_id in self._ids:
            if not match:
                self._ids.remove(delivery_id)
            return not match
        if parked or not match or (self._trimmed and delivery_id < self._ids.oldest):
            return False
        self._ids.add(delivery_id)
        return True

    def _awaits(self, delivery_id: int) -> bool:
        """Whether a summary may be on its way that is older than what the stream says now."""
        return delivery_id in self._asked or self._floor == _NOTHING

    def _put(self, delivery: Delivery) -> None:
        self._cache[delivery.id] = delivery
        self._cache.move_to_end(delivery.id)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def _trim(self) -> None:
        if len(self._ids) > self._limit + _SLACK:
            self._ids.keep_newest(self._limit)
            self._trimmed = True
