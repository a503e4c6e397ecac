"""The reading half of the fake listener's API."""

import base64
import json
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from inspector.domain.delivery import Delivery, Request
from inspector.domain.headers import Headers
from inspector.domain.jsonpaths import paths
from inspector.domain.query import matches, parse
from inspector.providers import explained
from tests.helpers.summaries import NOW, Content

if TYPE_CHECKING:
    from tests.helpers.fake_listener import FakeListener

_EVERYTHING = 2**62


class Reading:
    """Answers from what the fake holds; the invented ones of `make` are no part of the counts."""

    def __init__(self, fake: "FakeListener") -> None:
        self._fake = fake

    def routes(self) -> list[web.RouteDef]:
        api = "/_inspector/api"
        return [
            web.get(f"{api}/status", self.status),
            web.get(f"{api}/events", self.events),
            web.get(f"{api}/activity", self.activity),
            web.get(f"{api}/seen", self.seen),
            web.get(f"{api}/deliveries", self.deliveries),
            web.get(f"{api}/ids", self.ids),
            web.get(f"{api}/duplicates", self.duplicates),
            web.get(f"{api}/deliveries/{{id}}", self.delivery),
            web.get(f"{api}/deliveries/{{id}}/body", self.body),
            web.get(f"{api}/deliveries/{{id}}/attempts", self.attempts),
            web.get(f"{api}/deliveries/{{id}}/signature", self.signature),
        ]

    async def status(self, request: web.Request) -> web.Response:
        fake = self._fake
        states = Counter(str(one.state) for one in fake.deliveries.values())
        received = len(fake.ids) - states["gap"]
        ledger = {"received": received, "forwarded": states["forwarded"], "balanced": True}
        ledger |= {"gaps": states["gap"]}
        names = ("failed", "waiting", "held", "filtered", "kept", "refused")
        ledger |= {name: states[name] for name in names}
        target = {
            "target": "http://localhost:3000",
            "waiting": 0,
            "sending": 0,
            "retry_in": 3.2 if fake.target_failure else None,
            "last_failure": fake.target_failure,
        }
        return web.json_response(
            {
                "v": 1,
                "version": "0",
                "pid": 1,
                "url": fake.url,
                "control": fake.control,
                "db": "/tmp/x.db",
                "targets": [target],
                "not_configured": fake.not_configured,
                "breakpoint": fake.breakpoint,
                "relay": fake.relay,
                "ledger": ledger,
                "index_lag": {"facts": fake.index_lag},
                "store": {"ok": not fake.store_error, "error": fake.store_error},
                "last_seq": fake.seq,
            }
        )

    async def events(self, request: web.Request) -> web.Response:
        known = list(self._fake.deliveries.values())
        deliveries = [one for one in known if one.state not in ("refused", "gap")]
        events = Counter((one.event, one.provider) for one in deliveries)
        return web.json_response(
            {
                "events": [
                    {"event": event, "provider": provider, "count": count}
                    for (event, provider), count in events.items()
                ],
                "states": Counter(str(one.state) for one in known),
                "verdicts": Counter(str(one.verdict) for one in deliveries),
                "duplicates": sum(one.duplicate_of is not None for one in known),
                "marked": sum(one.mark != "" for one in known),
            }
        )

    async def activity(self, request: web.Request) -> web.Response:
        since, step = int(request.query["since"]), int(request.query["step"])
        times = [one.received_at for one in self._fake.deliveries.values()]
        counts = Counter(at // step * step for at in times if at >= since)
        return web.json_response({"step": step, "buckets": sorted(counts.items())})

    async def seen(self, request: web.Request) -> web.Response:
        data: dict[str, None] = {}
        names: dict[str, None] = {}
        for id_ in self._fake.deliveries:
            content = self._fake.contents.get(id_, Content())
            data |= dict.fromkeys(paths(_data_of(content.body)))
            names |= dict.fromkeys(name.lower() for name, _ in content.headers)
        return web.json_response({"data": sorted(data), "headers": sorted(names)})

    def _matching(self, request: web.Request) -> Iterable[int]:
        """Ids between `after` and `before`, newest first, that match; lazily for a query."""
        fake, text = self._fake, request.query.get("query", "")
        start = bisect_right(fake.ids, int(request.query.get("after", -1)))
        end = bisect_left(fake.ids, int(request.query.get("before", _EVERYTHING)))
        if not text:
            return memoryview(fake.ids)[start:end][::-1]
        query = parse(text)
        return (one for one in reversed(fake.ids[start:end]) if self.match(query, one))

    def match(self, query: Any, delivery_id: int) -> bool:
        delivery = self._fake.get(delivery_id)
        assert delivery is not None
        content = self._fake.contents.get(delivery_id, Content())
        full = _Subject(delivery, content.headers, content.body)
        return matches(query, full, NOW)

    async def deliveries(self, request: web.Request) -> web.Response:
        fake, limit = self._fake, int(request.query.get("limit", 50))
        if "after" in request.query:
            start = bisect_right(fake.ids, int(request.query["after"]))
            found = list(fake.ids[start : start + limit + 1])
        else:
            found = []
            for one in self._matching(request):
                found.append(one)
                if len(found) > limit:
                    break
        more = len(found) > limit
        found = found[:limit]
        items = [delivery.to_json() for one in found if (delivery := fake.get(one)) is not None]
        return web.json_response({"items": items, "next": found[-1] if more else None})

    async def ids(self, request: web.Request) -> web.Response:
        if self._fake.windows is not None and request.query.get("query"):
            await self._fake.windows.acquire()
        limit = int(request.query.get("limit", 100_000))
        out = array("q")
        for one in self._matching(request):
            out.append(one)
            if len(out) == limit:
                break
        return _numbers(out)

    async def duplicates(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", 100_000))
        out = array("q")
        for one in self._matching(request):
            # Whoever asks for a million invented deliveries wants none of them made here.
            delivery = self._fake.deliveries.get(one)
            if delivery is not None and delivery.duplicate_of is not None:
                out.extend((one, delivery.duplicate_of))
                if len(out) == 2 * limit:
                    break
        return _numbers(out)

    def found(self, request: web.Request) -> tuple[Delivery, Content]:
        delivery = self._fake.get(int(request.match_info["id"]))
        if delivery is None:
            text = json.dumps({"error": {"code": "notfound", "message": "no such delivery"}})
            raise web.HTTPNotFound(text=text, content_type="application/json")
        return delivery, self._fake.contents.get(delivery.id, Content())

    async def delivery(self, request: web.Request) -> web.Response:
        delivery, content = self.found(request)
        item = delivery.to_json() | {"headers": content.headers}
        if request.query.get("body") != "0":
            item["body_b64"] = base64.b64encode(content.body).decode()
        return web.json_response(item)

    async def body(self, request: web.Request) -> web.Response:
        return web.Response(body=self.found(request)[1].body)

    async def attempts(self, request: web.Request) -> web.Response:
        delivery, content = self.found(request)
        items = [
            attempt.to_json()
            | {"headers": answer.headers, "body_b64": base64.b64encode(answer.body).decode()}
            | {"request": _sent(delivery, content, attempt.number)}
            for attempt, answer in self._fake.attempts.get(delivery.id, [])
        ]
        shadows = self._fake.shadows.get(delivery.id, [])
        return web.json_response({"items": items, "shadows": shadows})

    async def signature(self, request: web.Request) -> web.Response:
        delivery, content = self.found(request)
        captured = Request(
            delivery.method, delivery.request_target, "1.1", content.headers, content.body
        )
        signature, checks = explained(
            captured, self._fake.secrets, delivery.received_at, delivery.verdict
        )
        told = [check._asdict() for check in checks]
        return web.json_response({**signature._asdict(), "checks": told})


def _sent(delivery: Delivery, content: Content, number: int) -> dict[str, Any]:
    ours = (("Inspector-Delivery", str(delivery.id)), ("Inspector-Attempt", str(number)))
    return {
        "method": delivery.method,
        "request_target": delivery.request_target,
        "headers": (("Host", "localhost:3000"), *content.headers, *ours),
    }


def _numbers(found: "array[int]") -> web.Response:
    return web.Response(body=found.tobytes(), content_type="application/octet-stream")


@dataclass(frozen=True)
class _Subject:
    """What a query looks at; the body is read only for a query that asks for its data."""

    delivery: Delivery
    headers: Headers
    body: bytes

    @property
    def data(self) -> Any:
        return _data_of(self.body)


def _data_of(body: bytes) -> Any:
    try:
        return json.loads(body).get("data")
    except (ValueError, AttributeError, RecursionError):
        return None
