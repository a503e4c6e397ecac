"""One target: a request goes out byte for byte, and what comes back is a value."""

import asyncio
import ssl
from time import perf_counter
from typing import NamedTuple

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.delivery import Request
from inspector.domain.headers import Headers
from inspector.domain.routes import Target
from inspector.forward.connection import Connection, connect
from inspector.forward.message import Message, compose

# Beyond it a firewall on the way may have forgotten the connection without telling either end.
_IDLE_LIMIT = 60.0


class Sent(NamedTuple):
    """The outcome of one sending and how long it took, connecting included."""

    outcome: Outcome
    duration_ms: float


class TargetClient:
    """Sends requests to one target over its own kept-alive connections.

    At most `max_connections` idle ones are kept; how many sendings run at a time is the caller's
    affair. `overrides` are the user's own headers, `insecure` skips the certificate check.
    """

    def __init__(
        self,
        target: Target,
        *,
        max_connections: int = 1,
        insecure: bool = False,
        keep_host: bool = False,
        overrides: Headers = (),
    ) -> None:
        self.target = target
        self._max_idle = max_connections
        self._keep_host = keep_host
        self._overrides = overrides
        self._tls = _context(insecure) if target.scheme == "https" else None
        self._idle: list[tuple[Connection, float]] = []
        self._closed = False

    async def send(
        self,
        request: Request,
        *,
        timeout: float | None,
        extra: Headers = (),
    ) -> Sent:
        """Send once and wait for the whole answer, at most `timeout` seconds (None or 0: ever).

        Never raises for what the network or the target does. Redirects are not followed, bodies
        not decoded. Cancelling it closes the connection.
        """
        begun = perf_counter()
        message = compose(
            request,
            self.target,
            extra=extra,
            overrides=self._overrides,
            keep_host=self._keep_host,
        )
        if isinstance(message, Failure):
            outcome: Outcome = message
        else:
            outcome = await self._exchange(message, timeout or None)
        return Sent(outcome, (perf_counter() - begun) * 1000)

    async def close(self) -> None:
        """Close the idle connections, and from now on each one after its exchange."""
        self._closed = True
        connections = [connection for connection, _ in self._idle]
        self._idle.clear()
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.lost for connection in connections))

    async def _exchange(self, message: Message, timeout: float | None) -> Outcome:
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        if (idle := self._reuse()) is not None:
            outcome = await self._through(idle, message, timeout)
            # The target may close an idle connection just as we write to it: that says nothing
            # of the request, so it goes out once more, over a fresh one.
            if idle.answered or outcome is None or isinstance(outcome, Response):
                return outcome or self._late(timeout)
        try:
            async with asyncio.timeout_at(deadline):
                fresh = await connect(self.target, self._tls)
        except TimeoutError:
            return self._late(timeout)
        if isinstance(fresh, Failure):
            return fresh
        left = None if deadline is None else max(0.0, deadline - loop.time())
        return await self._through(fresh, message, left) or self._late(timeout)

    def _late(self, timeout: float | None) -> Failure:
        reason = f"{self.target.authority} gave no answer within {timeout:g} s"
        return Failure(FailureKind.TIMEOUT, reason)

    async def _through(
        self, connection: Connection, message: Message, timeout: float | None
    ) -> Outcome | None:
        """None when the time is over."""
        outcome = await connection.exchange(message, timeout)
        if connection.reusable and len(self._idle) < self._max_idle and not self._closed:
            self._idle.append((connection, asyncio.get_running_loop().time()))
        else:
            connection.abort()
        return outcome

    def _reuse(self) -> Connection | None:
        """The connection used last that is still good."""
        oldest = asyncio.get_running_loop().time() - _IDLE_LIMIT
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.closed and since > oldest:
                return connection
            connection.abort()
        return None


def _context(insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
