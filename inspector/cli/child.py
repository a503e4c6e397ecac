"""The listener in a process of its own, for who shows it: a terminal or a web server."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from inspector.errors import InspectorError, UnreachableError
from inspector.settings import Settings

_STOP_SECONDS = 12.0


class Child:
    """A listener that was started; `output` is what it prints after `ready`."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._complaints = complaints
        self.input = process.stdin
        self.output = process.stdout

    def ready(self) -> dict[str, Any]:
        """Wait for its first line; what it complains of instead is raised. Called once."""
        if not (line := self.output.readline()):
            raise self.failure()
        item: dict[str, Any] = json.loads(line)
        return item

    def failure(self) -> InspectorError:
        """What a listener that ended by itself complained of, as our complaint."""
        code = self._process.wait()
        said, hint = self._said()
        error = InspectorError(said or _ended(code), hint)
        error.exit_code = code if code > 0 else InspectorError.exit_code
        return error

    def gone(self) -> InspectorError | None:
        """Why the listener is no more, None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        # What it complained of before it was killed was not why.
        said, hint = self._said() if code >= 0 else ("", "")
        return UnreachableError(f"{_ended(code, said)}, nothing is captured", hint)

    def _said(self) -> tuple[str, str]:
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").splitlines()
        message = lines[0].removeprefix("inspector: ") if lines else ""
        return message, lines[1].removeprefix("hint: ") if len(lines) > 1 else ""

    def stop(self) -> None:
        """Close its input, which ends it, and wait until it is gone."""
        with suppress(BrokenPipeError):
            self.input.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _ended(code: int, why: str = "") -> str:
    why = why or (f"signal {-code}" if code < 0 else f"exit code {code}")
    return f"the listener ended ({why})"


@contextmanager
def listening(settings: Settings, demo: bool, *, lines: bool = False) -> Iterator[Child]:
    """Start a listener and stop it at the end; with `lines` it prints deliveries after `ready`.

    It has a session of its own, so that Ctrl+C is not its concern, gets its settings on a pipe,
    so that no secret is in its arguments, and ends when that pipe closes, however we end.
    """
    # A file, because nobody reads a pipe while the UI runs, and a full one would stop the writer.
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            # -P: the current folder is the user's project, whose modules are not ours to import.
            [sys.executable, "-P", "-m", "inspector", "_listen"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
        child = Child(process, complaints)
        try:
            told = {"settings": settings.model_dump(mode="json"), "demo": demo, "lines": lines}
            child.input.write(json.dumps(told).encode() + b"\n")
            child.input.flush()
            yield child
        finally:
            child.stop()
