"""`inspector doctor`, as it is run: what it finds, what it prints, how it ends."""

import asyncio
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.cli.conftest import Cli
from tests.e2e.conftest import alive, children_of, until
from tests.helpers.doctored import SECRET, served, verifying
from tests.helpers.listener import PATIENCE, ListenerProcess
from tests.helpers.wire import Wire

# An examination sends 25 MB round, and a test machine may be busy.
LONG = 3 * PATIENCE


@pytest.fixture
def cli(cli: Cli) -> Cli:
    cli.patience = LONG
    return cli


def temporary(cli: Cli) -> dict[str, str]:
    """A place for temporary files that a test can look into afterwards."""
    folder = cli.folder / "tmp"
    folder.mkdir()
    return {"TMPDIR": str(folder)}


def test_a_healthy_machine_is_told_so(cli: Cli) -> None:
    cli.settings.update(temporary(cli))
    ran = cli("doctor")
    assert ran.code == 0, ran.out
    assert ran.rows[-1].startswith("All ")
    # A path is left whole, so that it can be copied.
    assert all(len(row) < 80 for row in ran.rows if str(cli.folder) not in row)
    assert "\x1b" not in ran.out
    # Nothing is left: no store, and no temporary one.
    assert not cli.db.exists()
    assert list((cli.folder / "tmp").iterdir()) == []


def test_its_json_ends_with_whether_all_is_well(cli: Cli) -> None:
    ran = cli("doctor", "--json")
    assert ran.code == 0, ran.out
    *found, last = ran.items
    assert {item["kind"] for item in found} == {"check", "fidelity"}
    assert (last["kind"], last["ok"], last["failed"]) == ("doctor", True, [])
    assert "files.modes" in last["skipped"]
    assert ran.err == ""
    cases = [item for item in found if item["kind"] == "fidelity"]
    assert {"gzip", "chunked", "empty", "25 MB", "%2F", "//", "..", "?a=1&a=2", "?"} <= {
        item["case"] for item in cases
    }
    for item in cases:
        assert (item["ok"], item["breaks_at"]) == (True, None)
        assert item["stages"]["journal"] == item["stages"]["app"] == {"ok": True, "differs": []}


async def test_a_target_that_decompresses_is_named_and_the_exit_code_says_so(cli: Cli) -> None:
    cli.settings["INSPECTOR_SECRET"] = SECRET
    async with served(verifying) as url:
        ran = await asyncio.to_thread(cli, "doctor", url, "--json")
    assert ran.code == 6
    last = ran.items[-1]
    assert (last["ok"], last["failed"]) == (False, ["target.gzip"])
    assert SECRET not in ran.out + ran.err


def test_a_target_that_is_not_there_is_told_in_words(cli: Cli) -> None:
    ran = cli("doctor", "1")
    assert ran.code == 6
    assert "nothing listens on localhost:1" in ran.out
    assert "target.answer" in ran.rows[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["http://a b"], 2, "is not a target"),
        (["ftp://x"], 2, "the scheme is http or https"),
        (["3000", "--echo", "0"], 2, "--echo takes the app's place"),
        (["--echo", "99999"], 2, "--echo"),
        (["--relay", "nonsense"], 2, "the relay's URL must begin with https://"),
        (["1", "2"], 2, "unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_line_and_a_hint(
    arguments: list[str], code: int, told: str, cli: Cli
) -> None:
    ran = cli("doctor", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


def test_a_listener_that_runs_is_examined_too(cli: Cli) -> None:
    with ListenerProcess(cli.db, "--secret", SECRET) as listener:
        ran = cli("doctor", "--json")
        assert listener.request("GET", "status")["ledger"]["received"] == 0
    assert ran.code == 0, ran.out
    found = [item for item in ran.items if item["kind"] == "check"]
    checks = {f"{item['hop']}.{item['name']}": item for item in found}
    assert checks["listener.running"]["ok"]
    assert checks["listener.ledger"]["value"]["balanced"]
    assert checks["listener.index"]["value"] == 0
    assert checks["files.modes"]["ok"]
    assert checks["files.store"]["ok"]


def test_on_a_terminal_it_is_coloured_and_shows_what_it_does(cli: Cli) -> None:
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shown = bytearray()
    with subprocess.Popen(
        [sys.executable, "-m", "inspector", "doctor"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=cli.environment | {"TERM": "xterm-256color"},
        cwd=cli.folder,
    ) as running:
        os.close(terminal)
        # Linux ends the reading with an error when nobody has the terminal any more.
        with suppress(OSError):
            while piece := os.read(screen, 65536):
                shown += piece
        os.close(screen)
        assert running.wait(LONG) == 0
    text = shown.decode()
    assert "\x1b[32m✓" in text
    for number in (1, 15):
        assert f"\r\x1b[Ksending the torture set: {number} of " in text
    assert "80 columns, 24 rows" in text
    # What was shown of its doing is gone at the end.
    assert text.rindex("\r\x1b[K") > text.rindex("sending the torture set")


# Read-only.


@pytest.fixture
def read_only(cli: Cli) -> Iterator[list[str]]:
    """What goes before a command so that it sees the test's folder without writing into it."""
    store = cli.folder / "store"
    store.mkdir()
    if os.getuid() != 0:
        store.chmod(0o555)
        yield []
        store.chmod(0o755)
        return
    # Modes mean nothing to root: a mount of its own does.
    script = f"mount --bind '{store}' '{store}' && mount -o remount,ro,bind '{store}'"
    if (
        shutil.which("unshare") is None
        or subprocess.run(
            ["unshare", "-m", "sh", "-c", script], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("root, and no mounts of its own here")
    yield ["unshare", "-m", "sh", "-c", f'{script} && exec "$@"', "sh"]


def test_a_folder_that_cannot_be_written_is_found(cli: Cli, read_only: list[str]) -> None:
    done = subprocess.run(
        [*read_only, sys.executable, "-m", "inspector", "doctor", "--json"],
        capture_output=True,
        env=cli.environment | {"INSPECTOR_DB": str(cli.folder / "store" / "store.db")},
        cwd=cli.folder,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    *found, last = map(json.loads, done.stdout.splitlines())
    assert last["failed"] == ["files.folder"]
    (folder,) = [item for item in found if item.get("name") == "folder"]
    assert "cannot be written" in folder["told"]
    assert "--db" in folder["hint"]
    # The fidelity of this machine is examined all the same.
    assert any(item["kind"] == "fidelity" for item in found)


# How it ends.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("rows", [1, 12, 30])
async def test_interrupted_it_ends_soon_and_leaves_nothing(
    cli: Cli, rows: int, number: signal.Signals
) -> None:
    cli.settings.update(temporary(cli))
    running = cli.start("doctor", "--json")
    assert running.stdout is not None
    for _ in range(rows):
        assert await asyncio.to_thread(running.stdout.readline)
    children = children_of(running.pid)
    running.send_signal(number)
    _, err = await asyncio.to_thread(running.communicate, timeout=5)
    assert running.returncode == 130
    assert err == b""
    assert list((cli.folder / "tmp").iterdir()) == []
    await until(lambda: not any(map(alive, children)))


async def test_killed_it_leaves_no_process_behind(cli: Cli) -> None:
    cli.settings.update(temporary(cli))
    running = cli.start("doctor", "--json")
    assert running.stdout is not None
    for _ in range(12):
        await asyncio.to_thread(running.stdout.readline)
    children = children_of(running.pid)
    assert children
    running.kill()
    await asyncio.to_thread(running.communicate)
    await until(lambda: not any(map(alive, children)))


async def test_the_echo_serves_until_it_is_stopped(cli: Cli) -> None:
    running = cli.start("doctor", "--echo", "0", "--json")
    assert running.stdout is not None
    ready = json.loads(await asyncio.to_thread(running.stdout.readline))
    assert ready["kind"] == "ready"
    async with await Wire.to(int(ready["url"].rpartition(":")[2])) as wire:
        answer = await wire.ask(b"POST /x?a=%2F HTTP/1.1\r\nContent-Length: 2\r\n\r\n", b"ab")
        assert answer.headers["inspector-echo"] == "1"
        told = json.loads(await asyncio.to_thread(running.stdout.readline))
    assert (told["kind"], told["request_target"], told["body_b64"]) == ("echo", "/x?a=%2F", "YWI=")
    running.send_signal(signal.SIGINT)
    _, err = await asyncio.to_thread(running.communicate)
    assert (running.returncode, err) == (130, b"")


def test_the_port_of_the_echo_may_be_taken(cli: Cli) -> None:
    first = cli.start("doctor", "--echo", "0", "--json")
    assert first.stdout is not None
    port = json.loads(first.stdout.readline())["url"].rpartition(":")[2]
    ran = cli("doctor", "--echo", port)
    first.terminate()
    first.communicate()
    assert (ran.code, ran.out, first.returncode) == (4, "", 0)
    assert f"cannot listen on 127.0.0.1:{port}" in ran.err
