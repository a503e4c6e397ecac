"""The UI of one browser: told what to show on standard input, gone when that closes."""

import json
import os
from pathlib import Path

import click

from inspector.cli.hangup import end_with_standard_input
from inspector.domain.preferences import Preferences


@click.command("_ui", hidden=True)
def command() -> int:
    """Read one JSON line, then speak the web driver's protocol on standard input and output."""
    told = json.loads(_first_line())
    # The server holds the other end: however it ends, so do we.
    end_with_standard_input()
    from inspector.tui.app import run_ui

    token = Path(told["token_file"]).read_text("ascii").strip()
    return run_ui(told["control"], token, Preferences.model_validate(told["ui"]))


def _first_line() -> bytes:
    """Not a byte more is read: what follows is the driver's."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line
