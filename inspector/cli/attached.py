"""`serve` on a terminal: the listener in a process of its own, the UI in this one."""

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from inspector.errors import InspectorError
from inspector.settings import Settings

_STOP_SECONDS = 12.0


def serve_with_ui(settings: Settings, demo: bool) -> int:
    """Start a listener, open the UI on it, and stop it when the UI ends."""
    # A file, because nobody reads a pipe while the UI runs, and a full one would stop the writer.
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, "-m", "inspector", "_listen"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            told = {"settings": settings.model_dump(mode="json"), "demo": demo}
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
            # While the listener starts: it takes about as long.
            from inspector.tui.app import check_ui, run_ui

            check_ui(settings.ui)
            ready = _ready(process, complaints)
            token = Path(ready["token_file"]).read_text("ascii").strip()
            return run_ui(ready["control"], token, settings.ui)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close the listener's input, which ends it, and wait until it is gone."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ready(process: subprocess.Popen[bytes], complaints: IO[bytes]) -> dict[str, Any]:
    """The listener's first line; what it complains of instead is our complaint."""
    assert process.stdout is not None
    if line := process.stdout.readline():
        ready: dict[str, Any] = json.loads(line)
        return ready
    code = process.wait()
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").splitlines()
    message = lines[0].removeprefix("inspector: ") if lines else f"exit code {code}"
    hint = lines[1].removeprefix("hint: ") if len(lines) > 1 else ""
    failure = InspectorError(message, hint)
    failure.exit_code = code if code > 0 else InspectorError.exit_code
    raise failure
