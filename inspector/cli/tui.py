"""`inspector tui`: the terminal UI of a listener that runs already."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.cli.hangup import end_with_standard_input
from inspector.cli.opened import existing
from inspector.cli.options import store_options
from inspector.cli.parting import after_tui
from inspector.cli.printing import tell
from inspector.cli.running import running
from inspector.errors import UnreachableError, UsageError
from inspector.settings import load

if TYPE_CHECKING:
    from inspector.client.models import Status


@click.command("tui")
@store_options
def command(db: Path | None, as_json: bool) -> int:
    """Open the terminal UI of the running listener of this store."""
    del as_json  # accepted after every command; a screen has no lines to print
    settings = load({"db": db})
    listener = running(existing(settings))
    if listener is None:
        raise UnreachableError(
            f"no listener runs on {settings.db}", "start one with `inspector serve`"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the UI needs a terminal", "see `inspector list` and `inspector show`")
    from inspector.tui.app import run_ui

    end_with_standard_input()
    return run_ui(listener.control, listener.token(), settings.ui, _left)


def _left(status: "Status | None", unfinished: str) -> None:
    for text in (unfinished, after_tui(status)):
        if text:
            tell(text)
