"""The composition root of a relay: builds its parts, starts them in order, stops them in order."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Self

from aiohttp import web

from inspector import __version__
from inspector.clock import wall_clock
from inspector.domain.endpoint import Endpoint
from inspector.domain.forwarded import sender_of
from inspector.errors import InspectorError
from inspector.server.addresses import Address, Addresses
from inspector.server.guests import Guests
from inspector.server.health import Health
from inspector.server.ingress import Ingress
from inspector.server.listener import capture_url
from inspector.server.protocol import remote_of
from inspector.server.relay_listener import RelayListener
from inspector.server.relay_status import Attached, RelayStatus
from inspector.server.space import Space
from inspector.server.tls import TlsCertificate
from inspector.settings import RelaySettings
from inspector.store.endpoints import EndpointsFile
from inspector.store.files import StoreFiles
from inspector.store.lock import StoreLock
from inspector.store.mailbox_retention import MailboxRetention
from inspector.store.mailboxes import RelayStore
from inspector.tasks import Tasks
from inspector.tunnel.desk import Desk
from inspector.tunnel.door import Door

# How long running requests get to end when the relay stops.
DEADLINE = 5.0
# How often it is looked whether the endpoints are others.
LOOK_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Relay:
    """One running relay. `most_connections` bounds those of senders and consumers together."""

    def __init__(
        self,
        settings: RelaySettings,
        *,
        clock: Callable[[], int] = wall_clock,
        most_connections: int | None = None,
    ) -> None:
        self.settings = settings
        self.files = StoreFiles(settings.db)
        self.url = ""
        self.health_url = ""
        self._clock = clock
        self._most_connections = most_connections
        self._unready = "the relay is starting"
        self._stack = AsyncExitStack()
        self._tasks = Tasks("relay")
        self._endpoints = EndpointsFile(self.files.endpoints)
        self._complaint = ""
        self._forgetting: set[str] = set()
        self._desks: dict[str, Desk] = {}
        self._certificate: TlsCertificate | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unready = "the relay is stopping"
        await self._stack.aclose()

    async def _start(self) -> None:
        settings = self.settings
        if settings.tls_cert is not None and settings.tls_key is not None:
            self._certificate = TlsCertificate(settings.tls_cert, settings.tls_key)
        registry = self._endpoints.read()
        self.files.create()
        lock = self._stack.enter_context(StoreLock(self.files.lock, self._note()))
        token = self.files.ensure_token()

        self._store = store = RelayStore(self.files)
        self._stack.push_async_callback(store.close)
        self._addresses = Addresses(
            store,
            self._make_desk,
            lambda mailbox: store.usage(mailbox).size,
            Space(settings.max_in_flight),
            self._clock,
        )
        self._guests = Guests(self._addresses, self._erase)
        self._stack.push_async_callback(self._guests.close)
        retention = MailboxRetention(store, self._clock, keep=settings.keep, limits=self._room)
        status = RelayStatus(
            self._addresses,
            self._attached,
            store,
            lambda mailbox: retention.expired[mailbox],
            lambda: self._unready,
            self.ready,
        )
        health = Health(status, token)
        self._stack.push_async_callback(health.stop)
        await health.start(settings.health_host, settings.health_port)
        self.health_url = capture_url(settings.health_host, health.port)

        self._addresses.replace(registry.endpoints)
        self._forget(registry.removed)
        self._guests.left(store.guests())
        door = Door(self._find, version=__version__, remote_of=self._remote_of)
        ingress = Ingress(store, self._addresses, self._clock, proxied=settings.trust_proxy)
        listener = RelayListener(
            ingress, door.handle, self._guests.handle, door.close, most=self._most_connections
        )
        self._stack.push_async_callback(self._tasks.stop)
        self._stack.push_async_callback(listener.stop, DEADLINE)
        tls = self._certificate.context if self._certificate else None
        await listener.start(settings.host, settings.port, tls)
        self.url = capture_url(settings.host, listener.port)
        if tls:
            self.url = self.url.replace("http:", "https:", 1)
        self._endpoints.reached_at(settings.public_url or self.url)
        lock.write(self._note())
        self._unready = ""

        self._tasks.start(retention.run(), "retention")
        self._tasks.start(self._follow_endpoints(), "endpoints")
        if self._certificate is not None:
            self._tasks.start(self._certificate.follow(), "certificate")

    def _make_desk(self, address: Address) -> Desk:
        desk = self._desks[address.settings.id] = Desk(
            address.settings,
            self._store,
            self._clock,
            store_id=self._store.identity,
            limited=lambda: address.counters.turned_away,
        )
        return desk

    def _find(self, slug: str) -> tuple[Endpoint, Desk] | None:
        address = self._addresses.at(slug)
        return None if address is None else (address.settings, self._desks[address.settings.id])

    def _attached(self, address: Address) -> tuple[Attached, ...]:
        return self._desks[address.settings.id].attached()

    def _room(self) -> dict[str, int]:
        """What each endpoint may store."""
        every = self._addresses.every()
        return {each.settings.id: each.settings.limits.max_stored for each in every}

    def _remote_of(self, request: web.BaseRequest) -> str:
        remote = remote_of(request)
        if not self.settings.trust_proxy:
            return remote
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers
        ]
        return sender_of(tuple(headers), remote)

    # Endpoints come and go while it runs.

    async def _follow_endpoints(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._guests.look()
            if self._endpoints.changed():
                try:
                    self.reload()
                except Exception as error:
                    # A fault of ours; the next change is to be followed all the same.
                    _log.error("the endpoints could not be read anew: %r", error, exc_info=error)

    def reload(self) -> None:
        """Read endpoints and certificate anew; where one cannot be used, the old stays."""
        if self._certificate is not None:
            self._certificate.check()
        try:
            registry = self._endpoints.read()
            if not self.files.endpoints.exists() and self._desks:
                self._complain(f"{self.files.endpoints} is gone: the endpoints stay as they were")
                return
            self._addresses.replace(registry.endpoints)
        except InspectorError as error:
            self._complain(f"the endpoints stay as they were: {error.message}")
            return
        self._complaint = ""
        self._guests.follow(registry.endpoints)
        for id_ in self._desks.keys() - {each.settings.id for each in self._addresses.every()}:
            del self._desks[id_]
        self._forget(registry.removed)

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            _log.warning("%s", text)

    def _forget(self, removed: tuple[str, ...]) -> None:
        for what in removed:
            if what not in self._forgetting:
                self._forgetting.add(what)
                self._tasks.start(self._forget_one(what), "forget")

    async def _forget_one(self, what: str) -> None:
        """An endpoint with its deliveries, or a consumer's cursor."""
        try:
            if "/" in what:
                await self._store.forget_consumer(what)
            else:
                while self._addresses.busy(what):  # noqa: ASYNC110 - nobody tells of its end
                    await asyncio.sleep(LOOK_SECONDS)
                await self._store.forget(what, self._clock())
            await asyncio.to_thread(EndpointsFile(self.files.endpoints).forgotten, what)
        except InspectorError as error:
            _log.warning("what was removed is not forgotten yet: %s", error.message)
        finally:
            self._forgetting.discard(what)

    async def _erase(self, guest: str) -> None:
        """Nothing is left of a guest that is over."""
        self._desks.pop(guest, None)
        await self._store.erase(guest, self._clock())

    # What it tells of itself.

    def store_error(self) -> str:
        """Why the store cannot commit now, or nothing."""
        return self._store.error

    @property
    def endpoints(self) -> int:
        return len([*self._addresses])

    def _note(self) -> dict[str, Any]:
        return {"command": "inspector relay", **self.ready()}

    def ready(self) -> dict[str, Any]:
        """What `ready` tells, and others find in the lock file."""
        return {
            "pid": os.getpid(),
            "url": self.url,
            "public_url": self.settings.public_url or self.url,
            "health": self.health_url,
            "token_file": str(self.files.token),
            "db": str(self.files.database),
        }
