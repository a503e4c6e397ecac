"""The composition root: builds a listener's parts, starts them in order, stops them in order."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from inspector import __version__
from inspector.clock import wall_clock
from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.base import on_this_machine
from inspector.domain.delivery import Request
from inspector.domain.facts import AttemptFinished
from inspector.domain.routes import Routing, parse_route
from inspector.errors import UsageError
from inspector.forward.router import Router
from inspector.forwarding import forwarding
from inspector.server.acting import Acting
from inspector.server.control import ControlRoutes
from inspector.server.entrance import OneForAll
from inspector.server.explaining import Explaining
from inspector.server.guard import Guard
from inspector.server.hub import Hub
from inspector.server.ingress import Ingress
from inspector.server.intake import Intake
from inspector.server.listener import LocalListener, capture_url, own_hosts
from inspector.server.policy import parse_policy
from inspector.server.primacy import Primacy
from inspector.server.reading import Reading
from inspector.server.space import Space
from inspector.server.stream import Streams
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from inspector.store.lock import StoreLock
from inspector.store.maintenance import Retention
from inspector.store.reader import Reader
from inspector.store.secrets import Secrets, SecretsFile
from inspector.store.store import Store
from inspector.tasks import Tasks

if TYPE_CHECKING:
    from inspector.tunnelling import Tunnel

# How long running requests and sendings get to end when the listener stops.
DEADLINE = 5.0


_log = logging.getLogger(__name__)


class Runtime:
    """One running listener. `with_headers` puts headers into what `on_frame` hears.

    `on_connection` hears of changes of the tunnel's connection.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], int] = wall_clock,
        with_headers: bool = False,
        on_connection: Callable[[dict[str, Any]], None] = lambda report: None,
    ) -> None:
        self.settings = settings
        self.hub = Hub()
        self._clock = clock
        self._with_headers = with_headers
        self._on_connection = on_connection
        self.tunnel: Tunnel | None = None
        self._stack = AsyncExitStack()
        self._tasks = Tasks("runtime")
        self.files = StoreFiles(settings.db)
        self._secrets = Secrets(settings.secrets(), SecretsFile.beside(self.files))
        self.url = ""

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        settings = self.settings
        routing = Routing(tuple(map(parse_route, settings.forward_to)), tuple(settings.events))
        policy = parse_policy(settings.ack)
        make_tunnel = self._tunnel_maker() if settings.relay else None
        self.files.create()
        lock = self._stack.enter_context(StoreLock(self.files.lock, self._note()))
        token = self.files.ensure_token()
        # It may wait for a keyring.
        await asyncio.to_thread(self._secrets.read_anew)

        store = Store(self.files, self._secrets, self.hub.publish, with_headers=self._with_headers)
        self._store = store
        self._stack.push_async_callback(store.close)
        await store.start()
        before = store.journal.last_seq

        router, self._dispatcher, rebuild = forwarding(
            settings, routing, store, self._secrets, self._clock
        )
        self._router = router
        intake = Intake(
            store,
            router,
            self._clock,
            policy=policy,
            status=settings.status,
            timeout=settings.timeout or None,
        )
        space = Space(settings.max_in_flight)
        entrance = OneForAll(intake, space.bounded(settings.max_body), space)
        ingress = Ingress(store, entrance, self._clock)
        acting = Acting(
            store,
            store,
            router,
            intake,
            self._clock,
            self._secrets,
            self._reindex,
        )
        reading = Reading(store, self._clock, self.status, rebuild)
        primacy = Primacy(lambda: self.tunnel.consumer if self.tunnel else None)
        control = ControlRoutes(reading, Explaining(store, self._secrets), acting, primacy)
        guard = Guard(token, own_hosts(settings.host, settings.allow_host))
        listener = LocalListener(ingress, control, Streams(store, self.hub), guard)
        self._stack.push_async_callback(router.stop, DEADLINE)
        self.tunnel = make_tunnel(store, router) if make_tunnel else None
        self._stack.push_async_callback(self._take_no_more, listener)
        self._stack.callback(router.holds.dismiss)
        await listener.start(settings.host, settings.port)
        _refuse_itself(routing, settings.host, listener.port)
        self.url = capture_url(settings.host, listener.port)
        lock.write(self._note())

        self._stack.push_async_callback(self._tasks.stop)
        retention = Retention(store, self._clock, keep=settings.keep, max_size=settings.max_size)
        self._tasks.start(self._take_up(store, router, before), "take up")
        self._tasks.start(retention.run(), "retention")
        if self.tunnel is not None:
            self.tunnel.start()

    async def _reindex(self) -> None:
        """Build the index anew with the secrets that are kept now; raises for a damaged file."""
        await asyncio.to_thread(self._secrets.read_anew)
        self._store.follower.rebuild()

    def _tunnel_maker(self) -> "Callable[[Store, Router], Tunnel]":
        """What is wrong with the settings is raised now, before there is a store."""
        # Its import is dear, and most listeners have no relay.
        from inspector.tunnelling import Tunnel, dialler_of

        dialler = dialler_of(self.settings)
        return lambda store, router: Tunnel(
            dialler,
            self.settings,
            store,
            router,
            self._clock,
            self._on_connection,
            lambda: self._dispatcher.latest,
        )

    async def _take_no_more(self, listener: LocalListener) -> None:
        """Both entrances close at once: they share the deadline."""
        tunnel = [self.tunnel.stop(DEADLINE)] if self.tunnel else []
        await asyncio.gather(listener.stop(DEADLINE), *tunnel)

    async def _take_up(self, store: Store, router: Router, before: int) -> None:
        """Close the attempts that a killed listener left open, all `before` ours; then go on."""
        while not await store.caught_up():
            _log.warning("waiting for the index before going on to forward")
        for attempt in await store.read(Reader.open_attempts):
            if attempt.id > before:
                # A re-send of this listener's own, under way already.
                break
            outcome = Failure(FailureKind.INTERRUPTED, "the listener stopped before an answer came")
            store.append(
                AttemptFinished(
                    self._clock(), attempt.delivery_id, attempt.id, 0.0, outcome, final=False
                )
            )
        await router.start()

    def targets(self) -> list[str]:
        return [lane.target for lane in self._dispatcher.lanes()]

    async def waiting_elsewhere(self) -> dict[str, int]:
        """How many deliveries wait for each target that is not configured now."""
        waiting = await self._store.read(Reader.waiting_counts, fresh=False)
        return {url: n for url, n in waiting.items() if url and url not in self.targets()}

    async def held(self) -> int:
        """How many deliveries an earlier listener's breakpoint has held."""
        counts = await self._store.read(Reader.counts, fresh=False)
        return counts.get("state", {}).get("held", 0)

    async def load(self, delivery_id: int) -> Request | None:
        """A captured request as the journal holds it, or None."""
        return await self._store.load(delivery_id)

    def store_error(self) -> str:
        """Why the store cannot commit now, or nothing."""
        return self._store.journal.error

    def _note(self) -> dict[str, Any]:
        return {"command": "inspector serve", **self.ready()}

    def ready(self) -> dict[str, Any]:
        """What `ready` tells, and others find in the lock file."""
        return {
            "pid": os.getpid(),
            "url": self.url,
            "control": f"{self.url}/_inspector" if self.url else "",
            "token_file": str(self.files.token),
            "db": str(self.files.database),
        }

    def status(self, reader: Reader) -> Mapping[str, Any]:
        """The whole of `status`; called in a reader's thread."""
        error = self._store.journal.error
        waiting = reader.waiting_counts()
        lanes = [
            {
                "target": lane.target,
                "waiting": waiting.pop(lane.target, 0),
                "sending": lane.sending,
                "retry_in": lane.retry_in,
                "last_failure": lane.failure,
            }
            for lane in self._dispatcher.lanes()
        ]
        waiting.pop("", None)
        return {
            "v": 1,
            "kind": "status",
            "version": __version__,
            **self.ready(),
            "targets": lanes,
            "breakpoint": self._router.holds.breakpoint,
            "not_configured": waiting,
            "ledger": reader.ledger().to_json(),
            # The indexer's process, just started, has not said yet how far the index is.
            "index_lag": {"facts": max(0, self._store.journal.last_seq - reader.position())},
            "store": {"ok": not error, "error": error, "bytes": reader.journal.live_bytes()},
            "subscribers": len(self.hub),
            "last_seq": self._store.journal.last_seq,
            "relay": self.tunnel.consumer.status() if self.tunnel else None,
        }


def _refuse_itself(routing: Routing, host: str, port: int) -> None:
    """What is forwarded to the port of its own capture comes in again, and again, without end."""
    everywhere = host in ("0.0.0.0", "::")
    for target in routing.targets:
        here = on_this_machine(target.host) or (everywhere and target.host == socket.gethostname())
        ours = everywhere or on_this_machine(host)
        if target.port == port and ((here and ours) or target.host == host):
            raise UsageError(
                f"the target {target.url} is this listener's own port",
                "name the port of your app, or capture on another with --port N",
            )
