"""An app that takes everything and tells what it got, byte for byte; nothing is normalised."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from inspector.domain.attempt import Response
from inspector.domain.fidelity import Arrived
from inspector.domain.headers import Headers, first
from inspector.errors import cannot_listen

# By it an echo is known, whoever asks.
ECHO_HEADER = "Inspector-Echo"
# What is told of a body in the answer; of a longer one size and SHA-256 are.
TOLD_BYTES = 64 << 10

_HEAD_LIMIT = 96 << 10
_BODY_LIMIT = 64 << 20
_PIECE = 256 << 10
_CONNECTIONS = 32
# For a head, and between the pieces of a body.
_SECONDS = 30.0

Hear = Callable[[Arrived], None]


class _Refused(NamedTuple):
    status: int
    reason: str


class Echo:
    """A server of its own; `hear` is called with each request. `port` is known after `start`.

    Bodies are held up to `kept` bytes; of longer ones `hear` gets size and SHA-256. What is not
    HTTP, too long or too slow is answered with an error, and the connection closed.
    """

    def __init__(self, hear: Hear, *, kept: int = TOLD_BYTES) -> None:
        self._hear = hear
        self._kept = kept
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Open the port; raises `UnreachableError` when it is taken."""
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=_HEAD_LIMIT)
        except (OSError, OverflowError) as error:
            raise cannot_listen(host, port, error, "--echo N (0: any free)") from error
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Close the port and every connection; may be called again."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _CONNECTIONS:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            with suppress(OSError, EOFError, TimeoutError):
                while await self._one(reader, writer):
                    pass
                writer.close()
        finally:
            self._open.discard(writer)
            if not writer.is_closing():
                writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it; whether another may follow."""
        found = await self._read(reader, writer)
        if isinstance(found, _Refused):
            body = json.dumps({"error": found.reason}).encode()
            writer.write(_answer(found.status, "Refused", body, close=True))
            await writer.drain()
            return False
        self._hear(found)
        body = b"" if found.method == "HEAD" else json.dumps(told(found)).encode()
        close = "close" in (first(found.headers, "connection") or "").lower()
        writer.write(_answer(200, "OK", body, close=close))
        await writer.drain()
        return not close

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Arrived | _Refused:
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _Refused(431, f"the head is longer than {_HEAD_LIMIT} bytes")
        line, *lines = head[:-4].decode("latin-1").split("\r\n")
        parts = line.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return _Refused(400, "the request line is not one of HTTP/1.1")
        pairs = (each.partition(":") for each in lines)
        headers = tuple((name, value.strip(" \t")) for name, _, value in pairs)
        if (first(headers, "expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _Body(self._kept)
        try:
            if "chunked" in (first(headers, "transfer-encoding") or "").lower():
                await _chunks(reader, body)
            elif length := int(first(headers, "content-length") or 0):
                await _exactly(reader, length, body)
        except (ValueError, asyncio.LimitOverrunError) as error:
            too_large = isinstance(error, _TooLargeError)
            return _Refused(413 if too_large else 400, f"the body cannot be read: {error}")
        return body.arrived(parts[0], parts[1], headers)


class _TooLargeError(ValueError):
    pass


class _Body:
    """A body as it comes in; its bytes are held while they are few enough."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._pieces: list[bytes] | None = []
        self._size = 0
        self._digest = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > _BODY_LIMIT:
            raise _TooLargeError(f"it is longer than {_BODY_LIMIT} bytes")
        self._digest.update(piece)
        if self._size > self._kept:
            self._pieces = None
        elif self._pieces is not None:
            self._pieces.append(piece)

    def arrived(self, method: str, target: str, headers: Headers) -> Arrived:
        body = None if self._pieces is None else b"".join(self._pieces)
        return Arrived(method, target, headers, body, self._size, self._digest.hexdigest())


async def _exactly(reader: asyncio.StreamReader, length: int, body: _Body) -> None:
    if length < 0:
        raise ValueError("its length is below 0")
    while length:
        async with asyncio.timeout(_SECONDS):
            piece = await reader.read(min(length, _PIECE))
        if not piece:
            raise EOFError
        body.add(piece)
        length -= len(piece)


async def _chunks(reader: asyncio.StreamReader, body: _Body) -> None:
    while size := int((await _line(reader)).partition(b";")[0], 16):
        await _exactly(reader, size, body)
        if await _line(reader):
            raise ValueError("a chunk is longer than it says")
    while await _line(reader):
        pass  # trailers


async def _line(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_SECONDS):
        return (await reader.readuntil(b"\r\n"))[:-2]


def told(arrived: Arrived) -> dict[str, Any]:
    """A request as the echo's answer tells it."""
    small = arrived.body is not None and arrived.size <= TOLD_BYTES
    return {
        "method": arrived.method,
        "target": arrived.target,
        "headers": arrived.headers,
        "size": arrived.size,
        "sha256": arrived.sha256,
        "body_b64": base64.b64encode(arrived.body or b"").decode() if small else None,
    }


def heard(response: Response) -> Arrived | None:
    """The request that an echo tells of in its answer; None where it is no echo's."""
    if first(response.headers, ECHO_HEADER) is None:
        return None
    try:
        item = json.loads(response.body)
        body = None if item["body_b64"] is None else base64.b64decode(item["body_b64"])
        headers = tuple((str(name), str(value)) for name, value in item["headers"])
        return Arrived(
            str(item["method"]),
            str(item["target"]),
            headers,
            body,
            int(item["size"]),
            str(item["sha256"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _answer(status: int, reason: str, body: bytes, *, close: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {reason}",
        f"{ECHO_HEADER}: 1",
        "Content-Type: application/json",
        "Cache-Control: no-store, no-transform",
        f"Content-Length: {len(body)}",
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
