"""smee-client, installed from npm: what the tunnel is held against."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.plan import Plan
from tests.bench.processes import BenchError, output, python, read_line, started
from tests.bench.programs import Served

_PACKAGE = "smee-client@5.0.0"
_INSTALL_SECONDS = 300.0
_START_SECONDS = 30.0


def smee_client(plan: Plan) -> Path:
    """Its program, installed once; raises `BenchError` when it is not to be had."""
    npm, node = shutil.which("npm"), shutil.which("node")
    folder = plan.cache.absolute() / "smee"
    program = folder / "node_modules" / "smee-client" / "bin" / "smee.js"
    if node is None:
        raise BenchError("there is no node to run it with")
    if not program.is_file():
        if npm is None:
            raise BenchError("there is no npm to install it with")
        print("installing smee-client ...", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        flags = "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)
        output([npm, "install", *flags, _PACKAGE], _INSTALL_SECONDS)
    return program


@contextmanager
def smee(program: Path, app_port: int) -> Iterator[Served]:
    """The port that takes deliveries, and the process of smee-client, which forwards them.

    Its output goes to /dev/null, so that it costs as little as can be.
    """
    command = python("tests.bench.smee_server")
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        port = int(read_line(server.stdout, _START_SECONDS))
        client = [
            "node", str(program),
            "--url", f"http://127.0.0.1:{port}/channel",
            "--target", f"http://127.0.0.1:{app_port}/hooks",
        ]  # fmt: skip
        nothing = subprocess.DEVNULL
        environment = {
            name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
        }
        with started(client, stdout=nothing, stderr=nothing, env=environment) as process:
            read_line(server.stdout, _START_SECONDS)
            yield Served(port, process)
