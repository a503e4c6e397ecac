"""The acting half of the fake listener's API."""

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from inspector.domain.attempt import Attempt, Failure
from inspector.domain.delivery import Delivery, State
from inspector.domain.query import parse
from tests.helpers.summaries import Content, make_attempt, make_delivery

if TYPE_CHECKING:
    from tests.helpers.fake_listener import FakeListener


class Acting:
    """Does at once what the real listener takes a moment for, and tells the stream alike.

    What is asked is in the fake's `posted`; its `refuse` turns the act away.
    """

    def __init__(self, fake: "FakeListener") -> None:
        self._fake = fake

    def routes(self) -> list[web.RouteDef]:
        api = "/_inspector/api"
        return [
            web.post(f"{api}/deliveries/{{id}}/resend", self.resend),
            web.post(f"{api}/deliveries/{{id}}/mark", self.mark),
            web.post(f"{api}/hold", self.hold),
            web.post(f"{api}/release", self.release),
            web.post(f"{api}/trigger", self.trigger),
            web.post(f"{api}/primary", self.primary),
        ]

    async def _asked(self, request: web.Request, **more: Any) -> dict[str, Any]:
        asked: dict[str, Any] = await request.json()
        self._fake.posted.append(asked | more)
        if self._fake.refuse is not None:
            raise RefusedError
        return asked

    async def resend(self, request: web.Request) -> web.Response:
        original, content = self._fake.reading.found(request)
        asked = await self._asked(request, id=original.id)
        delivery = original
        if "headers" in asked:
            delivery = await self._edited(original, content, asked)
        begun, ended = await self._send(delivery, to=asked.get("to"))
        if asked.get("instead"):
            reason = f"edited and sent as #{delivery.id}"
            await self._fake.change(original._replace(state=State.FILTERED, state_reason=reason))
        return web.json_response(
            {
                "delivery_id": delivery.id,
                "attempts": [(ended if asked.get("wait") else begun).to_json()],
            },
            status=200 if asked.get("wait") else 202,
        )

    async def _edited(
        self, original: Delivery, content: Content, asked: dict[str, Any]
    ) -> Delivery:
        body = base64.b64decode(asked.get("body_b64") or "")
        new = original._replace(
            id=self._next(),
            method=asked["method"],
            request_target=asked["request_target"],
            body_size=len(body),
            state=State.KEPT,
            answered=None,
            replay_of=original.id,
            duplicate_of=None,
            mark="",
            note="",
        )
        headers = tuple((name, value) for name, value in asked["headers"])
        self._fake.contents[new.id] = Content(headers, body)
        await self._fake.add(new, held=False)
        return new

    async def _send(self, delivery: Delivery, to: str | None = None) -> tuple[Attempt, Attempt]:
        """One attempt, as it began and as it ended."""
        fake = self._fake
        fake.seq += 1
        begun = make_attempt(
            fake.seq, delivery.id, status=None, duration_ms=None, chosen=to is None
        )
        begun = begun if to is None else replace(begun, target=to)
        await fake.attempt(begun)
        if isinstance(fake.outcome, Failure):
            ended = replace(begun, failure=fake.outcome, duration_ms=1.0)
        else:
            ended = replace(begun, status=fake.outcome, duration_ms=8.2)
        await fake.attempt(ended)
        if to is None and delivery.state in (State.HELD, State.WAITING, State.FAILED, State.KEPT):
            state = State.FAILED if ended.failure else State.FORWARDED
            await fake.change(
                delivery._replace(
                    state=state,
                    state_reason="",
                    attempts=delivery.attempts + 1,
                    last_status=ended.status,
                    last_failure=ended.failure.reason if ended.failure else None,
                    last_duration_ms=ended.duration_ms,
                )
            )
        return begun, ended

    async def mark(self, request: web.Request) -> web.Response:
        delivery, _ = self._fake.reading.found(request)
        asked = await self._asked(request, id=delivery.id)
        given = {name: asked[name] for name in ("mark", "note") if asked.get(name) is not None}
        marked = delivery._replace(**given)
        await self._fake.change(marked)
        return web.json_response(
            {"delivery_id": marked.id, "mark": marked.mark, "note": marked.note}
        )

    async def hold(self, request: web.Request) -> web.Response:
        query = (await self._asked(request))["query"]
        parse(query)
        self._fake.breakpoint = query
        return web.json_response({"breakpoint": query})

    async def release(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        known = self._fake.deliveries
        held = sorted(id_ for id_, one in known.items() if one.state is State.HELD)
        if "id" in asked:
            released = [asked["id"]] if asked["id"] in held else []
        else:
            released = held if asked.get("all") else held[:1]
        for id_ in released:
            waiting = known[id_]._replace(state=State.WAITING, state_reason="")
            await self._fake.change(waiting)
            await self._send(waiting)
        return web.json_response({"released": released})

    async def trigger(self, request: web.Request) -> web.Response:
        asked = await self._asked(request)
        new = self._next()
        await self._fake.add(make_delivery(new, event=asked["event"]))
        return web.json_response({"delivery_ids": [new]}, status=202)

    async def primary(self, request: web.Request) -> web.Response:
        await self._asked(request)
        relay = self._fake.relay
        assert relay is not None
        team = [one | {"primary": one["you"]} for one in relay.get("team") or ()]
        self._fake.relay = relay | {"primary": True, "team": team}
        return web.json_response({"primary": True})

    def _next(self) -> int:
        return (self._fake.ids[-1] if self._fake.ids else 0) + 1


class RefusedError(Exception):
    """The fake was told to refuse."""
