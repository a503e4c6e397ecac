"""The store as the listener uses it: one journal, its indexer, and readers in threads."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, Fact
from inspector.store.files import StoreFiles
from inspector.store.follower import Follower
from inspector.store.frames import ParsedFrame
from inspector.store.indexer import prepare
from inspector.store.journal import Journal
from inspector.store.reader import Reader
from inspector.tasks import to_the_end

T = TypeVar("T")

# How long a reader waits for the index to reach what was committed before it asked.
PATIENCE = 5.0
_READERS = 3


class Store:
    """Appends facts and reads views; `on_frame` hears of everything once it is indexed."""

    def __init__(
        self,
        files: StoreFiles,
        secrets: Callable[[], Sequence[str]],
        on_frame: Callable[[ParsedFrame], None],
        *,
        with_headers: bool = False,
    ) -> None:
        self.files = files
        self.follower = Follower(files, secrets, on_frame, with_headers=with_headers)
        self.journal = Journal(files, self.follower.wake)
        prepare(files)
        self._threads = ThreadPoolExecutor(_READERS, "inspector-reader")
        self._local = threading.local()
        self._readers: list[Reader] = []

    async def start(self) -> None:
        await self.follower.start()

    def append(self, fact: Fact) -> "asyncio.Future[Appended]":
        return self.journal.append(fact)

    async def read(self, function: Callable[[Reader], T], *, fresh: bool = True) -> T:
        """Call `function` with a reader, in a thread.

        A fresh read sees every fact appended before the call; after `PATIENCE` seconds it sees
        what there is.
        """
        if fresh:
            await self.caught_up()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, function)

    async def caught_up(self) -> bool:
        """Wait for the index to reach what was appended so far; False if it lags for too long."""
        await self.journal.settled(PATIENCE)
        return await self.follower.reached(self.journal.last_seq, PATIENCE)

    def _call(self, function: Callable[[Reader], T]) -> T:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is not None and reader.replaced():
            self._readers.remove(reader)
            reader.close()
            reader = None
        if reader is None:
            reader = self._local.reader = Reader(self.files)
            self._readers.append(reader)
        return function(reader)

    async def load(self, delivery_id: int) -> Request | None:
        """The whole captured request, or None when it was pruned or refused."""
        return await self.read(
            lambda reader: reader.journal.request(delivery_id, refused=False), fresh=False
        )

    async def load_small(self, delivery_ids: Sequence[int], most: int) -> dict[int, Request]:
        """The captured requests of these deliveries, those with at most `most` bytes of body."""
        return await self.read(
            lambda reader: reader.journal.small_requests(delivery_ids, most), fresh=False
        )

    async def recent_origins(self, mailbox: str, limit: int) -> dict[int, tuple[int, int | None]]:
        """The newest captures that came from a mailbox of a relay: by their ids there the ids here
        and what their senders were answered, None where that is not known."""
        return await self.read(
            lambda reader: reader.journal.recent_origins(mailbox, limit), fresh=False
        )

    async def captured_at(self, mailbox: str, number: int) -> int | None:
        """When the delivery with that number was captured at a relay; None where it is not here."""
        return await self.read(
            lambda reader: reader.journal.captured_at(mailbox, number), fresh=False
        )

    async def mirrored(self, mailbox: str, number: int) -> tuple[int, frozenset[str]] | None:
        """The id here of what was captured under a number at a relay, and the consumers whose
        apps' words are beside it; None where it is not here."""

        def find(reader: Reader) -> tuple[int, frozenset[str]] | None:
            if (here := reader.journal.mirrored(mailbox, number)) is None:
                return None
            return here, frozenset([each.consumer for each in reader.journal.shadows(here)])

        return await self.read(find, fresh=False)

    async def close(self) -> None:
        """Flush the journal, end the indexer, close the readers."""
        try:
            try:
                await self.journal.close()
            finally:
                await self.follower.close()
        finally:
            # Not under a thread that still reads.
            await to_the_end(asyncio.to_thread(self._close_readers))

    def _close_readers(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for reader in self._readers:
            reader.close()
        self._readers.clear()
