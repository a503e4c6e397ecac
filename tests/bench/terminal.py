"""A program in a terminal of its own (a pty of 120 by 40), driven by keys and watched."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench.processes import Process, python, started, until

_COLUMNS, _LINES = 120, 40
_KEEP = 1 << 18
_STOP_SECONDS = 5.0


class Terminal:
    """What the process writes is read by a thread; the latest of it is kept."""

    def __init__(self, master: int, process: Process) -> None:
        self._master = master
        self.process = process
        self._shown = b""
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._drain, name="bench-terminal", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            self._shown = (self._shown + data)[-_KEEP:]
            self._last = time.monotonic()

    def stop(self) -> None:
        """Leave with `q`; the reading ends with the program, which had the other side alone."""
        with suppress(OSError):
            os.write(self._master, b"q")
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)
        self.process.kill()
        self._thread.join(_STOP_SECONDS)
        os.close(self._master)

    def wait_for(self, text: str, seconds: float) -> float:
        """The monotonic time at which the text was there; looks every millisecond."""
        wanted = text.encode()
        until(lambda: wanted in self._shown, seconds, f"{text!r} on the screen", pause=0.001)
        return self._last

    def forget(self) -> None:
        """What was written so far is not waited for again."""
        self._shown = b""

    def type(self, text: str) -> float:
        """Write to the program; the monotonic time at which that was done."""
        os.write(self._master, text.encode())
        return time.monotonic()

    def wait_quiet(self, quiet: float, seconds: float) -> None:
        """Return when nothing was written for `quiet` seconds, or after `seconds` anyway."""
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < min(self._last + quiet, deadline):
            time.sleep(min(self._last + quiet, deadline) - now)

    def press(self, key: str, quiet: float, seconds: float) -> None:
        """Press a key, wait for what it makes the program write, then until it is quiet again."""
        pressed = time.monotonic()
        os.write(self._master, key.encode())
        while self._last < pressed and time.monotonic() < pressed + seconds:
            time.sleep(0.002)
        self.wait_quiet(quiet, seconds)


@contextmanager
def ui(db: Path) -> Iterator[Terminal]:
    """`inspector tui` on the listener of that store; left with `q`, or else ended by force."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    command = python("inspector", "tui", "--db", db)
    with started(command, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        terminal = Terminal(master, process)
        try:
            yield terminal
        finally:
            terminal.stop()
