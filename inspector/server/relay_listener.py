"""The relay's port: senders' requests are captured; under `/_inspector/` is the tunnel alone."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from inspector.server.guard import error_response
from inspector.server.ingress import Ingress
from inspector.server.listener import Port
from inspector.tunnel.messages import GUEST_PATH, PATH

# Nothing that is sent to us has a body.
_BODY_LIMIT = 1024


class RelayListener(Port):
    """The public port. `door` is the handler of the tunnel's websocket and `guests` that of guest
    endpoints (`match_info` has the `slug`), and `closing` parts from all consumers; `most` bounds
    the connections."""

    def __init__(
        self,
        ingress: Ingress,
        door: Handler,
        guests: Handler,
        closing: Callable[[], Awaitable[None]],
        *,
        most: int | None = None,
    ) -> None:
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.router.add_get(PATH + "{slug}", door, allow_head=False)
        app.router.add_post(GUEST_PATH + "{slug}", guests)
        app.router.add_delete(GUEST_PATH + "{slug}", guests)
        app.router.add_get("/_inspector/healthz", _healthy)
        app.router.add_route("*", "/{rest:.*}", _nothing_here)
        app.on_response_prepare.append(_unnamed)
        super().__init__(ingress, app, most)
        self._closing = closing

    async def stop(self, deadline: float) -> None:
        """Refuse new requests, let running ones finish until the deadline (consumers answer them
        meanwhile), then part from the consumers."""
        self.refuse()
        await self.drain(deadline)
        await self._closing()
        await self.cut()


async def _healthy(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _nothing_here(_: web.Request) -> web.Response:
    return error_response(404, "not-found", "there is nothing here")


async def _unnamed(_: web.Request, response: web.StreamResponse) -> None:
    """The public is not told which versions run here."""
    response.headers.pop("Server", None)
