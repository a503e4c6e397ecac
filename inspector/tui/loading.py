"""How the feed is filled from the store: ids first, summaries when their rows are looked at."""

import asyncio
from array import array
from collections.abc import Callable, Iterator

from inspector.client.control import Control
from inspector.errors import InspectorError, NotFoundError, UnreachableError
from inspector.tasks import Tasks
from inspector.tui.changes import Changed
from inspector.tui.events import FeedChanged, Tell, complaint
from inspector.tui.feed import Feed
from inspector.tui.filters import Filter
from inspector.tui.pages import PageRequest
from inspector.tui.searching import SearchProgress, Windows

_FIRST = 100
# Ids of the first request and the last: the top of the list comes at once, the rest in bulk.
_SMALL, _LARGE = 1_000, 100_000
# How long the rest waits for the first rows to be painted, which it would delay by as much.
_PAINTED = 0.05
# Redeliveries that are folded in one go: so many take 10 ms.
_FOLDED = 1_000

_Pair = tuple[int, int]


class Loading:
    """Owns the feed and its requests; a new filter cancels what ran for the old one."""

    def __init__(self, control: Control, tasks: Tasks, tell: Tell, now: Callable[[], int]) -> None:
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._now = now
        self._listing: asyncio.Task[None] | None = None
        self._judging: asyncio.Task[None] | None = None
        self._windows: Windows | None = None
        self._stopped = False
        self.filter = Filter()
        # Why the list is not complete, when it will not be by itself.
        self.error = ""
        self.feed = Feed(self._load)

    @property
    def progress(self) -> SearchProgress | None:
        """How far the search is, if it is one and not at its end."""
        if self._windows is None or self.feed.complete or self.error:
            return None
        return SearchProgress(self._windows.part, self._stopped)

    def start(self, wanted: Filter | None = None, *, forget: bool = False) -> None:
        """List the deliveries anew, under another filter or the same.

        `forget`: something may have been missed, so that no summary at hand is trusted. The
        filter of a search that was stopped goes on with it.
        """
        if wanted is not None and wanted == self.filter and self.go_on():
            return
        self.filter = wanted or self.filter
        for task in (self._listing, self._judging):
            if task is not None:
                task.cancel()
        self._judging = None
        self._windows, self._stopped = None, False
        self.error = ""
        self.feed.reset(self.filter.predicate(self._now), asks=self.filter.asks, forget=forget)
        self._listing = self._tasks.start(self._list(self.filter.text), "list")

    def stop(self) -> bool:
        """End a search that runs, and keep what it has found; whether there was one."""
        progress = self.progress
        if progress is None or progress.stopped or self._listing is None:
            return False
        self._listing.cancel()
        self._stopped = True
        self._rest()
        return True

    def go_on(self) -> bool:
        """Go on with the search that was stopped; whether there was one."""
        progress = self.progress
        if progress is None or not progress.stopped:
            return False
        self._stopped = False
        self._listing = self._tasks.start(self._list(self.filter.text), "list")
        self._told(Changed(), force=True)
        return True

    def judge(self) -> None:
        """Have the listener decide on what only it can; called after each batch."""
        if self.feed.overrun:
            self.start()
        elif self.filter.asks and (self._judging is None or self._judging.done()):
            self._judging = self._tasks.start(self._judge(self.filter.text), "judge")

    async def _list(self, query: str) -> None:
        try:
            await (self._search(query) if self.filter.asks else self._list_all(query))
        except InspectorError as error:
            self.error = error.message
            self._failed(error)
            self._rest()

    async def _list_all(self, query: str) -> None:
        feed = self.feed
        page = await self._control.deliveries(query, limit=_FIRST)
        feed.remember(page.items)
        ids = array("q", [delivery.id for delivery in page.items])
        pairs = [(one.id, one.duplicate_of) for one in page.items if one.duplicate_of]
        self._told(feed.extend_older(ids, pairs, last=page.next is None), force=True)
        limit = _SMALL
        if not feed.complete:
            await asyncio.sleep(_PAINTED)
        while not feed.complete:
            before = feed.oldest
            more = await self._control.ids(query, before=before, limit=limit)
            pairs = await self._pairs(query, more, before)
            await self._extend(more, pairs, last=len(more) < limit)
            limit = _LARGE

    async def _search(self, query: str) -> None:
        clock = asyncio.get_running_loop().time
        if self._windows is None:
            newest, oldest = await asyncio.gather(
                self._control.ids(limit=1), self._control.deliveries(after=0, limit=1)
            )
            first = oldest.items[0].id if oldest.items else 1
            self._windows = Windows(newest[0] if newest else 0, first)
        windows = self._windows
        if self.feed.oldest is not None:
            # Stopped between the portions of a window.
            windows.before = self.feed.oldest
        while not self.feed.complete:
            before, after = windows.next()
            begun = clock()
            found = await self._control.ids(query, before=before, after=after, limit=_LARGE)
            seconds = clock() - begun
            down_to = found[-1] if len(found) == _LARGE else after + 1
            pairs = await self._pairs(query, found, before)
            last = windows.took(seconds, down_to)
            await self._extend(found, pairs, last=last, floor=down_to)

    async def _pairs(self, query: str, ids: "array[int]", before: int | None) -> list[_Pair]:
        """The redeliveries among ids, newest first, each with the first of its event."""
        if not ids:
            return []
        try:
            flat = await self._control.duplicates(query, before=before, after=ids[-1] - 1)
        except NotFoundError:
            # A listener of an older version: what is looked at still tells its first.
            return []
        return list(zip(flat[::2], flat[1::2], strict=True))

    async def _extend(
        self, ids: "array[int]", pairs: list[_Pair], *, last: bool, floor: int | None = None
    ) -> None:
        """Hand over a page in portions that keep nobody waiting."""
        portions = list(_portions(ids, pairs))
        for some, theirs in portions[:-1]:
            self._told(self.feed.extend_older(some, theirs, last=False))
            await asyncio.sleep(0)
        some, theirs = portions[-1]
        self._told(self.feed.extend_older(some, theirs, last=last, floor=floor), force=True)

    def _load(self, request: PageRequest) -> None:
        self._tasks.start(self._page(request), "page")

    async def _page(self, request: PageRequest) -> None:
        try:
            page = await self._control.deliveries(_among(request.ids), limit=len(request.ids))
        except InspectorError as error:
            self.feed.load_failed(request)
            self._failed(error)
        else:
            self._told(self.feed.loaded(request, page.items))

    async def _judge(self, query: str) -> None:
        try:
            while ids := self.feed.take_undecided():
                page = await self._control.deliveries(f"({query}) {_among(ids)}", limit=len(ids))
                self._told(self.feed.decided(ids, page.items))
        except InspectorError as error:
            self._failed(error)

    def _rest(self) -> None:
        """What is listed is all there is for now."""
        self.feed.settle()
        self._told(Changed(moved=True))

    def _told(self, changed: Changed, *, force: bool = False) -> None:
        if changed or force:
            self._tell(FeedChanged(changed))

    def _failed(self, error: InspectorError) -> None:
        # A listener that is away has a banner of its own, and its return lists anew.
        if not isinstance(error, UnreachableError):
            self._tell(complaint(error))


def _among(ids: "tuple[int, ...] | list[int]") -> str:
    """The query for these deliveries."""
    return "id:" + ",".join(map(str, ids))


def _portions(ids: "array[int]", pairs: list[_Pair]) -> Iterator[tuple["array[int]", list[_Pair]]]:
    """Ids and the redeliveries among them, both newest first, cut where many are to be folded."""
    start = 0
    for cut in range(_FOLDED, len(pairs), _FOLDED):
        lowest = pairs[cut - 1][0]
        end = start
        while end < len(ids) and ids[end] >= lowest:
            end += 1
        yield ids[start:end], pairs[cut - _FOLDED : cut]
        start = end
    yield ids[start:], pairs[(len(pairs) - 1) // _FOLDED * _FOLDED if pairs else 0 :]
