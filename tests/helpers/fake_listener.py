"""A small real listener over a list in memory: the control API and the stream, nothing else."""

import asyncio
import json
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, web

from inspector.domain.attempt import Attempt, Failure
from inspector.domain.delivery import Delivery, State
from inspector.domain.query import QueryError, parse
from tests.helpers.fake_acting import Acting, RefusedError
from tests.helpers.fake_reading import Reading
from tests.helpers.summaries import Content, make_delivery

TOKEN = "test-token"


@dataclass
class FakeListener:
    """Deliveries by id; `make` invents those of `ids` that were never added.

    Requests are recorded in `calls`. `refuse` makes the next acts fail with that error, `broken`
    any request whose address holds it. `windows`, if given, lets searches for ids go on, as many
    requests as it has permits. `frozen` keeps every answer back until it is set.
    """

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    make: Callable[[int], Delivery] = make_delivery
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    contents: dict[int, Content] = field(default_factory=dict)
    attempts: dict[int, list[tuple[Attempt, Content]]] = field(default_factory=dict)
    shadows: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    refuse: tuple[int, str, str] | None = None
    outcome: Failure | int = 200
    store_error: str = ""
    index_lag: int = 0
    target_failure: str = ""
    not_configured: dict[str, int] = field(default_factory=dict)
    broken: str = ""
    windows: asyncio.Semaphore | None = None
    frozen: asyncio.Event | None = None
    breakpoint: str = ""
    relay: dict[str, Any] | None = None
    seq: int = 1000
    url: str = ""
    token: str = TOKEN
    secrets: tuple[str, ...] = ()
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    _log: list[dict[str, Any]] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.reading = Reading(self)

    @property
    def control(self) -> str:
        return f"{self.url}/_inspector"

    @property
    def streams(self) -> int:
        """How many clients read the stream."""
        return len(self.sockets)

    # Life ----------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        app = web.Application(middlewares=[self._guard])
        app.add_routes([*self.reading.routes(), *Acting(self).routes()])
        app.router.add_get("/_inspector/stream", self._stream)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self.drop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def drop(self) -> None:
        """Cut every stream."""
        for socket in list(self.sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    # What happens --------------------------------------------------------------------------

    def hold(self, *deliveries: Delivery) -> None:
        """They are in the store already, with no word to the stream."""
        for delivery in deliveries:
            self.deliveries[delivery.id] = delivery
            if not self.ids or delivery.id > self.ids[-1]:
                self.ids.append(delivery.id)

    async def add(self, *deliveries: Delivery, held: bool = True) -> None:
        """They are captured now; with a breakpoint, what matches is held (unless not `held`)."""
        self.hold(*deliveries)
        if self.breakpoint and held:
            query = parse(self.breakpoint)
            for one in deliveries:
                if self.reading.match(query, one.id):
                    self.deliveries[one.id] = one._replace(
                        state=State.HELD,
                        state_reason=self.breakpoint,
                        attempts=0,
                        last_status=None,
                        last_duration_ms=None,
                    )
        await self.publish("deliveries", [self.deliveries[one.id].to_json() for one in deliveries])

    async def change(self, *deliveries: Delivery) -> None:
        """Deliveries that are in the store already have changed to these."""
        self.hold(*deliveries)
        await self.publish("changes", [one.to_json() for one in deliveries])

    async def attempt(self, attempt: Attempt, content: Content | None = None) -> None:
        """An attempt began or ended."""
        kept = self.attempts.setdefault(attempt.delivery_id, [])
        kept[:] = [pair for pair in kept if pair[0].id != attempt.id]
        kept.append((attempt, content or Content(body=b"ok", headers=())))
        await self.publish("attempts", [attempt.to_json()])

    async def shadow(self, delivery_id: int, item: dict[str, Any]) -> None:
        """The app of another consumer answered; `item` is what the API tells of it."""
        self.shadows.setdefault(delivery_id, []).append(item)
        known = self.get(delivery_id)
        assert known is not None
        await self.publish("changes", [known.to_json()])

    async def publish(self, kind: str, items: list[dict[str, Any]]) -> None:
        self.seq += 1
        frame = {"v": 1, "kind": kind, "seq": self.seq, "items": items}
        self._log.append(frame)
        await self.say(frame)

    async def say(self, frame: dict[str, Any]) -> None:
        """A frame to everybody, as it is."""
        for socket in list(self.sockets):
            await socket.send_str(json.dumps(frame))

    def get(self, delivery_id: int) -> Delivery | None:
        found = self.deliveries.get(delivery_id)
        if found is None and delivery_id > 0:
            at = bisect_left(self.ids, delivery_id)
            if at < len(self.ids) and self.ids[at] == delivery_id:
                return self.make(delivery_id)
        return found

    # The API -------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append((request.method, request.path_qs.removeprefix("/_inspector/")))
        if self.frozen is not None:
            await self.frozen.wait()
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "the token is missing or wrong", "read NAME-token")
        if self.broken and self.broken in request.path_qs:
            return _error(500, "it broke")
        try:
            answer: web.StreamResponse = await handler(request)
        except RefusedError:
            assert self.refuse is not None
            return _error(*self.refuse)
        except QueryError as error:
            return _error(400, error.message, error.hint, error.column)
        return answer

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        after = int(request.query.get("after", self.seq))
        await socket.send_str(json.dumps({"v": 1, "kind": "hello", "seq": 0, "last_seq": self.seq}))
        for frame in [one for one in self._log if one["seq"] > after]:
            await socket.send_str(json.dumps(frame))
        self.sockets.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            self.sockets.discard(socket)
        return socket


def _error(status: int, message: str, hint: str = "", column: int | None = None) -> web.Response:
    error = {"code": "refused", "message": message, "hint": hint, "column": column}
    return web.json_response({"error": error}, status=status)


@asynccontextmanager
async def fake_listener(
    *deliveries: Delivery, listener: FakeListener | None = None
) -> AsyncIterator[FakeListener]:
    """A running listener with these deliveries in its store."""
    listener = listener or FakeListener()
    listener.hold(*deliveries)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


async def main(rows: int, port: int, rate: float) -> None:
    """Serve `rows` invented deliveries, and `rate` new ones a second, for trying the UI by hand."""
    listener = FakeListener(ids=array("q", range(1, rows + 1)))
    listener.seq = rows
    await listener.start(port)
    print(f"{listener.control} {listener.token}", flush=True)
    while True:
        await asyncio.sleep(0.1)
        count = round(rate / 10)
        if count:
            new = listener.ids[-1] + 1 if listener.ids else 1
            await listener.add(*(make_delivery(new + one) for one in range(count)))


if __name__ == "__main__":
    import sys

    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
