"""The HTTP API under `/_inspector/`: everything that the UI and the CLI ask of a listener."""

from aiohttp import web

from inspector.server.acting import Acting
from inspector.server.explaining import Explaining
from inspector.server.primacy import Primacy
from inspector.server.reading import Reading

_API = "/_inspector/api"


class ControlRoutes:
    """All of its routes."""

    def __init__(
        self, reading: Reading, explaining: Explaining, acting: Acting, primacy: Primacy
    ) -> None:
        self._reading = reading
        self._explaining = explaining
        self._acting = acting
        self._primacy = primacy

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_inspector/healthz", self.healthz),
            *self._reading.routes(_API),
            *self._explaining.routes(_API),
            *self._acting.routes(_API),
            *self._primacy.routes(_API),
        ]

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True})
