"""Proving that a connection works: canaries, sent until one has come all the way."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from inspector.domain.parcel import Parcel
from inspector.tunnel.canary import knock
from inspector.tunnel.connecting import Dialler, LostError
from inspector.tunnel.messages import Canary
from inspector.tunnel.standing import Standing

_PATIENCE = 10.0
_PAUSE = 1.0
_LONGEST_PAUSE = 15.0


class CanaryProof:
    """The canaries of one connection, each with a name of its own; `send` sends a message there,
    `proved` is called when one is home."""

    def __init__(
        self,
        dialler: Dialler,
        standing: Standing,
        clock: Callable[[], int],
        send: Callable[[Canary], Awaitable[None]],
        proved: Callable[[], None],
    ) -> None:
        self._dialler = dialler
        self._standing = standing
        self._clock = clock
        self._send = send
        self._proved = proved
        self._nonce = ""
        self._knocked = 0.0
        self._expected = asyncio.Event()
        self._home = asyncio.Event()

    def expected(self, nonce: str) -> None:
        """The relay knows the canary of this name now."""
        if nonce == self._nonce:
            self._expected.set()

    def arrived(self, parcels: Iterable[Parcel], began: float) -> None:
        """These are on the disk; their commit began at that moment (`time.monotonic`)."""
        if self._nonce and any(parcel.nonce == self._nonce for parcel in parcels):
            now, at = time.monotonic(), self._clock()
            self._standing.hops.tunnel.worked(at, now - self._knocked)
            self._standing.hops.journal.worked(at, now - began)
            self._nonce = ""
            self._home.set()
            self._proved()

    async def run(self) -> None:
        """Send a canary until one is home."""
        pause, hop = _PAUSE, self._standing.hops.capture
        with suppress(ConnectionClosed):
            while not self._home.is_set():
                nonce = secrets.token_hex(16)
                self._nonce = nonce
                self._expected.clear()
                await self._send(Canary(nonce))
                await self._expected.wait()
                self._knocked = time.monotonic()
                try:
                    await knock(self._dialler.address, nonce, self._dialler.tls())
                except LostError as error:
                    hop.failed(self._clock(), error.reason)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    continue
                hop.worked(self._clock(), time.monotonic() - self._knocked)
                await self._awaited()

    async def _awaited(self) -> None:
        """Until the canary is home, or nothing has come for a while."""
        while not self._home.is_set():
            before = self._standing.position
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._home.wait()
            except TimeoutError:
                if self._standing.position == before:
                    return
