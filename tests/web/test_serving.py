"""`inspector serve --web` as a process: what it prints, how it ends, and that nothing is left."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect

from tests.e2e.conftest import alive, children_of, until
from tests.helpers.listener import PATIENCE, ListenerProcess, environment, post, send
from tests.web.conftest import Browser

SECRET = "whsec_hush_hush"


def listener(folder: Path, *arguments: str) -> ListenerProcess:
    return ListenerProcess(
        folder / "store.db",
        *("--web", "--web-port", "0", *arguments),
        extra_environment={"INSPECTOR_SECRET": SECRET},
    )


@asynccontextmanager
async def browser(link: str) -> AsyncIterator[Browser]:
    """Follow a one-time link as a browser does, and open the websocket of the page."""
    answer = await asyncio.to_thread(send, link)
    assert answer.status == 303
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    host = urlsplit(link).netloc
    async with connect(
        f"ws://{host}/ws?width=100&height=30",
        origin=f"http://{host}",  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie},
        proxy=None,
        max_size=None,
    ) as wire:
        yield Browser(wire)


async def until_shown(opened: Browser, text: str) -> None:
    """Until the text has come; escape sequences between its cells are left out."""
    shown = ""
    while text not in shown:
        shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", await opened.shown())


async def test_the_ui_shows_what_is_captured(tmp_path: Path) -> None:
    async with listener(tmp_path) as served:
        await asyncio.to_thread(post, served.url, b'{"event":"first.delivery"}')
        async with browser(served.ready["web"]) as opened:
            await until_shown(opened, "first.delivery")
            await asyncio.to_thread(post, served.url, b'{"event":"second.delivery"}')
            await until_shown(opened, "second.delivery")
        # Standard output is that of `serve --json`, and the next link.
        await asyncio.to_thread(served.wait_for, 2, kind="delivery")
        (link,) = await asyncio.to_thread(served.wait_for, 1, kind="web")
        assert link["url"] != served.ready["web"]
        async with browser(link["url"]) as opened:
            await until_shown(opened, "second.delivery")
    assert served.lines[0]["kind"] == "ready"
    assert served.lines[-1]["kind"] == "stopped"
    assert served.stderr == ""


async def test_no_secret_is_where_other_processes_look(tmp_path: Path) -> None:
    async with listener(tmp_path) as served:
        token = served.token
        async with browser(served.ready["web"]) as opened:
            await until_shown(opened, "connected")
            uis = [pid for pid in children_of(served.command_pid) if "_ui" in _arguments(pid)]
            assert len(uis) == 1
            for content in (_read(uis[0], "environ"), _read(uis[0], "cmdline")):
                assert SECRET not in content
                assert token not in content
                assert "INSPECTOR_" not in content
            for pid in children_of(served.command_pid):
                assert SECRET not in " ".join(_arguments(pid))
                assert token not in " ".join(_arguments(pid))


def _arguments(pid: int) -> list[str]:
    return _read(pid, "cmdline").split("\0")


def _read(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


async def test_a_project_whose_secrets_are_references(tmp_path: Path) -> None:
    """The UI has no need of the secret, so that its environment needs none either."""
    (tmp_path / "inspector.toml").write_text('secret = "env:THE_SECRET"\n[ui]\ntime = "relative"\n')
    served = ListenerProcess(
        tmp_path / "store.db", "--web", "--web-port", "0", extra_environment={"THE_SECRET": SECRET}
    )
    async with served, browser(served.ready["web"]) as opened:
        await until_shown(opened, "connected")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_however_it_ends_nothing_is_left(tmp_path: Path, how: signal.Signals) -> None:
    served = listener(tmp_path)
    await asyncio.to_thread(served.start)
    async with browser(served.ready["web"]) as opened:
        await until_shown(opened, "connected")
        family = [served.command_pid, *children_of(served.command_pid)]
        assert served.pid in family
        assert len(family) >= 4  # the command, the listener, its indexer, the UI
        if how is signal.SIGKILL:
            await asyncio.to_thread(served.kill)
        else:
            stop = served.interrupt if how is signal.SIGINT else served.stop
            code = await asyncio.to_thread(stop)
            assert code == (130 if how is signal.SIGINT else 0)
            assert await opened.closed() == (1001, "inspector has stopped.")
            assert served.lines[-1]["kind"] == "stopped"
        await until(lambda: not any(map(alive, family)))
    assert served.stderr == ""


async def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    served = listener(tmp_path)
    await asyncio.to_thread(served.start)
    async with browser(served.ready["web"]) as opened:
        await until_shown(opened, "connected")
        family = [served.command_pid, *children_of(served.command_pid)]
        os.kill(served.command_pid, signal.SIGINT)
        assert await asyncio.to_thread(served.interrupt) == 130
        await until(lambda: not any(map(alive, family)))


async def test_a_listener_that_dies_ends_it(tmp_path: Path) -> None:
    served = listener(tmp_path)
    await asyncio.to_thread(served.start)
    async with browser(served.ready["web"]) as opened:
        await until_shown(opened, "connected")
        family = [served.command_pid, *children_of(served.command_pid)]
        os.kill(served.pid, signal.SIGKILL)
        assert await opened.closed() == (1001, "inspector has stopped.")
        await until(lambda: not any(map(alive, family)))
    assert await asyncio.to_thread(served.stop) == 1
    assert served.stderr.startswith("inspector: ")
    assert "Traceback" not in served.stderr


async def test_quitting_in_a_browser_ends_only_its_ui(tmp_path: Path) -> None:
    async with listener(tmp_path) as served, browser(served.ready["web"]) as opened:
        await until_shown(opened, "connected")
        await opened.press("q")
        code, reason = await opened.closed()
        assert code == 1000, reason
        assert await asyncio.to_thread(post, served.url, b"{}") == 1
        await until(lambda: len(children_of(served.command_pid)) == 2)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inspector", "serve", "--db", str(folder / "store.db"), *arguments],
        env=environment(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("flag", ["--port", "--web-port"])
def test_a_port_that_is_taken(tmp_path: Path, flag: str) -> None:
    other = "--web-port" if flag == "--port" else "--port"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(tmp_path, "--web", flag, port, other, "0", "--json")
    assert done.returncode == 4
    assert done.stdout == ""
    first, hint = done.stderr.splitlines()
    assert port in first
    assert hint.startswith("hint: ")
    assert f"{flag} N" in hint


def test_a_port_without_the_web(tmp_path: Path) -> None:
    done = run(tmp_path, "--web-port", "0")
    assert done.returncode == 2
    assert "--web" in done.stderr
    assert not (tmp_path / "store.db").exists()


def test_a_ui_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "inspector.toml").write_text('[ui]\ntheme = "no-such-theme"\n')
    done = run(tmp_path, "--web", "--web-port", "0", "--port", "0")
    assert done.returncode == 3
    assert "no-such-theme" in done.stderr
    assert done.stdout == ""


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "inspector", "serve", "--web", "--db", "store.db"]
    return subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(folder, {"INSPECTOR_WEB_PORT": "0", "INSPECTOR_PORT": "0"}),
        cwd=folder,
    )


async def test_for_people_it_prints_two_lines(tmp_path: Path) -> None:
    process = started(tmp_path)
    assert process.stdout is not None
    try:
        capture = (await asyncio.to_thread(process.stdout.readline)).decode()
        assert re.fullmatch(r"capturing at http://127\.0\.0\.1:\d+\n", capture)
        opening = (await asyncio.to_thread(process.stdout.readline)).decode()
        link = opening.removeprefix("open ").strip()
        async with browser(link) as opened:
            await until_shown(opened, "connected")
        process.terminate()
        rest, said = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, rest) == (0, b"")
    stored, once, another = said.decode().splitlines()
    assert stored.startswith("stored in ")
    assert "once" in once
    assert re.search(r" http://127\.0\.0\.1:\d+/\?once=\S+$", another)
    assert link not in another


async def test_who_does_not_read_our_output_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A full pipe: browsers come in all the same, and the end does not wait for long."""
    process = started(tmp_path, "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        ready = json.loads(await asyncio.to_thread(process.stdout.readline))
        # Each of the pipes between us and the listener holds 64 KiB.
        for _ in range(60):
            await asyncio.to_thread(post, ready["url"], b"{}", {"X-Long": "x" * 8000})
        async with browser(ready["web"]) as opened:
            await until_shown(opened, "connected")
        process.terminate()
        assert await asyncio.to_thread(process.wait, PATIENCE) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


async def test_no_module_of_the_users_project_is_imported(tmp_path: Path) -> None:
    """Not by the listener, its indexer, or the UI of a browser; a checkout may be anybody's."""
    hostile = "from pathlib import Path\nPath({!r}).touch()\nraise ImportError\n"
    ran = tmp_path / "ran"
    ran.mkdir()
    for name in ("json", "queue", "secrets", "asyncio", "click", "inspector"):
        (tmp_path / f"{name}.py").write_text(hostile.format(str(ran / name)))
    process = started(tmp_path, "--json")
    assert process.stdout is not None
    try:
        ready = json.loads(await asyncio.to_thread(process.stdout.readline))
        await asyncio.to_thread(post, ready["url"], b'{"event":"of.a.project"}')
        async with browser(ready["web"]) as opened:
            await until_shown(opened, "of.a.project")
        process.terminate()
        await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert list(ran.iterdir()) == []
