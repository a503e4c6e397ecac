"""What the dispatcher needs of others: a journal, the deliveries that wait, a way to send."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, Fact
from inspector.domain.headers import Headers
from inspector.forward.target import Sent


class Facts(Protocol):
    """The journal, append-only."""

    def append(self, fact: Fact) -> asyncio.Future[Appended]:
        """Take a fact at once; the future is done when it is committed, or fails if it cannot be.

        Facts are committed in the order of the calls.
        """
        ...


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """A delivery that waits for a target; `attempts` were made there already.

    `received_at` is microseconds since the epoch; `answered` is what `remote` was told.
    `endpoint` took it in, here or at the relay of its origin.
    """

    delivery_id: int
    received_at: int
    attempts: int
    remote: str = ""
    answered: int | None = None
    endpoint: str = "default"
    origin_relay: str | None = None
    origin_id: int | None = None


@dataclass(frozen=True, slots=True)
class HeldItem:
    """A target at which a delivery is held; `attempts` were made there already."""

    delivery_id: int
    target: str
    attempts: int


class Waiting(Protocol):
    """What the store knows of deliveries that have no final outcome yet."""

    async def waiting(self, target: str, after: int, limit: int) -> list[WaitingItem]:
        """Deliveries with that chosen target whose latest chosen attempt there is not final.

        One by hand without an answer does not count.
        Ascending by id, ids over `after`, at most `limit`: fewer mean that there are no more.
        Whatever was committed before the call is seen; if it cannot be, this raises, and is
        called again after a while.
        """
        ...

    async def held(self, after: tuple[int, str], limit: int) -> list[HeldItem]:
        """Held deliveries with their targets, ascending by both, over the pair `after`.

        As complete as `waiting`, and raises as it does.
        """
        ...

    async def load(self, delivery_id: int) -> Request | None:
        """The whole request, or None if it was pruned."""
        ...

    async def absent(self, delivery_id: int) -> str:
        """Why `load` gives none, in a line."""
        ...

    async def load_small(self, delivery_ids: Sequence[int], most: int) -> dict[int, Request]:
        """The whole requests of these deliveries, those with at most `most` bytes of body."""
        ...


class Client(Protocol):
    """One target that requests can be sent to; see `TargetClient`."""

    async def send(
        self,
        request: Request,
        *,
        timeout: float | None,
        extra: Headers = (),
    ) -> Sent: ...

    async def close(self) -> None: ...
