"""The acting half of the API: what is sent, held, let go, marked, made anew."""

import asyncio
import base64
import binascii
import re
import secrets as random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, Marked
from inspector.domain.gap import is_gap, nothing_to
from inspector.domain.headers import Headers, first, replaced
from inspector.domain.routes import parse_target
from inspector.domain.trigger import TriggerRequest
from inspector.errors import NotFoundError, StoreUnavailableError, UsageError
from inspector.providers.triggering import build
from inspector.server.asked import delivery_id, found, model_of
from inspector.server.intake import Intake
from inspector.server.ports import Claim, Forwarder, Journal, Sending, Views
from inspector.store.reader import Reader

# RFC 9110 section 5.6.2, and a target without what would end the request line.
_TOKEN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
_TARGET = r"^[\x21-\x7e\x80-\xff]+$"
MAX_MARK = 40
MAX_NOTE = 2000
# How long an act waits for its fact to be on disk; it will be, but the store has a fault now.
_COMMIT_SECONDS = 5.0


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ResendRequest(_Asked):
    """What `POST resend` takes; any of the last four makes an edited one, a new delivery."""

    to: str | None = Field(default=None, max_length=8192)
    re_sign: bool = False
    wait: bool = False
    instead: bool = False
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


class MarkRequest(_Asked):
    """What `POST mark` takes: None leaves what there is, an empty text takes it away."""

    mark: str | None = Field(default=None, max_length=MAX_MARK)
    note: str | None = Field(default=None, max_length=MAX_NOTE)


class HoldRequest(_Asked):
    """The query of the breakpoint; an empty one takes it away."""

    query: str


class ReleaseRequest(_Asked):
    """Which of the held go: one by its id, all of them, or else the oldest."""

    id: int | None = Field(default=None, ge=0, le=2**62)
    all: bool = False


class Acting:
    """The handlers; the first of the `secrets` signs samples, `reindex` starts what it says."""

    def __init__(
        self,
        views: Views,
        journal: Journal,
        forwarder: Forwarder,
        intake: Intake,
        clock: Callable[[], int],
        secrets: Callable[[], Sequence[str]],
        reindex: Callable[[], Awaitable[None]],
    ) -> None:
        self._views = views
        self._journal = journal
        self._forwarder = forwarder
        self._intake = intake
        self._clock = clock
        self._secrets = secrets
        self._reindex = reindex
        self._marking = asyncio.Lock()

    def routes(self, api: str) -> list[web.RouteDef]:
        return [
            web.post(f"{api}/deliveries/{{id}}/resend", self.post_resend),
            web.post(f"{api}/deliveries/{{id}}/mark", self.post_mark),
            web.post(f"{api}/hold", self.post_hold),
            web.post(f"{api}/release", self.post_release),
            web.post(f"{api}/trigger", self.post_trigger),
            web.post(f"{api}/reindex", self.post_reindex),
        ]

    async def post_resend(self, request: web.Request) -> web.Response:
        """202 at once; with `wait` 200 when every attempt has ended."""
        id_ = delivery_id(request)
        asked = await model_of(request, ResendRequest)
        if asked.instead and not asked.edited:
            raise UsageError("`instead` goes with an edited delivery", "release the held one")
        claim = await self._forwarder.holds.claim(id_) if asked.instead else None
        new_id, sendings = await self._send(id_, asked, claim)
        attempts = [await _attempt(sending, asked.wait) for sending in sendings]
        return web.json_response(
            {"delivery_id": new_id, "attempts": attempts}, status=200 if asked.wait else 202
        )

    async def _send(
        self, id_: int, asked: ResendRequest, claim: Claim | None
    ) -> tuple[int, list[Sending]]:
        """Begin to send it, or what it was edited to; the id of what is sent."""
        original = id_
        sendings: list[Sending] = []
        edited = asked.edited
        try:
            if edited:
                # What is wrong with it must be known before it is in the store.
                if asked.to:
                    parse_target(asked.to)
                id_, asked = await self._capture_edited(id_, asked)
            sendings += await self._forwarder.resend(id_, to=asked.to, re_sign=asked.re_sign)
        except UsageError:
            # It has no target: kept as a new delivery it is all the same, and its id is the answer.
            if not edited or id_ == original:
                raise
        finally:
            if claim and sendings:
                claim.let_go(id_, sendings[0].sent)
            elif claim:
                claim.give_back()
        return id_, sendings

    async def _capture_edited(self, id_: int, asked: ResendRequest) -> tuple[int, ResendRequest]:
        original = await self._views.read(lambda reader: _original(reader, id_))
        edited = _edited(original, asked)
        if asked.re_sign:
            edited = await self._forwarder.signed(edited)
        new_id = await self._intake.keep(self._clock(), edited, "", replay_of=id_)
        return new_id, asked.model_copy(update={"re_sign": False})

    async def post_mark(self, request: web.Request) -> web.Response:
        """Set a delivery's mark, its note, or both."""
        id_ = delivery_id(request)
        asked = await model_of(request, MarkRequest)
        # The fact holds both, so that two who set one each must not meet.
        async with self._marking:
            known = found(await self._views.read(lambda reader: reader.delivery(id_)), id_)
            mark = known.mark if asked.mark is None else asked.mark
            note = known.note if asked.note is None else asked.note
            if (mark, note) != (known.mark, known.note):
                await _committed(self._journal.append(Marked(self._clock(), id_, mark, note)))
        return web.json_response({"delivery_id": id_, "mark": mark, "note": note})

    async def post_hold(self, request: web.Request) -> web.Response:
        """Set the breakpoint, or take it away."""
        asked = await model_of(request, HoldRequest)
        await self._forwarder.holds.hold(asked.query)
        return web.json_response({"breakpoint": self._forwarder.holds.breakpoint})

    async def post_release(self, request: web.Request) -> web.Response:
        """Let held deliveries go to their targets; the ids of those that did."""
        asked = await model_of(request, ReleaseRequest)
        if asked.all and asked.id is not None:
            raise UsageError("either one is released or all are", "leave out `id` or `all`")
        released = await self._forwarder.holds.release(asked.id, every=asked.all)
        return web.json_response({"released": released})

    async def post_trigger(self, request: web.Request) -> web.Response:
        """Take samples in as if a sender had sent them."""
        asked = await model_of(request, TriggerRequest)
        at = self._clock()
        event_id = f"evt_{random.token_hex(8)}"
        sample = build(asked, at=at, event_id=event_id, secret=next(iter(self._secrets()), None))
        id_, answer = await self._intake.take(at, sample, "trigger")
        if not id_:
            raise StoreUnavailableError("the store cannot commit", "see `inspector status`")
        return web.json_response({"delivery_ids": [id_], "answered": answer.status}, status=202)

    async def post_reindex(self, request: web.Request) -> web.Response:
        """Read the kept secrets again, then begin to read the whole history with them."""
        await self._reindex()
        return web.json_response({"ok": True}, status=202)


async def _attempt(sending: Sending, wait: bool) -> dict[str, Any]:
    return (await sending.finished() if wait else sending.attempt).to_json()


def _original(reader: Reader, id_: int) -> Request:
    request = reader.journal.request(id_, refused=False)
    if request is None and (row := reader.delivery(id_)) is not None and is_gap(row):
        raise NotFoundError(nothing_to("edit"))
    return found(request, id_)


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
    if asked.body_b64 is not None and not _right_length(headers, len(body)):
        headers = replaced(headers, [("Content-Length", str(len(body)))])
    return Request(
        asked.method or original.method,
        asked.request_target or original.target,
        original.http_version,
        headers,
        body,
    )


def _right_length(headers: Headers, size: int) -> bool:
    """Whether the headers give the body its size, if only by their silence."""
    length = first(headers, "content-length")
    if length is None:
        return size == 0 or first(headers, "transfer-encoding") is not None
    return length == str(size)


async def _committed(future: "asyncio.Future[Appended]") -> None:
    """Until a fact is on disk; raises `StoreUnavailableError` where that takes too long."""
    await asyncio.wait((future,), timeout=_COMMIT_SECONDS)
    if not future.done():
        raise StoreUnavailableError(
            "the store cannot commit now", "it is tried again until it can; see `inspector status`"
        )
    future.result()
