"""Capturing and forwarding to a bare application, beside mitmdump as reverse proxy."""

from collections.abc import Iterator
from pathlib import Path

from tests.bench.mitm import mitmdump, proxying
from tests.bench.plan import Plan
from tests.bench.processes import BenchError, read_line
from tests.bench.programs import Served, bare, load, serving
from tests.bench.report import Figure, at_least, ratios, skipped, told

_CONNECTIONS = 16
_PATIENCE = 300.0


def forward(plan: Plan) -> Iterator[Figure]:
    """From the first request sent to the last one that the app received."""
    program: Path | None = None
    why = ""
    try:
        program = mitmdump(plan)
    except BenchError as error:
        why = f"no mitmdump: {error}; name one with --mitmproxy"
    proxied: list[float] = []
    many: list[float] = []
    ordered: list[float] = []
    for _ in range(plan.rounds):
        if program is not None:
            proxied.append(_proxied(plan, program))
        many.append(_ours(plan, _CONNECTIONS))
        ordered.append(_ours(plan, 1))
    yield told("forward.16-rate", many, " /s")
    yield told("forward.order-rate", ordered, " /s")
    names = (("forward.16", many, 5.0), ("forward.in-order", ordered, 3.0))
    for name, ours, limit in names:
        if program is None:
            yield skipped(name, f"at least {limit:g}x mitmdump", why)
            continue
        note = "mitmdump " + "/".join(f"{rate:,.0f}" for rate in proxied) + " /s"
        yield at_least(name, ratios(ours, proxied), limit, "x mitmdump", note=note)


def _ours(plan: Plan, connections: int) -> float:
    count = plan.size(20_000, 5_000)
    with bare(count) as app:
        flags = f"http://127.0.0.1:{app.port}", "--max-connections", connections
        with serving(plan.new_store(), *flags) as listener:
            return _rate(app, listener.port, count)


def _proxied(plan: Plan, program: Path) -> float:
    count = plan.size(3_000, 1_000)
    folder = plan.new_store().parent
    with bare(count) as app, proxying(program, app.port, folder) as port:
        return _rate(app, port, count)


def _rate(app: Served, port: int, count: int) -> float:
    loaded = load(port, count)
    return count / (float(read_line(app.process.stdout, _PATIENCE)) - loaded.begun)
