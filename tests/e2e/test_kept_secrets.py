"""A secret that is kept beside the store: in force at once, at the next start, without a listener.

The app of these tests verifies as the provider's documentation has it, with the same secret.
"""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.cli.rereading import after_keeping, read_again
from inspector.errors import ConfigurationError
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from inspector.store.lock import StoreLock
from inspector.store.secrets import KeptSecret, SecretsFile
from tests.cli.conftest import Cli
from tests.e2e.conftest import children_of
from tests.helpers.keyrings import FileKeyring, in_use
from tests.helpers.listener import ListenerProcess, post
from tests.helpers.verifying_app import SECRET, deliver, verifying_app

KEPT = KeptSecret("pacspace", "wh_1", "https://hooks.example/a", "2026-02-11T10:00:00Z", SECRET)
OTHER = "whsec_of_another_webhook"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def file(cli: Cli) -> SecretsFile:
    return SecretsFile.beside(StoreFiles(cli.db))


@pytest.fixture
def app() -> Iterator[str]:
    with verifying_app() as url:
        yield url


def verdicts(cli: Cli) -> list[str]:
    """Of all deliveries, the oldest first."""
    ran = cli("list", "--json")
    assert ran.code == 0, ran.err
    return [item["signature"]["verdict"] for item in reversed(ran.items)]


def test_a_running_listener_uses_what_is_kept_from_the_reindex_on(
    cli: Cli, file: SecretsFile, app: str
) -> None:
    with ListenerProcess(cli.db, app) as listener:
        deliver(listener.url, "cust_1", 1.5)
        listener.wait_for(1, kind="attempt", where=lambda item: item["status"] == 200)
        assert verdicts(cli) == ["unchecked"]
        ran = cli("resend", "1", "--re-sign")
        assert (ran.code, "no secret to sign with" in ran.err) == (3, True)

        file.keep(KEPT)
        deliver(listener.url, "cust_2", 2.5)
        assert verdicts(cli) == ["unchecked", "unchecked"]
        ran = cli("reindex")
        assert (ran.code, ran.out) == (0, "2 deliveries indexed anew\n")
        assert verdicts(cli) == ["valid", "valid"]

        # It signs re-sends and samples, explains, and matches at a breakpoint.
        (attempt,) = cli("resend", "1", "--re-sign", "--json").items
        assert (attempt["resigned"], attempt["status"]) == (True, 200)
        (sample,) = cli("trigger", "delta.verified", "--json").items
        assert sample["signature"]["verdict"] == "valid"
        checks = cli("show", "1", "--json").items[0]["signature"]["checks"]
        assert [check["ok"] for check in checks if check["name"].startswith("secret")] == [True]
        listener.request("POST", "hold", {"query": "sig:valid"})
        assert cli("list", "--json", f"id:{deliver(listener.url, 'c', 1)}").items[0]["state"] == (
            "held"
        )
        listener.request("POST", "hold", {"query": ""})

        # So does an indexer that takes the place of a killed one.
        (indexer,) = children_of(listener.pid)
        os.kill(indexer, signal.SIGKILL)
        deliver(listener.url, "cust_3", 3.5)
        assert set(verdicts(cli)) == {"valid"}

        told = json.dumps([*listener.lines, listener.request("GET", "status")])
        told += cli("status").out + cli("show", "1").out + cli("show", "1", "--json").out
    assert SECRET not in told + listener.stderr


def test_a_listener_reads_them_when_it_starts(cli: Cli, file: SecretsFile, app: str) -> None:
    file.keep(KEPT)
    with ListenerProcess(cli.db, app) as listener:
        deliver(listener.url, "cust_1", 1.5)
        assert verdicts(cli) == ["valid"]
        (attempt,) = cli("resend", "1", "--re-sign", "--json").items
        assert attempt["status"] == 200
        listener.kill()
    with listener:
        deliver(listener.url, "cust_2", 2.5)
        assert verdicts(cli) == ["valid", "valid"]


def test_without_a_listener_every_command_uses_them(cli: Cli, file: SecretsFile, app: str) -> None:
    with ListenerProcess(cli.db) as listener:
        id_ = deliver(listener.url, "cust_1", 1.5)
    file.keep(KEPT)
    assert verdicts(cli) == ["unchecked"]
    assert "`inspector reindex` reads it again" in cli("show", "1").out
    assert cli("reindex").out == "1 delivery indexed anew\n"
    assert verdicts(cli) == ["valid"]
    ran = cli("resend", str(id_), "--re-sign", "--to", app, "--json")
    assert (ran.code, ran.items[0]["status"]) == (0, 200)
    (sample,) = cli("trigger", "delta.verified", "--json").items
    assert sample["signature"]["verdict"] == "valid"
    (request,) = cli("trigger", "delta.verified", "--dry-run", "--json").items
    assert "X-PacSpace-Signature" in dict(request["headers"])
    assert cli("trigger", "delta.verified", "--set", "data.delta.amount=1", "--to", app).code == 0


def test_what_is_given_signs_first_and_both_verify(cli: Cli, file: SecretsFile, app: str) -> None:
    file.keep(KEPT._replace(webhook="wh_2", secret=OTHER))
    cli.settings["INSPECTOR_SECRET"] = SECRET
    with ListenerProcess(cli.db, app, "--secret", SECRET) as listener:
        deliver(listener.url, "cust_1", 1.5)
        (attempt,) = cli("resend", "1", "--re-sign", "--json").items
        assert attempt["status"] == 200
        del cli.settings["INSPECTOR_SECRET"]
        file.keep(KEPT)
        assert cli("reindex").code == 0
        checks = cli("show", "1", "--json").items[0]["signature"]["checks"]
        named = [check["name"] for check in checks if check["name"].startswith("secret")]
        # The same secret, given and kept, is there once.
        assert named == ["secret 1 of 2", "secret 2 of 2"]
    cli.settings["INSPECTOR_SECRET"] = OTHER
    (attempt,) = cli("resend", "1", "--re-sign", "--to", app, "--json").items
    assert attempt["status"] == 401
    assert cli("reindex").code == 0
    assert verdicts(cli) == ["valid"]


def test_a_damaged_file_is_told_and_a_running_listener_goes_on(
    cli: Cli, file: SecretsFile, app: str
) -> None:
    file.keep(KEPT)
    path = StoreFiles(cli.db).secrets
    with ListenerProcess(cli.db, app) as listener:
        deliver(listener.url, "cust_1", 1.5)
        path.write_text(path.read_text()[:-9])
        ran = cli("reindex")
        assert (ran.code, ran.out) == (3, "")
        assert f"cannot use {path}: Invalid JSON" in ran.err
        assert SECRET not in ran.err
        deliver(listener.url, "cust_2", 2.5)
        assert verdicts(cli) == ["valid", "valid"]
        assert cli("resend", "1", "--re-sign").code == 0
        line = after_keeping(Settings(db=cli.db))
        assert line.startswith("history is not read again with it: cannot use ")
        assert line.endswith("; `inspector reindex` does it later")
    for arguments in (["serve", "--headless", "--port", "0"], ["reindex"], ["resend", "1"]):
        ran = cli(*arguments)
        assert (ran.code, ran.out) == (3, ""), arguments
        assert f"cannot use {path}: Invalid JSON" in ran.err
        assert SECRET not in ran.err
    # What is indexed needs no secret, and the index is still there.
    assert verdicts(cli) == ["valid", "valid"]
    with pytest.raises(ConfigurationError):
        read_again(Settings(db=cli.db))


def test_a_secret_in_the_keyring_reaches_the_listener(
    cli: Cli, file: SecretsFile, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEYRING", str(cli.folder / "keyring.json"))
    with in_use(FileKeyring()):
        file.keep(KEPT)
    assert SECRET not in StoreFiles(cli.db).secrets.read_text()
    keyring = {
        "PYTHON_KEYRING_BACKEND": "tests.helpers.keyrings.FileKeyring",
        "TEST_KEYRING": str(cli.folder / "keyring.json"),
    }
    cli.settings |= keyring
    with ListenerProcess(cli.db, app, extra_environment=keyring) as listener:
        deliver(listener.url, "cust_1", 1.5)
        assert verdicts(cli) == ["valid"]
    (cli.folder / "keyring.json").unlink()
    ran = cli("reindex")
    assert ran.code == 3
    assert "the secret of wh_1 lies in the keyring, which does not give it" in ran.err
    assert verdicts(cli) == ["valid"]


def test_who_kept_a_secret_is_told_what_came_of_it(cli: Cli, file: SecretsFile) -> None:
    settings = Settings(db=cli.db)
    file.keep(KEPT)
    assert read_again(settings) is None
    assert after_keeping(settings) == ""
    assert not cli.db.exists()
    with ListenerProcess(cli.db) as listener:
        deliver(listener.url, "cust_1", 1.5)
        assert after_keeping(settings) == "1 delivery is read again with it, by the listener"
        post(listener.url, b"{}")
        assert read_again(settings) == (2, True)
    assert after_keeping(settings) == "2 deliveries are read again with it"
    with StoreLock(StoreFiles(cli.db).lock, {"command": "inspector resend", "pid": 1}):
        line = after_keeping(settings)
    assert line.startswith("history is not read again with it: the store store.db is in use by ")
