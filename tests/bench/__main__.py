"""The one command: every group of figures, or those named; exit 1 when one falls short."""

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tests.bench.capture import capture
from tests.bench.forward import forward
from tests.bench.memory import memory
from tests.bench.plan import Plan
from tests.bench.processes import BenchError
from tests.bench.report import Figure
from tests.bench.soak import soak
from tests.bench.start import start
from tests.bench.stream import stream
from tests.bench.tunnel import tunnel
from tests.bench.ui import ui

GROUPS: dict[str, Callable[[Plan], Iterator[Figure]]] = {
    "start": start,
    "capture": capture,
    "forward": forward,
    "tunnel": tunnel,
    "stream": stream,
    "memory": memory,
    "ui": ui,
    "soak": soak,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure speeds and sizes; ratios are of runs that take turns.",
        epilog="Stores are written under TMPDIR: put it on a real disk, for commits cost there.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(GROUPS)} (all)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all?")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each comparison (3)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep what is made once in DIR")
    parser.add_argument("--mitmproxy", type=Path, metavar="MITMDUMP", help="do not install one")
    found = parser.parse_args()
    if unknown := set(found.names) - set(GROUPS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    if found.rounds < 1:
        parser.error("--rounds must be at least 1")
    return found


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} before"


def main() -> int:
    arguments = _arguments()
    # So that what was started is ended, however we are told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    short: list[str] = []
    left_out: list[str] = []
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        plan = Plan(
            quick=arguments.quick,
            rounds=1 if arguments.quick else arguments.rounds,
            folder=Path(folder),
            cache=arguments.cache or Path(folder) / "cache",
            mitmdump=arguments.mitmproxy,
        )
        print(_machine() + (", quick: too small to judge by" if plan.quick else ""), flush=True)
        for name in arguments.names or GROUPS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                for figure in GROUPS[name](plan):
                    print(figure.line(), flush=True)
                    if figure.holds is False:
                        short.append(figure.name)
                    if figure.skipped:
                        left_out.append(figure.name)
            except BenchError as error:
                print(f"ERROR {name}: not measured: {error}", flush=True)
                short.append(name)
    if left_out:
        print(f"skipped: {', '.join(left_out)}")
    print(f"short: {', '.join(short)}" if short else "nothing measured falls short", flush=True)
    return 1 if short else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
