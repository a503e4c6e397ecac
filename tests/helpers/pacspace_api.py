"""A local stand-in of PacSpace's APIs, made from its documentation: never the real service.

with PacSpaceApi() as api:
    ... run a command with --dashboard-url api.url ...
    api.fail(429, {"message": "slow down"}, {"Retry-After": "1"})   # the next answer, whatever for
    api.deliver("delta.verified")                                   # signed, to the newest webhook

Both generations of the dashboard are one server: a bearer token is answered by the first, cookies
by the second, which wants its CSRF header on a POST. It runs in a thread of its own.
"""

import asyncio
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from inspector.providers.pacspace import PACSPACE
from tests.helpers.listener import PATIENCE, Answer, send

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.Qm9ndXMgc2lnbmF0dXJl"
SESSION = "s%3Aq0Zr8kJ2pXv7Yw1n"
KEY = "pk_test_a1b2c3.S3cr3tPartOfTheKey"
CREATED = "2026-02-11T10:30:00.000Z"
PATH = "/dashboard/webhooks"

Fault = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came; `path` is not decoded, header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class PacSpaceApi:
    """`bare` leaves the wrapper out, `word` is how a webhook says that it is enabled, `page` how
    many are in a page of the second generation's list. `faults` are used one a request."""

    bare: bool = False
    word: str = "enabled"
    page: int = 20
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    faults: deque[Fault | None] = field(default_factory=deque)
    port: int = 0

    def __post_init__(self) -> None:
        self._news = threading.Condition()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    @property
    def created(self) -> list[Asked]:
        """Every request to make a webhook."""
        return [each for each in self.asked if (each.method, each.path) == ("POST", PATH)]

    def cookies(self, folder: Path, *more: str) -> Path:
        """A cookie file of somebody who is logged in, and further lines."""
        lines = ["# Netscape HTTP Cookie File", ""]
        lines += [f"#HttpOnly_localhost\tFALSE\t/\tFALSE\t0\tpacspace_session\t{SESSION}", *more]
        path = folder / "cookies.txt"
        path.write_text("\n".join(lines) + "\n")
        return path

    def add(self, url: str, **more: Any) -> dict[str, Any]:
        """A webhook that somebody made, with a secret that nobody knows here."""
        number = len(self.webhooks) + 1
        webhook = {"id": f"wh_{number}", "url": url, self.word: True, "createdAt": CREATED, **more}
        self.webhooks.append(webhook)
        self.secrets[webhook["id"]] = f"whsec_{number}_0fT3nR3peated{number}"
        return webhook

    def fail(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Self:
        """The next answer has this status and body (bytes as they are, anything else as JSON)."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def failed(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=status, body=data, headers=headers)

        self.faults.append(failed)
        return self

    def then(self, *faults: Fault | None) -> Self:
        """Use these for the next requests; None is an answer as usual."""
        self.faults.extend(faults)
        return self

    def wait_for(self, count: int) -> None:
        """Until so many requests have come."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.asked) >= count, PATIENCE)

    def deliver(self, event: str, event_id: str = "evt_1") -> Answer:
        """Send an event to the newest webhook, signed with its secret; what is answered."""
        webhook = self.webhooks[-1]
        now = time.time_ns() // 1000
        sample = PACSPACE.sample(event, at=now, event_id=event_id)
        request = PACSPACE.sign(sample, self.secrets[webhook["id"]], now)
        return send(webhook["url"], request.body, dict(request.headers), method="POST")

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.0
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self.tls)
        await site.start()
        self.port = runner.addresses[0][1]
        ready.set()
        await self._end.wait()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.raw_path, headers, await request.read())
        with self._news:
            self.asked.append(asked)
            self._news.notify_all()
        if self.faults and (fault := self.faults.popleft()) is not None:
            return await fault(request)
        status, item = self._answer(asked)
        return web.json_response(item, status=status)

    def _answer(self, asked: Asked) -> tuple[int, Any]:
        path, _, query = asked.path.partition("?")
        if path.startswith("/api/v1/balance/webhooks"):
            return self._balance(asked, path)
        first = "authorization" in asked.headers
        if first and asked.headers["authorization"] != f"Bearer {TOKEN}":
            return _first_error(401, "Unauthorized")
        if not first and f"pacspace_session={SESSION}" not in asked.headers.get("cookie", ""):
            return _second_error(401, "UNAUTHORIZED", "Not logged in")
        if not first and asked.method != "GET" and asked.headers.get("x-pacspace-csrf") != "1":
            return _second_error(403, "CSRF", "CSRF header missing")
        if (asked.method, path) == ("POST", PATH):
            return 201, self._wrapped(self._made(asked.json), 201, first=first)
        if (asked.method, path) == ("GET", PATH):
            return 200, self._listed(query, first=first)
        for webhook in self.webhooks:
            if (asked.method, path) == ("GET", f"{PATH}/{webhook['id']}"):
                return 200, self._wrapped(webhook, 200, first=first)
        if first:
            return _first_error(404, "Webhook not found")
        return _second_error(404, "NOT_FOUND", ["Webhook not found"])

    def _balance(self, asked: Asked, path: str) -> tuple[int, Any]:
        if asked.headers.get("x-api-key") != KEY:
            return _second_error(401, "INVALID_API_KEY", "Invalid API key")
        if asked.method == "POST" and path.endswith("/evt_1/retry") and asked.json == {}:
            return 200, {"success": True, "data": {"status": "queued"}}
        return _second_error(404, "NOT_FOUND", "No such delivery")

    def _made(self, wanted: dict[str, Any]) -> dict[str, Any]:
        kept = {name: wanted[name] for name in ("description", "events") if name in wanted}
        webhook = self.add(wanted["url"], **kept)
        return {**webhook, "secret": self.secrets[webhook["id"]]}

    def _listed(self, query: str, *, first: bool) -> Any:
        if first:
            return self._wrapped(self.webhooks, 200, first=True)
        asked = dict(part.split("=") for part in query.split("&") if part)
        number = int(asked.get("page", 1))
        begin = (number - 1) * self.page
        counts = {"lastTriggered": None, "successCount": 3, "failureCount": 1}
        shown = [{**each, **counts} for each in self.webhooks[begin : begin + self.page]]
        total = len(self.webhooks)
        pages = max(1, -(-total // self.page))
        pagination = {"page": number, "limit": self.page, "total": total, "totalPages": pages}
        return self._wrapped({"webhooks": shown, "pagination": pagination}, 200, first=False)

    def _wrapped(self, data: Any, status: int, *, first: bool) -> Any:
        if self.bare:
            return data
        if first:
            return {"statusCode": status, "data": data}
        return {"success": True, "data": data, "message": "Store the secret now"}


def _first_error(status: int, message: Any) -> tuple[int, Any]:
    return status, {"statusCode": status, "error": "Error", "message": message}


def _second_error(status: int, code: str, message: Any) -> tuple[int, Any]:
    return status, {"error": {"code": code, "message": message}}


async def empty(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=201)


async def huge(request: web.BaseRequest) -> web.StreamResponse:
    """An answer without an end, as far as anybody reads it."""
    response = web.StreamResponse(status=201)
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def slow(request: web.BaseRequest) -> web.StreamResponse:
    """One that does not come."""
    await asyncio.Event().wait()
    raise AssertionError


async def cut(request: web.BaseRequest) -> web.StreamResponse:
    """A connection that ends in the middle of an answer."""
    response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"success": true')
    assert request.transport is not None
    request.transport.abort()
    return response


async def dropped(request: web.BaseRequest) -> web.StreamResponse:
    """A connection that ends before an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
