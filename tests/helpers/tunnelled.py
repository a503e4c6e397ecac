"""A relay and a developer's listener behind it, as processes on this machine.

async with tunnelled(tmp_path, app.url) as tunnel:
    await tunnel.post(b"{}")
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.helpers.listener import Item, ListenerProcess
from tests.helpers.relay import RelayProcess
from tests.helpers.wire import Answer, Wire


@dataclass(frozen=True, slots=True)
class Tunnel:
    """`path` is where the endpoint captures: `/in/SLUG`."""

    relay: RelayProcess
    endpoint: Item
    homes: tuple[ListenerProcess, ...]

    @property
    def home(self) -> ListenerProcess:
        return self.homes[0]

    @property
    def port(self) -> int:
        return port_of(self.relay)

    @property
    def path(self) -> str:
        return urlsplit(self.endpoint["url"]).path

    async def wire(self) -> Wire:
        """A connection to the relay."""
        return await Wire.to(self.port)

    async def post(self, body: bytes = b"{}", target: str = "/hooks", head: bytes = b"") -> Answer:
        """A delivery over a connection of its own; whatever the relay answers."""
        async with await self.wire() as wire:
            return await wire.ask(
                b"POST %s%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n"
                % (self.path.encode(), target.encode(), head, len(body)),
                body,
            )

    async def at_home(self, count: int, home: int = 0) -> list[Item]:
        """Until so many deliveries were printed at home; all of them."""
        return await asyncio.to_thread(self.homes[home].wait_for, count, kind="delivery")


def port_of(process: ListenerProcess) -> int:
    port = urlsplit(process.url).port
    assert port is not None
    return port


def consumer(
    folder: Path, relay: RelayProcess, endpoint: Item, *arguments: str, token: str | None = None
) -> ListenerProcess:
    """The developer's listener, not started yet, with its store in `folder`."""
    folder.mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{port_of(relay)}{urlsplit(endpoint['url']).path}"
    return ListenerProcess(
        folder / "store.db",
        *arguments,
        "--relay",
        url,
        extra_environment={"INSPECTOR_RELAY_TOKEN": token or endpoint["token"]},
    )


@asynccontextmanager
async def tunnelled(
    folder: Path,
    *arguments: str,
    endpoint: Sequence[str] = (),
    relay: Sequence[str] = (),
    homes: int = 1,
) -> AsyncIterator[Tunnel]:
    """A relay with endpoint `dev` made with the options in `endpoint`, and so many consumers of it
    that are ready, `dev-1` first, each of `inspector serve ARGUMENTS`."""
    there = RelayProcess(folder / "relay.db", *relay)
    made = await asyncio.to_thread(there.endpoint, "add", "dev", *endpoint)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(there)
        started = [
            consumer(folder / f"home-{n}", there, made, *arguments, "--consumer", f"dev-{n}")
            for n in range(1, homes + 1)
        ]
        for home in started:
            await stack.enter_async_context(home)
        yield Tunnel(there, made, tuple(started))
