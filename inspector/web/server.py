"""The web server: a page, its files, and a websocket for each session, all behind the door."""

import logging
import socket
from collections.abc import Callable
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from inspector.errors import cannot_listen
from inspector.web.door import BrowserDoor
from inspector.web.downloads import Downloads
from inspector.web.limits import FULL, STOPPED, WebLimits
from inspector.web.pages import INDEX, STATIC, closed, secure
from inspector.web.session import BrowserSession, Size, Ui

_log = logging.getLogger(__name__)
# Requests that are none end in a traceback of aiohttp's each; their senders are answered 400.
_quiet_log = logging.getLogger("inspector.web.parser")
_quiet_log.setLevel(logging.CRITICAL)

_HOST = "127.0.0.1"
_BACKLOG = 32


def open_port(port: int) -> socket.socket:
    """A listening socket on loopback (0: any free port); raises `UnreachableError`."""
    try:
        return socket.create_server((_HOST, port), backlog=_BACKLOG)
    except OSError as error:
        raise cannot_listen(_HOST, port, error, "--web-port N (0: any free)") from error


class WebServer:
    """Serves UIs on a socket from `open_port`; `admitted` is told the next link when one is used.

    `stop` ends every session, and returns when no process of theirs is left.
    """

    def __init__(
        self,
        opened: socket.socket,
        ui: Ui,
        admitted: Callable[[str], None],
        limits: WebLimits | None = None,
    ) -> None:
        self._socket = opened
        self._ui = ui
        self._admitted = admitted
        self._limits = limits or WebLimits()
        self.port: int = opened.getsockname()[1]
        self.door = BrowserDoor(self.port)
        self._downloads = Downloads(self._limits.stall)
        self._sessions: set[BrowserSession] = set()
        self._stopping = False
        app = web.Application(middlewares=[self._guard()])
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/ws", self._websocket),
                web.get("/static/{name}", self._static),
                web.get("/download/{key}", self._download),
            ]
        )
        app.on_response_prepare.append(self._secure)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            logger=_quiet_log,
            keepalive_timeout=self._limits.head,
            shutdown_timeout=self._limits.stop + self._limits.close,
        )

    def __len__(self) -> int:
        """Sessions that are open."""
        return len(self._sessions)

    async def start(self) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def stop(self) -> None:
        self._stopping = True
        for session in self._sessions:
            session.leave(STOPPED)
        await self._runner.cleanup()

    def _is_full(self) -> bool:
        """Sessions that are about to end do not count: a page that is loaded again leaves one."""
        open_ones = sum(not session.leaving for session in self._sessions)
        return open_ones >= self._limits.sessions or len(self) >= 2 * self._limits.sessions

    def _guard(self) -> Middleware:
        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return self._refusal(request) or await handler(request)
            except web.HTTPException:
                raise
            except Exception as error:
                _log.error("%s %s failed: %r", request.method, request.path, error, exc_info=error)
                return closed(500, f"Internal error ({type(error).__name__}).")

        return guarded

    def _refusal(self, request: web.Request) -> web.Response | None:
        """What is answered instead: to strangers, and to who follows the link."""
        if not self.door.is_ours(request.headers.get("Host", "")):
            return closed(
                403,
                "This address is not inspector's.",
                f"It answers to http://{_HOST}:{self.port} and http://localhost:{self.port} only.",
            )
        if reason := self.door.foreign(request.headers):
            return closed(403, reason)
        if request.path == "/" and "once" in request.query:
            return self._enter(request)
        if self.door.knows(request.cookies):
            return None
        return closed(
            401,
            "This page is closed.",
            "Open the link that inspector printed last.",
            # A browser withholds the cookie just set, where the link stood on another site's page.
            link="/" if "-site" in request.headers.get("Sec-Fetch-Site", "") else "",
        )

    def _enter(self, request: web.Request) -> web.Response:
        """Let in who comes with the link; it is used up by a visit, not by a look ahead."""
        if request.method != "GET":
            return closed(405, "A one-time link is opened with GET.")
        if "prefetch" in request.headers.get("Sec-Purpose", ""):
            return closed(503, "A one-time link is not fetched ahead.")
        response = web.Response(status=303, headers={"Location": "/"})
        if self.door.knows(request.cookies):
            return response
        if not self.door.admit(request.query.get("once", "")):
            return closed(
                403,
                "This link has been used, or is not inspector's.",
                "Open the link that it printed last.",
            )
        response.set_cookie(
            self.door.cookie_name, self.door.cookie, path="/", httponly=True, samesite="Strict"
        )
        self._admitted(self.door.link)
        return response

    async def _secure(self, request: web.Request, response: web.StreamResponse) -> None:
        host = request.headers.get("Host", "")
        secure(response, host if self.door.is_ours(host) else f"{_HOST}:{self.port}")

    async def _index(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.FileResponse(INDEX)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        path = STATIC.get(request.match_info["name"])
        return web.FileResponse(path) if path else closed(404, "There is no such file.")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if "Origin" not in request.headers:
            return closed(403, "Only a page of inspector's opens a session.")
        limits = self._limits
        websocket = web.WebSocketResponse(
            timeout=limits.close,
            heartbeat=limits.heartbeat,
            compress=False,
            max_msg_size=limits.message,
        )
        await websocket.prepare(request)
        if self._stopping or self._is_full():
            code, reason = STOPPED if self._stopping else FULL
            await websocket.close(code=code, message=reason.encode())
            return websocket
        assert request.transport is not None
        session = BrowserSession(
            self._ui, websocket, request.transport.abort, self._downloads, limits
        )
        self._sessions.add(session)
        try:
            await session.serve(_size(request))
        finally:
            self._sessions.discard(session)
        return websocket

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A file that a UI hands over: always saved, never shown as a page of ours."""
        file = self._downloads.take(request.match_info["key"])
        if file is None:
            return closed(404, "There is no such file, or its session has ended.")
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, '')}",
                "Content-Security-Policy": "sandbox; default-src 'none'",
            }
        )
        await response.prepare(request)
        try:
            async for piece in self._downloads.read(file):
                await response.write(piece)
        except ConnectionError:
            # Closed without an end, so that the browser takes no part for the whole.
            if request.transport is not None:
                request.transport.close()
            return response
        await response.write_eof()
        return response


def _size(request: web.Request) -> Size:
    try:
        return Size.within_reason(int(request.query["width"]), int(request.query["height"]))
    except (KeyError, ValueError):
        return Size()
