"""The client of the listener's stream: connects again, and resumes where it stopped."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from inspector.client.control import refusal
from inspector.client.models import Item
from inspector.errors import InspectorError

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_OPEN_SECONDS = 5.0
_CLOSE_SECONDS = 0.5
_MAX_FRAME = 1024 * 1024
_CARRYING = ("deliveries", "attempts", "changes")


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is live; `last_seq` is the journal's position at that time.

    `resumed_after` is the position that everything later than is delivered from, None when the
    stream was opened for live frames only.
    """

    last_seq: int
    resumed_after: int | None


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection was lost or could not be made; the next try comes in `retry_in` seconds."""

    retry_in: float
    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The listener ended for good: nothing more comes."""

    error: InspectorError


@dataclass(frozen=True, slots=True)
class Frame:
    """Facts that came: `kind` is `deliveries`, `attempts` or `changes`."""

    kind: str
    seq: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Lagged:
    """We read too slowly: frames later than `after` were dropped, so page from the store."""

    after: int


@dataclass(frozen=True, slots=True)
class Reindexed:
    """History was read again: verdicts and all else that is decoded may be others than before."""


StreamEvent = Connected | Disconnected | Gone | Frame | Lagged | Reindexed


class Stream:
    """The stream of one listener, as `events()`.

    `after` is the position to start from, None for live only. `gone` says why the listener will
    not come back, where somebody knows. `sleep` and `jitter` (a float in 0..1) are injected for
    tests.
    """

    def __init__(
        self,
        control: str,
        token: str,
        *,
        after: int | None = None,
        gone: Callable[[], InspectorError | None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        scheme, _, rest = control.rstrip("/").partition("://")
        self._url = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/stream"
        self._token = token
        self._after = after
        self._gone = gone
        self._sleep = sleep
        self._jitter = jitter

    @property
    def position(self) -> int | None:
        """The last position taken from the stream; a new connection resumes after it."""
        return self._after

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Everything that the listener sends, connection changes included, until it is gone.

        Raises `ConfigurationError` when the token is refused; any other trouble is a
        `Disconnected` and another try after a growing pause.
        """
        pause = _FIRST_PAUSE
        while True:
            reason = "the listener closed the connection"
            try:
                async with connect(
                    self._address(),
                    additional_headers={"Authorization": f"Bearer {self._token}"},
                    proxy=None,
                    compression=None,
                    max_size=_MAX_FRAME,
                    open_timeout=_OPEN_SECONDS,
                    close_timeout=_CLOSE_SECONDS,
                ) as connection:
                    async for event in self._read(connection):
                        pause = _FIRST_PAUSE
                        yield event
            except InvalidStatus as error:
                status = error.response.status_code
                if status in (401, 403):
                    raise refusal(status, bytes(error.response.body or b"")) from error
                reason = f"the listener answered {status}"
            except ConnectionClosed as error:
                reason = error.reason or "the connection was cut"
            except (OSError, InvalidHandshake, InvalidURI, ValueError) as error:
                reason = _plainly(error)
            if (gone := self._gone()) is not None:
                yield Gone(gone)
                return
            retry_in = pause * (0.5 + self._jitter() / 2)
            pause = min(pause * 2, _LONGEST_PAUSE)
            yield Disconnected(retry_in, reason)
            await self._sleep(retry_in)

    def _address(self) -> str:
        return self._url if self._after is None else f"{self._url}?after={self._after}"

    async def _read(self, connection: ClientConnection) -> AsyncGenerator[StreamEvent, None]:
        async for message in connection:
            event = self._event(message)
            if event is None:
                continue
            yield event
            if isinstance(event, Frame):
                self._after = max(self._after or 0, event.seq)

    def _event(self, message: str | bytes) -> StreamEvent | None:
        """What a message says, None for kinds without a meaning here; `ValueError` if broken."""
        try:
            item = json.loads(message)
            kind = item.get("kind")
            if kind == "hello":
                return self._hello(int(item["last_seq"]))
            if kind in _CARRYING:
                return Frame(kind, int(item["seq"]), tuple(item["items"]))
            if kind == "reindexed":
                return Reindexed()
            return Lagged(int(item["after"])) if kind == "lagged" else None
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError("the listener sent a frame that cannot be read") from error

    def _hello(self, last_seq: int) -> Connected:
        resumed = self._after
        if resumed is None or resumed > last_seq:
            # A first connection, or another journal than the one we left: live from here.
            self._after = last_seq
        return Connected(last_seq, resumed)


def _plainly(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there any more"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(error) or type(error).__name__
