"""aiohttp's connection, watched: every head has a deadline and a bound, every fault is a row."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import EMPTY_PAYLOAD, StreamReader, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

HEAD_LIMIT = 64 << 10
HEAD_SECONDS = 10.0
IDLE_SECONDS = 75.0
# aiohttp counts headers before we see them; a head of 64 KiB holds no more than this by far.
MAX_HEADERS = 1000
RAW_LIMIT = 4096
# After a refusal the rest of what the sender sends is thrown away for so long, so that it reads
# the answer instead of a reset.
LINGER_SECONDS = 10.0
# So long a sender may read nothing of its answers before it is dropped.
READ_SECONDS = 30.0
HEAD_TOO_LARGE = "the request head is larger than 64 KiB"

_log = logging.getLogger(__name__)

# The parser's own record of malformed requests: we store them instead.
quiet_log = logging.getLogger("inspector.server.parser")
quiet_log.addHandler(logging.NullHandler())
quiet_log.propagate = False


class Faults(Protocol):
    """What becomes of a request that no parser accepted; `raw` is the first 4 KiB of it."""

    async def refuse_raw(
        self, remote: str, status: int, code: str, reason: str, raw: bytes
    ) -> web.StreamResponse:
        """Store the refusal and give the answer."""
        ...

    def cut_off(self, remote: str, raw: bytes) -> None:
        """Store that a sender went away before its request head was complete."""
        ...


class HeadFaultError(Exception):
    """A head that came too slowly or was too long; `code` names the refusal."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CaptureProtocol(RequestHandler):
    """One sender's connection; what cannot be captured goes to `faults`."""

    __slots__ = (
        "_faults",
        "_gone",
        "_half_closed",
        "_head_seen",
        "_head_timer",
        "_in_payload",
        "_raw",
    )

    def __init__(self, manager: web.Server, faults: Faults) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]
            logger=quiet_log,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            max_headers=MAX_HEADERS,
        )
        self._faults = faults
        self._raw = b""
        self._head_seen = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_payload: StreamReader | None = None
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
        lingers = self._gone is not None
        busy = self.is_socket or ((self._request_in_progress or self._messages) and not lingers)
        if busy or self.transport is None:
            return False
        self.transport.abort()
        return True

    def data_received(self, data: bytes) -> None:
        if self._force_close or self._close or self._upgraded or self._payload_parser is not None:
            super().data_received(data)
            return
        payload = self._in_payload
        if payload is None or payload.is_eof():
            self._in_payload = payload = None
            self._gather(data)
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_ended(payload)
        elif payload is None:
            self._watch_head()

    def _gather(self, data: bytes) -> None:
        """Count what may be a head, and keep its beginning for a refusal's row."""
        if len(self._raw) < RAW_LIMIT:
            self._raw = (self._raw + data[:RAW_LIMIT])[:RAW_LIMIT]
        self._head_seen += len(data)

    def _watch_head(self) -> None:
        if self._head_seen > HEAD_LIMIT:
            self._refuse_head(431, "head-too-large", HEAD_TOO_LARGE)
        elif self._head_seen and self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_SECONDS, self._head_timed_out)

    def _head_ended(self, before: StreamReader | None) -> None:
        """A request, or a fault, came out of the parser; `before` is the body it came behind."""
        self._head_seen = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        message, payload = self._messages[-1]
        if not isinstance(message, _ErrInfo):
            self._raw = b""
            self._in_payload = None if payload.is_eof() else payload
        elif before is not None and not before.is_eof():
            # The fault is in that body, and the parser forgets it: whoever reads it is told.
            self._messages.pop()
            before.set_exception(RequestPayloadError(_fault(message)[2]))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """What came behind an upgrade that was declined is parsed in here, unseen by us."""
        tail, before = self._message_tail, self._request_count
        done = await super().finish_response(request, resp, start_time)
        if tail and self._payload_parser is None:
            self._gather(tail)
            if self._request_count != before:
                self._head_ended(None)
            else:
                self._watch_head()
        if self._half_closed and not self._messages:
            self._close = True
        return done

    def _head_timed_out(self) -> None:
        self._head_timer = None
        seconds = round(HEAD_SECONDS)
        self._refuse_head(408, "head-timeout", f"the request head took longer than {seconds} s")

    def _refuse_head(self, status: int, code: str, reason: str) -> None:
        """Put the refusal in the place of the request that did not come."""
        error = _ErrInfo(status=status, exc=HeadFaultError(code, reason), message=reason)
        self._request_count += 1
        self._messages.append((error, EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _make_error_handler(
        self, err_info: _ErrInfo
    ) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            self._gone = asyncio.Event()
            status, code, reason = _fault(err_info)
            raw, self._raw = self._raw, b""
            answer = await self._faults.refuse_raw(remote_of(request), status, code, reason, raw)
            await answer.prepare(request)
            await self.linger()
            return answer

        return handler

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

    async def linger(self) -> None:
        """Let the sender read the answer before the connection goes."""
        self._close = True
        if self._gone is None:
            self._gone = asyncio.Event()
        transport = self.transport
        if transport is None:
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
        payload = self._in_payload
        whole = (payload is None or payload.is_eof()) and not self.is_socket
        self._half_closed = whole and (self._request_in_progress or bool(self._messages))
        # TLS has no half of a connection to keep.
        return self._half_closed and not self._is_tls

    @property
    def _is_tls(self) -> bool:
        return self.transport is not None and bool(self.transport.get_extra_info("sslcontext"))

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self._gone is not None:
            self._gone.set()
        elif self._head_seen and self._raw:
            self._faults.cut_off(self.remote, self._raw)
        super().connection_lost(exc)


def _fault(info: _ErrInfo) -> tuple[int, str, str]:
    """(status, code, reason) of what the parser, or the watch over heads, did not accept."""
    error, told = info.exc, str(info.message or "")
    if isinstance(error, HeadFaultError):
        return info.status, error.code, told
    if isinstance(error, LineTooLong):
        return 431, "head-too-large", HEAD_TOO_LARGE
    if told.startswith("Too many headers"):
        return 431, "too-many-headers", f"the request has more than {MAX_HEADERS} headers"
    return info.status, "malformed", told.splitlines()[0] if told else "not HTTP"


def remote_of(request: web.BaseRequest) -> str:
    """The sender's address and port."""
    return _address(request.transport.get_extra_info("peername") if request.transport else None)


def _address(peer: Any) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
