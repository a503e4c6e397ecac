"""What the listener keeps in memory under load."""

import statistics
from collections.abc import Iterator

from tests.bench import processes
from tests.bench.plan import Plan
from tests.bench.programs import end_large_bodies, large_bodies, load, serving
from tests.bench.report import MIB, Figure, at_most, told

_LARGE = 25_000_000
_PAUSE = 0.1


def memory(plan: Plan) -> Iterator[Figure]:
    """Bursts up to a million deliveries, then large bodies, each on one listener."""
    yield from _many(plan)
    yield from _large(plan)


def _many(plan: Plan) -> Iterator[Figure]:
    burst, bursts = plan.size(50_000, 2_000), plan.size(20, 6)
    listening: list[float] = []
    indexing: list[float] = []
    with serving(plan.new_store()) as listener:
        for _ in range(bursts):
            load(listener.port, burst)
            listener.wait_indexed()
            listening.append(processes.memory(listener.process.pid) / MIB)
            indexing.append(processes.memory(listener.indexer) / MIB)
        peak = processes.peak_memory(listener.process.pid) / MIB
        indexer_peak = processes.peak_memory(listener.indexer) / MIB
    note = f"peak over {bursts} bursts of {burst:,}"
    yield at_most("memory.listener", [peak], 90, " MiB", note=note)
    yield flat("memory.flat", listening)
    note = f"peak of that process; {_trail(indexing)}"
    yield told("memory.indexer", [indexer_peak], " MiB", note=note)


def flat(name: str, samples: list[float]) -> Figure:
    """The last quarter beside the first, the very first burst (which warms up) left out."""
    quarter = max(1, len(samples) // 4)
    first = statistics.median(samples[1 : 1 + quarter])
    last = statistics.median(samples[-quarter:])
    return at_most(name, [last / first], 1.1, "x", note=f"last by first; {_trail(samples)}")


def _trail(samples: list[float]) -> str:
    return " ".join(f"{each:.0f}" for each in samples) + " MiB"


def _large(plan: Plan) -> Iterator[Figure]:
    for together in (1, 2):
        with serving(plan.new_store()) as listener:
            load(listener.port, plan.size(5_000, 500))
            listener.wait_indexed()
            pid = listener.process.pid
            before = processes.memory(pid)
            processes.forget_peak(pid)
            with large_bodies(listener.port, _LARGE, together=together, pause=_PAUSE) as process:
                load(listener.port, plan.size(10_000, 1_000))
                sent = end_large_bodies(process)
            extra = processes.peak_memory(pid) - before
        in_flight = together * _LARGE
        yield at_most(
            f"memory.large-{together}",
            [extra / in_flight],
            3,
            "x those in flight",
            note=f"{extra / MIB:.0f} MiB more for {in_flight / MIB:.0f} MiB; {sent} bodies sent",
        )
