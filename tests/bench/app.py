"""A local app that costs next to nothing: it answers 200 and keeps when each delivery first came.

    python -m tests.bench.app COUNT [FILE]

prints its port, and with every COUNT different deliveries the monotonic time at which the last of
them came; before that it writes to FILE the numbers of all (as `tests.bench.signed` put them into
the event ids) and their times, one a line. It ends when its standard input does.
"""

import asyncio
import re
import sys
import time
from pathlib import Path

import uvloop

from tests.bench.framing import Requests

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_EVENT = re.compile(rb"\r\nx-event-id: *(evt_\d+_(\d+))\r\n", re.IGNORECASE)
# smee-client opens a connection for each delivery of a burst.
_BACKLOG = 4096


class Arrivals:
    """When each delivery came for the first time, by its event id."""

    def __init__(self, together: int, file: Path | None) -> None:
        self._together = together
        self._file = file
        self._first: dict[bytes, tuple[bytes, float]] = {}

    def note(self, head: bytes) -> None:
        now = time.monotonic()
        if (found := _EVENT.search(head)) is None or found[1] in self._first:
            return
        self._first[found[1]] = found[2], now
        if len(self._first) % self._together == 0:
            if self._file is not None:
                lines = (b"%b %r\n" % each for each in self._first.values())
                self._file.write_bytes(b"".join(lines))
            print(now, flush=True)


class _Connection(Requests):
    def __init__(self, arrivals: Arrivals) -> None:
        super().__init__()
        self._arrivals = arrivals

    def handle(self, head: bytes, body: bytes) -> None:
        self._arrivals.note(head)
        self.transport.write(_ANSWER)


async def main(together: int, file: Path | None) -> None:
    arrivals = Arrivals(together, file)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(arrivals), "127.0.0.1", 0, backlog=_BACKLOG
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None))
