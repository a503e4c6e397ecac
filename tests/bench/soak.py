"""The terminal UI while deliveries come for minutes: followed, and scrolled through."""

import time
from collections.abc import Iterator

from tests.bench import processes
from tests.bench.million import copied
from tests.bench.plan import Plan
from tests.bench.programs import loading, serving
from tests.bench.report import MIB, Figure, at_most
from tests.bench.terminal import Terminal, ui

_RATE = 500
_STEP = 0.1
# Two pages down, one up, now and then to the newest: what a reader does who looks for something.
_SCROLL = ("\x1b[6~", "\x1b[6~", "\x1b[5~", "j", "k")


def soak(plan: Plan) -> Iterator[Figure]:
    """Memory after ten minutes of scrolling and following 500 deliveries/s over a million."""
    seconds = plan.size(600, 10)
    resident: list[float] = []
    with serving(copied(plan)) as listener, ui(listener.db) as screen:
        screen.wait_for("connected", 20)
        with loading(listener.port, seconds * _RATE, _RATE):
            _use(screen, seconds, resident)
    trail = " ".join(f"{each:.0f}" for each in resident)
    note = f"peak over {seconds} s; now and then: {trail}"
    yield at_most("soak.memory", [max(resident)], 120, " MiB", note=note)


def _use(screen: Terminal, seconds: int, resident: list[float]) -> None:
    """Follow for a while, then scroll for a while, and again."""
    begun = time.monotonic()
    turn = 0
    while (spent := time.monotonic() - begun) < seconds:
        if spent >= len(resident) * seconds / 10:
            resident.append(processes.peak_memory(screen.process.pid) / MIB)
            screen.type("F" if len(resident) % 2 else "g")
        elif len(resident) % 2 == 0:
            screen.type(_SCROLL[turn % len(_SCROLL)])
            turn += 1
        time.sleep(_STEP)
    resident.append(processes.peak_memory(screen.process.pid) / MIB)
