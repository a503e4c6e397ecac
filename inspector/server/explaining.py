"""The part of the API that explains a signature, with secrets that never leave the listener."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from inspector.domain.delivery import Delivery, Request
from inspector.domain.envelope import Check, Signature
from inspector.providers import explained
from inspector.server.asked import delivery_id, found
from inspector.server.ports import Views
from inspector.store.reader import Reader


class Explaining:
    """The handler; `secrets` gives the listener's of now."""

    def __init__(self, views: Views, secrets: Callable[[], Sequence[str]]) -> None:
        self._views = views
        self._secrets = secrets
        self._busy = asyncio.Lock()

    def routes(self, api: str) -> list[web.RouteDef]:
        return [web.get(f"{api}/deliveries/{{id}}/signature", self.get_signature)]

    async def get_signature(self, request: web.Request) -> web.Response:
        """The verdict by the listener's secrets, which stay here, and what was checked for it."""
        id_ = delivery_id(request)

        def load(reader: Reader) -> tuple[Delivery, Request | None]:
            return found(reader.delivery(id_), id_), reader.journal.request(id_, refused=False)

        delivery, captured = await self._views.read(load)
        checks: tuple[Check, ...] = ()
        if captured is None:
            signature = Signature(delivery.verdict, delivery.reason)
        else:
            # One at a time: it may take a second of a processor, which captures need as well.
            async with self._busy:
                signature, checks = await asyncio.to_thread(
                    explained, captured, self._secrets(), delivery.received_at, delivery.verdict
                )
        told = [check._asdict() for check in checks]
        return web.json_response({**signature._asdict(), "checks": told})
