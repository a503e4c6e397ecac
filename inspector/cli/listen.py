"""The listener as a child of who shows it: told all on standard input, gone when that closes."""

import json
import os
import sys
import threading

import click

from inspector.cli.foreground import Serving, configure_log, run_loop
from inspector.cli.stopping import from_a_thread
from inspector.settings import Settings
from inspector.store.files import StoreFiles


@click.command("_listen", hidden=True)
def command() -> int:
    """Read one JSON line of settings, print `ready`, and listen until standard input ends.

    Deliveries are printed after it only if that is asked for.
    """
    told = json.loads(sys.stdin.buffer.readline())
    settings = Settings.model_validate(told["settings"])
    if told["demo"]:
        # It leaves nothing behind: what it complains of goes to the UI's temporary file.
        configure_log()
    else:
        files = StoreFiles(settings.db)
        # Before there is a log beside it.
        files.create()
        configure_log(files.database)
    serving = Serving(settings, output="json", demo=told["demo"], alone=False)
    return run_loop(_listen(serving, announce_only=not told["lines"]))


async def _listen(serving: Serving, *, announce_only: bool) -> int:
    end = from_a_thread(serving.stop)

    def wait_for_end() -> None:
        # The UI holds the other end of this pipe: however it ends, so do we.
        while os.read(0, 4096):
            pass
        end()

    threading.Thread(target=wait_for_end, name="inspector-parent", daemon=True).start()
    return await serving.run(announce_only=announce_only)
