"""A consumer that speaks the tunnel's messages and nothing more, one by one, without a loop."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from inspector.tunnel import messages, wire
from tests.helpers.listener import PATIENCE, Item


@contextmanager
def consumer(
    endpoint: Item, name: str = "dev@laptop", *, tls: ssl.SSLContext | None = None
) -> Iterator[ClientConnection]:
    """A consumer that has said where it begins."""
    url = endpoint["url"].replace("http", "ws", 1).replace("/in/", messages.PATH)
    with connect(
        f"{url}?consumer={name}&instance=0123456789abcdef",
        subprotocols=[Subprotocol(messages.SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {endpoint['token']}"},
        ssl=tls,
        proxy=None,
        compression=None,
        max_size=messages.MAX_FRAME,
    ) as connection:
        assert isinstance(wire.decode(connection.recv(PATIENCE)), messages.Hello)
        connection.send(wire.encode(messages.Start(0)))
        yield connection


def next_parcels(connection: ClientConnection) -> messages.Parcels:
    """The next deliveries; what else is told is passed over."""
    while True:
        message = wire.decode(connection.recv(PATIENCE))
        if isinstance(message, messages.Parcels):
            return message


def next_body(connection: ClientConnection) -> bytes:
    """The body that comes in pieces."""
    body = b""
    while True:
        message = wire.decode(connection.recv(PATIENCE))
        if isinstance(message, messages.Piece):
            body += message.body
            if message.digest:
                return body


def closed_with(connection: ClientConnection) -> int:
    """The code with which the relay parts."""
    with suppress(ConnectionClosed):
        for _ in connection:
            pass
    assert connection.close_code is not None
    return int(connection.close_code)
