"""The demo: a store, a secret and an app of its own, and traffic with what goes wrong in it."""

import asyncio
import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.domain.headers import replaced
from inspector.domain.routes import parse_target
from inspector.domain.trigger import TriggerRequest
from inspector.forward.target import TargetClient
from inspector.providers.pacspace import PACSPACE
from inspector.providers.triggering import build
from inspector.settings import Settings


class Demo:
    """A sample handler, on any free port unless one is given, and the traffic that it is sent."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._folder: Path | None = None
        self._runner: web.ServerRunner | None = None
        self._secret = f"whsec_demo_{secrets.token_hex(16)}"

    async def start(self, settings: Settings) -> Settings:
        """Start the handler; the settings with its address, and with a store and a secret of the
        demo's own unless they were given."""
        self._runner = web.ServerRunner(web.Server(_handle), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        signing = settings.secrets() or [self._secret]
        changes: dict[str, object] = {"secret": signing}
        self._secret = signing[0]
        if not settings.forward_to:
            changes["forward_to"] = [f"http://127.0.0.1:{port}"]
        if settings.db == Settings().db:
            self._folder = Path(tempfile.mkdtemp(prefix="inspector-demo-"))
            changes["db"] = self._folder / "demo.db"
        return settings.model_copy(update=changes)

    async def send(self, url: str) -> None:
        """Send the traffic to the capture address, as a provider would."""
        client = TargetClient(parse_target(url))
        try:
            for request in traffic(wall_clock(), self._secret):
                await client.send(request, timeout=10)
        finally:
            await client.close()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


_DELTA = "delta.verified"
_UNKNOWN = "cust_nobody"


def traffic(at: int, secret: str) -> Iterator[Request]:
    """One signed sample of every event, then what a handler has to cope with.

    A redelivery, a customer that nobody knows, a stale and a wrong signature, a body that was
    written anew after it was signed, and a request of somebody else.
    """
    number = 0

    def sample(event: str, **asked: Any) -> Request:
        nonlocal number
        number += 1
        event_id = f"evt_demo_{number:02d}"
        made = build(TriggerRequest(event=event, **asked), at=at, event_id=event_id, secret=secret)
        return made._replace(target="/webhooks")

    yield from map(sample, PACSPACE.catalogue)
    again = sample(_DELTA, changes=[("data.delta.customerId", "cust_retry")])
    yield from (again, again, again)
    yield sample(_DELTA, changes=[("data.delta.customerId", _UNKNOWN)])
    yield sample(_DELTA, stale=True)
    yield sample("record.committed", bad_signature=True)
    yield _written_anew(sample("checkpoint.verified"))
    hello = b'{"action":"opened","repository":{"full_name":"octo/hello"}}'
    kind, length = ("Content-Type", "application/json"), ("Content-Length", str(len(hello)))
    yield Request("POST", "/github", "1.1", (kind, ("X-GitHub-Event", "issues"), length), hello)


def _written_anew(request: Request) -> Request:
    """What a proxy sends on that parses JSON and writes it again: the signature is lost."""
    body = json.dumps(json.loads(request.body), indent=2).encode()
    length = [("Content-Length", str(len(body)))]
    return request._replace(headers=replaced(request.headers, length), body=body)


async def _handle(request: web.BaseRequest) -> web.Response:
    """What a webhook handler does: read the body, take the event, say what is wrong with it."""
    body = await request.read()
    try:
        event = json.loads(body).get("event")
    except (ValueError, AttributeError):
        event = None
    if _UNKNOWN.encode() in body:
        error = {"code": "unknown_customer", "message": f"there is no {_UNKNOWN}"}
        return web.json_response({"error": error}, status=422)
    return web.json_response({"received": event, "bytes": len(body)})
