"""What the benchmark's own small servers need to know of HTTP."""

import asyncio
import re
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def body_size(head: bytes) -> int:
    """How many bytes follow the head; chunked bodies are not understood."""
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0


class Requests(asyncio.Protocol):
    """One connection, whose requests go to `handle` one after the other."""

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (head := self._data.find(b"\r\n\r\n") + 4) >= 4:
            end = head + body_size(self._data[:head])
            if len(self._data) < end:
                return
            self.handle(self._data[:head], self._data[head:end])
            self._data = self._data[end:]

    def handle(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError
