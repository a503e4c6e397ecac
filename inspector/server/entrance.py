"""Where requests are taken in: at one place, or each at the endpoint that its path names."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from inspector.domain.delivery import Request
from inspector.domain.facts import Refused
from inspector.server.answers import Answer, refusal
from inspector.server.intake import Intake


class RefusedError(Exception):
    """A request is refused: status, code and one line of reason."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason


class Room(Protocol):
    """Where bodies find room in memory."""

    def take(self, size: int) -> None:
        """Raises `RefusedError` where there is none."""
        ...

    def give_back(self, size: int) -> None: ...


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A request that comes in nowhere, and of which nothing is stored."""

    status: int
    code: str
    reason: str
    retry_after: int | None = None

    def answer(self, *, kept: bool) -> Answer:
        """`kept`: the sender may go on with its connection, if it is to send again at all."""
        kept = kept and self.retry_after is not None
        return refusal(self.status, self.reason, retry_after=self.retry_after, kept=kept)


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

    @property
    def room(self) -> Room: ...

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

    def admit(self, target: str) -> tuple[Place, str] | TurnedAway:
        """The place that a request target names, and the target to store.

        Whoever was admitted leaves the place.
        """
        ...

    def place_of(self, raw: bytes) -> tuple[Place, bytes] | None:
        """The place that the first bytes of a broken request name, and the bytes to store; None
        where there is no place for them. Nobody has to leave it."""
        ...


class OneForAll:
    """The local entrance, and its one place: everything is taken in, whatever its target."""

    endpoint = "default"

    def __init__(self, intake: Intake, max_body: int, room: Room) -> None:
        self.max_body = max_body
        self.room = room
        self._intake = intake

    def admit(self, target: str) -> tuple[Place, str]:
        return self, target

    def place_of(self, raw: bytes) -> tuple[Place, bytes]:
        return self, raw

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
