"""How long the command takes to start, beside an empty Python program."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.plan import Plan
from tests.bench.processes import output, python, read_line, started
from tests.bench.report import Figure, at_most, ratios

# The machine that the limits were set for takes so many milliseconds for `python -c pass`.
_PASS = 17.0
_HELP, _READY = 120.0, 900.0
_PATIENCE = 30.0


def start(plan: Plan) -> Iterator[Figure]:
    """`inspector --help`, and `inspector serve --headless` until it captures."""
    turns = plan.size(7 * plan.rounds, 3)
    nothing: list[float] = []
    helped: list[float] = []
    ready: list[float] = []
    for _ in range(turns):
        nothing.append(_taken([sys.executable, "-c", "pass"]))
        helped.append(_taken([*_inspector(), "--help"]))
        ready.append(_ready(plan))
    yield _figure("start.help", helped, nothing, _HELP)
    yield _figure("start.serve", ready, nothing, _READY)


def _figure(name: str, taken: list[float], nothing: list[float], limit: float) -> Figure:
    """Scaled to a machine of that speed, turn by turn."""
    scaled = [ratio * _PASS for ratio in ratios(taken, nothing)]
    note = f"scaled; here {min(taken):.0f} ms at best, `python -c pass` {min(nothing):.0f} ms"
    return at_most(name, scaled, limit, " ms", note=note)


def _inspector() -> list[str]:
    """The installed command, or the module where it is not installed."""
    installed = Path(sys.executable).with_name("inspector")
    return [str(installed)] if installed.is_file() else python("inspector")


def _taken(command: list[str]) -> float:
    begun = time.perf_counter()
    output(command, _PATIENCE)
    return (time.perf_counter() - begun) * 1000


def _ready(plan: Plan) -> float:
    db = plan.new_store()
    command = [*_inspector(), "serve", "--headless", "--port", "0", "--db", str(db)]
    begun = time.perf_counter()
    with started(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        line = read_line(process.stderr, _PATIENCE)
        taken = (time.perf_counter() - begun) * 1000
        assert b"capturing at" in line, line
    return taken
