"""What a relay keeps in memory with two hundred consumers connected."""

from collections.abc import Iterator

from tests.bench import processes
from tests.bench.memory import flat
from tests.bench.plan import Plan
from tests.bench.programs import load
from tests.bench.relays import consuming, endpoints, relaying
from tests.bench.report import MIB, Figure, at_most

_CONSUMERS = 200


def relay_memory(plan: Plan) -> Iterator[Figure]:
    """All on one endpoint, where each gets everything; then each on an endpoint of its own."""
    yield from _connected(plan, "one", 1, plan.size(2_000, 100))
    yield from _connected(plan, "each", _CONSUMERS, plan.size(20_000, 400))


def _connected(plan: Plan, name: str, count: int, burst: int) -> Iterator[Figure]:
    each = _CONSUMERS // count
    db = plan.new_store()
    made = endpoints(db, count)
    paths = [part for endpoint in made for part in ("--path", endpoint.path)]
    samples: list[float] = []
    with relaying(db) as relay:
        pid = relay.process.pid
        alone = processes.memory(pid) / MIB
        with consuming(relay, made, each, burst * each, db.parent) as consumers:
            before = processes.memory(pid) / MIB
            for _ in range(plan.size(12, 6)):
                load(relay.port, burst, *paths)
                consumers.all_came()
                samples.append(processes.memory(pid) / MIB)
            peak = processes.peak_memory(pid) / MIB
    note = f"peak; alone {alone:.0f}, connected {before:.0f}; bursts of {burst:,} to {each} each"
    yield at_most(f"tunnel.relay-{name}", [peak], 100, " MiB", note=note)
    yield flat(f"tunnel.flat-{name}", samples)
