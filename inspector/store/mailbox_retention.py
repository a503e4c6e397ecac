"""Retention at a relay: what is too old goes, and of a full mailbox what every consumer has."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping

from inspector.errors import StoreUnavailableError
from inspector.store.mailboxes import RelayStore

# A full mailbox turns senders away, so it is looked at often; that costs nothing in memory.
PERIOD = 1.0
# Age is looked up in the store, once in so many periods.
AGE_PERIODS = 30
# Room is made before a mailbox is full, so that senders are turned away only if none can be made.
_FULL = 7 / 8

_log = logging.getLogger(__name__)


class MailboxRetention:
    """Removes what is older than `keep` seconds (0: nothing), whoever has it or not, and from a
    mailbox that comes near its limit what every known consumer has acknowledged, oldest first.

    `limits` gives the bytes that each endpoint may store now; one that is not in it keeps to the
    age alone. `expired` counts by endpoint what went before every known consumer had it.
    """

    def __init__(
        self,
        store: RelayStore,
        clock: Callable[[], int],
        *,
        keep: float,
        limits: Callable[[], Mapping[str, int]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._limits = limits
        self.expired: Counter[str] = Counter()
        self._gone = 0

    async def run(self) -> None:
        """Prune for ever; what the first round takes is told, as nobody may have meant it."""
        periods = 0
        while True:
            try:
                await self.make_room()
                if periods % AGE_PERIODS == 0:
                    await self.expire()
                if not periods and self._gone:
                    _log.warning("%d pruned, as keep and max_stored have it", self._gone)
            except StoreUnavailableError as error:
                _log.warning("retention pauses: %s", error.message)
            periods += 1
            await asyncio.sleep(PERIOD)

    async def make_room(self) -> None:
        """Take from mailboxes that are nearly full what all of their consumers have."""
        for mailbox, limit in self._limits().items():
            if self._store.usage(mailbox).size <= limit * _FULL:
                continue
            if (acknowledged := self._acknowledged(mailbox)) <= 0:
                continue
            while self._store.usage(mailbox).size > limit * _FULL:
                gone = await self._store.drop(mailbox, self._clock(), upto=acknowledged)
                if not gone:
                    break
                self._gone += gone

    async def expire(self) -> None:
        """Take from all mailboxes what is too old."""
        if not self._keep:
            return
        for mailbox in self._store.mailboxes():
            before = self._clock() - int(self._keep * 1_000_000)
            while True:
                last, held, _ = self._store.usage(mailbox)
                gone = held and await self._store.drop(mailbox, self._clock(), before=before)
                if not gone:
                    break
                self._gone += gone
                # What a mailbox holds has no holes: these were the numbers behind `before_it`.
                before_it = last - held
                missed = before_it + gone - max(before_it, self._acknowledged(mailbox))
                self.expired[mailbox] += max(0, missed)

    def _acknowledged(self, mailbox: str) -> int:
        """The last number that every known consumer has; 0 where none is known."""
        return min(self._store.consumers(mailbox).values(), default=0)
