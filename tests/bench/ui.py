"""The terminal UI over a million rows, driven by keys as a user would."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.bench import processes
from tests.bench.million import stored
from tests.bench.plan import Plan
from tests.bench.programs import Listening, serving
from tests.bench.report import MIB, Figure, at_most, told
from tests.bench.terminal import Terminal
from tests.bench.terminal import ui as opened

_START_SECONDS = 20.0
_ESTABLISHED = "01"
# The UI has nothing more to paint when it wrote nothing for so long.
_QUIET = 0.03
_SETTLED = 0.7
_ANSWER_SECONDS = 0.5
# What is typed into the filter: the figure's name, and how many milliseconds it may take. The bound
# keeps out what stood on the screen before.
_FILTERS = {
    "event:delta.*": ("filter-event", 50),
    "state:failed": ("filter-state", 50),
    '"usage_charge"': ("free-text", 200),
}
_BELOW = 1_000


def ui(plan: Plan) -> Iterator[Figure]:
    """First list, key presses, filters, memory."""
    db, count = stored(plan)
    presses = plan.size(200, 40)
    first: list[float] = []
    steps: list[float] = []
    pages: list[float] = []
    resident: list[float] = []
    idle: list[float] = []
    filters: dict[str, list[float]] = {text: [] for text in _FILTERS}
    with serving(db) as listener:
        for _ in range(plan.rounds):
            with ExitStack() as stack:
                screen = stack.enter_context(opened(db))
                first.append(_first_list(screen, listener, count))
                screen.wait_quiet(_SETTLED, _START_SECONDS)
                idle.append(_idle(screen, 2.0))
                steps.append(_pressed(screen, "j", presses))
                pages.append(_pressed(screen, "\x1b[6~", presses))
                for key in ("G", "g"):
                    _pressed(screen, key, 1)
                for text, found in filters.items():
                    found.append(_filtered(screen, text, count))
                resident.append(processes.peak_memory(screen.process.pid) / MIB)
    note = f"from connecting to the newest row, {count:,} stored"
    yield at_most("ui.first-list", first, 100, " ms", note=note)
    yield at_most("ui.key", steps, 15, " ms", note=f"of CPU, {presses} times j")
    yield at_most("ui.page", pages, 15, " ms", note=f"of CPU, {presses} times page down")
    yield at_most("ui.memory", resident, 120, " MiB", note="peak")
    for (name, limit), values in zip(_FILTERS.values(), filters.values(), strict=True):
        note = "from Enter to the first row on the screen"
        yield at_most(f"ui.{name}", values, limit, " ms", note=note)
    yield told("ui.idle", idle, " %", note="of a core, with nothing to do")


def _first_list(screen: Terminal, listener: Listening, count: int) -> float:
    """Milliseconds from the UI's first connection to its newest delivery on the screen."""
    connected = processes.until(
        lambda: _connected_at(listener.port), _START_SECONDS, "a connection of the UI", 0.001
    )
    return (screen.wait_for(f"{count} ", _START_SECONDS) - connected) * 1000


def _connected_at(port: int) -> float | None:
    """Now, if a client is connected to the port (proc(5), net/tcp)."""
    now = time.monotonic()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, *_ = line.split()
        if state == _ESTABLISHED and remote.endswith(f":{port:04X}"):
            return now
    return None


def _filtered(screen: Terminal, text: str, count: int) -> float:
    """Milliseconds from entering a filter until its newest match is on the screen."""
    # The first of every hundred is a failed one.
    newest = f"{count - _BELOW - 99 if text == 'state:failed' else count - _BELOW} "
    screen.press("f", _SETTLED, _START_SECONDS)
    screen.press(f"{text} id:..{count - _BELOW}", _SETTLED, _START_SECONDS)
    screen.forget()
    entered = screen.type("\r")
    shown = screen.wait_for(newest, _START_SECONDS)
    # Back to the whole list: a search that goes on is stopped first, then the filter goes.
    for _ in range(3):
        screen.press("\x1b", _SETTLED, 2 * _SETTLED)
    return (shown - entered) * 1000


def _pressed(screen: Terminal, key: str, times: int) -> float:
    """Milliseconds of CPU that the UI takes for a press, each waited for until it is painted."""
    before = processes.cpu_seconds(screen.process.pid)
    for _ in range(times):
        screen.press(key, _QUIET, _ANSWER_SECONDS)
    return (processes.cpu_seconds(screen.process.pid) - before) / times * 1000


def _idle(screen: Terminal, seconds: float) -> float:
    before = processes.cpu_seconds(screen.process.pid)
    time.sleep(seconds)
    return (processes.cpu_seconds(screen.process.pid) - before) / seconds * 100
