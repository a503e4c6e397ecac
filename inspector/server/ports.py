"""What the server needs of the store and of the forwarder, and nothing more of them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from inspector.domain.attempt import Attempt, Outcome
from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, Fact
from inspector.store.reader import Reader

T = TypeVar("T")


class Journal(Protocol):
    """Facts, appended: the future resolves when they are on disk."""

    def append(self, fact: Fact) -> "asyncio.Future[Appended]": ...


class Views(Protocol):
    """What is known of the deliveries; `function` is called in a thread."""

    async def read(self, function: Callable[[Reader], T], *, fresh: bool = True) -> T: ...


class Sending(Protocol):
    """A re-send that has begun."""

    @property
    def attempt(self) -> Attempt: ...

    async def finished(self) -> Attempt:
        """The attempt with its outcome."""
        ...


class Forwarder(Protocol):
    """Where deliveries go after their capture."""

    def route(self) -> tuple[str, ...] | None:
        """The targets of every delivery where no rule asks for its event, else None."""
        ...

    def captured(self, delivery_id: int, request: Request | None, received_at: int) -> None:
        """Queue a committed delivery; returns at once. Without `request` it is loaded in time."""
        ...

    async def answered_by_app(
        self,
        delivery_id: int,
        request: Request | None,
        received_at: int,
        *,
        within: float | None,
        once: bool,
    ) -> Outcome | None:
        """Queue a delivery and wait for its first target; None without one, or in time."""
        ...

    async def resend(
        self, delivery_id: int, *, to: str | None = None, re_sign: bool = False
    ) -> Sequence[Sending]:
        """Send a delivery once more, now."""
        ...

    def signed(self, request: Request) -> Request:
        """The request with a fresh signature of the first secret."""
        ...
