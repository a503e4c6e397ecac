"""A consumer as one of a team: whether its app is to answer, and how its latest attempt ended."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from inspector.domain.attempt import Failure, Outcome, Response
from inspector.errors import TimedOutError, UnreachableError
from inspector.tunnel.messages import Attempted, Message, Primary

Send = Callable[[Message], Awaitable[None]]
# An app has hundreds of deliveries a second, and what is told of it is for people.
ATTEMPTED_SECONDS = 2.0


def attempted_of(latest: tuple[int, Outcome] | None) -> Attempted | None:
    """What is told of an attempt: when it ended, and how."""
    match latest:
        case (at, Response(status)):
            return Attempted(at, status)
        case (at, Failure(_, reason)):
            return Attempted(at, None, reason)
        case _:
            return None


class Teammate:
    """What one consumer says to its relay beside taking deliveries, on whatever connection.

    `wanted`: its app is to answer the senders, at every connection, until another consumer takes
    that. `latest` gives the latest attempt.
    """

    def __init__(self, latest: Callable[[], Attempted | None], *, wanted: bool = False) -> None:
        self._latest = latest
        self._send: Send | None = None
        self.wanted = wanted
        self._granted = False
        self._answers = asyncio.Event()

    async def run(self, send: Send) -> None:
        """Say on a connection that has begun what there is to say, until it ends."""
        self._send = send
        told: Attempted | None = None
        try:
            with suppress(ConnectionClosed):
                if self.wanted and not self._granted:
                    await send(Primary())
                while True:
                    latest = self._latest()
                    if latest is not None and latest != told:
                        told = latest
                        await send(latest)
                    await asyncio.sleep(ATTEMPTED_SECONDS)
        finally:
            self._send = None
            self._answers.clear()

    def told(self, primary: bool) -> None:
        """The relay says whether it is this consumer's app that answers."""
        if primary:
            self._granted = self.wanted
            self._answers.set()
            return
        self._answers.clear()
        if self._granted:
            # Another consumer has taken it: it is not taken back but by hand.
            self.wanted = self._granted = False

    async def take(self, patience: float) -> None:
        """Have its app answer from now on; returns when the relay has said so.

        Raises `UnreachableError` without a connection, and `TimedOutError`.
        """
        if (send := self._send) is None:
            raise UnreachableError(
                "there is no connection to the relay now", "see `inspector status` for why"
            )
        before = self.wanted, self._granted
        self.wanted, self._granted = True, False
        try:
            async with asyncio.timeout(patience):
                with suppress(ConnectionClosed):
                    await send(Primary())
                await self._answers.wait()
        except TimeoutError as error:
            self.wanted, self._granted = before
            raise TimedOutError(
                f"the relay has not confirmed it within {patience:g} s",
                "see `inspector status` for the connection, and try again",
            ) from error
