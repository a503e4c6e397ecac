"""A relay's store: one journal with numbers, read by many at once, without an index."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from inspector.domain.endpoint import GUEST
from inspector.domain.facts import Appended, Fact, Pruned, Shadowed
from inspector.domain.parcel import Held, Stored
from inspector.errors import StoreUnavailableError
from inspector.store.connect import connect
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from inspector.store.mailbox_reader import MailboxReader
from inspector.store.positions import Usage
from inspector.store.retention import STEP, ranges_of
from inspector.tasks import to_the_end

T = TypeVar("T")

_READERS = 2
_PATIENCE = 5.0


class RelayStore:
    """Appends facts, keeps consumers' cursors, and reads mailboxes (see `tunnel.ports.Mailboxes`).

    A mailbox is an endpoint's id; a cursor's name begins with it and a slash.
    """

    def __init__(self, files: StoreFiles) -> None:
        self.files = files
        self.journal = Journal(files, relay=True)
        self._threads = ThreadPoolExecutor(_READERS, "inspector-mailbox")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    @property
    def identity(self) -> str:
        """The name of this store, the first part of what consumers call its mailboxes."""
        return self.journal.identity

    @property
    def error(self) -> str:
        """Why nothing can be committed at present, or nothing."""
        return self.journal.error

    def append(self, fact: Fact) -> "asyncio.Future[Appended]":
        return self.journal.append(fact)

    def move(self, name: str, seen: int) -> None:
        """See `tunnel.ports.Mailboxes`; 0 makes a consumer known that has nothing yet."""
        self.journal.move(name, seen)

    def usage(self, mailbox: str) -> Usage:
        """What is stored for an endpoint, from memory: to be asked at every request."""
        return self.journal.usage(mailbox)

    def mailboxes(self) -> list[str]:
        """Every endpoint that something was ever stored for."""
        return [*self.journal.mailboxes()]

    def consumers(self, mailbox: str) -> dict[str, int]:
        """How far each known consumer has come, by the name that it has there."""
        start = f"{mailbox}/"
        cursors = self.journal.cursors().items()
        return {name.removeprefix(start): last for name, last in cursors if name.startswith(start)}

    def known(self) -> dict[str, dict[str, int]]:
        """The same of every endpoint that has consumers."""
        found: dict[str, dict[str, int]] = {}
        for name, last in self.journal.cursors().items():
            mailbox, _, consumer = name.partition("/")
            found.setdefault(mailbox, {})[consumer] = last
        return found

    async def held(self, mailbox: str) -> Held:
        return await self._read(lambda reader: reader.held(mailbox))

    async def since(self, mailbox: str, at: int) -> int:
        found = await self._read(lambda reader: reader.since(mailbox, at))
        return self.usage(mailbox).last + 1 if found is None else found

    async def captured_at(self, mailbox: str, number: int) -> int | None:
        return await self._read(lambda reader: reader.captured_at(mailbox, number))

    async def after(self, mailbox: str, seen: int, limit: int, most: int) -> list[Stored]:
        return await self._read(lambda reader: reader.after(mailbox, seen, limit, most))

    async def piece(self, number: int) -> bytes | None:
        return await self._read(lambda reader: reader.piece(number))

    async def answers(self, mailbox: str, upto: int, limit: int) -> list[tuple[int, int, bool]]:
        return await self._read(lambda reader: reader.answers(mailbox, upto, limit))

    async def deliveries(self, mailbox: str, numbers: Sequence[int]) -> dict[int, int]:
        return await self._read(lambda reader: reader.deliveries(mailbox, numbers))

    async def shadows(self, mailbox: str, after: int, limit: int) -> list[tuple[int, Shadowed]]:
        return await self._read(lambda reader: reader.shadows(mailbox, after, limit))

    async def shadows_since(self, mailbox: str, seen: int, limit: int) -> tuple[int, int]:
        return await self._read(lambda reader: reader.shadows_since(mailbox, seen, limit))

    async def drop(
        self, mailbox: str, at: int, *, upto: int = 1 << 62, before: int | None = None
    ) -> int:
        """Remove the oldest few deliveries, those up to number `upto` that were captured earlier
        than `before`; how many went, 0 when none is left."""
        ids = await self._read(lambda reader: reader.oldest(mailbox, upto, at, before, STEP))
        if ids:
            await self.append(Pruned(at, len(ids), ranges_of(ids)))
        return len(ids)

    async def forget(self, mailbox: str, at: int) -> None:
        """Remove all of an endpoint that is no more; its numbers are not given again."""
        while await self.drop(mailbox, at):
            pass
        # A cursor may have been moved a moment ago.
        await self.journal.settled(_PATIENCE)
        for name in self.consumers(mailbox):
            self.journal.forget(f"{mailbox}/{name}")

    async def erase(self, mailbox: str, at: int) -> None:
        """The same, and nothing is left that it ever was: nobody may come back for it."""
        await self.journal.settled(_PATIENCE)
        await self.forget(mailbox, at)
        await self.journal.forget(mailbox)

    def guests(self) -> set[str]:
        """The guests that anything is stored for."""
        names = {*self.journal.mailboxes(), *self.journal.cursors()}
        return {name.partition("/")[0] for name in names if name.startswith(GUEST)}

    async def forget_consumer(self, name: str) -> None:
        """Keep nothing any more for who has this cursor, until it comes again."""
        await self.journal.settled(_PATIENCE)
        await self.journal.forget(name)

    async def _read(self, function: Callable[[MailboxReader], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._call, function)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"cannot read the store: {error}") from error

    def _call(self, function: Callable[[MailboxReader], T]) -> T:
        reader: MailboxReader | None = getattr(self._local, "reader", None)
        if reader is None:
            connection = connect(self.files.database, read_only=True)
            self._connections.append(connection)
            reader = self._local.reader = MailboxReader(connection)
        return function(reader)

    async def close(self) -> None:
        """Flush the journal, close the readers."""
        try:
            await self.journal.close()
        finally:
            await to_the_end(asyncio.to_thread(self._close_readers))

    def _close_readers(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()
