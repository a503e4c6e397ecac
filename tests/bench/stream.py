"""How many deliveries a second come out of the stream, to each of two subscribers at a time."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

from tests.bench.million import stored
from tests.bench.plan import Plan
from tests.bench.processes import Process, python, read_line, started
from tests.bench.programs import serving
from tests.bench.report import Figure, at_least, told
from tests.bench.subscriber import Received

_ASKED = 20_000
_PACES = (20_000, 40_000, 80_000)
_PATIENCE = 300.0
# A live subscriber keeps up when it has the last delivery so many seconds after its publishing.
_BEHIND = 0.5


def stream(plan: Plan) -> Iterator[Figure]:
    """Replayed from the store of a running listener, and live."""
    yield _replay(plan)
    live = [_live(plan, together=64) for _ in range(plan.rounds)]
    yield at_least("stream.live", live, _ASKED, " /s", note="64 deliveries a frame")
    single = [_live(plan, together=1) for _ in range(plan.rounds)]
    yield told("stream.live-single", single, " /s", note="one delivery a frame")


def _replay(plan: Plan) -> Figure:
    db, stored_count = stored(plan)
    count = min(stored_count, plan.size(200_000, 10_000))
    rates, whole = [], True
    with serving(db) as listener:
        token = listener.token_file.read_text().strip()
        for _ in range(plan.rounds):
            with ExitStack() as stack:
                after = str(stored_count - count)
                two = _two(stack, listener.control, token, after, count)
                received = [_received(each) for each in two]
            rates.append(count / max(each.ended - each.begun for each in received))
            whole = whole and all(each.whole for each in received)
    note = f"each {count:,} deliveries {'once' if whole else 'NOT ONCE'}"
    return at_least("stream.replay", rates if whole else [0.0], _ASKED, " /s", note=note)


def _live(plan: Plan, *, together: int) -> float:
    """The highest pace at which two subscribers keep up; 0 if they do at none."""
    kept = 0.0
    for pace in _PACES:
        if not _keeps_up(pace, plan.size(3, 1), together):
            break
        kept = pace
    return kept


def _keeps_up(pace: int, seconds: int, together: int) -> bool:
    command = python("tests.bench.fanout", pace, seconds, together)
    with ExitStack() as stack:
        fanout = stack.enter_context(
            started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        port = int(read_line(fanout.stdout, _PATIENCE))
        control = f"http://127.0.0.1:{port}/_inspector"
        two = _two(stack, control, "none", "live", pace * seconds)
        published = float(read_line(fanout.stdout, _PATIENCE))
        received = [_received(each) for each in two]
    return all(each.whole and each.ended - published < _BEHIND for each in received)


def _two(stack: ExitStack, control: str, token: str, after: str, count: int) -> list[Process]:
    command = python("tests.bench.subscriber", control, token, after, count)
    return [stack.enter_context(started(command, stdout=subprocess.PIPE)) for _ in range(2)]


def _received(process: Process) -> Received:
    return Received(**json.loads(read_line(process.stdout, _PATIENCE)))
