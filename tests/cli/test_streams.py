"""Standard streams that are closed, full, or a terminal."""

import fcntl
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.helpers.listener import PATIENCE, ListenerProcess, post

HOSTILE = b"\x1b]0;PWNED\x07\x1b[31mr\xe9d\n\tline"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-"])
def test_a_closed_stream_is_nobody_s(cli: Cli, closed: str) -> None:
    """Its number is given to no file of ours, which would then be written and closed as it."""
    output = ("--output", "json") if closed == "2>&-" else ()
    serve = ["-m", "inspector", "serve", "--headless", "--port", "0", *output]
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, *serve],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=cli.environment, cwd=cli.folder,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    told = process.stdout if output else process.stderr
    try:
        assert b"http://" in told.readline()
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert b"indexer ended" not in err
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it has no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    ["serve --json --port 0", "serve --json --port 0 --web --web-port 0", "list", "list --json",
     "show 1", "show 1 --body", "status", "events", "resend 1 --to 1"],
)  # fmt: skip
def test_output_that_cannot_be_written_is_told_once(cli: Cli, arguments: str) -> None:
    assert cli("trigger", "delta.verified").code == 0
    environment = {**cli.environment}
    # As for most users: what could not be written is then tried once more at the end.
    environment.pop("PYTHONUNBUFFERED", None)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "inspector", *arguments.split()],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
            env=environment, cwd=cli.folder, timeout=PATIENCE, check=False,
        )  # fmt: skip
    said = "inspector: standard output cannot be written: no space left on device\n"
    assert (done.returncode, done.stderr.decode()) == (1, said)


def test_it_ends_though_nobody_reads_what_it_prints(cli: Cli) -> None:
    # As for most users: there is a buffer with a lock, for which the end of the process would wait.
    environment = {**cli.environment}
    environment.pop("PYTHONUNBUFFERED", None)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "serve", "--headless", "--json", "--port", "0"],
        stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE,
        env=environment, cwd=cli.folder,
    )  # fmt: skip
    os.close(writing)
    try:
        told = b""
        while not told.endswith(b"\n"):
            told += os.read(reading, 4096)
        url = json.loads(told)["url"]
        for _ in range(20):
            post(url, b"{}")
        # What is indexed is on its way to the output, of which the pipe takes a few lines.
        while cli("status", "--json").items[0]["index_lag"]["facts"]:
            pass
        process.terminate()
        _, complaint = process.communicate(timeout=PATIENCE)
        assert (process.returncode, complaint) == (0, b"")
    finally:
        process.kill()
        process.communicate()
        os.close(reading)


def test_a_body_is_harmless_on_a_terminal_and_itself_elsewhere(cli: Cli) -> None:
    with ListenerProcess(cli.db) as listener:
        post(listener.url, HOSTILE)
    assert cli("show", "1", "--body").stdout == HOSTILE
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "inspector", "show", "1", "--body"],
            stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE,
            env=cli.environment, cwd=cli.folder, timeout=PATIENCE, check=False,
        )  # fmt: skip
        shown = os.read(master, 65536).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 0
    assert shown.replace("\r\n", "\n") == "␛]0;PWNED␇␛[31mr\\xe9d\n\tline\n"
    assert b"> FILE" in done.stderr
