"""nginx with the recipe under fixtures/deploy, in front of a relay of a test."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.helpers.fake_target import certificate
from tests.helpers.listener import PATIENCE


class Nginx:
    """Serves `recipe` for the relay at `upstream` under `url` (https, self-signed) while entered.

    All its files are in `folder`; in the recipe only ports, names and certificates are others.
    Skips the test where there is no nginx.
    """

    def __init__(self, folder: Path, recipe: Path, upstream: int) -> None:
        if shutil.which("nginx") is None:
            pytest.skip("nginx is not installed")
        self._folder = folder
        self._upstream = upstream
        self._recipe = recipe.read_text("utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self.certificate = folder / "target.pem"
        self.port = _free_port()
        certificate(folder)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def check(self) -> None:
        """Let nginx read the recipe."""
        done = subprocess.run(
            [*self._command(), "-t"], capture_output=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        assert b"[warn]" not in done.stderr, done.stderr.decode()

    def _command(self) -> list[str]:
        site = self._recipe
        for pattern, replacement in (
            (r"server 127\.0\.0\.1:8400;", f"server 127.0.0.1:{self._upstream};"),
            (r"listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            (r"/etc/ssl/relay/\w+\.pem", str(self.certificate)),
        ):
            site, found = re.subn(pattern, replacement, site)
            assert found, f"{pattern} is not in the recipe"
        temporary = "\n".join(
            f"{kind}_temp_path {self._folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole = self._folder / "nginx.conf"
        whole.write_text(
            f"daemon off;\npid {self._folder}/nginx.pid;\nerror_log stderr;\n"
            f"worker_processes 1;\nevents {{ }}\nhttp {{\n{temporary}\n{site}\n}}\n",
            "utf-8",
        )
        return ["nginx", "-p", str(self._folder), "-c", str(whole), "-e", "stderr"]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command(), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, "nginx ended"
            assert time.monotonic() < deadline, "nginx does not listen"
        return self

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
        except ConnectionRefusedError:
            return False
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
