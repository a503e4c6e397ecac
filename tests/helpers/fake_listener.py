"""A small real listener over a list in memory: the control API and the stream, nothing else."""

import asyncio
import base64
import json
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import WSCloseCode, web

from inspector.domain.attempt import Attempt, Failure
from inspector.domain.delivery import Delivery
from inspector.domain.query import QueryError, matches, parse
from tests.helpers.subjects import FullDelivery
from tests.helpers.summaries import NOW, Content, make_attempt, make_delivery

TOKEN = "test-token"


def _data_of(body: bytes) -> Any:
    try:
        return json.loads(body).get("data")
    except (ValueError, AttributeError, RecursionError):
        return None


@dataclass
class FakeListener:
    """Deliveries by id; `make` invents those of `ids` that were never added.

    Requests are recorded in `calls`. `refuse` makes the next acts fail with that error, `broken`
    any request whose address holds it.
    """

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    make: Callable[[int], Delivery] = make_delivery
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    contents: dict[int, Content] = field(default_factory=dict)
    attempts: dict[int, list[tuple[Attempt, Content]]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    refuse: tuple[int, str, str] | None = None
    outcome: Failure | int = 200
    store_error: str = ""
    index_lag: int = 0
    target_failure: str = ""
    broken: str = ""
    seq: int = 1000
    url: str = ""
    token: str = TOKEN
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    _log: list[dict[str, Any]] = field(default_factory=list)
    _runner: web.AppRunner | None = None

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
        base = "/_inspector"
        app.router.add_get(f"{base}/api/status", self._status)
        app.router.add_get(f"{base}/api/events", self._events)
        app.router.add_get(f"{base}/api/deliveries", self._deliveries)
        app.router.add_get(f"{base}/api/ids", self._ids)
        app.router.add_get(f"{base}/api/deliveries/{{id}}", self._delivery)
        app.router.add_get(f"{base}/api/deliveries/{{id}}/body", self._body)
        app.router.add_get(f"{base}/api/deliveries/{{id}}/attempts", self._attempts)
        app.router.add_post(f"{base}/api/deliveries/{{id}}/resend", self._resend)
        app.router.add_post(f"{base}/api/trigger", self._trigger)
        app.router.add_get(f"{base}/stream", self._stream)
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

    async def add(self, *deliveries: Delivery) -> None:
        """They are captured now."""
        self.hold(*deliveries)
        await self.publish("deliveries", [one.to_json() for one in deliveries])

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
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "the token is missing or wrong", "read NAME-token")
        if self.broken and self.broken in request.path_qs:
            return _error(500, "it broke")
        try:
            answer: web.StreamResponse = await handler(request)
        except QueryError as error:
            return _error(400, error.message, error.hint, error.column)
        return answer

    async def _status(self, request: web.Request) -> web.Response:
        states = Counter(str(one.state) for one in self.deliveries.values())
        ledger = {"received": len(self.ids), "forwarded": states["forwarded"], "balanced": True}
        ledger |= {name: states[name] for name in ("failed", "waiting", "kept", "refused")}
        target = {
            "target": "http://localhost:3000",
            "waiting": 0,
            "sending": 0,
            "retry_in": 3.2 if self.target_failure else None,
            "last_failure": self.target_failure,
        }
        return web.json_response(
            {
                "v": 1,
                "version": "0",
                "pid": 1,
                "url": self.url,
                "control": self.control,
                "db": "/tmp/x.db",
                "targets": [target],
                "ledger": ledger,
                "index_lag": {"facts": self.index_lag},
                "store": {"ok": not self.store_error, "error": self.store_error},
                "last_seq": self.seq,
            }
        )

    async def _events(self, request: web.Request) -> web.Response:
        known = list(self.deliveries.values())
        events = Counter((one.event, one.provider) for one in known)
        return web.json_response(
            {
                "events": [
                    {"event": event, "provider": provider, "count": count}
                    for (event, provider), count in events.items()
                ],
                "states": Counter(str(one.state) for one in known),
                "verdicts": Counter(str(one.verdict) for one in known),
                "duplicates": sum(one.duplicate_of is not None for one in known),
            }
        )

    def _matching(self, request: web.Request) -> Iterable[int]:
        """Ids below `before`, newest first, that match; lazily where a query is asked."""
        text = request.query.get("query", "")
        before = int(request.query.get("before", 2**62))
        end = bisect_left(self.ids, before)
        if not text:
            return memoryview(self.ids)[:end][::-1]
        query = parse(text)
        return (one for one in reversed(self.ids[:end]) if self._match(query, one))

    def _match(self, query: Any, delivery_id: int) -> bool:
        delivery = self.get(delivery_id)
        assert delivery is not None
        content = self.contents.get(delivery_id, Content())
        full = FullDelivery(delivery, content.headers, content.body, _data_of(content.body))
        return matches(query, full, NOW)

    async def _deliveries(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", 50))
        if "after" in request.query:
            start = bisect_right(self.ids, int(request.query["after"]))
            found = list(self.ids[start : start + limit + 1])
        else:
            found = []
            for one in self._matching(request):
                found.append(one)
                if len(found) > limit:
                    break
        more = len(found) > limit
        found = found[:limit]
        items = [delivery.to_json() for one in found if (delivery := self.get(one)) is not None]
        return web.json_response({"items": items, "next": found[-1] if more else None})

    async def _ids(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", 100_000))
        out = array("q")
        for one in self._matching(request):
            out.append(one)
            if len(out) == limit:
                break
        return web.Response(body=out.tobytes(), content_type="application/octet-stream")

    def _found(self, request: web.Request) -> tuple[Delivery, Content]:
        delivery = self.get(int(request.match_info["id"]))
        if delivery is None:
            text = json.dumps({"error": {"code": "not_found", "message": "no such delivery"}})
            raise web.HTTPNotFound(text=text, content_type="application/json")
        return delivery, self.contents.get(delivery.id, Content())

    async def _delivery(self, request: web.Request) -> web.Response:
        delivery, content = self._found(request)
        item = delivery.to_json() | {"headers": content.headers}
        if request.query.get("body") != "0":
            item["body_b64"] = base64.b64encode(content.body).decode()
        return web.json_response(item)

    async def _body(self, request: web.Request) -> web.Response:
        return web.Response(body=self._found(request)[1].body)

    async def _attempts(self, request: web.Request) -> web.Response:
        delivery, _ = self._found(request)
        items = [
            attempt.to_json()
            | {"headers": content.headers, "body_b64": base64.b64encode(content.body).decode()}
            for attempt, content in self.attempts.get(delivery.id, [])
        ]
        return web.json_response({"items": items})

    async def _resend(self, request: web.Request) -> web.Response:
        delivery, _ = self._found(request)
        self.posted.append(await request.json() | {"id": delivery.id})
        if self.refuse is not None:
            return _error(*self.refuse)
        self.seq += 1
        begun = make_attempt(self.seq, delivery.id, status=None, duration_ms=None)
        await self.attempt(begun)
        if isinstance(self.outcome, Failure):
            await self.attempt(replace(begun, failure=self.outcome, duration_ms=1.0))
        else:
            await self.attempt(replace(begun, status=self.outcome, duration_ms=8.2))
        return web.json_response(
            {"delivery_id": delivery.id, "attempts": [begun.to_json()]}, status=202
        )

    async def _trigger(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.posted.append(asked)
        if self.refuse is not None:
            return _error(*self.refuse)
        new = (self.ids[-1] if self.ids else 0) + 1
        await self.add(make_delivery(new, event=asked["event"]))
        return web.json_response({"delivery_ids": [new]}, status=202)

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
async def fake_listener(*deliveries: Delivery) -> AsyncIterator[FakeListener]:
    """A running listener with these deliveries in its store."""
    listener = FakeListener()
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
