"""`inspector subscribe` in the test's own process, as somebody whom the stand-in knows."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import run
from tests.helpers.pacspace_api import SESSION, TOKEN, PacSpaceApi


class Account:
    """`generation` says how it shows who it is: 1 by a token, 2 by cookies, 0 not at all.

    The store is `store.db` in the folder, and there are no other settings.
    """

    def __init__(
        self,
        folder: Path,
        api: PacSpaceApi,
        generation: int,
        patch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = folder
        self.api = api
        self._capture = capture
        for name in os.environ:
            if name.startswith(("INSPECTOR_", "PACSPACE_")):
                patch.delenv(name)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("INSPECTOR_DB", str(folder / "store.db"))
        patch.setenv("INSPECTOR_DASHBOARD_URL", api.url)
        patch.chdir(folder)
        self.arguments: list[str] = []
        if generation == 1:
            patch.setenv("PACSPACE_TOKEN", TOKEN)
        elif generation == 2:
            self.arguments = ["--cookies", str(api.cookies(folder))]

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """(exit code, standard output, standard error).

        Nothing in them holds a secret, but once its own where a webhook is made.
        """
        code = run(["subscribe", *arguments, *self.arguments])
        out, err = self._capture.readouterr()
        assert TOKEN not in out + err
        assert SESSION not in out + err
        for secret in self.api.secrets.values():
            assert secret not in err
            assert out.count(secret) <= 1
        assert "internal error" not in err
        return code, out, err

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """What it prints with `--json`, when all is well."""
        code, out, err = self(*arguments, "--json")
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()]

    @property
    def kept(self) -> list[dict[str, Any]]:
        """What the private file beside the store says, the newest first."""
        path = self.folder / "store.db-secrets"
        if not path.exists():
            return []
        assert path.stat().st_mode & 0o777 == 0o600
        found: list[dict[str, Any]] = json.loads(path.read_text())["secrets"]
        return found
