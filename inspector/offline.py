"""Sending without a listener: one command writes to the store and forwards, then lets go."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.domain.facts import Captured, Routed
from inspector.domain.routes import Routing, parse_route
from inspector.forward.router import Sending
from inspector.forwarding import forwarding
from inspector.providers import event_name
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from inspector.store.reading import locked
from inspector.store.secrets import Secrets
from inspector.store.store import Store

# How long what is being sent may take when the command is interrupted.
_DEADLINE = 0.5


class Offline:
    """The store and the targets of the settings, held for the time of one command.

    What waits in the store is not taken up: that is the listener's. Entering creates the store
    when it is missing, and raises `UnreachableError` when another process holds it.
    """

    def __init__(
        self,
        settings: Settings,
        command: str,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._settings = settings
        self._command = command
        self._clock = clock
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._routing = Routing(
            tuple(map(parse_route, settings.forward_to)), tuple(settings.events)
        )
        files = StoreFiles(settings.db)
        files.create()
        async with AsyncExitStack() as stack:
            stack.enter_context(locked(files, self._command))
            secrets = Secrets.of(files, settings.secrets())
            self._store = Store(files, secrets, lambda frame: None)
            stack.push_async_callback(self._store.close)
            await self._store.start()
            self._router = forwarding(
                settings, self._routing, self._store, secrets, self._clock
            ).router
            stack.push_async_callback(self._router.stop, _DEADLINE)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def resend(self, delivery_id: int, *, to: str | None, re_sign: bool) -> list[Sending]:
        """Send a stored delivery now; raises as `Router.resend` does."""
        return await self._router.resend(delivery_id, to=to, re_sign=re_sign)

    async def take(self, request: Request, remote: str) -> tuple[int, list[Sending]]:
        """Capture a request and send it once to where its event goes; nobody is answered."""
        decision = self._routing.decide(event_name(request))
        route = None if decision.filtered_by else decision.targets
        captured = Captured(self._clock(), request, remote, route=route)
        id_ = (await self._store.append(captured)).delivery_id
        if decision.filtered_by:
            await self._store.append(Routed(self._clock(), id_, (), decision.filtered_by))
        sendings = await self._router.resend(id_) if decision.targets else []
        return id_, sendings
