"""A web server inside the test's own process, whose UIs are stand-ins."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from inspector.web.limits import WebLimits
from inspector.web.server import WebServer, open_port
from inspector.web.session import Ui
from tests.helpers.wire import PATIENCE, Answer, Wire

FAKE_UI = (sys.executable, "-m", "tests.web.fake_ui")


class Browser:
    """One websocket of a page of ours: keys in, what the UI shows out."""

    def __init__(self, wire: ClientConnection) -> None:
        self.wire = wire

    async def press(self, keys: str) -> None:
        await self.say("stdin", keys)

    async def say(self, *message: Any) -> None:
        await self.wire.send(json.dumps(message))

    async def shown(self) -> str:
        """The next thing that the UI shows; messages of text are of the page's protocol."""
        async with asyncio.timeout(PATIENCE):
            data = await self.wire.recv()
        return data.decode() if isinstance(data, bytes) else data

    async def closed(self) -> tuple[int, str]:
        """Read until the server closes; its code and reason."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    await self.wire.recv()
            except ConnectionClosed:
                return self.wire.close_code or 0, self.wire.close_reason or ""


class Web:
    """A running web server, seen from outside."""

    def __init__(self, server: WebServer, links: list[str]) -> None:
        self.server = server
        self.links = links
        """Those printed so far, the latest last."""

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def cookie(self) -> str:
        return f"{self.server.door.cookie_name}={self.server.door.cookie}"

    async def ask(self, *lines: str, host: str | None = None) -> Answer:
        """One request: its first line and headers; `Host` is ours unless another is given."""
        given = self.host if host is None else host
        head = [f"{lines[0]} HTTP/1.1", f"Host: {given}", *lines[1:], "", ""]
        async with await Wire.to(self.port) as wire:
            await wire.send("\r\n".join(head).encode("latin-1"))
            return await wire.answer(to_head=lines[0].startswith("HEAD "))

    async def get(self, path: str, *lines: str, host: str | None = None) -> Answer:
        """The same with the cookie."""
        return await self.ask(f"GET {path}", f"Cookie: {self.cookie}", *lines, host=host)

    @asynccontextmanager
    async def browser(self, query: str = "?width=100&height=30") -> AsyncIterator[Browser]:
        async with connect(
            f"ws://{self.host}/ws{query}",
            origin=f"http://{self.host}",  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie},
            proxy=None,
            close_timeout=PATIENCE,
        ) as wire:
            yield Browser(wire)


@asynccontextmanager
async def web(told: str = "hello", **limits: Any) -> AsyncIterator[Web]:
    """Start one; at its end no UI is left."""
    links: list[str] = []
    with open_port(0) as opened:
        server = WebServer(opened, Ui(FAKE_UI, told.encode()), links.append, WebLimits(**limits))
        links.append(server.door.link)
        await server.start()
        try:
            yield Web(server, links)
        finally:
            await server.stop()
            assert len(server) == 0
