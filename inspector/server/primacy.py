"""Whose app answers the senders at the relay: this listener's, when it is told to."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from inspector.errors import UnreachableError
from inspector.server.guard import error_response

# How long the relay may take to say so.
PATIENCE = 5.0


class Leading(Protocol):
    """The tunnel's consumer."""

    def status(self) -> Mapping[str, Any]: ...

    async def take_primary(self, patience: float) -> None:
        """Raises `UnreachableError` and `TimedOutError`."""
        ...


class Primacy:
    """Its route; `consumer` gives None where the listener has no relay."""

    def __init__(self, consumer: Callable[[], Leading | None]) -> None:
        self._consumer = consumer

    def routes(self, api: str) -> list[web.RouteDef]:
        return [web.post(f"{api}/primary", self.post_primary)]

    async def post_primary(self, request: web.Request) -> web.Response:
        """Have this listener's app answer from now on; 200 when the relay has said so."""
        consumer = self._consumer()
        if consumer is None:
            return error_response(
                409,
                "no-relay",
                "this listener has no relay",
                "start it with `inspector serve --relay URL`",
            )
        try:
            await consumer.take_primary(PATIENCE)
        except UnreachableError as error:
            return error_response(409, "not-connected", error.message, error.hint)
        status = consumer.status()
        told = {name: status[name] for name in ("endpoint", "consumer", "ack", "lag")}
        return web.json_response({"primary": True, **told})
