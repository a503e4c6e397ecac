"""A file that is no store, or that may not be used, is told in a line, and stays as it was."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.helpers.unprivileged import unprivileged

Seen = dict[str, tuple[int, bytes]]

SERVE = ["serve", "--port", "0", "--headless"]
TRIGGER = ["trigger", "delta.verified"]
COMMANDS = [
    SERVE,
    ["serve", "--port", "0", "--web", "--web-port", "0"],
    TRIGGER,
    ["relay", "--port", "0", "--health-port", "0"],
    ["relay", "endpoint", "add", "dev"],
    ["list"],
]


def seen(folder: Path) -> Seen:
    """Every file there, with its mode and what is in it."""
    return {each.name: (each.stat().st_mode, each.read_bytes()) for each in folder.iterdir()}


@pytest.mark.parametrize(
    ("command", "kind"),
    [*((command, "text") for command in COMMANDS), (SERVE, "database"), (TRIGGER, "database")],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_nothing_is_changed_of_a_file_that_is_no_store(
    command: list[str], kind: str, cli: Cli
) -> None:
    if kind == "text":
        cli.db.write_bytes(b"text text")
        told = "is not a store of inspector"
    else:
        with closing(sqlite3.connect(cli.db)) as connection:
            connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE theirs(x);")
            connection.execute("PRAGMA user_version=2")
        told = "is a database of another program"
    cli.db.chmod(0o644)
    cli.settings["INSPECTOR_RELAY_DB"] = str(cli.db)
    before = seen(cli.folder)
    ran = cli(*command)
    assert (ran.code, ran.out) == (3, "")
    assert f"inspector: {cli.db} {told}\nhint: " in ran.err
    assert seen(cli.folder) == before


def test_what_is_no_file_is_not_made_private(cli: Cli) -> None:
    os.mkfifo(cli.db, 0o644)
    mode = cli.db.stat().st_mode
    ran = cli("trigger", "delta.verified")
    assert ran.code == 3
    assert "is not a regular file" in ran.err
    assert cli.db.stat().st_mode == mode


@pytest.fixture
def closed(cli: Cli) -> Path:
    """A folder of its own with the store that is used."""
    folder = cli.folder / "closed"
    cli.settings["INSPECTOR_DB"] = str(folder / "store.db")
    assert cli(*TRIGGER).code == 0
    return folder


def ran_unprivileged(cli: Cli, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*unprivileged(), sys.executable, "-m", "inspector", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=cli.environment,
        cwd=cli.folder,
        timeout=cli.patience,
        check=False,
    )
    assert not done.stdout
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("command", "what", "mode"),
    [
        (SERVE, "", 0o555),
        (TRIGGER, "", 0o555),
        (SERVE, "", 0o000),
        (SERVE, "store.db", 0o000),
        (SERVE, "store.db", 0o400),
        (TRIGGER, "store.db-lock", 0o000),
        (TRIGGER, "store.db-index", 0o000),
    ],
)
def test_what_may_not_be_used_is_told_in_a_line(
    command: list[str], what: str, mode: int, closed: Path, cli: Cli
) -> None:
    (closed / what).chmod(mode)
    try:
        code, err = ran_unprivileged(cli, *command)
    finally:
        closed.chmod(0o700)
    complaint, hint = err.splitlines()[-2:]
    assert code == 3, err
    assert complaint.startswith("inspector: cannot ")
    assert str(closed) in complaint
    assert hint.startswith("hint: ")
    assert "Traceback" not in err
    assert "starting it again" not in err


def test_a_folder_that_may_not_be_read(closed: Path, cli: Cli) -> None:
    closed.chmod(0)
    try:
        code, err = ran_unprivileged(cli, "list")
    finally:
        closed.chmod(0o700)
    assert code == 3
    told = f"inspector: cannot read the store {closed / 'store.db'}: permission denied\nhint:"
    assert err.startswith(told)
