"""What the session tells the screen: in the past tense, each one carrying what has changed."""

from collections.abc import Callable
from dataclasses import dataclass

from inspector.domain.plaintext import visible
from inspector.errors import InspectorError
from inspector.tui.changes import Changed


@dataclass(frozen=True, slots=True)
class FeedChanged:
    """Rows came or went, or summaries are new."""

    changed: Changed


@dataclass(frozen=True, slots=True)
class CountsChanged:
    """`session.counts` is new."""


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """`session.status` is new."""


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The stream is up, or it is down: `reason`, and the next try `retry_in` seconds from now.

    There is none where `retry_in` is None: the listener is gone.
    """

    up: bool
    retry_in: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DetailChanged:
    """`inspection` shows another delivery, or more of the same."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line for the user: the result of what was asked for. Plain text, never markup."""

    text: str
    severity: str = "information"


@dataclass(frozen=True, slots=True)
class JobChanged:
    """`session.jobs` began another job."""


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The job ended; `said` is what came of it."""

    said: Said


@dataclass(frozen=True, slots=True)
class Ended:
    """The session cannot go on: its token was refused."""

    error: InspectorError


Event = (
    FeedChanged
    | CountsChanged
    | StatusChanged
    | ConnectionChanged
    | DetailChanged
    | Said
    | Ended
    | JobChanged
    | JobEnded
)
Tell = Callable[[Event], None]


def complaint(error: InspectorError) -> Said:
    """An error as the user is told it: what is wrong, and what to do."""
    return Said(f"{error.message} ({error.hint})" if error.hint else error.message, "error")


def told(error: InspectorError) -> str:
    """The same in one harmless line, for a place of its own."""
    return visible(f"{error.message}; {error.hint}" if error.hint else error.message)
