"""The forwarder of a store, put together: for a listener, and for a command that sends itself."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inspector.domain.delivery import Request
from inspector.domain.gap import is_gap, nothing_to
from inspector.domain.routes import Routing, Target, parse_header
from inspector.errors import StoreUnavailableError
from inspector.forward.dispatcher import Dispatcher
from inspector.forward.lane import ForwardSettings
from inspector.forward.ports import HeldItem, WaitingItem
from inspector.forward.rebuilt import Rebuild, rebuild_with
from inspector.forward.router import Router
from inspector.forward.target import TargetClient
from inspector.settings import Settings
from inspector.store.store import Store


class Forwarding(NamedTuple):
    """The router, which owns the dispatcher and stops it; `rebuild` tells what was sent."""

    router: Router
    dispatcher: Dispatcher
    rebuild: Rebuild


class _Waiting:
    """The store's waiting deliveries, as the forwarder asks for them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def waiting(self, target: str, after: int, limit: int) -> list[WaitingItem]:
        # A page of a lagging index would look like the end of what waits.
        if not await self._store.caught_up():
            raise StoreUnavailableError("the index lags behind the journal")
        found = await self._store.read(
            lambda reader: reader.waiting(target, after, limit), fresh=False
        )
        return [
            WaitingItem(
                each.delivery_id,
                each.received_at,
                each.attempts,
                each.remote,
                each.answered,
                each.endpoint,
                each.origin_relay,
                each.origin_id,
            )
            for each in found
        ]

    async def held(self, after: tuple[int, str], limit: int) -> list[HeldItem]:
        if not await self._store.caught_up():
            raise StoreUnavailableError("the index lags behind the journal")
        found = await self._store.read(lambda reader: reader.held(after, limit), fresh=False)
        return [HeldItem(each.delivery_id, each.target, each.attempts) for each in found]

    async def load(self, delivery_id: int) -> Request | None:
        return await self._store.load(delivery_id)

    async def absent(self, delivery_id: int) -> str:
        found = await self._store.read(lambda reader: reader.delivery(delivery_id), fresh=False)
        if found is None:
            return f"there is no whole delivery {delivery_id}"
        if is_gap(found):
            return nothing_to("send")
        return f"it was refused, so that nothing whole is there to send: {found.state_reason}"

    async def load_small(self, delivery_ids: Sequence[int], most: int) -> dict[int, Request]:
        return await self._store.load_small(delivery_ids, most)


def forwarding(
    settings: Settings,
    routing: Routing,
    store: Store,
    secrets: Callable[[], Sequence[str]],
    clock: Callable[[], int],
) -> Forwarding:
    """Build it; nothing is sent by itself before `router.start()`."""
    waiting = _Waiting(store)
    forward = ForwardSettings(
        timeout=settings.timeout or None,
        retry=settings.retry,
        max_connections=settings.max_connections,
    )
    dispatcher = Dispatcher(routing, _client_of(settings), store, waiting, clock, forward)
    router = Router(
        routing,
        dispatcher,
        store,
        waiting,
        lambda id_: store.read(lambda reader: reader.attempts(id_)),
        secrets,
        clock,
    )
    overrides = tuple(map(parse_header, settings.header))
    return Forwarding(router, dispatcher, rebuild_with(overrides, settings.keep_host))


def _client_of(settings: Settings) -> Callable[[Target], TargetClient]:
    overrides = tuple(map(parse_header, settings.header))

    def client(target: Target) -> TargetClient:
        return TargetClient(
            target,
            max_connections=settings.max_connections,
            insecure=settings.insecure,
            keep_host=settings.keep_host,
            overrides=overrides,
        )

    return client
