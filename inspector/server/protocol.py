"""A sender's connection: every fault is a row, and whoever still reads has its answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import _ErrInfo

from inspector.server.faults import Faults, fault_of
from inspector.server.piecewise import PiecewiseProtocol

# After a refusal the rest of what the sender sends is thrown away for so long, so that it reads
# the answer instead of a reset.
LINGER_SECONDS = 10.0
# So long a sender may read nothing of its answers before it is dropped.
READ_SECONDS = 30.0

_log = logging.getLogger(__name__)


class CaptureProtocol(PiecewiseProtocol):
    """One sender's connection; what cannot be captured goes to `faults`."""

    __slots__ = ("_answered", "_ends", "_faults", "_gone", "_half_closed")

    def __init__(self, manager: web.Server, faults: Faults) -> None:
        super().__init__(manager, lingering=LINGER_SECONDS)
        self._faults = faults
        self._answered = 0
        # Whether the last answer said that no other request may follow.
        self._ends = False
        self._half_closed = False
        self._gone: asyncio.Event | None = None

    @property
    def remote(self) -> str:
        """The sender's address and port."""
        return _address(self.peername)

    @property
    def is_socket(self) -> bool:
        """Whether it has become a websocket."""
        return self._payload_parser is not None

    def drop(self) -> bool:
        """Cut the connection off, unless a request is under way; whether that was done."""
        busy = self.is_socket or (self._unanswered and self._gone is None)
        if busy or self.transport is None:
            return False
        self.transport.abort()
        return True

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        done = await super().finish_response(request, resp, start_time)
        self._answered += 1
        self._ends = not done[0].keep_alive
        if self._half_closed and not self._unanswered:
            self._close = True
        return done

    @property
    def _unanswered(self) -> int:
        """How many requests are queued or under way."""
        return self._request_count - self._answered

    def _make_error_handler(
        self, err_info: _ErrInfo
    ) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            self._gone = asyncio.Event()
            answer = await self._refused(err_info)
            await self.last_words(request, answer)
            return answer

        return handler

    async def _refused(self, info: _ErrInfo) -> web.StreamResponse:
        raw, self._raw = self._raw, b""
        return await self._faults.refuse_raw(self.remote, *fault_of(info), raw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A fault of ours, in a handler; whatever a sender does wrong does not come here."""
        _log.error("a request could not be handled: %r", exc, exc_info=exc)
        return super().handle_error(request, status, exc, message)

    async def drain(self) -> None:
        """Close the connection, once the request under way is answered."""
        if self._request_in_progress:
            self._handler_waiter = self._loop.create_future()
            try:
                await self._handler_waiter
            finally:
                self._handler_waiter = None
        self.close()

    async def written(self) -> bool:
        """Wait for a sender that leaves its answers unread; False: it was dropped for that."""
        while (transport := self.transport) is not None:
            unread = transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await self._drain_helper()
                return True
            except ConnectionError:
                return False
            except TimeoutError:
                if transport.get_write_buffer_size() >= unread:
                    transport.abort()
                    return False
        return False

    async def last_words(self, request: web.BaseRequest, answer: web.StreamResponse) -> None:
        """Write the last answer, and let the sender read it before the connection goes."""
        self._close = True
        if self._gone is None:
            self._gone = asyncio.Event()
        transport = self.transport
        if transport is None:
            return
        await answer.prepare(request)
        if self._half_closed:
            return
        if transport.can_write_eof():
            transport.write_eof()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            pass

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open: for a sender that ends its half and still reads.

        A websocket's peer says that it goes; one that ends without a word is no more.
        """
        if self._gone is not None:
            self._gone.set()
        whole = self._in_payload is None and not self.is_socket
        self._half_closed = whole and self._unanswered > 0
        # TLS has no half of a connection to keep.
        return self._half_closed and self.ssl_context is None

    def connection_lost(self, exc: BaseException | None) -> None:
        self._parse_behind()
        if self._gone is not None:
            self._gone.set()
        elif self._head_seen:
            self._faults.cut_off(self.remote, self._raw)
        self._head_ended()
        super().connection_lost(exc)


def remote_of(request: web.BaseRequest) -> str:
    """The sender's address and port."""
    return _address(request.transport.get_extra_info("peername") if request.transport else None)


def _address(peer: Any) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
