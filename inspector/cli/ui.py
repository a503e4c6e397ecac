"""The UI of one browser: told what to show on standard input, gone when that closes."""

import json
import os
import select
import signal
import threading
import time
from pathlib import Path

import click

from inspector.domain.preferences import Preferences

_STOP_SECONDS = 3.0


@click.command("_ui", hidden=True)
def command() -> int:
    """Read one JSON line, then speak the web driver's protocol on standard input and output."""
    told = json.loads(_first_line())
    threading.Thread(target=_end_with_the_server, name="inspector-parent", daemon=True).start()
    from inspector.tui.app import run_ui

    token = Path(told["token_file"]).read_text("ascii").strip()
    return run_ui(told["control"], token, Preferences.model_validate(told["ui"]))


def _first_line() -> bytes:
    """Not a byte more is read: what follows is the driver's."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line


def _end_with_the_server() -> None:
    """The server holds the other end of standard input: however it ends, so do we.

    The driver reads on when it is told nothing more, so the hang-up is watched for beside it.
    """
    watched = select.poll()
    watched.register(0, 0)
    watched.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_SECONDS)
    os._exit(1)
