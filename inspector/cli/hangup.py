"""Ending with whoever holds the other end of standard input: a terminal or a server."""

import os
import select
import signal
import threading
import time

_STOP_SECONDS = 3.0


def end_with_standard_input() -> None:
    """From now on, when standard input is hung up this process ends as SIGTERM ends it.

    A driver of the UI reads on for ever when it is told nothing more. A terminal tells its own
    session of its end; one that is not ours, or a pipe, is watched here. Where nothing can be
    watched (no `poll`, or none for terminals) nothing is.
    """
    if hasattr(select, "poll"):
        threading.Thread(target=_watch, name="inspector-hangup", daemon=True).start()


def _watch() -> None:
    watched = select.poll()
    watched.register(0, 0)
    ((_, seen),) = watched.poll()
    if seen & select.POLLHUP:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_STOP_SECONDS)
        os._exit(1)
