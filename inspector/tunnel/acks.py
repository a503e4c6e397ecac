"""Telling a relay how far the disk is, often enough and no more."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from inspector.tunnel.messages import Ack

# An acknowledgement costs both ends about as much as a delivery, and nothing waits for it but the
# relay's window, of which the busiest sender fills a tenth in this time.
PAUSE = 0.02


class Acks:
    """The acknowledgements of one connection; `send` sends a message there."""

    def __init__(self, send: Callable[[Ack], Awaitable[None]]) -> None:
        self._send = send
        self._position = 0
        self._moved = asyncio.Event()

    def reached(self, position: int) -> None:
        """Everything up to it is on the disk; the relay is told soon."""
        self._position = position
        self._moved.set()

    async def run(self) -> None:
        """Until the connection ends."""
        with suppress(ConnectionClosed):
            while True:
                await self._moved.wait()
                await self._tell()
                await asyncio.sleep(PAUSE)

    async def flush(self) -> None:
        """Tell at once what was not told yet."""
        if self._moved.is_set():
            with suppress(ConnectionClosed):
                await self._tell()

    async def _tell(self) -> None:
        self._moved.clear()
        await self._send(Ack(self._position))
