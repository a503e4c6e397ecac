"""The server side of smee.io as far as smee-client speaks with it, and as cheap as can be.

    python -m tests.bench.smee_server

prints its port. A `GET` with `Accept: text/event-stream` becomes the subscriber; every `POST` is
answered 200 at once and goes to it as one server-sent event, in the form of smee.io: the headers,
lower-case, beside `body`, `query` and `timestamp`. It stores nothing, checks nothing, and knows one
subscriber, so that smee-client is not held up by its server. It ends when its standard input does.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from tests.bench.framing import Requests

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Connection: keep-alive\r\n\r\n"
)


class Channel:
    """The one subscriber, and the number of its next event."""

    def __init__(self) -> None:
        self._subscriber: asyncio.WriteTransport | None = None
        self._count = 0

    def subscribe(self, transport: asyncio.WriteTransport) -> None:
        self._subscriber = transport
        transport.write(_STREAM)
        self._send(b"event: ready\ndata: {}\n\n")
        print("subscribed", flush=True)

    def publish(self, event: dict[str, Any]) -> None:
        self._send(b"data: %b\n\n" % json.dumps(event, separators=(",", ":")).encode())

    def _send(self, event: bytes) -> None:
        if self._subscriber is None:
            raise RuntimeError("a delivery came before the subscriber")
        self._subscriber.write(b"id: %d\n%b" % (self._count, event))
        self._count += 1


class _Connection(Requests):
    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def handle(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET "):
            self._channel.subscribe(self.transport)
            return
        lines = head.decode("latin-1").split("\r\n")[1:-2]
        event: dict[str, Any] = {
            name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
        }
        event |= {"body": json.loads(body), "query": {}, "timestamp": int(time.time() * 1000)}
        self._channel.publish(event)
        self.transport.write(_ANSWER)


async def main() -> None:
    channel = Channel()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(channel), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
