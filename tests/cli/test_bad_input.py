"""A user's mistake is one line, one hint, the right exit code, and never a traceback."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.cli import run
from inspector.store.lock import StoreLock
from tests.cli.conftest import Cli


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A store with one delivery, without a target and without a secret."""
    cli = Cli(tmp_path_factory.mktemp("small"))
    assert cli("trigger", "delta.verified").code == 0
    yield cli
    # None of the mistakes left anything behind.
    (item,) = cli("list", "--json").items
    assert item["attempts"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["list", "foo:bar"], 2, 'unknown key "foo", at column 1 of the query: foo:bar'),
        (["list", "event:x", "(sig:valid"], 2, "at column 9 of the query: (sig:valid"),
        (["list", "size:>big"], 2, "column"),
        (["list", "event:x or"], 2, "at column 11 of the query\n"),
        (["list", b"\xff"], 2, "not valid text"),
        (["list", "x" * 5000], 2, "longer than 4096"),
        (["list", "-not", "event:x"], 2, "hint: write `not x` or `!x`"),
        (["list", "-event:x"], 2, "hint: write `not x` or `!x`"),
        (["list", "-x"], 2, "hint: write `not x` or `!x`"),
        (["list", "--nonsense"], 2, "there is no option --nonsense"),
        (["list", "--limt", "3"], 2, "hint: did you mean --limit?"),
        (["list", "state:faild"], 2, "hint: did you mean failed?"),
        (["list", "-n", "0"], 2, "-n"),
        (["list", "-n", "many"], 2, "-n"),
        (["show"], 2, "Missing argument"),
        (["show", "abc"], 2, "'abc' is not an id"),
        (["show", "99"], 8, "there is no delivery 99"),
        (["show", "9" * 30], 8, "there is no delivery 999"),
        (["show", "-1"], 2, "-1"),
        (["show", b"\xff\x1b[31m"], 2, "is not an id"),
        (["resend"], 2, "Missing argument"),
        (["resend", ""], 2, "name ids or a query"),
        (["resend", "1"], 2, "there is no target to send to"),
        (["resend", "1", "--to", "http://a b"], 2, "is not a target"),
        (["resend", "1", "--to", "http://u:hun/ter2@[::1"], 2, "'http://***@[::1' is not a target"),
        (["resend", "1", "--to", "u:hunter2@x"], 2, "'***@x' is not a target"),
        (["resend", "1", "--re-sign", "--to", "1"], 3, "no secret to sign with"),
        (["resend", "99", "--to", "1"], 8, "there is no delivery 99"),
        (["resend", "1", "99", "--to", "1"], 8, "there is no delivery 99"),
        (["resend", "7..9", "--to", "1"], 8, "no delivery matches 7..9"),
        (["resend", "state:failed", "--to", "1"], 8, "no delivery matches state:failed"),
        (["resend", "1", "state:failed", "--to", "1"], 2, "ids and a query do not mix"),
        (["resend", "foo:bar"], 2, "at column 1"),
        (["trigger"], 2, "Missing argument"),
        (["trigger", "delta.verifed"], 8, "did you mean delta.verified?"),
        (["trigger", "delta.*"], 8, "hint: one at a time: delta."),
        (["trigger", "delta.verified", "--path", "x"], 2, "hint: for example /"),
        (["trigger", "x" * 300], 2, "event: "),
        (["trigger", b"\xff"], 2, "event: "),
        (["trigger", "delta.stored", "--data", "{bad"], 2, "--data is not JSON"),
        (["trigger", "delta.stored", "--data", "NaN"], 2, "NaN is no JSON value"),
        (["trigger", "delta.stored", "--data", "[" * 100_000], 2, "--data is not JSON"),
        (["trigger", "delta.stored", "--data", r'"\ud800"'], 2, ""),
        (
            ["trigger", "delta.stored", "--data", "@missing.json"],
            2,
            "cannot read missing.json: no such file",
        ),
        (["trigger", "delta.stored", "--set", "nope"], 2, "is not a change"),
        (["trigger", "delta.stored", "--set", "data.count.x=1"], 2, "leads nowhere"),
        (["trigger", "delta.stored", "--set", "data.count=NaN"], 2, "--set"),
        (["trigger", "delta.stored", "--set", "data." + "a." * 5000 + "b=1"], 2, ""),
        (["trigger", "delta.stored", "--set", r'data.count="\ud800"'], 2, ""),
        (["trigger", "delta.stored", *["--set", "data.a=1"] * 101], 2, "changes: "),
        (["trigger", "delta.stored", "--count", "0"], 2, "--count"),
        (["trigger", "delta.stored", "--rate", "0"], 2, "--rate"),
        (["trigger", "delta.stored", "--envelope", "xml"], 2, "--envelope"),
        (["trigger", "delta.stored", "--to", "ftp://x"], 2, "is not a target"),
        (["serve", "--keep", "30"], 2, "--keep: a unit is missing"),
        (["serve", "--keep", "foo"], 2, "hint: for example 30d, 12h, 90s"),
        (["serve", "--max-size", "1"], 2, "at least 1mb"),
        (["serve", "--max-body", "1xb"], 2, "--max-body: this is no size"),
        (["serve", "--secret", ""], 2, "--secret: it must not be empty"),
        (["serve", "--ack", "app"], 2, "there is no app"),
        (["serve", "3000", "--ack", "ap"], 2, "is not an ack policy"),
        (["relay", "--keep", "30"], 2, "--keep: a unit is missing"),
        (["relay", "endpoint", "add", "x", "--max-stored", "1"], 2, "is too little"),
        (["nonsense"], 2, "No such command"),
        (["status", "--port", "1"], 2, "No such option"),
    ],
    ids=lambda value: " ".join(map(str, value))[:40] if isinstance(value, list) else None,
)
def test_each_mistake_has_its_code_and_its_words(
    arguments: list[str | bytes],
    code: int,
    told: str,
    small: Cli,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # In this process, because there are many of them.
    for name, value in small.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(small.folder)
    assert run([os.fsdecode(argument) for argument in arguments]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert told in err
    assert "\x1b" not in err
    assert "internal error" not in err


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "1"], ["status"], ["reindex"], ["resend", "1", "--to", "1"]],
    ids=lambda arguments: arguments[0],
)
def test_a_file_that_is_no_store_is_told_and_left_as_it_was(arguments: list[str], cli: Cli) -> None:
    text = b"a text of mine, longer than the header of a database is\n" * 20
    cli.db.write_bytes(text)
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert "is not a store of inspector" in ran.err
    assert cli.db.read_bytes() == text


@pytest.mark.parametrize("arguments", [["list"], ["reindex"]], ids=lambda arguments: arguments[0])
def test_another_program_s_database_is_left_as_it_was(arguments: list[str], cli: Cli) -> None:
    with sqlite3.connect(cli.db) as connection:
        connection.execute("CREATE TABLE mine(a)")
    connection.close()
    before = cli.db.read_bytes()
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert "a database of another program" in ran.err
    assert cli.db.read_bytes() == before


def test_a_bad_setting_names_its_place(cli: Cli) -> None:
    cli.settings["INSPECTOR_PORT"] = "whsec_pasted_here"
    ran = cli("list")
    assert (ran.code, ran.out) == (3, "")
    assert "INSPECTOR_PORT" in ran.err
    assert "whsec_pasted_here" not in ran.err


@pytest.mark.parametrize(
    "command", [["list"], ["show", "1"], ["status"], ["events"], ["reindex"], ["resend", "1"]]
)
def test_db_and_json_are_accepted_after_every_command(command: list[str], small: Cli) -> None:
    elsewhere = Cli(small.folder / "elsewhere", small.settings)
    elsewhere.folder.mkdir(exist_ok=True)
    ran = elsewhere(*command, "--db", str(small.db), "--json")
    assert ran.code == (2 if command[0] == "resend" else 0)
    assert [item["v"] for item in ran.items] == [1] * len(ran.items)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["relay", "--port", "0"], 1),
        (["serve", "--headless", "--port", "0"], 1),
        (["relay", "endpoint", "add", "dev"], 3),
    ],
    ids=str,
)
def test_a_full_disk_is_told_as_such(
    arguments: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def onto_a_full_disk(lock: StoreLock, note: dict[str, object]) -> None:
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    monkeypatch.setattr(StoreLock, "write", onto_a_full_disk)
    monkeypatch.chdir(tmp_path)
    assert run([*arguments, "--db", "store.db"]) == code
    out, err = capfd.readouterr()
    told, hint = err.lower().splitlines()
    assert told.startswith("inspector: cannot ")
    assert told.endswith(": no space left on device")
    assert (out, hint) == ("", "hint: free some disk space")
