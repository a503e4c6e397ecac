"""The demo: a store, a secret and an app of its own, and one signed sample of every event."""

import asyncio
import json
import secrets
import shutil
import tempfile
from pathlib import Path

from aiohttp import web

from inspector.domain.routes import parse_target
from inspector.domain.trigger import TriggerRequest
from inspector.forward.target import TargetClient
from inspector.providers.pacspace import PACSPACE
from inspector.providers.triggering import build
from inspector.runtime import wall_clock
from inspector.settings import Settings


class Demo:
    """A sample handler on any free port, and the samples that it is sent."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._runner: web.ServerRunner | None = None
        self._secret = f"whsec_demo_{secrets.token_hex(16)}"

    async def start(self, settings: Settings) -> Settings:
        """Start the handler; the settings with its address, and with a store and a secret of the
        demo's own unless they were given."""
        self._runner = web.ServerRunner(web.Server(_handle), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        changes: dict[str, object] = {"secret": settings.secret or [self._secret]}
        self._secret = settings.secret[0] if settings.secret else self._secret
        if not settings.forward_to:
            changes["forward_to"] = [f"http://127.0.0.1:{port}"]
        if settings.db == Settings().db:
            self._folder = Path(tempfile.mkdtemp(prefix="inspector-demo-"))
            changes["db"] = self._folder / "demo.db"
        return settings.model_copy(update=changes)

    async def send(self, url: str) -> None:
        """Send one sample of every event to the capture address, as a provider would."""
        client = TargetClient(parse_target(url))
        try:
            for event in PACSPACE.catalogue:
                asked = TriggerRequest(event=event)
                event_id = f"evt_demo_{secrets.token_hex(6)}"
                request = build(asked, at=wall_clock(), event_id=event_id, secret=self._secret)
                await client.send(request, timeout=10)
        finally:
            await client.close()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


async def _handle(request: web.BaseRequest) -> web.Response:
    """What a webhook handler does: read the body, take the event, answer 200."""
    body = await request.read()
    try:
        event = json.loads(body).get("event")
    except (ValueError, AttributeError):
        event = None
    return web.json_response({"received": event, "bytes": len(body)})
