"""The websocket stream: what came after a position, then what comes, without a gap or a repeat."""

import asyncio
import json
from contextlib import suppress
from functools import partial

from aiohttp import WSMsgType, web

from inspector.server.hub import Hub, Subscription
from inspector.server.ports import Views
from inspector.store.frames import message, parse
from inspector.store.reader import Reader
from inspector.tasks import Tasks

PING_SECONDS = 15.0
SEND_SECONDS = 20.0
_GOING_AWAY = 1001


class Streams:
    """Serves subscribers; `views` replays, `hub` is live."""

    def __init__(self, views: Views, hub: Hub) -> None:
        self._views = views
        self._hub = hub
        self._tasks = Tasks("stream")
        self._sockets: set[web.WebSocketResponse] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET stream?after=SEQ`; without `after` the stream is live only."""
        after = _position(request.query.get("after"))
        socket = web.WebSocketResponse(compress=False, heartbeat=PING_SECONDS, max_msg_size=4096)
        await socket.prepare(request)
        self._sockets.add(socket)
        sender = self._tasks.start(self._feed(socket, after), "subscriber")
        try:
            # Nothing is expected of a subscriber; reading notices that it went away.
            async for incoming in socket:
                if incoming.type is WSMsgType.ERROR:
                    break
        finally:
            sender.cancel()
            with suppress(asyncio.CancelledError, ConnectionError, TimeoutError):
                await sender
            self._sockets.discard(socket)
        return socket

    async def close(self) -> None:
        """Close every subscriber with 1001."""
        for socket in list(self._sockets):
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(2):
                    await socket.close(code=_GOING_AWAY, message=b"the listener is stopping")
        await self._tasks.stop()

    async def _feed(self, socket: web.WebSocketResponse, after: int | None) -> None:
        news = asyncio.Event()
        subscription = self._hub.subscribe(news.set)
        try:
            last = await self._views.read(Reader.position, fresh=False)
            await _send(
                socket, json.dumps({"v": 1, "kind": "hello", "seq": last, "last_seq": last})
            )
            # What is published from here on is later than `last` or replayed up to it.
            sent = last if after is None else await self._replay(socket, after, last)
            while True:
                sent = await self._live(socket, subscription, news, sent)
        except (ConnectionError, TimeoutError):
            await socket.close()
        finally:
            self._hub.unsubscribe(subscription)

    async def _live(
        self,
        socket: web.WebSocketResponse,
        subscription: Subscription,
        news: asyncio.Event,
        sent: int,
    ) -> int:
        """Send what is queued; the position reached."""
        await news.wait()
        news.clear()
        while (frame := subscription.take()) is not None:
            # An `A` frame and the `C` frame behind it share their position; `R` has an old one.
            if frame.seq > sent or frame.letter == "R" or (frame.seq, frame.letter) == (sent, "C"):
                await _send(socket, message(frame).decode())
                sent = max(sent, frame.seq)
        if subscription.lagged:
            await _send(socket, json.dumps({"v": 1, "kind": "lagged", "seq": sent, "after": sent}))
            subscription.caught_up()
            sent = max(sent, self._hub.last_seq)
        return sent

    async def _replay(self, socket: web.WebSocketResponse, after: int, upto: int) -> int:
        lines = await self._views.read(partial(Reader.changed_at, seq=after), fresh=False)
        reached = after
        while True:
            for line in lines:
                await _send(socket, message(parse(line)).decode())
            if reached >= upto:
                return max(reached, upto)
            reached, lines = await self._views.read(
                partial(Reader.replay, after=reached, upto=upto), fresh=False
            )


async def _send(socket: web.WebSocketResponse, text: str) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await socket.send_str(text)


def _position(text: str | None) -> int | None:
    """The `after` of a request; raises `HTTPBadRequest` for what is no position."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise web.HTTPBadRequest(text="after must be a position")
    return int(text)
