"""The listener as a process: what it prints, when it ends, and that nothing of it is left."""

import asyncio
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector.client.control import Control
from inspector.demo import traffic
from inspector.providers.pacspace import PACSPACE
from tests.e2e.conftest import Command, alive, children_of, until
from tests.helpers.fake_target import FakeTarget, held
from tests.helpers.listener import PATIENCE, ListenerProcess, environment, post, send


async def test_output_is_one_object_a_line_beginning_with_ready(tmp_path: Path) -> None:
    async with FakeTarget() as app:
        async with ListenerProcess(tmp_path / "store.db", app.url) as listener:
            await asyncio.to_thread(post, listener.url, b'{"event":"x"}')
            await asyncio.to_thread(send, listener.url, b"x" * 10, method="BREW")
            await asyncio.to_thread(listener.wait_for, 1, kind="refused")
            await asyncio.to_thread(
                listener.wait_for, 1, kind="attempt", where=lambda one: one["status"] is not None
            )
        # `ListenerProcess` has parsed each line.
        kinds = [line["kind"] for line in listener.lines]
        assert kinds[0] == "ready"
        assert kinds[-1] == "stopped"
        assert set(kinds) == {"ready", "delivery", "attempt", "refused", "stopped"}
        assert all(line["v"] == 1 for line in listener.lines)
        ready = listener.lines[0]
        assert {"url", "control", "token_file", "db", "pid"} <= set(ready)
        assert ready["db"] == str(tmp_path / "store.db")
        assert listener.stderr == ""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_and_all_of_it(tmp_path: Path, how: signal.Signals) -> None:
    async with FakeTarget() as app:
        listener = ListenerProcess(tmp_path / "store.db", app.url)
        await asyncio.to_thread(listener.start)
        await asyncio.to_thread(post, listener.url, b"{}")
        children = children_of(listener.pid)
        assert children  # the indexer at least
        stop = listener.interrupt if how is signal.SIGINT else listener.stop
        code = await asyncio.to_thread(stop)
        assert code == (130 if how is signal.SIGINT else 0)
        await until(lambda: not any(map(alive, [listener.pid, *children])))
        assert "Traceback" not in listener.stderr


async def test_an_interrupt_of_the_whole_group_is_the_listener_s_alone(tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "inspector", "serve", "--headless", "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        cwd=tmp_path,
        start_new_session=True,
    )
    # The indexer has begun, and need not know of signals yet: it is in no group that gets them.
    await until(lambda: bool(children := children_of(process.pid)) and _apart(children, process))
    os.killpg(process.pid, signal.SIGINT)
    _, err = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert b"starting it again" not in err


def _apart(children: list[int], process: "subprocess.Popen[bytes]") -> bool:
    return all(os.getpgid(child) != process.pid for child in children)


async def test_what_an_earlier_listener_held_is_told(tmp_path: Path) -> None:
    async with FakeTarget() as app:
        async with ListenerProcess(tmp_path / "store.db", app.url) as listener:
            async with Control(listener.control, listener.token) as control:
                await control.hold("event:x")
                await asyncio.to_thread(post, listener.url, b'{"event":"x"}')
                # Each look waits for the index, but for a few seconds only.
                async with asyncio.timeout(60):
                    while (await control.counts()).states != {"held": 1}:
                        pass
            assert listener.stderr == ""
        async with ListenerProcess(tmp_path / "store.db", app.url) as listener:
            await until(lambda: listener.stderr.startswith("1 held, not sent by themselves"))


async def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    async with FakeTarget() as app:
        app.default = held(asyncio.Event())
        listener = ListenerProcess(tmp_path / "store.db", app.url, "--timeout", "0")
        await asyncio.to_thread(listener.start)
        children = children_of(listener.pid)
        await asyncio.to_thread(post, listener.url, b"{}")
        await app.wait_for(1)
        os.kill(listener.pid, signal.SIGINT)
        # It has begun to stop when its port is closed.
        port = int(listener.url.rsplit(":", 1)[1])
        await until(lambda: _refuses(port))
        assert await asyncio.to_thread(listener.interrupt) == 130
        await until(lambda: not any(map(alive, children)))


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def test_sigkill_leaves_no_process_and_no_lock(tmp_path: Path) -> None:
    listener = ListenerProcess(tmp_path / "store.db")
    await asyncio.to_thread(listener.start)
    children = children_of(listener.pid)
    await asyncio.to_thread(listener.kill)
    await until(lambda: not any(map(alive, children)))
    async with listener:
        assert await asyncio.to_thread(post, listener.url, b"{}") == 1


async def test_a_port_that_is_taken(tmp_path: Path, command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await asyncio.to_thread(
            command, "serve", "--json", "--port", port, "--db", str(tmp_path / "store.db")
        )
    assert done.returncode == 4
    assert done.stdout == b""
    first, hint, *more = done.stderr.decode().splitlines()
    assert first == f"inspector: cannot listen on 127.0.0.1:{port}: address already in use"
    assert hint.startswith("hint: ")
    assert not more


async def test_its_own_port_is_no_target(tmp_path: Path, command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    done = await asyncio.to_thread(command, "serve", port, "--headless", "--port", port)
    assert (done.returncode, done.stdout) == (2, b"")
    told, hint = done.stderr.decode().splitlines()
    assert told == f"inspector: the target http://localhost:{port} is this listener's own port"
    assert hint.startswith("hint: ")


async def test_an_address_that_is_not_ours_is_told_as_that(
    tmp_path: Path, command: Command
) -> None:
    done = await asyncio.to_thread(command, "serve", "--headless", "--host", "192.0.2.1")
    told, hint = done.stderr.decode().splitlines()
    assert done.returncode == 4
    assert told == "inspector: cannot listen on 192.0.2.1:8400: cannot assign requested address"
    assert "address of this machine" in hint


async def test_a_pattern_that_is_misspelled_is_told(tmp_path: Path) -> None:
    given = ("3000", "-e", "delta.verifed", "-f", "delta.*=3000", "-e", "other.*")
    async with ListenerProcess(tmp_path / "store.db", *given) as listener:
        pass
    told = "inspector: delta.verifed matches no known event; did you mean delta.verified?\n"
    assert listener.stderr == told


async def test_a_store_that_another_listener_has(tmp_path: Path, command: Command) -> None:
    db = tmp_path / "store.db"
    async with ListenerProcess(db) as listener:
        done = await asyncio.to_thread(command, "serve", "--json", "--port", "0", "--db", str(db))
        assert done.returncode == 4
        assert done.stdout == b""
        assert str(listener.pid) in done.stderr.decode()
        assert await asyncio.to_thread(post, listener.url, b"{}") == 1


def _started(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *command], env=environment(folder), cwd=folder,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def test_a_reader_that_goes_away_ends_it(tmp_path: Path) -> None:
    """`inspector serve --json | head -1`."""
    serve = ("-m", "inspector", "serve", "--json", "--port", "0", "--db", "store.db")
    process = _started(tmp_path, *serve)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        ready = json.loads(await asyncio.to_thread(process.stdout.readline))
        process.stdout.close()
        await asyncio.to_thread(post, ready["url"], b"{}")
        await asyncio.to_thread(process.wait, PATIENCE)
        assert (
            process.stderr.read() == b"inspector: nobody reads the output any more, so this ends\n"
        )
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stderr.close()


async def test_the_demo_shows_every_event_and_what_goes_wrong(tmp_path: Path) -> None:
    made = list(traffic(time.time_ns() // 1000, "whsec_any"))
    async with ListenerProcess(tmp_path / "store.db", "--demo") as listener:
        shown = await asyncio.to_thread(listener.wait_for, len(made), kind="delivery")
        assert {one["event"] for one in shown} == {*PACSPACE.catalogue, "issues"}
        verdicts = {one["signature"]["verdict"] for one in shown}
        assert verdicts == {"valid", "stale", "invalid", "unsigned"}
        assert sum(one["duplicate_of"] is not None for one in shown) == 2
        done = await asyncio.to_thread(
            listener.wait_for, len(made), kind="attempt", where=lambda one: one["status"]
        )
        assert {one["delivery_id"] for one in done} == {one["id"] for one in shown}
        assert sorted({one["status"] for one in done}) == [200, 422]


async def test_the_listener_of_a_ui_ends_with_it(tmp_path: Path) -> None:
    """The UI holds a pipe; killed with SIGKILL, it closes, and the listener stops by itself."""
    # A stand-in for the UI: it starts the listener as the UI does, and waits.
    parent = _started(tmp_path, "-c", _UI, str(tmp_path / "store.db"))
    assert parent.stdin is not None
    assert parent.stdout is not None
    assert parent.stderr is not None
    try:
        ready = json.loads(await asyncio.to_thread(parent.stdout.readline))
        assert ready["kind"] == "ready"
        pid = ready["pid"]
        family = [pid, *children_of(pid)]
        assert len(family) > 1
        assert await asyncio.to_thread(post, ready["url"], b"{}") == 1
        parent.send_signal(signal.SIGKILL)
        await asyncio.to_thread(parent.wait)
        await until(lambda: not any(map(alive, family)))
    finally:
        parent.kill()
        parent.wait()
        for pipe in (parent.stdin, parent.stdout, parent.stderr):
            pipe.close()


_UI = """
import json, subprocess, sys
process = subprocess.Popen(
    [sys.executable, "-m", "inspector", "_listen"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
)
told = {"settings": {"db": sys.argv[1], "port": 0}, "demo": False, "lines": False}
process.stdin.write(json.dumps(told).encode() + b"\\n")
process.stdin.flush()
sys.stdout.buffer.write(process.stdout.readline())
sys.stdout.buffer.flush()
sys.stdin.read()
"""


async def test_memory_is_bounded_by_what_is_in_flight(tmp_path: Path) -> None:
    """Many large bodies one after the other take no more than a few of them."""
    async with ListenerProcess(tmp_path / "store.db") as listener:
        body = os.urandom(20 << 20)
        for _ in range(6):
            await asyncio.to_thread(post, listener.url, body)
        assert _peak_kib(listener.pid) < (90 << 10) + 3 * (20 << 10)


def _peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [one for one in status.splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1])


def _on(terminal: int, folder: Path, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "inspector", *command], env=environment(folder), cwd=folder,
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("serve", [True, False], ids=["serve", "tui"])
async def test_a_ui_ends_with_its_terminal(tmp_path: Path, serve: bool) -> None:
    """One that belongs to no session of a terminal, so that no signal tells of its end."""
    async with ListenerProcess(tmp_path / "store.db") as listener:
        own = ["serve", "--port", "0", "--db", str(tmp_path / "own.db")]
        command = own if serve else ["tui", "--db", str(listener.db)]
        master, slave = pty.openpty()
        process = _on(slave, tmp_path, *command)
        os.close(slave)
        shown = b""
        while b"connected" not in shown:
            shown += await asyncio.to_thread(os.read, master, 65536)
        family = [process.pid, *children_of(process.pid)]
        assert len(family) > 1 or not serve
        os.close(master)
        await asyncio.to_thread(process.wait, PATIENCE)
        await until(lambda: not any(map(alive, family)))
