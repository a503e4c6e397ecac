"""The short way of most captures: what is whole in the buffer needs no task of its own."""

import logging
from typing import Protocol

from aiohttp import StreamReader, web
from aiohttp.http import HttpVersion11
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import _ErrInfo

from inspector.server.answers import Answer, refusal
from inspector.server.faults import Faults
from inspector.server.piecewise import IDLE_SECONDS
from inspector.server.protocol import CaptureProtocol

# Larger bodies are taken in pieces, by the long way.
QUICK_BODY = 256 << 10
OURS = "/_inspector/"

_log = logging.getLogger(__name__)


class Whole(Faults, Protocol):
    """Takes a request of which nothing is still to come."""

    async def take_whole(self, message: RawRequestMessage, body: bytes, remote: str) -> Answer: ...

    async def take_cut(self, message: RawRequestMessage, remote: str) -> Answer:
        """Store that a sender went away in the middle of the body of this."""
        ...


class QuickProtocol(CaptureProtocol):
    """Captures whole HTTP/1.1 requests one after the other in the connection's own task.

    The first message of another kind, and everything behind it on its connection, goes the long
    way: through aiohttp's request and response objects, a task each. Measured: the short way
    captures 1.6 times as many deliveries a second.
    """

    __slots__ = ("_ingress", "_remote")

    def __init__(self, manager: web.Server, ingress: Whole) -> None:
        super().__init__(manager, ingress)
        self._ingress = ingress
        self._remote = ""

    async def start(self) -> None:
        """Serve the connection; aiohttp calls this once, in a task of its own."""
        self._remote = self.remote
        await self._serve()
        if self._manager is None and not self._ends and not self._close:
            await self._take_queued()

    async def _serve(self) -> None:
        while not self._force_close:
            if not self._messages:
                self._waiter = self._loop.create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
                if self._force_close:
                    return
            message, payload = self._messages[0]
            if not isinstance(message, RawRequestMessage) or not _is_whole(message, payload):
                await super().start()
                return
            self._next_message()
            if not await self._answer(message, payload.read_nowait()):
                break
        if not self._force_close:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

    async def _take_queued(self) -> None:
        """The sender has gone; what it had sent before that is stored like the rest."""
        while self._messages and not self._ends:
            message, payload = self._messages.popleft()
            if isinstance(message, _ErrInfo):
                await self._refused(message)
            elif message.path.startswith(OURS):
                continue
            elif payload.is_eof() and payload.exception() is None:
                await self._answer(message, payload.read_nowait())
            else:
                await self._ingress.take_cut(message, self._remote)

    def _next_message(self) -> None:
        """Take the message off the queue, as aiohttp does, so that reading goes on."""
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()

    async def _answer(self, message: RawRequestMessage, body: bytes) -> bool:
        """Capture and answer; whether the connection stays open for another request."""
        self._request_in_progress = True
        try:
            answer = await self._ingress.take_whole(message, body, self._remote)
        except Exception as error:
            # A fault of ours: told as aiohttp's own way of handling tells it.
            _log.error("a request could not be handled: %r", error, exc_info=error)
            answer = refusal(500, "internal error")
        finally:
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
        self._ends = not answer.connection_kept
        if self.transport is None:
            return False
        self.transport.write(answer.data)
        if self._paused and not await self.written():
            return False
        self._answered += 1
        if not answer.connection_kept or self._close:
            return False
        if self._half_closed and not self._unanswered:
            return False
        self._keepalive = True
        self._next_keepalive_close_time = self._loop.time() + IDLE_SECONDS
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )
        return True


def _is_whole(message: RawRequestMessage, payload: StreamReader) -> bool:
    return (
        payload.is_eof()
        and payload.exception() is None
        and payload.total_bytes <= QUICK_BODY
        and message.version == HttpVersion11
        and not message.should_close
        and not message.upgrade
        and not message.path.startswith(OURS)
    )
