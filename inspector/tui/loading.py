"""How the feed is filled from the store: ids first, summaries when their rows are looked at."""

import asyncio
from collections.abc import Callable

from inspector.client.control import Control
from inspector.errors import InspectorError, UnreachableError
from inspector.tasks import Tasks
from inspector.tui.events import FeedChanged, Tell, complaint
from inspector.tui.feed import Changed, Feed, PageRequest
from inspector.tui.filters import Filter

_FIRST = 100
# Ids of the first request and the last: the top of the list comes at once, the rest in bulk.
_SMALL, _LARGE = 1_000, 100_000


class Loading:
    """Owns the feed and its requests; a new filter cancels what ran for the old one."""

    def __init__(self, control: Control, tasks: Tasks, tell: Tell, now: Callable[[], int]) -> None:
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._now = now
        self._listing: asyncio.Task[None] | None = None
        self._judging: asyncio.Task[None] | None = None
        self.filter = Filter()
        # Why the list is not complete, when it will not be by itself.
        self.error = ""
        self.feed = Feed(self._load)

    def start(self, wanted: Filter | None = None, *, forget: bool = False) -> None:
        """List the deliveries anew, under another filter or the same.

        `forget`: something may have been missed, so that no summary at hand is trusted.
        """
        self.filter = wanted or self.filter
        for task in (self._listing, self._judging):
            if task is not None:
                task.cancel()
        self._judging = None
        self.error = ""
        self.feed.reset(self.filter.predicate(self._now), asks=self.filter.asks, forget=forget)
        self._listing = self._tasks.start(self._list(self.filter.text), "list")

    def judge(self) -> None:
        """Have the listener decide on what only it can; called after each batch."""
        if self.feed.overrun:
            self.start()
        elif self.filter.asks and (self._judging is None or self._judging.done()):
            self._judging = self._tasks.start(self._judge(self.filter.text), "judge")

    async def _list(self, query: str) -> None:
        feed = self.feed
        try:
            page = await self._control.deliveries(query, limit=_FIRST)
            feed.remember(page.items)
            ids = [delivery.id for delivery in page.items]
            self._told(feed.extend_older(ids, last=page.next is None), force=True)
            limit = _SMALL
            while not feed.complete:
                more = await self._control.ids(query, before=feed.oldest, limit=limit)
                self._told(feed.extend_older(more, last=len(more) < limit), force=True)
                limit = _LARGE
        except InspectorError as error:
            self.error = error.message
            self._failed(error)
            self._told(Changed(), force=True)

    def _load(self, request: PageRequest) -> None:
        self._tasks.start(self._page(request, self.filter.text), "page")

    async def _page(self, request: PageRequest, query: str) -> None:
        try:
            page = await self._control.deliveries(query, before=request.before, limit=request.limit)
        except InspectorError as error:
            self.feed.load_failed(request)
            self._failed(error)
        else:
            self._told(self.feed.loaded(request, page.items))

    async def _judge(self, query: str) -> None:
        try:
            while ids := self.feed.take_undecided():
                these = ",".join(str(one) for one in ids)
                page = await self._control.deliveries(f"({query}) id:{these}", limit=len(ids))
                self._told(self.feed.decided(ids, page.items))
        except InspectorError as error:
            self._failed(error)

    def _told(self, changed: Changed, *, force: bool = False) -> None:
        if changed or force:
            self._tell(FeedChanged(changed))

    def _failed(self, error: InspectorError) -> None:
        # A listener that is away has a banner of its own, and its return lists anew.
        if not isinstance(error, UnreachableError):
            self._tell(complaint(error))
