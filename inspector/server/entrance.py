"""Where requests are taken in: at one place, or each at the endpoint that its path names."""

from collections.abc import Awaitable
from typing import Protocol

from inspector.domain.delivery import Request
from inspector.domain.facts import Refused
from inspector.server.answers import Answer
from inspector.server.intake import Intake


class Place(Protocol):
    """An endpoint, to a request that was admitted to it."""

    @property
    def endpoint(self) -> str:
        """What facts call it."""
        ...

    @property
    def max_body(self) -> int:
        """Bytes of one body."""
        ...

    def take(
        self,
        at: int,
        request: Request,
        remote: str,
        *,
        pieces: tuple[bytes, ...] = (),
        kept: bool = True,
    ) -> Awaitable[tuple[int, Answer]]:
        """As `Intake.take`."""
        ...

    def refused(self, number: int, fact: Refused) -> None:
        """A refusal at this place is on disk."""
        ...

    def leave(self) -> None:
        """The request is over; called once for each that was admitted."""
        ...


class Entrance(Protocol):
    """Admits requests to their place."""

    def admit(self, target: str) -> tuple[Place, str] | Answer:
        """The place that a request target names and the target to store; else an answer.

        Whoever was admitted leaves the place.
        """
        ...

    def place_of(self, raw: bytes) -> Place | None:
        """The place that the first bytes of a broken request name, None where they name none."""
        ...


class OneForAll:
    """The local entrance, and its one place: everything is taken in, whatever its target."""

    endpoint = "default"

    def __init__(self, intake: Intake, max_body: int) -> None:
        self.max_body = max_body
        self._intake = intake

    def admit(self, target: str) -> tuple[Place, str]:
        return self, target

    def place_of(self, raw: bytes) -> Place:
        return self

    def take(
        self,
        at: int,
        request: Request,
        remote: str,
        *,
        pieces: tuple[bytes, ...] = (),
        kept: bool = True,
    ) -> Awaitable[tuple[int, Answer]]:
        # Handed on as it is: another coroutine around each capture would be felt.
        return self._intake.take(at, request, remote, pieces=pieces, kept=kept)

    def refused(self, number: int, fact: Refused) -> None:
        """Whoever wants to know of it follows the journal."""

    def leave(self) -> None:
        """Nothing counts them."""
