"""The tunnel's door at the relay: who may come in, and the websocket of each consumer."""

import asyncio
import hmac
import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

from aiohttp import WSMsgType, web

from inspector.domain.delivery import iso
from inspector.domain.endpoint import Endpoint
from inspector.errors import StoreUnavailableError
from inspector.tasks import Tasks
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.desk import AttachedError, ClosedError, CrowdedError, Desk
from inspector.tunnel.messages import (
    CLOSE_BROKEN,
    CLOSE_FAULT,
    CLOSE_SLOW,
    MAX_FRAME,
    PATH,
    SUBPROTOCOL,
    SUBPROTOCOL_PREFIX,
    VERSION,
    WireError,
)
from inspector.tunnel.supply import Caller, Presence
from inspector.tunnel.wire import decode, encode

# A peer that is silent for so long is asked, and gone when it says nothing for half as long.
HEARTBEAT_SECONDS = 8.0
START_SECONDS = 30.0
_CLOSE_SECONDS = 3.0
_GOING_AWAY = 1001
# What a close frame holds of a reason, in bytes.
_REASON_BYTES = 120
# What an unknown endpoint's token is compared with, in the same time as any other.
_NOBODYS = sha256(b"").hexdigest()

_INSTANCE = re.compile(r"[0-9a-fA-F]{8,64}")
_AGENT = re.compile(r"inspector/([0-9A-Za-z.+-]{1,32})")
_OFFERED = re.compile(re.escape(SUBPROTOCOL_PREFIX) + r"([0-9]{1,9})")

_log = logging.getLogger(__name__)


class _Line:
    """A consumer's websocket. It is closed in a task of its own: a dead peer holds up nobody."""

    def __init__(self, request: web.BaseRequest, tasks: Tasks) -> None:
        # A consumer's app may answer with a megabyte: larger frames are closed with 1009.
        self.socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            compress=False,
            heartbeat=HEARTBEAT_SECONDS,
            max_msg_size=MAX_FRAME,
            timeout=_CLOSE_SECONDS,
        )
        self._request = request
        self._tasks = tasks
        self.parting: asyncio.Task[None] | None = None
        self._ending = False

    async def send(self, frame: bytes) -> None:
        await self.socket.send_bytes(frame)

    def close(self, code: int, reason: str) -> None:
        if self.parting is None:
            self.parting = self._tasks.start(self._part(code, reason), "close")

    async def _part(self, code: int, reason: str) -> None:
        message = reason.encode()[:_REASON_BYTES].decode("utf-8", "ignore").encode()
        if not self.socket.prepared:
            self.abort()
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.socket.close(code=code, message=message)
        except (TimeoutError, ConnectionError):
            self.abort()

    def check(self) -> None:
        # A peer that sends too much and reads nothing is closed by aiohttp, which waits for it.
        if self._ending and self.socket.closed:
            self.abort()
        self._ending = self.socket.closed

    async def finish(self) -> None:
        """The connection is at its end; what the peer did not take is thrown away."""
        if self.parting is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self.parting)
        transport = self._request.transport
        if transport is not None and transport.is_closing() and transport.get_write_buffer_size():
            transport.abort()

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


class Door:
    """Lets consumers in. `find` gives the endpoint of a slug, `version` is the program's.

    A request that may not come in is answered before anything is kept of it. It logs neither
    slugs nor tokens.
    """

    def __init__(
        self,
        find: Callable[[str], tuple[Endpoint, Desk] | None],
        *,
        version: str,
        remote_of: Callable[[web.BaseRequest], str] = lambda request: request.remote or "",
    ) -> None:
        self._find = find
        self._version = version
        self._remote_of = remote_of
        self._tasks = Tasks("door")
        self._lines: set[_Line] = set()
        self._closing = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """`GET PATH + SLUG`; the way in, and then the whole life of the connection."""
        found = self._find(request.path.removeprefix(PATH))
        if (refused := turned_away(request, found[0] if found else None)) is not None:
            return refused
        assert found is not None
        if (refused := self._misfit(request)) is not None:
            return refused
        return await self._enter(request, found[1])

    async def close(self) -> None:
        """Close every connection with 1001 and take none any more; may be called again."""
        self._closing = True
        for line in self._lines:
            line.close(_GOING_AWAY, "the relay is stopping")
        partings = [line.parting for line in self._lines if line.parting is not None]
        if partings:
            await asyncio.wait(partings, timeout=_CLOSE_SECONDS)
        await self._tasks.stop()

    def _misfit(self, request: web.BaseRequest) -> web.Response | None:
        """The answer to a request that is no consumer's of our version."""
        if self._closing:
            return refusal(503, "stopping", "the relay is stopping", headers={"Retry-After": "5"})
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if SUBPROTOCOL not in (each.strip() for each in offered.split(",")):
            agent = _AGENT.search(request.headers.get("User-Agent", ""))
            others = sorted({int(number) for number in _OFFERED.findall(offered)})
            spoken = " and ".join(map(str, others)) if others else "none"
            theirs = f" ({agent[1]})" if agent else ""
            return refusal(
                426,
                "version",
                f"the relay speaks tunnel version {VERSION} (inspector {self._version}), "
                f"this inspector speaks {spoken}{theirs}",
                "install the same version of inspector at both ends",
                headers={"Upgrade": "websocket", "Sec-WebSocket-Protocol": SUBPROTOCOL},
            )
        if not web.WebSocketResponse(protocols=(SUBPROTOCOL,)).can_prepare(request):
            return refusal(400, "bad-request", "this is not a websocket's handshake")
        return None

    async def _enter(self, request: web.BaseRequest, desk: Desk) -> web.StreamResponse:
        query = request.rel_url.query
        line = _Line(request, self._tasks)
        if query.get("peek") == "1":
            return await self._peek(request, desk, line)
        caller = Caller(
            query.get("consumer", ""), query.get("instance", ""), self._remote_of(request)
        )
        if (reason := _unfit(caller)) is not None:
            return refusal(400, "bad-request", reason)
        try:
            attachment = desk.attach(caller, line, take_over=query.get("take_over") == "1")
        except AttachedError as error:
            return _attached(error.presence)
        except CrowdedError as error:
            return refusal(429, "too-many-consumers", str(error), headers={"Retry-After": "60"})
        except ClosedError:
            return refusal(401, "unauthorized", "the token is no longer the endpoint's")
        self._lines.add(line)
        try:
            await line.socket.prepare(request)
            await self._serve(line, desk, attachment)
        finally:
            self._lines.discard(line)
            desk.detach(attachment)
            await line.finish()
        return line.socket

    async def _peek(self, request: web.BaseRequest, desk: Desk, line: _Line) -> web.StreamResponse:
        """Say hello to one who only looks, and who is there: nobody makes way for it."""
        self._lines.add(line)
        try:
            await line.socket.prepare(request)
            with suppress(ConnectionError):
                await line.send(encode(await desk.hello(self._version)))
                await line.send(desk.team_of(request.rel_url.query.get("consumer", "")))
                line.close(1000, "")
        except StoreUnavailableError:
            line.close(CLOSE_FAULT, "the relay cannot read its store")
        finally:
            self._lines.discard(line)
            await line.finish()
        return line.socket

    async def _serve(self, line: _Line, desk: Desk, attachment: Attachment) -> None:
        def overdue() -> None:
            if not attachment.started:
                line.close(CLOSE_SLOW, f"no start came within {START_SECONDS:.0f} s")

        patience = asyncio.get_running_loop().call_later(START_SECONDS, overdue)
        try:
            await line.send(encode(await desk.hello(self._version)))
            async for message in line.socket:
                if message.type is WSMsgType.ERROR:
                    break
                await attachment.take(decode(message.data))
        except WireError as error:
            line.close(CLOSE_BROKEN, str(error))
        except StoreUnavailableError as error:
            _log.error("a consumer cannot be served: %s", error.message)
            line.close(CLOSE_FAULT, "the relay cannot read its store")
        except ConnectionError:
            pass
        finally:
            patience.cancel()


def turned_away(request: web.BaseRequest, endpoint: Endpoint | None) -> web.Response | None:
    """The answer to who has not the token of the endpoint at this address, if there is one."""
    known = _NOBODYS if endpoint is None else endpoint.token_sha256
    # Compared in any case, and as digests: neither takes longer for what is nearly right.
    entitled = hmac.compare_digest(_token_digest(request), known)
    if endpoint is None:
        return refusal(
            404,
            "no-endpoint",
            "the relay has no endpoint at this address",
            "check the URL that `inspector relay endpoint list` shows",
        )
    if not entitled:
        return refusal(
            401,
            "unauthorized",
            "the token is not the endpoint's",
            "set INSPECTOR_RELAY_TOKEN; `inspector relay endpoint rotate` makes a new one",
        )
    return None


def _token_digest(request: web.BaseRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else ""
    return sha256(given.encode("utf-8", "surrogateescape")).hexdigest()


def _unfit(caller: Caller) -> str | None:
    """Why a name or an instance is none."""
    name = caller.consumer
    if not 1 <= len(name) <= 128 or not name.isprintable() or set(name) & set(" /"):
        return "a consumer's name has 1 to 128 printable characters, without blanks and slashes"
    if not _INSTANCE.fullmatch(caller.instance):
        return "an instance is 8 to 64 hexadecimal digits"
    return None


def _attached(presence: Presence) -> web.Response:
    return refusal(
        409,
        "consumer-attached",
        f"{presence.consumer} is attached since {iso(presence.since)} from {presence.remote}",
        "take another name with --consumer NAME, or its place with --take-over",
    )


def refusal(
    status: int, code: str, message: str, hint: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    """An error in the contract's form."""
    body: dict[str, Any] = {"error": {"code": code, "message": message, "hint": hint}}
    return web.Response(
        status=status, text=json.dumps(body), content_type="application/json", headers=headers
    )
