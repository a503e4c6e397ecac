"""The `inspector` command as a user runs it, on a store of the test's own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.listener import PATIENCE, environment


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def rows(self) -> list[str]:
        return self.out.splitlines()

    @property
    def items(self) -> list[dict[str, Any]]:
        """Standard output as NDJSON, every line of it."""
        return [json.loads(line) for line in self.rows]


@dataclass
class Cli:
    """Runs `inspector ...` in `folder` with its store there, and no other settings."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    patience: float = PATIENCE

    @property
    def db(self) -> Path:
        return self.folder / "store.db"

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.folder, {"INSPECTOR_DB": str(self.db), **self.settings})

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "inspector", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.folder,
        )

    def __call__(self, *arguments: str | bytes, stdin: bytes = b"") -> Ran:
        """Run it to its end; a traceback is never what a user sees."""
        command = [os.fsencode(part) for part in (sys.executable, "-m", "inspector", *arguments)]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            env=self.environment,
            cwd=self.folder,
            timeout=self.patience,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        assert "internal error" not in ran.err, ran.err
        return ran


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)
