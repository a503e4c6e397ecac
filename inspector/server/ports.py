"""What the server needs of the store and of the forwarder, and nothing more of them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from inspector.domain.attempt import Attempt, Outcome
from inspector.domain.delivery import Request
from inspector.domain.endpoint import Endpoint
from inspector.domain.facts import Appended, Captured, Fact, Probed, Refused
from inspector.forward.target import Sent
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

    @property
    def sent(self) -> "asyncio.Task[Sent]": ...

    async def finished(self) -> Attempt:
        """The attempt with its outcome."""
        ...


class Claim(Protocol):
    """A held delivery that is being edited: one of the two ends it."""

    def let_go(self, by: int, sending: "asyncio.Task[Sent] | None" = None) -> None:
        """Delivery `by` was sent in its place."""
        ...

    def give_back(self) -> None:
        """It is held as before."""
        ...


class Holding(Protocol):
    """The breakpoint, and what is held."""

    @property
    def breakpoint(self) -> str:
        """The query in force, empty without one."""
        ...

    async def hold(self, text: str) -> None:
        """Hold what matches from now on; an empty text takes the breakpoint away."""
        ...

    async def release(self, delivery_id: int | None, *, every: bool = False) -> tuple[int, ...]:
        """Send one that is held (None: the oldest), or all of them in order; their ids."""
        ...

    async def claim(self, delivery_id: int) -> Claim:
        """Take a held one, to send another in its place; raises `UsageError`."""
        ...


class Onward(Protocol):
    """Where deliveries go once they are on disk; `number` is `Appended.number`."""

    def route(self) -> tuple[str, ...] | None:
        """The targets of every delivery where no rule asks for its event, else None."""
        ...

    def captured(self, number: int, fact: Captured, /) -> None:
        """Queue a committed delivery; returns at once. What is in pieces is loaded in time."""
        ...

    async def answered_by_app(
        self, number: int, fact: Captured, /, *, within: float | None, once: bool
    ) -> Outcome | None:
        """Queue a delivery and wait for its first target; None without one, or (unless `once`)
        when its time is over."""
        ...

    def answered(self, number: int, status: int, turned_away: bool, /) -> None:
        """The sender of a delivery that the app was asked for has its answer."""
        ...


class Forwarder(Onward, Protocol):
    """The targets of this listener, and what is sent to them by hand."""

    @property
    def holds(self) -> Holding: ...

    async def resend(
        self, delivery_id: int, *, to: str | None = None, re_sign: bool = False
    ) -> Sequence[Sending]:
        """Send a delivery once more, now."""
        ...

    async def signed(self, request: Request) -> Request:
        """The request with a fresh signature of the first secret."""
        ...


class Desk(Onward, Protocol):
    """At a relay: hands what an endpoint takes in to the consumers that are attached to it.

    `endpoint` is replaced when its settings change.
    """

    endpoint: Endpoint

    def refused(self, number: int, fact: Refused, /) -> None:
        """A refusal is on disk."""
        ...

    def probed(self, number: int, fact: Probed, /) -> None:
        """A canary is on disk."""
        ...

    def takes_canary(self, nonce: str, /) -> bool:
        """Whether a consumer has announced that nonce; true once."""
        ...

    def close(self, code: int, reason: str, /) -> None:
        """Part from all consumers for good; may be called again."""
        ...
