"""A scripted relay: the tunnel of one endpoint and its capture address, over a list in memory.

async with fake_relay() as relay:
    relay.add(b"one", b"two")
    await relay.until(lambda: relay.acked == 2)
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from aiohttp import WSMsgType, web

from inspector.domain.headers import encode_head
from inspector.domain.parcel import Parcel, digest_of
from inspector.tunnel.messages import (
    CANARY_HEADER,
    MAX_FRAME,
    PATH,
    SUBPROTOCOL,
    Ack,
    Answers,
    Attempted,
    Begin,
    Canary,
    Hello,
    Message,
    Parcels,
    Passed,
    Piece,
    Primary,
    RelayState,
    Reply,
    Start,
)
from inspector.tunnel.wire import decode, encode

TOKEN = "tok_Wm5vIGJvZHkga25vd3M"
SLUG = "s0fQxkDh3vN2aTqK"
PATIENCE = 15.0


def now() -> int:
    return time.time_ns() // 1000


def parcel(
    number: int, body: bytes = b"{}", *, target: str = "/hooks", at: int = 0, **more: Any
) -> Parcel:
    """A delivery as a relay sends it, whole, with its digest."""
    headers = (("Host", "relay"), ("X-Number", str(number)), ("Content-Length", str(len(body))))
    head = encode_head("POST", target, "1.1", headers)
    digest = digest_of(head, body)
    told = {"kind": "captured", "answered": None if more.get("ask") else 200, **more}
    kind = told.pop("kind")
    return Parcel(
        kind, number, at or now(), "203.0.113.9:4711", head, body, digest, len(body), **told
    )


@dataclass
class FakeRelay:
    """What it holds is `parcels`, by their ids; what it hears is in the lists.

    `refuse` answers handshakes with (status, body) instead; `first` is the oldest id still held;
    `a_frame` deliveries go in a frame; those in `left_out` are passed over. With `mute_canaries` a
    canary is not sent on. With `stating` each connection begins with a state.
    """

    parcels: dict[int, Parcel] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)
    first: int = 1
    endpoint: str = "shop"
    mailbox: str = "store/e1"
    version: str = "0.1.0"
    ack: str = "stored"
    skew: int = 0
    a_frame: int = 16
    piece: int = 1000
    subprotocol: str | None = SUBPROTOCOL
    refuse: tuple[int, Any] | None = None
    capture_status: int = 200
    capture_text: str = ""
    mute_canaries: bool = False
    stating: bool = False
    handshakes: list[web.BaseRequest] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    begins: list[Begin] = field(default_factory=list)
    acks: list[int] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    attempted: list[Attempted] = field(default_factory=list)
    takings: int = 0
    closed: list[int | None] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    canaries: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self.last = 0
        self._news = asyncio.Condition()
        self._nonces: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._feeds: set[asyncio.Task[None]] = set()
        self.tls: ssl.SSLContext | None = None

    @property
    def origin(self) -> str:
        host = "localhost" if self.tls else "127.0.0.1"
        return f"http{'s' if self.tls else ''}://{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/in/{SLUG}"

    @property
    def acked(self) -> int:
        return self.acks[-1] if self.acks else 0

    # What happens at it --------------------------------------------------------------------

    def add(self, *bodies: bytes, **more: Any) -> list[int]:
        """Deliveries with these bodies are captured now; their ids."""
        return [self.hold(parcel(self.last + 1, body, **more)) for body in bodies]

    def hold(self, one: Parcel) -> int:
        """It is stored as it is; its id."""
        self.parcels[one.id] = one
        self.last = one.id
        self._tell()
        return one.id

    def expire(self, upto: int) -> None:
        """Retention took what is not later than that."""
        self.first = upto + 1
        self.parcels = {number: one for number, one in self.parcels.items() if number > upto}

    async def say(self, message: Message) -> None:
        """Send it to everybody, as it is."""
        await self.say_bytes(encode(message))

    async def say_bytes(self, data: bytes) -> None:
        for socket in self.sockets:
            await socket.send_bytes(data)

    def cut(self) -> None:
        """Every connection breaks, without a close frame."""
        for socket in self.sockets:
            transport = socket._req.transport if socket._req else None
            if transport is not None:
                transport.abort()

    async def close_all(self, code: int, reason: str = "") -> None:
        for socket in list(self.sockets):
            await socket.close(code=code, message=reason.encode())

    async def until(self, met: Callable[[], bool]) -> None:
        """Until that is so; looked at whenever something is heard."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(met)

    def _tell(self) -> None:
        async def tell() -> None:
            async with self._news:
                self._news.notify_all()

        task = asyncio.get_running_loop().create_task(tell())
        self._feeds.add(task)
        task.add_done_callback(self._feeds.discard)

    # The server ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen: on any free port, later on the same one again."""
        app = web.Application()
        app.router.add_get(f"{PATH}{{slug}}", self._tunnel)
        app.router.add_post("/in/{slug}", self._capture)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, "127.0.0.1", self.port, ssl_context=self.tls, reuse_address=True
        )
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
        for task in list(self._feeds):
            task.cancel()
        await asyncio.gather(*self._feeds, return_exceptions=True)

    async def _capture(self, request: web.Request) -> web.Response:
        nonce = request.headers.get(CANARY_HEADER, "")
        self.canaries += 1
        if self.capture_status != 200:
            return web.Response(status=self.capture_status, text=self.capture_text)
        if nonce in self._nonces and not self.mute_canaries:
            self._nonces.discard(nonce)
            empty = digest_of(b"", b"")
            number = self.last + 1
            self.hold(Parcel("probe", number, now(), "-", b"", b"", empty, 0, 200, nonce=nonce))
        self._tell()
        return web.Response()

    async def _tunnel(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(request)
        self._tell()
        if self.refuse is not None:
            status, body = self.refuse
            text = body if isinstance(body, str) else json.dumps(body)
            return web.Response(status=status, text=text)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401, text=json.dumps(error("unauthorized", "no")))
        protocols = (self.subprotocol,) if self.subprotocol else ()
        socket = web.WebSocketResponse(
            protocols=protocols, compress=False, max_msg_size=MAX_FRAME, timeout=0.1
        )
        await socket.prepare(request)
        self.sockets.append(socket)
        feed: asyncio.Task[None] | None = None
        try:
            hello = Hello(
                self.version,
                self.endpoint,
                self.mailbox,
                self.ack,
                self.first,
                self.last,
                now() + self.skew,
            )
            await socket.send_bytes(encode(hello))
            async for frame in socket:
                if frame.type is not WSMsgType.BINARY:
                    continue
                message = decode(frame.data)
                if isinstance(message, Start):
                    feed = asyncio.get_running_loop().create_task(self._feed(socket, message))
                    self._feeds.add(feed)
                else:
                    self._hear(message)
                if isinstance(message, Canary):
                    await socket.send_bytes(encode(message))
        finally:
            if feed is not None:
                feed.cancel()
                self._feeds.discard(feed)
            self.closed.append(socket.close_code)
            self.sockets.remove(socket)
            self._tell()
        return socket

    def _hear(self, message: Message) -> None:
        match message:
            case Ack(id):
                self.acks.append(id)
            case Reply():
                self.replies.append(message)
            case Attempted():
                self.attempted.append(message)
            case Primary():
                self.takings += 1
            case Canary(nonce):
                self._nonces.add(nonce)
        self._tell()

    async def _feed(self, socket: web.WebSocketResponse, start: Start) -> None:
        self.starts.append(start)
        oldest = max(start.after + 1, self.first)
        first = next(
            (n for n in sorted(self.parcels) if n >= oldest and self.parcels[n].at >= start.since),
            self.last + 1,
        )
        begin = Begin(first, oldest - start.after - 1, first - oldest)
        self.begins.append(begin)
        self._tell()
        with suppress(ConnectionError):
            await socket.send_bytes(encode(begin))
            if self.stating:
                await socket.send_bytes(encode(RelayState(self.last, 0, True, now() + self.skew)))
            sent = first - 1
            while True:
                while sent < self.last:
                    upto = min(self.last, sent + self.a_frame)
                    ids = range(sent + 1, upto + 1)
                    for out, some in groupby(ids, self.left_out.__contains__):
                        run = list(some)
                        if out:
                            await socket.send_bytes(encode(Passed(run[0], run[-1])))
                        else:
                            await self._send(socket, [self.parcels[n] for n in run])
                    sent = upto
                async with self._news:
                    while self.last == sent:
                        await self._news.wait()

    async def _send(self, socket: web.WebSocketResponse, batch: list[Parcel]) -> None:
        """As frames; what is longer than `piece` goes in pieces of that size."""
        ready: list[Parcel] = []
        for one in batch:
            if len(one.body) <= self.piece:
                ready.append(one)
                continue
            ready.append(one._replace(body=b"", digest=""))
            await socket.send_bytes(encode(Parcels(tuple(ready))))
            ready = []
            for at in range(0, one.size, self.piece):
                end = at + self.piece
                last = one.digest if end >= one.size else ""
                await socket.send_bytes(encode(Piece(one.id, one.body[at:end], last)))
        if ready:
            await socket.send_bytes(encode(Parcels(tuple(ready))))

    async def answered(self, *items: tuple[int, int, bool]) -> None:
        """Senders were answered."""
        await self.say(Answers(items))

    async def state(self, *, primary: bool = True, limited: int = 0, ack: str = "") -> None:
        await self.say(RelayState(self.last, limited, primary, now() + self.skew, ack))


def error(code: str, message: str, hint: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "hint": hint}}


@asynccontextmanager
async def fake_relay(relay: FakeRelay | None = None) -> AsyncIterator[FakeRelay]:
    """A running relay."""
    relay = relay or FakeRelay()
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
