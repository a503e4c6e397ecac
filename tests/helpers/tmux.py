"""A terminal program in tmux: keys in, the screen's text out, and what it copied.

with Tmux("inspector tui", size=(80, 24)) as screen:
    screen.until_shown("connected")
    screen.keys("j", "Enter")
"""

import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

# Generous, because a test machine may be busy; nothing waits so long unless it fails.
PATIENCE = 30.0

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """One program in a tmux server of its own; what it writes to its terminal wakes the waits."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._command = list(command)
        self._size = size
        self._environment = dict(environment or os.environ)
        self._directory = folder
        self._private = tempfile.TemporaryDirectory(prefix="inspector-tmux-")
        self._socket = Path(self._private.name) / "socket"
        self._pipe = Path(self._private.name) / "output"
        self._output = -1

    def __enter__(self) -> Self:
        columns, lines = self._size
        os.mkfifo(self._pipe)
        # Open for both, so that it has no end while the writer comes and goes.
        self._output = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        where = ["-c", str(self._directory)] if self._directory else []
        self._tmux(
            "new-session", "-d", "-x", str(columns), "-y", str(lines), *where,
            ";", "set-option", "-g", "set-clipboard", "on",
            ";", "set-option", "-g", "remain-on-exit", "on",
            ";", "set-option", "-g", "escape-time", "0",
            ";", "set-option", "-g", "status", "off",
            ";", "pipe-pane", f"cat > '{self._pipe}'",
            ";", "respawn-pane", "-k", "--", *self._command,
        )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tmux("kill-server", check=False)
        os.close(self._output)
        self._private.cleanup()

    @property
    def text(self) -> str:
        """What stands on the screen, line by line."""
        return self._tmux("capture-pane", "-p")

    @property
    def clipboard(self) -> str:
        """What the program copied last, through the terminal."""
        return self._tmux("show-buffer")

    @property
    def pid(self) -> int:
        """The program's process."""
        return int(self._tmux("display-message", "-p", "#{pane_pid}"))

    @property
    def title(self) -> str:
        """What the program called its window; tmux has its own word until it does."""
        return self._tmux("display-message", "-p", "#{pane_title}").strip()

    @property
    def exit_code(self) -> int | None:
        """How the program ended, None while it runs."""
        dead, _, status = (
            self._tmux("display-message", "-p", "#{pane_dead} #{pane_dead_status}")
            .strip()
            .partition(" ")
        )
        return int(status or 0) if dead == "1" else None

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names: `j`, `Enter`, `C-r`."""
        self._tmux("send-keys", *names)

    def type(self, text: str) -> None:
        """Type a text, character by character as it is."""
        self._tmux("send-keys", "-l", text)

    def until_shown(self, *texts: str) -> None:
        """Until all of them stand on the screen."""
        self.until(lambda: all(text in self.text for text in texts), f"{texts} on the screen")

    def until_gone(self, text: str) -> None:
        self.until(lambda: text not in self.text, f"{text!r} to go")

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Look again whenever the program has written something."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            left = deadline - time.monotonic()
            if left <= 0:
                pytest.fail(f"waited in vain for {what}:\n{self.text}")
            # Half a second at the most: a program that ended writes nothing.
            if select.select([self._output], [], [], min(left, 0.5))[0]:
                os.read(self._output, 1 << 20)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", str(self._socket), *arguments],
            capture_output=True,
            env=self._environment,
            check=False,
            timeout=PATIENCE,
        )
        if check and done.returncode:
            raise AssertionError(f"tmux {arguments[0]}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8", "replace")
