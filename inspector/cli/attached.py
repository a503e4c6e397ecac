"""`serve` on a terminal: the listener in a process of its own, the UI in this one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError, UnreachableError
from inspector.settings import Settings

_STOP_SECONDS = 12.0


def serve_with_ui(settings: Settings, demo: bool) -> int:
    """Start a listener, open the UI on it, and stop it when the UI ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "_listen"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        told = {"settings": settings.model_dump(mode="json"), "demo": demo}
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        ready = _ready(process)
        from inspector.tui.app import run_ui

        token = Path(ready["token_file"]).read_text("ascii").strip()
        return run_ui(ready["control"], token)
    finally:
        process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The listener's first line; what it complains of instead is our complaint."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if line:
        ready: dict[str, Any] = json.loads(line)
        return ready
    complaint = process.stderr.read().decode("utf-8", "replace").splitlines()
    code = process.wait()
    error = InspectorError if code != UnreachableError.exit_code else UnreachableError
    message = complaint[0].removeprefix("inspector: ") if complaint else f"exit code {code}"
    hint = complaint[1].removeprefix("hint: ") if len(complaint) > 1 else ""
    failure = error(message, hint)
    failure.exit_code = code
    raise failure
