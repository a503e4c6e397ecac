"""A relay and the tunnel to a local app, beside smee-client and beside no tunnel at all.

smee-client is favoured: its server (`tests.bench.smee_server`) stores nothing and is as cheap as
can be, its connections and its compiled code are warm, its bursts are as large as it is fastest
with, and nobody reads its output. Both send to the same app, which costs next to nothing.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench import processes
from tests.bench.plan import Plan
from tests.bench.processes import BenchError
from tests.bench.programs import App, Listening, app, bare, load, serving
from tests.bench.relays import endpoints, relaying, tunnelled
from tests.bench.report import MIB, Figure, at_least, at_most, ratios, skipped, told
from tests.bench.smee import smee, smee_client
from tests.bench.tunnel_memory import relay_memory

_WARM_UPS = 3
_CONNECTIONS = 16
_STEADY = 1_000
_WARM_UP = 500


@dataclass(frozen=True, slots=True)
class _Run:
    """Deliveries a second until the last was at the app, and what the client has taken at most."""

    rate: float
    memory: float
    indexer: float = 0.0


@dataclass(frozen=True, slots=True)
class _Lags:
    """From sending to the arrival at the app, in milliseconds."""

    p50: float
    p99: float


def tunnel(plan: Plan) -> Iterator[Figure]:
    """Bursts and memory against smee-client; latency, catching up, capture, the relay's memory."""
    yield from _bursts(plan)
    yield from _latency(plan)
    yield _catch_up(plan)
    yield from _capture(plan)
    yield from relay_memory(plan)


def _bursts(plan: Plan) -> Iterator[Figure]:
    program: Path | None = None
    why = ""
    try:
        program = smee_client(plan)
    except BenchError as error:
        why = f"no smee-client: {error}"
    theirs: list[_Run] = []
    ordered: list[_Run] = []
    many: list[_Run] = []
    for _ in range(plan.rounds):
        if program is not None:
            theirs.append(_smee(plan, program))
        ordered.append(_ours(plan, 1))
        many.append(_ours(plan, _CONNECTIONS))
    yield told("tunnel.order-rate", [each.rate for each in ordered], " /s")
    yield told("tunnel.16-rate", [each.rate for each in many], " /s")
    rates = [each.rate for each in theirs]
    for name, ours in (("tunnel.in-order", ordered), ("tunnel.16", many)):
        if program is None:
            yield skipped(name, "at least 2x smee-client", why)
            continue
        note = "smee-client " + "/".join(f"{rate:,.0f}" for rate in rates) + " /s"
        against = ratios([each.rate for each in ours], rates)
        yield at_least(name, against, 2, "x smee-client", note=note)
    if program is None:
        yield skipped("tunnel.memory", "at most a third of smee-client's", why)
        return
    yield from _memory(theirs, many)


def _memory(theirs: list[_Run], ours: list[_Run]) -> Iterator[Figure]:
    peaks = [each.memory for each in theirs]
    listener = ratios([each.memory for each in ours], peaks)
    note = "peaks: " + ", ".join(
        f"listener {own.memory:.0f} and its indexer {own.indexer:.0f} by smee-client {peak:.0f} MiB"
        for own, peak in zip(ours, peaks, strict=True)
    )
    yield at_most("tunnel.memory", listener, 0.334, "x smee-client", note=note)
    both = ratios([each.memory + each.indexer for each in ours], peaks)
    yield told("tunnel.memory-both", both, "x smee-client", note="the indexer's added")


def _smee(plan: Plan, program: Path) -> _Run:
    size = _burst(plan)
    with app(size) as target, smee(program, target.port) as client:
        rate = _burst_rate(plan, client.port, target)
        return _Run(rate, processes.peak_memory(client.process.pid) / MIB)


def _ours(plan: Plan, connections: int) -> _Run:
    db = plan.new_store()
    (endpoint,) = endpoints(db)
    with app(_burst(plan)) as target, relaying(db) as relay:
        flags = f"http://127.0.0.1:{target.port}", "--max-connections", connections
        with tunnelled(plan.new_store(), relay, endpoint, *flags) as listener:
            rate = _burst_rate(plan, relay.port, target, endpoint.path, listener)
            return _Run(
                rate,
                processes.peak_memory(listener.process.pid) / MIB,
                processes.peak_memory(listener.indexer) / MIB,
            )


def _burst(plan: Plan) -> int:
    return plan.size(3_000, 500)


def _burst_rate(
    plan: Plan, port: int, target: App, path: str = "/", listener: Listening | None = None
) -> float:
    """Over several bursts, each from its first delivery sent to its last at the app."""
    size, bursts = _burst(plan), plan.size(5, 1)
    spent = 0.0
    for number in range(_WARM_UPS + bursts):
        loaded = load(port, size, "--path", path)
        taken = target.all_came() - loaded.begun
        if number >= _WARM_UPS:
            spent += taken
        if listener is not None:
            listener.wait_indexed()
    return size * bursts / spent


def _latency(plan: Plan) -> Iterator[Figure]:
    without: list[_Lags] = []
    through: list[_Lags] = []
    for _ in range(plan.rounds):
        without.append(_steady(plan, relayed=False))
        through.append(_steady(plan, relayed=True))
    p99 = [each.p99 for each in through]
    note = (
        f"p99 at {_STEADY:,}/s, sending to app; p50 {_shown([each.p50 for each in through])}; "
        f"without a tunnel p99 {_shown([each.p99 for each in without])}, "
        f"p50 {_shown([each.p50 for each in without])} ms"
    )
    yield at_most("tunnel.latency", p99, 5, " ms", note=note)
    added = [a.p99 - b.p99 for a, b in zip(through, without, strict=True)]
    middle = [a.p50 - b.p50 for a, b in zip(through, without, strict=True)]
    note = f"p99 more than without; p50 {_shown(middle)} ms more"
    yield told("tunnel.added", added, " ms", note=note)


def _steady(plan: Plan, *, relayed: bool) -> _Lags:
    count = _STEADY * plan.size(30, 2)
    folder = plan.new_store().parent
    sent, came = folder / "sent", folder / "came"
    with ExitStack() as stack:
        target = stack.enter_context(app(count + _WARM_UP, came))
        url = f"http://127.0.0.1:{target.port}"
        if relayed:
            db = plan.new_store()
            (endpoint,) = endpoints(db)
            relay = stack.enter_context(relaying(db))
            stack.enter_context(tunnelled(plan.new_store(), relay, endpoint, url))
            port, path = relay.port, endpoint.path
        else:
            port, path = stack.enter_context(serving(plan.new_store(), url)).port, "/hooks"
        flags = "--path", path, "--rate", _STEADY, "--warm-up", _WARM_UP, "--times", sent
        load(port, count, *flags)
        target.all_came()
    return _lags(_times(sent), _times(came))


def _times(file: Path) -> dict[int, float]:
    """Monotonic seconds by the numbers of deliveries."""
    found = (line.split() for line in file.read_text().splitlines())
    return {int(number): float(at) for number, at in found}


def _lags(sent: dict[int, float], came: dict[int, float]) -> _Lags:
    lags = sorted(came[number] - at for number, at in sent.items())
    return _Lags(lags[len(lags) // 2] * 1000, lags[int(len(lags) * 0.99)] * 1000)


def _catch_up(plan: Plan) -> Figure:
    """From starting the listener: it is ready when a canary has come home behind all of them."""
    count = plan.size(100_000, 2_000)
    db = plan.new_store()
    (endpoint,) = endpoints(db)
    taken: list[float] = []
    with relaying(db) as relay:
        load(relay.port, count, "--path", endpoint.path)
        for _ in range(plan.rounds):
            begun = time.monotonic()
            consumer = "--consumer", f"bench-{len(taken)}"
            with tunnelled(plan.new_store(), relay, endpoint, *consumer) as listener:
                taken.append(listener.ready_at - begun)
    note = f"{count:,} stored ones, from starting the listener until all are in its journal"
    return at_most("tunnel.catch-up", taken, 15, " s", note=note)


def _capture(plan: Plan) -> Iterator[Figure]:
    """The same burst to a bare application, a local listener and a relay, as in `capture`."""
    count, warm_up = plan.size(50_000, 5_000), plan.size(1_000, 100)
    yardstick: list[float] = []
    local: list[float] = []
    relayed: list[float] = []
    for _ in range(plan.rounds):
        with bare() as served:
            yardstick.append(load(served.port, count, "--warm-up", warm_up).rate)
        with serving(plan.new_store()) as listener:
            local.append(load(listener.port, count, "--warm-up", warm_up).rate)
        db = plan.new_store()
        (endpoint,) = endpoints(db)
        with relaying(db) as relay:
            flags = "--path", endpoint.path, "--warm-up", warm_up
            relayed.append(load(relay.port, count, *flags).rate)
    ours = ratios(relayed, yardstick)
    note = f"the local listener {_shown(ratios(local, yardstick))} x bare"
    yield at_least("tunnel.capture", ours, 0.6, "x bare", aim=1.0, note=note)
    yield told("tunnel.relay-local", ratios(relayed, local), "x the local listener")


def _shown(values: list[float]) -> str:
    return "/".join(f"{each:.2f}" for each in values)
