"""What the tunnel needs of others: a mailbox at the relay, a place for deliveries at home."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol

from inspector.domain.facts import Appended, Fact, Gap, Shadowed
from inspector.domain.parcel import Held as Held
from inspector.domain.parcel import Parcel
from inspector.domain.parcel import Stored as Stored
from inspector.tunnel.messages import Passed, Reply, ShadowReply


class Mailboxes(Protocol):
    """The relay's store, as the tunnel reads it. `mailbox` is an `Endpoint.id`.

    The digests of what it gives are made while it is read.
    """

    async def held(self, mailbox: str) -> Held: ...

    async def since(self, mailbox: str, at: int) -> int:
        """The first id that was captured at `at` (microseconds) or later, `last` + 1 if none."""
        ...

    async def captured_at(self, mailbox: str, number: int) -> int | None:
        """When the delivery with that id was captured; None where it is not stored."""
        ...

    async def after(self, mailbox: str, seen: int, limit: int, most: int) -> list[Stored]:
        """The next deliveries behind `seen` in order: at most `limit`, and no more once their
        bodies come to `most` bytes. What was answered since the capture is in them."""
        ...

    async def piece(self, number: int) -> bytes | None:
        """A piece of a large body, None when it has been pruned."""
        ...

    async def answers(self, mailbox: str, upto: int, limit: int) -> list[tuple[int, int, bool]]:
        """(id, status, turned away) of the last `limit` deliveries up to `upto` that an app was
        asked for and that are answered."""
        ...

    async def deliveries(self, mailbox: str, numbers: Sequence[int]) -> dict[int, int]:
        """What the store calls the deliveries that were captured under these ids; those that are
        not there are left out."""
        ...

    async def shadows(self, mailbox: str, after: int, limit: int) -> list[tuple[int, Shadowed]]:
        """The next ones behind a position in the store, each with its own."""
        ...

    async def shadows_since(self, mailbox: str, seen: int, limit: int) -> tuple[int, int]:
        """The position behind which all shadows of deliveries later than `seen` are, and of all
        the last `limit`; and the position of the last."""
        ...

    def append(self, fact: Fact) -> "asyncio.Future[Appended]":
        """It fails for a `Shadowed` whose delivery is no longer stored."""
        ...

    def move(self, name: str, seen: int) -> None:
        """Keep the last id that a consumer has acknowledged; it is on disk soon."""
        ...


class Source(NamedTuple):
    """Whose deliveries a consumer mirrors: the relay's URL (without the capture path), the name
    of the endpoint, and its mailbox."""

    relay: str
    endpoint: str
    mailbox: str


Whole = tuple[Parcel, tuple[bytes, ...]]
"""A delivery that came whole, with the pieces of a large body."""


Arrival = Whole | Passed
"""What comes in the order of the ids; only what was passed over is more than one of them."""


class Mirroring(Protocol):
    """Where a consumer puts what comes: the local journal and forwarder."""

    async def position(self, mailbox: str) -> int | None:
        """The last id of that mailbox in the local journal; None when it was never mirrored."""
        ...

    async def captured_at(self, mailbox: str, number: int) -> int | None:
        """When the delivery of that id was captured there; None where none is here."""
        ...

    def take(self, source: Source, came: Sequence[Arrival], reply: "Replies") -> Awaitable[None]:
        """Queue deliveries, and what is passed over, for the journal, in the order of the calls;
        deliveries are forwarded when they are on disk.

        The awaitable ends when all are on disk and must be awaited; it raises
        `StoreUnavailableError` when they cannot be. `reply` is called later for each that was
        asked for. Raises `WireError`, and queues nothing, where one cannot be read.
        """
        ...

    async def miss(self, gap: Gap) -> None:
        """Commit a gap; returns when it is on disk."""
        ...

    async def answered(self, mailbox: str, items: "tuple[tuple[int, int, bool], ...]") -> None:
        """Note what senders were answered; those known already are passed over."""
        ...

    def speak(self, mailbox: str, reply: "Replies | None") -> None:
        """What is said to deliveries that another consumer's app answers (`Parcel.shadow`) goes out
        by `reply` from now on; None: there is no connection, so that it waits for the next."""
        ...

    def shadowed(self, mailbox: str, said: ShadowReply) -> Awaitable[None]:
        """Note what another consumer's app said; what is known already is passed over, and so is
        what is said to a delivery that is not here."""
        ...


class Replies(Protocol):
    def __call__(self, reply: Reply, /) -> None:
        """Send what the app said; returns at once."""
        ...
