"""The reading half of the API: what the UI and the CLI ask of the store."""

import sys
from array import array
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from inspector.domain.delivery import Delivery, Request
from inspector.domain.export import attempt_json, delivery_json, shadow_json
from inspector.domain.query import Query, parse
from inspector.errors import UsageError
from inspector.forward.rebuilt import Rebuild
from inspector.server.asked import delivery_id, found, number
from inspector.server.ports import Views
from inspector.store.reader import Reader
from inspector.store.seen import seen

MAX_LIMIT = 1000
MAX_IDS = 100_000
MAX_STEPS = 1000


class Reading:
    """The handlers; `status` gives the whole of `GET api/status`, `rebuild` what was sent."""

    def __init__(
        self,
        views: Views,
        clock: Callable[[], int],
        status: Callable[[Reader], Mapping[str, Any]],
        rebuild: Rebuild,
    ) -> None:
        self._views = views
        self._clock = clock
        self._status = status
        self._rebuild = rebuild

    def routes(self, api: str) -> list[web.RouteDef]:
        return [
            web.get(f"{api}/status", self.get_status),
            web.get(f"{api}/events", self.get_events),
            web.get(f"{api}/activity", self.get_activity),
            web.get(f"{api}/seen", self.get_seen),
            web.get(f"{api}/deliveries", self.get_deliveries),
            web.get(f"{api}/ids", self.get_ids),
            web.get(f"{api}/duplicates", self.get_duplicates),
            web.get(f"{api}/deliveries/{{id}}", self.get_delivery),
            web.get(f"{api}/deliveries/{{id}}/body", self.get_body),
            web.get(f"{api}/deliveries/{{id}}/attempts", self.get_attempts),
        ]

    async def get_status(self, request: web.Request) -> web.Response:
        return web.json_response(await self._views.read(self._status, fresh=False))

    async def get_events(self, request: web.Request) -> web.Response:
        counts = await self._views.read(Reader.counts, fresh=_fresh(request))
        events = []
        for key, n in sorted(counts.get("event", {}).items()):
            provider, _, event = key.partition("\x1f")
            events.append({"event": event or None, "provider": provider, "count": n})
        return web.json_response(
            {
                "events": events,
                "states": counts.get("state", {}),
                "verdicts": counts.get("verdict", {}),
                "duplicates": counts.get("duplicate", {}).get("", 0),
                "marked": counts.get("marked", {}).get("", 0),
            }
        )

    async def get_activity(self, request: web.Request) -> web.Response:
        """How many were received in each step of so many microseconds, from `since` up to now."""
        since, step = number(request, "since") or 0, number(request, "step")
        now = self._clock()
        if not step:
            raise UsageError(
                "step must be a number of microseconds", "as in ?since=0&step=60000000"
            )
        if (now - since) // step >= MAX_STEPS:
            raise UsageError(f"that is more than {MAX_STEPS} steps", "ask for larger ones")
        buckets = await self._views.read(
            lambda reader: reader.activity(since, now, step), fresh=_fresh(request)
        )
        return web.json_response({"step": step, "buckets": buckets})

    async def get_seen(self, request: web.Request) -> web.Response:
        """JSON paths and header names of the newest few deliveries of each event type."""
        known = await self._views.read(seen)
        return web.json_response({"data": known.data, "headers": known.headers})

    async def get_deliveries(self, request: web.Request) -> web.Response:
        query = parse(request.query.get("query", ""))
        before, after = number(request, "before"), number(request, "after")
        limit = min(number(request, "limit") or 50, MAX_LIMIT)
        now = self._clock()

        def page(reader: Reader) -> list[Delivery]:
            return reader.page(query, now, before=before, after=after, limit=limit)

        items = await self._views.read(page)
        return web.json_response(
            {
                "items": [delivery.to_json() for delivery in items],
                "next": items[-1].id if len(items) == limit else None,
            }
        )

    async def get_ids(self, request: web.Request) -> web.Response:
        """Matching ids, newest first, as little-endian 64-bit numbers."""
        return await self._numbers(request, Reader.ids)

    async def get_duplicates(self, request: web.Request) -> web.Response:
        """The same of matching redeliveries, each followed by the id of the first of its event."""
        return await self._numbers(request, Reader.duplicates)

    async def _numbers(self, request: web.Request, read: "_Numbers") -> web.Response:
        query = parse(request.query.get("query", ""))
        before, after = number(request, "before"), number(request, "after")
        limit = min(number(request, "limit") or MAX_IDS, MAX_IDS)
        now = self._clock()
        ids = await self._views.read(
            lambda reader: read(reader, query, now, before=before, after=after, limit=limit)
        )
        return web.Response(body=_little_endian(ids), content_type="application/octet-stream")

    async def get_delivery(self, request: web.Request) -> web.Response:
        id_ = delivery_id(request)
        body = request.query.get("body") != "0"

        def load(reader: Reader) -> dict[str, Any]:
            delivery = found(reader.delivery(id_), id_)
            captured = reader.journal.request(id_, body=body)
            raw = b"" if captured or not body else reader.journal.raw_refusal(id_)
            return delivery_json(delivery, captured, body=body, raw=raw)

        return web.json_response(await self._views.read(load))

    async def get_body(self, request: web.Request) -> web.Response:
        id_ = delivery_id(request)

        def load(reader: Reader) -> bytes:
            found(reader.delivery(id_), id_)
            captured = reader.journal.request(id_)
            return captured.body if captured else reader.journal.raw_refusal(id_)

        # A body is data: no browser shall take it for a page.
        return web.Response(
            body=await self._views.read(load),
            content_type="application/octet-stream",
            headers={"X-Content-Type-Options": "nosniff"},
        )

    async def get_attempts(self, request: web.Request) -> web.Response:
        """The attempts with what was answered, and in `request` the head of what was sent; in
        `shadows` what the apps of other consumers said."""
        id_ = delivery_id(request)

        def load(reader: Reader) -> dict[str, Any]:
            delivery = found(reader.delivery(id_), id_)
            responses = reader.journal.responses(id_)
            captured = reader.journal.request(id_, body=False, refused=False)
            items = []
            for each in reader.attempts(id_):
                item = attempt_json(each, responses.get(each.id))
                sent = captured and self._rebuild(captured, delivery, each)
                items.append({**item, "request": sent and _head_json(sent)})
            shadows = [shadow_json(each) for each in reader.journal.shadows(id_)]
            return {"items": items, "shadows": shadows}

        return web.json_response(await self._views.read(load))


class _Numbers(Protocol):
    def __call__(
        self,
        reader: Reader,
        query: Query,
        now: int,
        /,
        *,
        before: int | None,
        after: int | None,
        limit: int,
    ) -> "array[int]": ...


def _head_json(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "request_target": request.target,
        "headers": [list(pair) for pair in request.headers],
    }


def _fresh(request: web.Request) -> bool:
    """Whether the answer waits for the index: figures that are drawn all the time need not."""
    return request.query.get("fresh") != "0"


def _little_endian(ids: "array[int]") -> bytes:
    if sys.byteorder == "big":
        ids.byteswap()
    return ids.tobytes()
