"""A real relay in a process of its own, and its endpoints.

with RelayProcess(tmp_path / "relay.db") as relay:
    dev = relay.endpoint("add", "dev", "--ack", "app")
    post(dev["url"] + "/hooks", b"{}")
"""

import json
import subprocess
import sys
from typing import Any

from tests.helpers.listener import PATIENCE, Item, ListenerProcess, send


class RelayProcess(ListenerProcess):
    """`inspector relay --json --port 0 --health-port 0 --db DB ...`, ready when it is entered."""

    @property
    def health(self) -> str:
        """The base URL of health checks and metrics."""
        return str(self.ready["health"])

    @property
    def token(self) -> str:
        """What `status` asks for."""
        return self.db.with_name(self.db.name + "-token").read_text("ascii").strip()

    def endpoint(self, *arguments: str) -> Item:
        """Run `inspector relay endpoint ...`, whether the relay runs or not; what it printed."""
        where = ["--json", "--db", str(self.db)]
        done = subprocess.run(
            [sys.executable, "-m", "inspector", "relay", "endpoint", *arguments, *where],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self._environment,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        item: Item = json.loads(done.stdout) if done.stdout else {}
        return item

    def status(self) -> Item:
        """All that it says of itself."""
        with self.inside():
            answer = send(
                f"{self.health}/status", headers={"Authorization": f"Bearer {self.token}"}
            )
        assert answer.status == 200, answer
        item: Item = json.loads(answer.body)
        return item

    def status_of(self, name: str) -> dict[str, Any]:
        """What it says of one endpoint."""
        found: dict[str, Any] = next(
            each for each in self.status()["endpoints"] if each["name"] == name
        )
        return found

    def metric(self, name: str, **labels: str) -> float:
        """One figure of `/metrics` as it stands; 0 where it is not named."""
        shown = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        sought = f"{name}{{{shown}}} " if shown else f"{name} "
        for line in send(f"{self.health}/metrics").body.decode().splitlines():
            if line.startswith(sought):
                return float(line.rpartition(" ")[2])
        return 0.0

    def _command(self) -> list[str]:
        where = ["--port", str(self.port), "--db", str(self.db)]
        health = [] if "--health-port" in self.arguments else ["--health-port", "0"]
        return ["relay", *self.arguments, "--json", *where, *health]
