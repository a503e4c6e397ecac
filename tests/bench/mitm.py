"""mitmdump as reverse proxy with a flow file: what the forwarding is held against."""

import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.plan import Plan
from tests.bench.processes import BenchError, output, started, until

_INSTALL_SECONDS = 600.0
_START_SECONDS = 30.0


def mitmdump(plan: Plan) -> Path:
    """The program: the one given, or one installed once into an environment of its own.

    Raises `BenchError` when there is none to be had.
    """
    if plan.mitmdump is not None:
        if not plan.mitmdump.is_file():
            raise BenchError(f"there is no {plan.mitmdump}")
        return plan.mitmdump.absolute()
    folder = plan.cache.absolute() / "mitmproxy"
    program = folder / "bin" / "mitmdump"
    if not program.is_file():
        print("installing mitmproxy ...", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        python = str(folder / "bin" / "python")
        output([python, "-m", "pip", "install", "--quiet", "mitmproxy"], _INSTALL_SECONDS)
    return program


@contextmanager
def proxying(program: Path, app_port: int, folder: Path) -> Iterator[int]:
    """The port of a reverse proxy before the app, which writes every flow to a file."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [
        str(program), "--quiet", "--mode", f"reverse:http://127.0.0.1:{app_port}",
        "--listen-host", "127.0.0.1", "--listen-port", str(port),
        "--set", f"confdir={folder / 'mitmproxy'}", "-w", str(folder / "flows"),
    ]  # fmt: skip
    with started(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        until(lambda: _listens(port), _START_SECONDS, "mitmdump")
        yield port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
