"""The HTTP API under `/_inspector/api/`: everything that the UI and the CLI ask of a listener."""

import asyncio
import base64
import binascii
import re
import secrets as random
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspector.domain.delivery import Delivery, Request
from inspector.domain.envelope import Check, Signature
from inspector.domain.export import attempt_json, delivery_json
from inspector.domain.headers import Headers, replaced
from inspector.domain.query import parse
from inspector.domain.trigger import TriggerRequest
from inspector.errors import NotFoundError, StoreUnavailableError, UsageError
from inspector.providers import explained
from inspector.providers.triggering import build
from inspector.server.intake import Intake
from inspector.server.ports import Forwarder, Sending, Views
from inspector.store.reader import Reader

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

MAX_LIMIT = 1000
# RFC 9110 section 5.6.2, and a target without what would end the request line.
_TOKEN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
_TARGET = r"^[\x21-\x7e\x80-\xff]+$"
MAX_IDS = 100_000


class ResendRequest(BaseModel):
    """What `POST resend` takes; any of the last four makes an edited one, a new delivery."""

    model_config = ConfigDict(extra="forbid")

    to: str | None = Field(default=None, max_length=8192)
    re_sign: bool = False
    wait: bool = False
    method: str | None = Field(default=None, max_length=32, pattern=_TOKEN)
    request_target: str | None = Field(default=None, max_length=65536, pattern=_TARGET)
    headers: list[tuple[str, str]] | None = None
    body_b64: str | None = None

    @property
    def edited(self) -> bool:
        return any(
            value is not None
            for value in (self.method, self.request_target, self.headers, self.body_b64)
        )


class Control:
    """The handlers; `status` gives the whole of `GET api/status`, `rebuild` starts a reindex."""

    def __init__(
        self,
        views: Views,
        forwarder: Forwarder,
        intake: Intake,
        clock: Callable[[], int],
        secrets: Sequence[str],
        status: Callable[[Reader], Mapping[str, Any]],
        rebuild: Callable[[], None],
    ) -> None:
        self._views = views
        self._forwarder = forwarder
        self._intake = intake
        self._clock = clock
        self._secrets = secrets
        self._explaining = asyncio.Lock()
        self._status = status
        self._rebuild = rebuild

    def routes(self) -> list[web.RouteDef]:
        api = "/_inspector/api"
        return [
            web.get("/_inspector/healthz", self.healthz),
            web.get(f"{api}/status", self.get_status),
            web.get(f"{api}/events", self.get_events),
            web.get(f"{api}/deliveries", self.get_deliveries),
            web.get(f"{api}/ids", self.get_ids),
            web.get(f"{api}/deliveries/{{id}}", self.get_delivery),
            web.get(f"{api}/deliveries/{{id}}/body", self.get_body),
            web.get(f"{api}/deliveries/{{id}}/attempts", self.get_attempts),
            web.get(f"{api}/deliveries/{{id}}/signature", self.get_signature),
            web.post(f"{api}/deliveries/{{id}}/resend", self.post_resend),
            web.post(f"{api}/trigger", self.post_trigger),
            web.post(f"{api}/reindex", self.post_reindex),
        ]

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def get_status(self, request: web.Request) -> web.Response:
        return web.json_response(await self._views.read(self._status, fresh=False))

    async def get_events(self, request: web.Request) -> web.Response:
        counts = await self._views.read(Reader.counts)
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
            }
        )

    async def get_deliveries(self, request: web.Request) -> web.Response:
        query = parse(request.query.get("query", ""))
        before, after = _number(request, "before"), _number(request, "after")
        limit = min(_number(request, "limit") or 50, MAX_LIMIT)
        now = self._clock()

        def page(reader: Reader) -> list[Delivery]:
            return reader.page(query, now, before=before, after=after, limit=limit)

        found = await self._views.read(page)
        return web.json_response(
            {
                "items": [delivery.to_json() for delivery in found],
                "next": found[-1].id if len(found) == limit else None,
            }
        )

    async def get_ids(self, request: web.Request) -> web.Response:
        """Matching ids, newest first, as little-endian 64-bit numbers."""
        query = parse(request.query.get("query", ""))
        before = _number(request, "before")
        limit = min(_number(request, "limit") or MAX_IDS, MAX_IDS)
        now = self._clock()
        ids = await self._views.read(
            lambda reader: reader.ids(query, now, before=before, limit=limit)
        )
        return web.Response(body=_little_endian(ids), content_type="application/octet-stream")

    async def get_delivery(self, request: web.Request) -> web.Response:
        id_ = _delivery_id(request)
        body = request.query.get("body") != "0"

        def load(reader: Reader) -> dict[str, Any]:
            delivery = _found(reader.delivery(id_), id_)
            return delivery_json(delivery, reader.journal.request(id_, body=body), body=body)

        return web.json_response(await self._views.read(load))

    async def get_body(self, request: web.Request) -> web.Response:
        id_ = _delivery_id(request)

        def load(reader: Reader) -> bytes:
            _found(reader.delivery(id_), id_)
            captured = reader.journal.request(id_)
            return captured.body if captured else reader.journal.raw_refusal(id_)

        # A body is data: no browser shall take it for a page.
        return web.Response(
            body=await self._views.read(load),
            content_type="application/octet-stream",
            headers={"X-Content-Type-Options": "nosniff"},
        )

    async def get_attempts(self, request: web.Request) -> web.Response:
        id_ = _delivery_id(request)

        def load(reader: Reader) -> list[dict[str, Any]]:
            _found(reader.delivery(id_), id_)
            responses = reader.journal.responses(id_)
            return [attempt_json(each, responses.get(each.id)) for each in reader.attempts(id_)]

        return web.json_response({"items": await self._views.read(load)})

    async def get_signature(self, request: web.Request) -> web.Response:
        """The verdict by the listener's secrets, which stay here, and what was checked for it."""
        id_ = _delivery_id(request)

        def load(reader: Reader) -> tuple[Delivery, Request | None]:
            return _found(reader.delivery(id_), id_), reader.journal.request(id_, refused=False)

        delivery, captured = await self._views.read(load)
        checks: tuple[Check, ...] = ()
        if captured is None:
            signature = Signature(delivery.verdict, delivery.reason)
        else:
            # One at a time: it may take a second of a processor, which captures need as well.
            async with self._explaining:
                signature, checks = await asyncio.to_thread(
                    explained, captured, self._secrets, delivery.received_at, delivery.verdict
                )
        told = [check._asdict() for check in checks]
        return web.json_response({**signature._asdict(), "checks": told})

    async def post_resend(self, request: web.Request) -> web.Response:
        """202 at once; with `wait` 200 when every attempt has ended."""
        id_ = _delivery_id(request)
        asked = await _json(request, ResendRequest)
        if asked.edited:
            id_, asked = await self._capture_edited(id_, asked)
        sendings = await self._forwarder.resend(id_, to=asked.to, re_sign=asked.re_sign)
        attempts = [await _attempt(sending, asked.wait) for sending in sendings]
        return web.json_response(
            {"delivery_id": id_, "attempts": attempts}, status=200 if asked.wait else 202
        )

    async def _capture_edited(self, id_: int, asked: ResendRequest) -> tuple[int, ResendRequest]:
        original = await self._views.read(lambda reader: reader.journal.request(id_, refused=False))
        edited = _edited(_found(original, id_), asked)
        if asked.re_sign:
            edited = self._forwarder.signed(edited)
        new_id = await self._intake.keep(self._clock(), edited, "", replay_of=id_)
        return new_id, asked.model_copy(update={"re_sign": False})

    async def post_trigger(self, request: web.Request) -> web.Response:
        """Take samples in as if a sender had sent them."""
        asked = await _json(request, TriggerRequest)
        at = self._clock()
        secret = self._secrets[0] if self._secrets else None
        sample = build(asked, at=at, event_id=f"evt_{random.token_hex(8)}", secret=secret)
        id_, answer = await self._intake.take(at, sample, "trigger")
        if not id_:
            raise StoreUnavailableError("the store cannot commit", "see `inspector status`")
        return web.json_response({"delivery_ids": [id_], "answered": answer.status}, status=202)

    async def post_reindex(self, request: web.Request) -> web.Response:
        self._rebuild()
        return web.json_response({"ok": True}, status=202)


async def _attempt(sending: Sending, wait: bool) -> dict[str, Any]:
    return (await sending.finished() if wait else sending.attempt).to_json()


def _edited(original: Request, asked: ResendRequest) -> Request:
    try:
        given = asked.body_b64
        body = original.body if given is None else base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise UsageError("body_b64 is not base64") from error
    headers: Headers = original.headers if asked.headers is None else tuple(asked.headers)
    for name, value in headers:
        if not re.fullmatch(_TOKEN, name) or any(ord(c) > 255 or c in "\r\n\0" for c in value):
            raise UsageError(f"{name!r} is not a header", "a name is a token, a value Latin-1 text")
    if asked.body_b64 is not None:
        headers = replaced(headers, [("Content-Length", str(len(body)))])
    return Request(
        asked.method or original.method,
        asked.request_target or original.target,
        original.http_version,
        headers,
        body,
    )


async def _json(request: web.Request, model: type[M]) -> M:
    """The body as a model; an empty body is an empty object."""
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{where or 'the body'}: {first['msg']}") from error


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise UsageError(f"{name} must be a number")
    return int(text)


def _delivery_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise NotFoundError(f"there is no delivery {text[:20]!r}")
    return int(text)


def _found(value: T | None, delivery_id: int) -> T:
    if value is None:
        raise NotFoundError(
            f"there is no delivery {delivery_id}", "it may have been pruned; see `inspector list`"
        )
    return value


def _little_endian(ids: "array[int]") -> bytes:
    if sys.byteorder == "big":
        ids.byteswap()
    return ids.tobytes()
