"""Looking at a relay: who is attached to an endpoint, and what it has, without being in the way."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from inspector.tunnel.connecting import Dialler, LostError
from inspector.tunnel.incoming import Incoming
from inspector.tunnel.messages import (
    Ack,
    Begin,
    Hello,
    Message,
    Parcels,
    Passed,
    Piece,
    Reply,
    Start,
    Team,
    WireError,
)
from inspector.tunnel.ports import Whole
from inspector.tunnel.wire import decode, encode

_TEAM_SECONDS = 3.0
_BEGIN_SECONDS = 10.0


class Glimpse(NamedTuple):
    """What a relay says to one who only looks, when that came (microseconds), and how long it took
    with the connection. `team` is None where it does not tell."""

    hello: Hello
    team: Team | None
    at: int
    ms: float


async def glimpse(dialler: Dialler, clock: Callable[[], int]) -> Glimpse:
    """Look, and be gone: nobody notices, whoever has the dialler's name; raises as `dial` does."""
    begun = perf_counter()
    connection, hello = await dialler.dial(peek=True)
    at, ms = clock(), (perf_counter() - begun) * 1000
    team: Team | None = None
    try:
        async with asyncio.timeout(_TEAM_SECONDS):
            message = decode(await connection.recv())
        team = message if isinstance(message, Team) else None
    except (ConnectionClosed, WireError, TimeoutError):
        pass
    finally:
        await connection.close()
    return Glimpse(hello, team, at, ms)


class Onlooker:
    """A consumer that keeps nothing: `take` gets what the relay hands on, delivery by delivery.

    Where its app is asked it says that it has none. `team` is told whenever it is another one.
    """

    def __init__(
        self,
        dialler: Dialler,
        take: Callable[[Whole], None],
        team: Callable[[Team], None] = lambda team: None,
    ) -> None:
        self._dialler = replace(dialler, instance=secrets.token_hex(8))
        self._take = take
        self._team = team
        self._connection: ClientConnection | None = None
        self._incoming = Incoming(0)

    async def attach(self) -> Hello:
        """From now on everything comes that is captured; raises as `dial` does."""
        connection, hello = await self._dialler.dial()
        self._connection = connection
        await self._send(Start(hello.last))
        try:
            async with asyncio.timeout(_BEGIN_SECONDS):
                begin = decode(await connection.recv())
        except TimeoutError as error:
            raise LostError("the relay does not begin") from error
        except ConnectionClosed as error:
            raise self._dialler.closed(error) from error
        if not isinstance(begin, Begin):
            raise LostError("something else came than where it begins")
        self._incoming = Incoming(begin.next - 1)
        return hello

    async def run(self) -> None:
        """Take what comes until the connection ends; always raises why."""
        assert self._connection is not None
        try:
            while True:
                await self._heard(decode(await self._connection.recv()))
        except ConnectionClosed as error:
            raise self._dialler.closed(error) from error
        except WireError as error:
            raise LostError(f"the relay: {error}") from error

    async def close(self) -> None:
        """Be gone; may be called again."""
        if self._connection is not None:
            await self._connection.close()

    async def _heard(self, message: Message) -> None:
        match message:
            case Parcels() | Piece():
                for whole in self._incoming.feed(message):
                    if isinstance(whole, Passed):
                        continue
                    if whole[0].ask:
                        await self._send(Reply(whole[0].id, None))
                    await self._send(Ack(whole[0].id))
                    self._take(whole)
            case Team():
                self._team(message)
            case _:
                pass

    async def _send(self, message: Message) -> None:
        assert self._connection is not None
        try:
            await self._connection.send(encode(message))
        except ConnectionClosed as error:
            raise self._dialler.closed(error) from error
