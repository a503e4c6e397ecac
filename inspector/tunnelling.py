"""The developer's side of the tunnel, put together from the settings: validated, then opened."""

import getpass
import socket
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from inspector.domain.attempt import Outcome
from inspector.domain.relay_filter import parse_relay_filter
from inspector.domain.routes import Target, parse_route
from inspector.errors import UsageError
from inspector.server.mirror import Mirror, MirrorForwarder
from inspector.settings import Settings
from inspector.store.store import Store
from inspector.tunnel.address import (
    RelayAddress,
    consumer_of,
    parse_backfill,
    parse_consumer,
    parse_relay,
)
from inspector.tunnel.connecting import Dialler
from inspector.tunnel.consumer import Consumer
from inspector.tunnel.teammate import attempted_of


def dialler_of(settings: Settings) -> Dialler:
    """What the settings say of their relay; nothing is opened.

    Raises `UsageError` and `ConfigurationError`; no message holds the token.
    """
    name = parse_consumer(settings.consumer) if settings.consumer else consumer_of(*_who())
    parse_backfill(settings.backfill)
    parse_relay_filter(settings.relay_filter)
    address = parse_relay(settings.relay)
    for route in map(parse_route, settings.forward_to):
        _refuse_sender(route.target, address)
    return Dialler(address, settings.token().strip(), name, instance="")


def _refuse_sender(target: Target, address: RelayAddress) -> None:
    """What is forwarded to the capture address comes from there again, and again, without end."""
    there = f"{target.scheme}://{target.authority}{target.path}/"
    if there.startswith(f"{address.url}/"):
        raise UsageError(
            f"the target {target.url} is the relay's own capture address",
            "name the port or the URL of your app",
        )


def _who() -> tuple[str, str]:
    try:
        return getpass.getuser(), socket.gethostname()
    except (KeyError, OSError, ImportError):  # a container whose user has no name
        return "user", socket.gethostname()


def _instance(store: Store) -> str:
    """What tells this store's listener from others, also from that of a copy of the store."""
    file = store.files.database.stat()
    named = f"{store.journal.identity} {file.st_dev} {file.st_ino}"
    return sha256(named.encode()).hexdigest()[:32]


class Tunnel:
    """The tunnel of one listener; the store and the forwarder outlive it."""

    def __init__(
        self,
        dialler: Dialler,
        settings: Settings,
        store: Store,
        onward: MirrorForwarder,
        clock: Callable[[], int],
        report: Callable[[dict[str, Any]], None],
        latest: Callable[[], tuple[int, Outcome] | None],
    ) -> None:
        self._mirror = Mirror(
            store.journal,
            onward,
            store.recent_origins,
            store.mirrored,
            store.captured_at,
            clock,
        )
        self.consumer = Consumer(
            replace(dialler, instance=_instance(store)),
            self._mirror,
            clock,
            report,
            backfill=parse_backfill(settings.backfill),
            take_over=settings.take_over,
            wanted=parse_relay_filter(settings.relay_filter),
            primary=settings.primary,
            latest=lambda: attempted_of(latest()),
        )

    def start(self) -> None:
        self.consumer.start()

    async def stop(self, deadline: float) -> None:
        """Give what is under way so many seconds; may be called again."""
        await self.consumer.stop(deadline)
        await self._mirror.stop()
