"""aiohttp's connection, fed a head or a body at a time; every head has a deadline and a bound."""

import asyncio
import logging
import re

from aiohttp import EMPTY_PAYLOAD, StreamReader, web
from aiohttp.http_parser import HttpRequestParser
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from inspector.server.faults import (
    HEAD_LIMIT,
    HEAD_TOO_LARGE,
    MAX_HEADERS,
    HeadFaultError,
    fault_of,
)

HEAD_SECONDS = 10.0
IDLE_SECONDS = 75.0
RAW_LIMIT = 4096
_EMPTY_LINE = b"\r\n\r\n"
_BLANK = re.compile(rb"[\r\n]+")
_DIGITS = re.compile(rb"[0-9A-Fa-f]*")
# What is looked at of the line before a chunk; more digits than that no parser takes.
_CHUNK_LINE = 256
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,9})\r\n", re.IGNORECASE)

# The parser's own record of malformed requests: we store them instead.
quiet_log = logging.getLogger("inspector.server.parser")
quiet_log.addHandler(logging.NullHandler())
quiet_log.propagate = False


class PiecewiseProtocol(RequestHandler):
    """One connection: a fault stands behind the requests before it, with the bytes of its own.

    aiohttp feeds its parser what comes as it comes, and the parser forgets what it has parsed of
    the bytes in which it finds a fault.
    """

    __slots__ = (
        "_behind",
        "_body_left",
        "_chunk_left",
        "_chunk_line",
        "_edge",
        "_faulty",
        "_head_seen",
        "_head_timer",
        "_in_payload",
        "_in_trailer",
        "_raw",
    )

    def __init__(self, manager: web.Server, *, lingering: float) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]
            logger=quiet_log,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=lingering,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            max_headers=MAX_HEADERS,
        )
        self._raw = b""
        self._head_seen = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_payload: StreamReader | None = None
        # What of its length is still to come; 0 where it comes in chunks.
        self._body_left = 0
        # Of the chunk that is coming; then how the line that tells the next one's length begins.
        self._chunk_left = 0
        self._chunk_line = b""
        self._in_trailer = False
        # The last bytes of the head, or of the trailer, whose end is still to come.
        self._edge = b""
        # What came while the queue was full, or the body before it unread.
        self._behind = b""
        self._faulty = False

    def data_received(self, data: bytes) -> None:
        """Feed the parser to the end of a head or of a body at a time."""
        if not data and self._in_payload is not None:
            self._feed_body(b"", self._in_payload)  # the parser goes on with what it has kept
        if self._behind:
            data, self._behind = self._behind + data, b""
        at, size = 0, len(data)
        while at < size:
            if self._faulty:
                self._keep(data[at:])
                return
            if self._upgraded or self._payload_parser or self._close or self._force_close:
                super().data_received(data[at:])
                return
            if self._reading_paused or len(self._messages) >= self._max_msg_queue_size:
                self._behind = data[at:]
                return
            payload, left = self._in_payload, self._body_left
            if payload is None and not self._head_seen and (blank := _BLANK.match(data, at)):
                # The parser passes over empty lines there, but is not to be asked for each.
                at = blank.end()
                continue
            if left:
                end = min(at + left, size)
            else:
                end = self._empty_line(data, at) if payload is None else self._chunks(data, at)
            if payload is None:
                if not at and _is_one(data, end):
                    end = size
                self._feed_head(data[at:end])
            else:
                self._feed_body(data[at:end], payload)
            at = end

    def _chunks(self, data: bytes, at: int) -> int:
        """Where the chunks that go on there end, or all that has come of them."""
        if self._in_trailer:
            return self._empty_line(data, at)
        # In one loop without a step aside: there may be a million of them.
        find, size, line = data.find, len(data), self._chunk_line
        at += self._chunk_left
        while at < size:
            end = find(b"\n", at)
            if end < 0:
                break
            line, at = line + data[at:end] if line else data[at:end], end + 1
            count = _length_of(line)
            line = b""
            if count <= 0:
                self._in_trailer = True
                if data.startswith(b"\r\n", at):
                    return at + 2
                found = data.find(_EMPTY_LINE, at)
                return found + 4 if found >= 0 else size
            at += count + 2
        self._chunk_left = max(0, at - size)
        self._chunk_line = (line + data[at:])[:_CHUNK_LINE]
        return size

    def _empty_line(self, data: bytes, at: int) -> int:
        """Where the head, or the trailer, that goes on there may end."""
        if self._edge:
            found = (self._edge + data[at : at + 3]).find(_EMPTY_LINE)
            if found >= 0:
                return at + found + 4 - len(self._edge)
        found = data.find(_EMPTY_LINE, at)
        return found + 4 if found >= 0 else len(data)

    def _feed_head(self, data: bytes) -> None:
        """Feed a head, or a part of one; or a whole request, which takes the parser less time."""
        before = self._request_count
        super().data_received(data)
        if self._request_count == before:
            self._gather(data)
            return
        message, payload = self._messages[-1]
        if isinstance(message, _ErrInfo):
            self._keep(data)
            self._faulty = True
        else:
            self._raw = b""
            if not payload.is_eof():
                self._in_payload = payload
                length = message.headers.get("Content-Length", "0")
                self._body_left = 0 if message.chunked else int(length)
                self._chunk_left, self._chunk_line, self._in_trailer = 0, b"", False
        if self._edge:
            self._head_ended()

    def _gather(self, data: bytes) -> None:
        """Count a part of a head, keep its beginning for a refusal's row, and set it a deadline."""
        self._edge = (self._edge + data[-3:])[-3:]
        if not self._head_seen:
            data = data.lstrip(b"\r\n")  # some senders end a body with a line of its own
        self._keep(data)
        self._head_seen += len(data)
        if self._head_seen > HEAD_LIMIT:
            self._refuse_head(431, "head-too-large", HEAD_TOO_LARGE)
        elif self._head_seen and self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_SECONDS, self._head_timed_out)

    def _keep(self, data: bytes) -> None:
        if len(self._raw) < RAW_LIMIT:
            self._raw = (self._raw + data[:RAW_LIMIT])[:RAW_LIMIT]

    def _head_ended(self) -> None:
        self._head_seen, self._edge = 0, b""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _feed_body(self, data: bytes, payload: StreamReader) -> None:
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            # The fault is in this body, and the parser forgets it: whoever reads it is told.
            fault, _ = self._messages.pop()
            assert isinstance(fault, _ErrInfo)
            self._request_count -= 1
            self.break_body(RequestPayloadError(fault_of(fault)[2]))
        elif payload.is_eof():
            if not self._body_left:
                self._renew_parser()
            self._in_payload, self._body_left, self._edge = None, 0, b""
        elif self._body_left:
            self._body_left -= len(data)
        else:
            self._edge = (self._edge + data[-3:])[-3:]

    def _renew_parser(self) -> None:
        """Behind chunks: the last trailer would become a header of the next request."""
        self._parser = HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
            max_headers=MAX_HEADERS,
            payload_exception=RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=self._max_msg_queue_size,
        )

    def break_body(self, error: Exception) -> None:
        """End the body that is coming: its reader is told why, the rest is thrown away."""
        payload, self._in_payload = self._in_payload, None
        if payload is not None:
            self._faulty = True
            payload.set_exception(error)
            payload.feed_eof()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """What came behind an upgrade that is declined is parsed first, as aiohttp does it."""
        declined = self._upgraded and not self._messages and self._payload_parser is None
        if declined and self._parser is not None:
            self._parser.set_upgraded(False)
            self._upgraded = False
            tail, self._message_tail = self._message_tail, b""
            self.data_received(tail)
            if self._buffer_paused and len(self._messages) < self._max_msg_queue_size:
                self._resume_reading_if_drained()
        return await super().finish_response(request, resp, start_time)

    def _head_timed_out(self) -> None:
        seconds = round(HEAD_SECONDS)
        self._refuse_head(408, "head-timeout", f"the request head took longer than {seconds} s")

    def _refuse_head(self, status: int, code: str, reason: str) -> None:
        """Put the refusal in the place of the request that did not come."""
        error = _ErrInfo(status=status, exc=HeadFaultError(code, reason), message=reason)
        self._faulty = True
        self._head_ended()
        self._request_count += 1
        self._messages.append((error, EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _parse_behind(self) -> None:
        """Queue all that has come, however much: nothing more will."""
        if self._behind and not self._reading_paused:
            self._max_msg_queue_size = len(self._behind)
            self.data_received(b"")


def _is_one(data: bytes, end: int) -> bool:
    """Whether behind the head that ends there its body comes, whole, and nothing else."""
    found = _LENGTH.search(data, 0, end)
    return found is not None and end + int(found[1]) == len(data)


def _length_of(line: bytes) -> int:
    """What the line before a chunk says, or 0: the parser knows a wrong one."""
    try:
        return int(line, 16)
    except ValueError:
        digits = _DIGITS.match(line[:_CHUNK_LINE])
        return int(digits[0] or b"0", 16) if digits else 0
