"""A real listener in a process of its own, and one-line requests to it.

with ListenerProcess(tmp_path / "store.db", "3000", "--secret", SECRET) as listener:
    post(listener.url, b"{}")
    listener.wait_for(1, kind="delivery")
"""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Container, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import inspector
from tests.helpers.namespaces import Namespace

# Generous, because a test machine may be busy; nothing waits so long unless it fails.
PATIENCE = 20.0

Item = dict[str, Any]
_OURS = ("INSPECTOR_", "PACSPACE_")


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a process of a test gets: this source tree, and no settings but those in `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    own = {
        "PYTHONPATH": str(Path(inspector.__file__).parents[1]),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    return {**kept, **own, **(more or {})}


class ListenerProcess:
    """`inspector serve --headless --json --port 0 --db DB ...`, ready when it is entered.

    `lines` are all objects that it printed so far, `ready` the first of them; a thread reads them.
    Leaving stops it as SIGTERM does. It may be started again on the same store after `stop` or
    `kill`. As an asynchronous context manager its waits do not hold the loop. In a `namespace` it
    runs there, and is asked there. With `kinds` no other lines are kept.
    """

    def __init__(
        self,
        db: Path,
        *arguments: str,
        port: int = 0,
        extra_environment: Mapping[str, str] | None = None,
        namespace: Namespace | None = None,
        kinds: Container[str] | None = None,
    ) -> None:
        self.db = db
        self.arguments = arguments
        self.port = port
        self.ready: Item = {}
        self.lines: list[Item] = []
        self.stderr = ""
        self._environment = environment(db.parent, extra_environment)
        self._namespace = namespace
        self._kinds = kinds
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self._news = threading.Condition()
        self._ended = False

    @property
    def url(self) -> str:
        """The capture URL."""
        return str(self.ready["url"])

    @property
    def control(self) -> str:
        """The base URL of the API."""
        return str(self.ready["control"])

    @property
    def token(self) -> str:
        return Path(self.ready["token_file"]).read_text("ascii").strip()

    @property
    def pid(self) -> int:
        return int(self.ready["pid"])

    @property
    def command_pid(self) -> int:
        """Of the command itself, where the listener is a child of it."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start it and wait for its `ready`; what it complained of instead is in the error."""
        self.lines, self.stderr, self._ended = [], "", False
        prefix = () if self._namespace is None else self._namespace.prefix
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "inspector", *self._command()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            cwd=self.db.parent,
        )
        self._threads = [
            threading.Thread(target=self._read_lines, args=(self._process,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self._process,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        try:
            self.ready = self.wait_for(1, kind="ready")[0]
        except AssertionError:
            self.kill()
            raise
        return self

    def _command(self) -> list[str]:
        where = ["--port", str(self.port), "--db", str(self.db)]
        return ["serve", *self.arguments, "--headless", "--json", *where]

    def wait_for(
        self, count: int, *, kind: str | None = None, where: Callable[[Item], bool] | None = None
    ) -> list[Item]:
        """Until so many lines of that kind, for which `where` is true, have come; all of them."""

        def found() -> list[Item]:
            return [
                line
                for line in self.lines
                if (kind is None or line["kind"] == kind) and (where is None or where(line))
            ]

        with self._news:
            self._news.wait_for(lambda: len(found()) >= count or self._ended, PATIENCE)
            if len(lines := found()) >= count:
                return lines
        if self._ended:
            self._join()
        told = "it ended" if self._ended else f"nothing more came within {PATIENCE:g} s"
        raise AssertionError(f"{told}; lines: {self.lines[-5:]}; stderr: {self.stderr}")

    def stop(self) -> int:
        """Stop it in order (SIGTERM) and give its exit code; may be called again."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._wait()

    def interrupt(self) -> int:
        """Stop it as Ctrl+C does, and give its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._wait()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._wait()

    def request(self, method: str, path: str, body: Item | None = None) -> Item:
        """Ask its API (`deliveries/1`) with the token; the answer, which must be below 400."""
        data = None if body is None else json.dumps(body).encode()
        with self.inside():
            answer = send(
                f"{self.control}/api/{path}",
                data,
                {"Authorization": f"Bearer {self.token}"},
                method=method,
            )
        assert answer.status < 400, answer.body
        item: Item = json.loads(answer.body)
        return item

    def inside(self) -> AbstractContextManager[None]:
        """Where its sockets are; await nothing in there."""
        return nullcontext() if self._namespace is None else self._namespace.entered()

    def _wait(self) -> int:
        assert self._process is not None
        try:
            code = self._process.wait(PATIENCE)
        finally:
            if self._process.returncode is None:
                self._process.kill()
                self._process.wait()
        self._join()
        return code

    def _join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)

    def _read_lines(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if not line.endswith(b"\n") and process.wait() == -signal.SIGKILL:
                    break  # cut off in the middle of a line
                item = json.loads(line)
                if self._kinds is not None and item["kind"] not in self._kinds:
                    continue
                with self._news:
                    self.lines.append(item)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _read_errors(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.stderr += line.decode()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; header names are as sent."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
) -> Answer:
    """One HTTP request over a connection of its own."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
    """POST a delivery to a capture URL; the id that it was given."""
    answer = send(url, body, headers, method="POST")
    assert answer.status == 200, answer
    return int(answer.headers["Inspector-Delivery"])
