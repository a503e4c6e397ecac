"""Retention at work: old deliveries, and those over the store's size, go step by step."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from inspector.domain.facts import Pruned
from inspector.errors import StoreUnavailableError
from inspector.store.reader import Reader
from inspector.store.retention import ranges_of
from inspector.store.store import Store

PERIOD = 30.0

_log = logging.getLogger(__name__)


class Retention:
    """Prunes every half minute: what is older than `keep` seconds (0: nothing), and the oldest
    when the database is larger than `max_size` bytes. What waits for a target stays."""

    def __init__(
        self, store: Store, clock: Callable[[], int], *, keep: float, max_size: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._max_size = max_size

    async def run(self) -> None:
        """Prune for ever; what the first round takes is told, as nobody may have meant it."""
        gone, first = 0, True
        while True:
            try:
                while count := await self.step():
                    gone += count
                if first and gone:
                    _log.warning("%d pruned, as keep and max_size have it", gone)
                first = False
            except (StoreUnavailableError, sqlite3.Error) as error:
                _log.warning("retention pauses: %s", error)
            await asyncio.sleep(PERIOD)

    async def step(self) -> int:
        """Prune once; how many went."""
        # An index that lags would name again what has gone already.
        if not await self._store.caught_up():
            return 0
        now = self._clock()
        before = now - int(self._keep * 1_000_000) if self._keep else None

        def choose(reader: Reader) -> list[int]:
            old = [] if before is None else reader.prunable(before)
            if old or reader.journal.live_bytes() <= self._max_size:
                return old
            return reader.prunable(None)

        ids = await self._store.read(choose, fresh=False)
        if ids:
            await self._store.append(Pruned(now, len(ids), ranges_of(ids)))
        return len(ids)
