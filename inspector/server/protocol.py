"""aiohttp's connection, watched: every head has a deadline and a bound, every fault is a row."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import EMPTY_PAYLOAD, web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

HEAD_LIMIT = 64 << 10
HEAD_SECONDS = 10.0
IDLE_SECONDS = 75.0
# aiohttp counts headers before we see them; a head of 64 KiB holds no more than this by far.
MAX_HEADERS = 1000
RAW_LIMIT = 4096
# After a refusal the rest of what the sender sends is thrown away for so long, so that it reads
# the answer instead of a reset.
LINGER_SECONDS = 10.0

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

    __slots__ = ("_faults", "_gone", "_head_seen", "_head_timer", "_in_payload", "_raw")

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
        self._in_payload: Any = None
        self._gone: asyncio.Event | None = None

    def data_received(self, data: bytes) -> None:
        if self._force_close or self._close or self._upgraded or self._payload_parser is not None:
            super().data_received(data)
            return
        payload = self._in_payload
        if payload is not None and not payload.is_eof():
            super().data_received(data)
            return
        self._in_payload = None
        if len(self._raw) < RAW_LIMIT:
            self._raw = (self._raw + data[:RAW_LIMIT])[:RAW_LIMIT]
        self._head_seen += len(data)
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_ended()
        elif self._head_seen > HEAD_LIMIT:
            self._refuse_head(431, "head-too-large", "the request head is larger than 64 KiB")
        elif self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_SECONDS, self._head_timed_out)

    def _head_ended(self) -> None:
        self._head_seen = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        message, payload = self._messages[-1]
        if isinstance(message, _ErrInfo):
            return
        self._raw = b""
        if not payload.is_eof():
            self._in_payload = payload

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
            error = err_info.exc
            code = error.code if isinstance(error, HeadFaultError) else "malformed"
            reason = str(err_info.message).splitlines()[0] if err_info.message else "not HTTP"
            raw, self._raw = self._raw, b""
            answer = await self._faults.refuse_raw(
                remote_of(request), err_info.status, code, reason, raw
            )
            await answer.prepare(request)
            await self._linger()
            return answer

        return handler

    async def _linger(self) -> None:
        """Let the sender read the answer before the connection goes."""
        self._close = True
        transport = self.transport
        if transport is None or self._gone is None:
            return
        if transport.can_write_eof():
            transport.write_eof()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            pass

    def eof_received(self) -> None:
        if self._gone is not None:
            self._gone.set()
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self._gone is not None:
            self._gone.set()
        elif self._head_seen and self._raw:
            self._faults.cut_off(_address(self.peername), self._raw)
        super().connection_lost(exc)


def remote_of(request: web.BaseRequest) -> str:
    """The sender's address and port."""
    return _address(request.transport.get_extra_info("peername") if request.transport else None)


def _address(peer: Any) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
