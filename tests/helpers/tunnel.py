"""A relay's door on a real port, and a consumer that speaks to it frame by frame."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any, TypeVar, cast

from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from inspector.domain.endpoint import Endpoint
from inspector.domain.parcel import Parcel
from inspector.tunnel.desk import Desk
from inspector.tunnel.door import Door
from inspector.tunnel.messages import PATH, SUBPROTOCOL, Begin, Hello, Message, Parcels, Start
from inspector.tunnel.wire import decode, encode
from tests.helpers.mailboxes import FakeMailboxes, Telling

SLUG = "s-8f14e45fceea167a5a36dedd4bea2543"
TOKEN = "t-c9f0f895fb98ab9159f51fd0297e236d"
PATIENCE = 5.0

M = TypeVar("M", bound=Message)


class RelaySide:
    """One endpoint behind a door; `url` is that of its tunnel."""

    def __init__(self, limited: Callable[[], int] = lambda: 0) -> None:
        self.now = 1_000_000
        self.endpoint = Endpoint(
            id="e1", name="one", slug=SLUG, token_sha256=sha256(TOKEN.encode()).hexdigest()
        )
        self.mailboxes = FakeMailboxes()
        self.desk = Desk(
            self.endpoint, self.mailboxes, lambda: self.now, store_id="relay", limited=limited
        )
        self.door = Door(self._find, version="9.9.9")
        self.port = 0

    def _find(self, slug: str) -> tuple[Endpoint, Desk] | None:
        return (self.endpoint, self.desk) if slug == SLUG else None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}{SLUG}"

    def take_in(self, fact: Telling) -> int:
        """Commit a delivery and tell the desk, as the intake does."""
        number = self.mailboxes.commit(fact)
        tell = {"Captured": self.desk.captured, "Refused": self.desk.refused}
        cast("Callable[[int, Any], None]", tell.get(type(fact).__name__, self.desk.probed))(
            number, fact
        )
        return number


@asynccontextmanager
async def relay_side(limited: Callable[[], int] = lambda: 0) -> AsyncIterator[RelaySide]:
    side = RelaySide(limited)
    runner = web.ServerRunner(web.Server(side.door.handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    side.port = cast(asyncio.Server, site._server).sockets[0].getsockname()[1]
    try:
        yield side
    finally:
        await side.door.close()
        await runner.cleanup()


class Peer:
    """A consumer; reads messages one by one."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: Message) -> None:
        await self.socket.send(encode(message))

    async def read(self, kind: type[M]) -> M:
        """The next message of that kind; others before it are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = decode(await self.socket.recv())
                if isinstance(message, kind):
                    return message

    async def begin(self, after: int = 0, since: int = 0) -> tuple[Hello, Begin]:
        hello = await self.read(Hello)
        await self.send(Start(after, since))
        return hello, await self.read(Begin)

    async def parcels(self, count: int) -> list[Parcel]:
        found: list[Parcel] = []
        while len(found) < count:
            found += (await self.read(Parcels)).items
        return found

    async def closed(self) -> tuple[int, str]:
        """The code and the reason with which the relay parts."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


@asynccontextmanager
async def peer(
    side: RelaySide,
    consumer: str = "dev@laptop",
    instance: str = "0a" * 8,
    query: str = "",
    **options: Any,
) -> AsyncIterator[Peer]:
    given = {
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "additional_headers": {"Authorization": f"Bearer {TOKEN}"},
        "user_agent_header": "inspector/9.9.9",
        "compression": None,
        "max_size": 4 << 20,
        **options,
    }
    url = f"{side.url}?consumer={consumer}&instance={instance}{query}"
    async with connect(url, proxy=None, **given) as socket:
        yield Peer(socket)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another task is about to do."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)
