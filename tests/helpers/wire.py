"""A bare TCP connection to a listener: the bytes that a test sends are the bytes that leave."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# Generous, because a test machine may be busy; nothing waits so long unless it fails.
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One response as it came; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def delivery(self) -> int:
        return int(self.headers["inspector-delivery"])


class Wire:
    """One connection; `answer` reads one response, `rest` whatever comes until the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self, *, to_head: bool = False) -> Answer:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in lines[1:-2])
            }
            length = 0 if to_head else int(headers.get("content-length", 0))
            body = await self.reader.readexactly(length)
        return Answer(int(lines[0].split(" ")[1]), headers, body)

    async def ask(self, *pieces: bytes) -> Answer:
        """Send and read the response, both at once: the listener may answer before the end."""
        reading = asyncio.ensure_future(self.answer())
        with suppress(ConnectionError):  # what matters is what we read
            await self.send(*pieces)
        return await reading

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    def end(self) -> None:
        """Send no more; reading goes on."""
        self.writer.write_eof()

    def cut(self) -> None:
        """Drop the connection, without a word."""
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
