"""Health checks and metrics of a relay, on a port of their own."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from aiohttp import web

from inspector.domain.base import on_this_machine
from inspector.errors import cannot_listen
from inspector.server.guard import Guard

COUNTER, GAUGE = "counter", "gauge"
# Longer than any scrape takes; then whoever still reads is cut off.
_STOP_SECONDS = 1.0
_UNLOCKED = ("/healthz", "/readyz", "/metrics")


class Measure(NamedTuple):
    """One metric as it stands: its samples are (labels, value). A counter's `name` is without the
    `_total` that it gets."""

    name: str
    kind: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]


class Watched(Protocol):
    """What is looked at; all of it is asked in the loop."""

    def unready(self) -> str:
        """Why no sender should be sent here now, in one line, or nothing."""
        ...

    def measures(self) -> Iterable[Measure]: ...

    def status(self) -> Mapping[str, Any]:
        """Everything that is known, for whoever has the token."""
        ...


class Health:
    """`/healthz` says that the process answers, `/readyz` that it takes deliveries in, `/metrics`
    is for Prometheus; `/status` needs the token. `port` is known after `start`."""

    def __init__(self, watched: Watched, token: str) -> None:
        self._watched = watched
        self._token = token
        self._metrics = _exposition(watched.measures)
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Open the port; raises `UnreachableError` when it is taken."""
        guard = Guard(self._token, [] if on_this_machine(host) else None, _UNLOCKED)
        app = web.Application(middlewares=[guard.middleware()])
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._show_metrics),
                web.get("/status", self._status),
            ]
        )
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_SECONDS
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            raise cannot_listen(host, port, error, "--health-port N (0: any free)") from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port; may be called again."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        reason = self._watched.unready()
        return web.json_response(
            {"ok": not reason, "reason": reason}, status=503 if reason else 200
        )

    async def _show_metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._metrics(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _status(self, request: web.Request) -> web.Response:
        return web.Response(
            text=json.dumps(self._watched.status()), content_type="application/json"
        )


def _exposition(
    measures: Callable[[], Iterable[Measure]],
) -> Callable[[str], tuple[bytes, str]]:
    """What gives the metrics in the format that an Accept header asks for, and its type."""
    # Imported here: a listener that is no relay has no use for it.
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

    class _Measures(Collector):
        def collect(self) -> Iterator[Metric]:
            for measure in measures():
                kind = CounterMetricFamily if measure.kind == COUNTER else GaugeMetricFamily
                family = kind(measure.name, measure.help)
                suffix = "_total" if measure.kind == COUNTER else ""
                for labels, value in measure.samples:
                    family.add_sample(measure.name + suffix, dict(labels), value)
                yield family

        def describe(self) -> list[Metric]:
            return []

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Measures())
    ProcessCollector(registry=registry)

    def exposed(accept: str) -> tuple[bytes, str]:
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    return exposed
