"""The UI's dealings with the listener: one stream in, its frames in batches, figures kept fresh."""

import asyncio
import logging
from collections.abc import Callable

from inspector.client.control import Control
from inspector.client.models import Counts, Item, Seen, Status, TunnelStatus
from inspector.client.stream import (
    Connected,
    Disconnected,
    Frame,
    Gone,
    Lagged,
    Reindexed,
    Stream,
    StreamEvent,
)
from inspector.domain.delivery import State
from inspector.errors import InspectorError
from inspector.tasks import Tasks
from inspector.tui.activity import STEP, Activity
from inspector.tui.acts import Acts
from inspector.tui.events import (
    ConnectionChanged,
    CountsChanged,
    Ended,
    FeedChanged,
    StatusChanged,
    Tell,
    complaint,
)
from inspector.tui.feed import Feed
from inspector.tui.filters import Filter
from inspector.tui.inspection import Inspection
from inspector.tui.loading import Loading
from inspector.tui.reading import DetailReading
from inspector.tui.results import Results
from inspector.tui.searching import SearchProgress
from inspector.tui.selection import Selection

_log = logging.getLogger(__name__)

_FOREIGN = (
    "the listener's stream cannot be understood",
    "it may be of another version: `inspector status` shows it",
)
_BATCH = 0.05
_POLL = 1.0


class Session:
    """One listener as the UI sees it. `tell` hears of every change, on the loop's thread.

    `now` gives microseconds since the epoch. Start it on a running loop; `stop` ends every task
    and closes the connections, and may be called again.
    """

    def __init__(
        self, control: Control, stream: Stream, tell: Tell, now: Callable[[], int]
    ) -> None:
        self._control = control
        self._stream = stream
        self._tell = tell
        self._now = now
        self._tasks = Tasks("session")
        self._loading = Loading(control, self._tasks, tell, now)
        self._results = Results(tell)
        self._arrived: list[Item] = []
        self._changed: list[Item] = []
        self._attempted: list[Item] = []
        self._timer: asyncio.TimerHandle | None = None
        self._dirty = asyncio.Event()
        self._listed = False
        self.inspection = Inspection(control, self._tasks, tell)
        self.reading = DetailReading(control, self.inspection, self._tasks, tell)
        self.acts = Acts(control, self._tasks, tell, self._results, self.feed.get)
        self.selection = Selection()
        self.activity = Activity()
        self.connected = False
        # Why the listener will not come back.
        self.gone: InspectorError | None = None
        self.status: Status | None = None
        self.counts = Counts()
        self.seen = Seen()
        self._learning: asyncio.Task[None] | None = None

    @property
    def feed(self) -> Feed:
        return self._loading.feed

    @property
    def filter(self) -> Filter:
        return self._loading.filter

    @property
    def relay(self) -> TunnelStatus | None:
        """The tunnel as it is known now: of a listener that is away, that there was one."""
        relay = self.status.relay if self.status else None
        if relay is None or self.connected:
            return relay
        return TunnelStatus(relay.url, relay.endpoint, relay.consumer, "unknown")

    @property
    def list_error(self) -> str:
        """Why the list is not complete and will not be by itself, or nothing."""
        return self._loading.error

    @property
    def search(self) -> SearchProgress | None:
        """How far a search is that the listener decides, None when none runs or was stopped."""
        return self._loading.progress

    def start(self) -> None:
        self._tasks.start(self._read(), "stream")
        self._tasks.start(self._poll_status(), "status")
        self._tasks.start(self._poll_counts(), "counts")

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.stop()
        await self._control.close()

    # What the user asks for ----------------------------------------------------------------

    def show(self, wanted: Filter) -> None:
        """List what matches this filter, in place of what was listed."""
        self._loading.start(wanted)

    def learn(self) -> None:
        """Fetch what there is to complete a filter with, unless that is under way."""
        if self._learning is None or self._learning.done():
            self._learning = self._tasks.start(self._fetch_seen(), "seen")

    def stop_search(self) -> bool:
        """End a search that runs and keep what it found; whether there was one."""
        return self._loading.stop()

    def go_on(self) -> bool:
        """Go on with a search that was stopped; whether there was one."""
        return self._loading.go_on()

    def newest(self, then: Callable[[int], None]) -> None:
        """Call `then` with the newest delivery's id, whatever is listed; 0 without any.

        What `then` raises of ours is told.
        """
        self._tasks.start(self._newest(then), "newest")

    # The stream ----------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            async for event in self._stream.events():
                self._take(event)
        except InspectorError as error:
            self._tell(Ended(error))

    def _take(self, event: StreamEvent) -> None:
        match event:
            case Frame(kind="deliveries"):
                self._arrived.extend(event.items)
            case Frame(kind="changes"):
                self._changed.extend(event.items)
            case Frame():
                self._attempted.extend(event.items)
            case Connected():
                self._connected(event)
                return
            case Disconnected():
                self.connected = False
                self._tell(ConnectionChanged(False, event.retry_in, event.reason))
                return
            case Gone(error):
                self.connected, self.gone = False, error
                self._tell(ConnectionChanged(False, reason=error.message))
                return
            case Lagged():
                self._flush()
                self._loading.start(forget=True)
                self.acts.missed()
                return
            case Reindexed():
                self._flush()
                self._loading.start(forget=True)
                self.reading.forget_errors()
                self._dirty.set()
                return
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_BATCH, self._flush)

    def _connected(self, event: Connected) -> None:
        self.connected = True
        self._tell(ConnectionChanged(True))
        after = event.resumed_after
        if not self._listed or after is None or after > event.last_seq:
            # The first connection, or another journal than the one we left.
            self._listed = True
            self.activity.reset()
            if after is not None:
                self.feed.begin_anew()
            self._loading.start(forget=True)
            self.acts.missed()
        elif not self.feed.complete and not (self.search and self.search.stopped):
            self._loading.start()
        self.reading.forget_errors()
        if self.inspection.error:
            self.inspection.refresh()
        self._tasks.start(self._fetch_status(), "status")
        self._dirty.set()

    def _flush(self) -> None:
        """One batch to the feed: one repaint, however many frames came."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        arrived, self._arrived = self._arrived, []
        changed, self._changed = self._changed, []
        attempted, self._attempted = self._attempted, []
        try:
            self._apply(arrived, changed, attempted)
        except (KeyError, TypeError, ValueError) as error:
            # Going on would show a list with holes and call it whole.
            _log.error("a frame of the stream cannot be read", exc_info=error)
            self._tell(Ended(InspectorError(*_FOREIGN)))

    def _apply(self, arrived: list[Item], changed: list[Item], attempted: list[Item]) -> None:
        for item in changed:
            self._saw_mark(item)
        # A change may be that the app of another consumer answered: that is read with the attempts.
        touched = {int(item["id"]) for item in changed}
        if arrived or changed:
            self._dirty.set()
            self._tell(FeedChanged(self.feed.apply(arrived, changed)))
            self._loading.judge()
        if attempted:
            for item in attempted:
                self._results.saw(item)
            touched |= {int(item["delivery_id"]) for item in attempted}
        if touched:
            self.inspection.attempted(touched)

    async def _newest(self, then: Callable[[int], None]) -> None:
        try:
            ids = await self._control.ids(limit=1)
            then(ids[0] if ids else 0)
        except InspectorError as error:
            self._tell(complaint(error))

    def _saw_mark(self, item: Item) -> None:
        """The delivery that was marked last is the one that others are compared with."""
        if item["state"] == State.GAP:
            return
        known = self.feed.get(int(item["id"]))
        marked = bool(item["mark"])
        if known is None or bool(known.mark) is not marked:
            self.reading.comparison.saw_mark(int(item["id"]), marked=marked)

    # Figures -------------------------------------------------------------------------------

    async def _poll_status(self) -> None:
        while True:
            await asyncio.sleep(_POLL)
            if self.connected:
                await self._fetch_status()

    async def _poll_counts(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            begun = asyncio.get_running_loop().time()
            try:
                self.counts = await self._control.counts()
                await self._fetch_activity()
                self._tell(CountsChanged())
            except InspectorError as error:
                _log.info("no counters: %s", error)
            # Ten thousand event types take a while to read: a tenth of the time at most.
            spent = asyncio.get_running_loop().time() - begun
            await asyncio.sleep(max(_POLL / 2, 9 * spent))

    async def _fetch_activity(self) -> None:
        now = self._now()
        since = self.activity.since(now)
        self.activity.take(since, await self._control.activity(since, STEP), now)

    async def _fetch_seen(self) -> None:
        try:
            seen = await self._control.seen()
        except InspectorError as error:
            _log.info("nothing to complete with: %s", error)
        else:
            # The same again is not news to what is derived from it.
            self.seen = self.seen if seen == self.seen else seen

    async def _fetch_status(self) -> None:
        try:
            status = await self._control.status()
            if self.status is None:
                self.acts.greet(status)
            self.status = status
            self._tell(StatusChanged())
        except InspectorError as error:
            # Asked again in a second; what matters to the user comes by the stream.
            _log.info("no status: %s", error)
