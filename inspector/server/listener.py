"""One port for both: senders' requests are captured, those under `/_inspector/` are ours."""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from inspector.errors import cannot_listen
from inspector.server.control import ControlRoutes
from inspector.server.guard import Guard
from inspector.server.ingress import Ingress
from inspector.server.piecewise import HEAD_SECONDS
from inspector.server.protocol import CaptureProtocol
from inspector.server.quick import OURS, QuickProtocol
from inspector.server.stream import Streams

_BACKLOG = 1024
# So long the refusals of bodies that were too late may take to be stored and written.
_REFUSED_SECONDS = 1.0
# What aiohttp waits for handlers that are cut off after the deadline; it takes 0 for ever.
_CUT_SECONDS = 0.1
# What the API takes in: an edited delivery is at most a captured one, in base64 and JSON.
_API_BODY_LIMIT = 64 << 20


class _CaptureServer(web.Server):
    """aiohttp's low-level server with our connections, which hand us raw requests.

    `most` bounds the connections: one more, and the oldest that has nothing under way is dropped.
    """

    def __init__(self, ingress: Ingress, control: web.Server, most: int | None) -> None:
        super().__init__(self._handle, request_factory=self._request)
        self._ingress = ingress
        self._control = control
        self._most = most

    def __call__(self) -> RequestHandler:
        if self._most is not None and len(self._connections) >= self._most:
            self._make_room()
        return QuickProtocol(self, self._ingress)

    def _make_room(self) -> None:
        for each in self._connections:
            if isinstance(each, CaptureProtocol) and each.drop():
                return

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        make = (
            self._control.request_factory if message.path.startswith(OURS) else self._make_request
        )
        return make(message, payload, protocol, writer, task)

    async def drain(self) -> None:
        """Close every connection behind the request that is under way on it, but websockets."""
        ours = [each for each in self.connections if isinstance(each, CaptureProtocol)]
        await asyncio.gather(*(each.drain() for each in ours if not each.is_socket))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request, web.Request):
            return await self._control.request_handler(request)
        return await self._ingress.handle(request)


class Port:
    """The open port; its number is known after `start`. `app` answers under `/_inspector/`."""

    def __init__(self, ingress: Ingress, app: web.Application, most: int | None = None) -> None:
        self._ingress = ingress
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        self._most = most
        self._server: asyncio.Server | None = None
        self._capture: _CaptureServer | None = None
        self.port = 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Open the port; raises `UnreachableError` when it is taken."""
        await self._runner.setup()
        assert self._runner.server is not None
        self._capture = _CaptureServer(self._ingress, self._runner.server, self._most)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._capture,
                host,
                port,
                backlog=_BACKLOG,
                reuse_address=True,
                ssl=tls,
                ssl_handshake_timeout=HEAD_SECONDS if tls else None,
            )
        except (OSError, OverflowError, socket.gaierror) as error:
            raise cannot_listen(host, port, error, "--port N (0: any free)") from error
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Take no more connections, and no more requests on those that are open."""
        self._ingress.stopping = True
        if self._server is not None:
            self._server.close()

    async def drain(self, deadline: float) -> None:
        """Let running requests finish until the deadline; websockets are not waited for.

        Those whose bodies are still coming then are refused.
        """
        if self._capture is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline):
                    await self._capture.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFUSED_SECONDS):
                    await self._ingress.end_bodies()

    async def cut(self) -> None:
        """Close whatever is still open."""
        if self._capture is not None:
            await self._capture.shutdown(_CUT_SECONDS)
        await self._runner.cleanup()


class LocalListener(Port):
    """The port of a local listener: under `/_inspector/` are the API and the stream."""

    def __init__(
        self, ingress: Ingress, control: ControlRoutes, streams: Streams, guard: Guard
    ) -> None:
        app = web.Application(middlewares=[guard.middleware()], client_max_size=_API_BODY_LIMIT)
        app.add_routes([*control.routes(), web.get("/_inspector/api/stream", streams.handle)])
        app.router.add_get("/_inspector/stream", streams.handle)
        super().__init__(ingress, app)
        self._streams = streams

    async def stop(self, deadline: float) -> None:
        """Refuse new requests, let running ones finish until the deadline, close the streams."""
        self.refuse()
        await self._streams.close()
        await self.drain(deadline)
        await self.cut()


def capture_url(host: str, port: int) -> str:
    """The address to give to senders on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    return f"http://{name}:{port}"


def own_hosts(host: str, allowed: Iterable[str]) -> list[str]:
    return [capture_url(host, 0).removeprefix("http://").removesuffix(":0"), *allowed]
