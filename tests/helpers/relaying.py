"""A relay's port inside the test's own process: its store is real, its desks only take notes."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from inspector.clock import wall_clock
from inspector.domain.attempt import Outcome
from inspector.domain.endpoint import Endpoint
from inspector.domain.facts import Captured, Fact, Probed, Refused
from inspector.domain.parcel import Parcel
from inspector.server.addresses import Address, Addresses
from inspector.server.guests import Guests
from inspector.server.ingress import Ingress
from inspector.server.relay_listener import RelayListener
from inspector.server.space import Space
from inspector.store.files import StoreFiles
from inspector.store.mailboxes import RelayStore
from tests.helpers.served import post
from tests.helpers.wire import Answer, Wire

Answering = Callable[[int, Captured], Awaitable[Outcome | None]]


async def nobody(number: int, fact: Captured) -> None:
    """No consumer is attached."""


class NotingDesk:
    """Notes what it is told; `answering` stands in for the app."""

    def __init__(self, address: Address) -> None:
        self.endpoint = address.settings
        self.told: list[tuple[int, Fact]] = []
        self.answers: list[tuple[int, int, bool]] = []
        self.asked: list[tuple[float | None, bool]] = []
        self.nonces: set[str] = set()
        self.closed: list[tuple[int, str]] = []
        self.answering: Answering = nobody

    def route(self) -> None:
        return

    def captured(self, number: int, fact: Captured) -> None:
        self.told.append((number, fact))

    def refused(self, number: int, fact: Refused) -> None:
        self.told.append((number, fact))

    def probed(self, number: int, fact: Probed) -> None:
        self.told.append((number, fact))

    async def answered_by_app(
        self, number: int, fact: Captured, *, within: float | None, once: bool
    ) -> Outcome | None:
        self.told.append((number, fact))
        self.asked.append((within, once))
        return await self.answering(number, fact)

    def answered(self, number: int, status: int, turned_away: bool) -> None:
        self.answers.append((number, status, turned_away))

    def takes_canary(self, nonce: str) -> bool:
        known = nonce in self.nonces
        self.nonces.discard(nonce)
        return known

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


class Relaying:
    """A running relay's port; an endpoint's slug is `S` and its name."""

    def __init__(self, store: RelayStore, addresses: Addresses, guests: Guests, port: int) -> None:
        self.store = store
        self.addresses = addresses
        self.guests = guests
        self.port = port

    def address(self, name: str = "one") -> Address:
        found = self.addresses.at(f"S{name}")
        assert found is not None
        return found

    def desk(self, name: str = "one") -> NotingDesk:
        desk = self.address(name).desk
        assert isinstance(desk, NotingDesk)
        return desk

    async def wire(self) -> Wire:
        return await Wire.to(self.port)

    async def ask(self, *pieces: bytes) -> Answer:
        """One request over a connection of its own."""
        async with await self.wire() as wire:
            return await wire.ask(*pieces)

    async def post(
        self, body: bytes = b"{}", head: bytes = b"", target: bytes = b"/in/Sone/hooks"
    ) -> Answer:
        return await self.ask(post(body, head, target))

    async def stored(self, name: str = "one") -> list[Parcel]:
        """What is stored for an endpoint, in order."""
        mailbox = self.address(name).settings.id
        found = await self.store.after(mailbox, 0, 10_000, 1 << 30)
        return [each.parcel for each in found]

    async def nothing_stored(self) -> bool:
        await self.store.journal.settled(5.0)
        return self.store.journal.last_seq == 0


def endpoint(name: str = "one", **settings: Any) -> Endpoint:
    """An endpoint with the slug `Sname`; settings of its limits are named like the others."""
    own = {key: value for key, value in settings.items() if key in Endpoint.model_fields}
    limits = {key: value for key, value in settings.items() if key not in own}
    fields = {"id": f"id-{name}", "name": name, "slug": f"S{name}", "token_sha256": "0" * 64}
    return Endpoint.model_validate({**fields, **own, "limits": limits})


async def no_door(request: web.Request) -> web.StreamResponse:
    return web.Response(text=request.match_info["slug"])


async def _no_closing() -> None:
    pass


@asynccontextmanager
async def relaying(
    folder: Path,
    endpoints: Sequence[Endpoint] | None = None,
    *,
    door: Callable[[web.Request], Awaitable[web.StreamResponse]] = no_door,
    closing: Callable[[], Awaitable[None]] = _no_closing,
    proxied: bool = False,
    most: int | None = None,
    in_flight: int = 64 << 20,
    stored: Callable[[str], int] | None = None,
    monotonic: Callable[[], float] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Relaying]:
    """A relay's port on any free port over a store in `folder`."""
    store = RelayStore(StoreFiles(folder / "relay.db"))
    more = {"monotonic": monotonic} if monotonic else {}
    addresses = Addresses(
        store,
        NotingDesk,
        stored or (lambda mailbox: store.usage(mailbox).size),
        Space(in_flight),
        wall_clock,
        **more,
    )
    addresses.replace([endpoint()] if endpoints is None else endpoints)
    guests = Guests(addresses, lambda id_: store.erase(id_, wall_clock()), **more)
    ingress = Ingress(store, addresses, wall_clock, proxied=proxied)
    listener = RelayListener(ingress, door, guests.handle, closing, most=most)
    try:
        await listener.start("127.0.0.1", 0, tls)
        yield Relaying(store, addresses, guests, listener.port)
    finally:
        await listener.stop(5.0)
        await guests.close()
        await store.close()
