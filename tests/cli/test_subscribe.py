"""`inspector subscribe` against a local stand-in of both generations of the dashboard's API."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import run
from tests.cli.conftest import Cli, Ran
from tests.helpers.listener import environment
from tests.helpers.pacspace_api import CREATED, PATH, SESSION, TOKEN, PacSpaceApi

URL = "https://hooks.example.com/pacspace"


@pytest.fixture
def api() -> Iterator[PacSpaceApi]:
    with PacSpaceApi() as running:
        yield running


@pytest.fixture(params=[1, 2], ids=["token", "cookies"])
def generation(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def account(
    tmp_path: Path,
    api: PacSpaceApi,
    generation: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> "Account":
    for name, value in environment(tmp_path, {"INSPECTOR_DASHBOARD_URL": api.url}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INSPECTOR_DB", str(tmp_path / "store.db"))
    if generation == 1:
        monkeypatch.setenv("PACSPACE_TOKEN", TOKEN)
    return Account(tmp_path, api, capsys, cookies=generation == 2)


class Account:
    """Runs `inspector subscribe` in this process, as somebody whom the stand-in knows."""

    def __init__(
        self, folder: Path, api: PacSpaceApi, capsys: pytest.CaptureFixture[str], *, cookies: bool
    ) -> None:
        self.folder = folder
        self.api = api
        self._capsys = capsys
        self.arguments = ["--cookies", str(api.cookies(folder))] if cookies else []

    def __call__(self, *arguments: str) -> Ran:
        """Nothing that is told holds a secret, but once its own when a webhook is made."""
        code = run(["subscribe", *arguments, *self.arguments])
        out, err = self._capsys.readouterr()
        assert TOKEN not in out + err
        assert SESSION not in out + err
        for secret in self.api.secrets.values():
            assert secret not in err
            assert out.count(secret) <= 1
        assert "internal error" not in err
        return Ran(code, out.encode(), err)


def kept(folder: Path) -> list[dict[str, Any]]:
    path = folder / "store.db-secrets"
    assert path.stat().st_mode & 0o777 == 0o600
    found: list[dict[str, Any]] = json.loads(path.read_text())["secrets"]
    return found


@pytest.mark.parametrize("bare", [False, True], ids=["wrapped", "bare"])
@pytest.mark.parametrize("word", ["enabled", "active"])
def test_a_webhook_is_made_and_its_secret_kept_and_printed(
    account: Account, generation: int, bare: bool, word: str
) -> None:
    account.api.bare, account.api.word = bare, word
    ran = account("--url", URL, "--description", "of this test", "--json")
    assert ran.code == 0, ran.err
    secret = account.api.secrets["wh_1"]
    (item,) = ran.items
    assert item["kind"] == "webhook"
    assert (item["id"], item["url"], item["enabled"], item["created"]) == ("wh_1", URL, True, True)
    assert (item["description"], item["created_at"]) == ("of this test", CREATED)
    assert item["secret"] == secret
    (entry,) = kept(account.folder)
    assert (entry["provider"], entry["webhook"], entry["url"]) == ("pacspace", "wh_1", URL)
    assert entry["secret"] == secret
    (asked,) = account.api.created
    assert asked.json == {"url": URL, "description": "of this test"}
    assert asked.headers.get("x-pacspace-csrf") == (None if generation == 1 else "1")
    assert ("cookie" in asked.headers) is (generation == 2)
    assert "cookie" not in asked.headers or asked.headers["cookie"] == f"pacspace_session={SESSION}"


def test_every_day_it_is_the_same_webhook(account: Account) -> None:
    first = account("--url", URL)
    assert first.rows == ["webhook  wh_1", f"url      {URL}", "secret   whsec_1_0fT3nR3peated1"]
    for _ in range(2):
        again = account("--url", URL)
        assert (again.code, again.rows) == (0, first.rows[:2])
        assert "already subscribed as wh_1" in again.err
    assert len(account.api.created) == 1
    (item,) = account("--url", URL, "--again", "--json").items
    assert (item["id"], item["created"]) == ("wh_2", True)
    assert [each["webhook"] for each in kept(account.folder)] == ["wh_2", "wh_1"]


def test_list_and_show_tell_what_there_is_and_never_a_secret(
    account: Account, generation: int
) -> None:
    account.api.add("https://elsewhere.example.com/", description="by hand")
    account("--url", URL)
    one, two = account("list", "--json").items
    assert (one["id"], one["secret_known"], one["description"]) == ("wh_1", False, "by hand")
    assert (two["id"], two["secret_known"]) == ("wh_2", True)
    assert "secret" not in one.keys() | two.keys()
    if generation == 2:
        assert (two["success_count"], two["failure_count"]) == (3, 1)
    assert account("list").rows[1].endswith("secret known")
    (shown,) = account("show", "wh_2", "--json").items
    assert (shown["id"], shown["url"], "secret" in shown) == ("wh_2", URL, False)
    assert account("show", "wh_2").rows[0] == "webhook  wh_2"
    gone = account("show", "wh_9")
    assert (gone.code, gone.out) == (8, "")
    assert "no webhook wh_9: localhost answered 404: Webhook not found" in gone.err


def test_an_id_does_not_travel_as_a_path(account: Account) -> None:
    assert account("show", "../x y").code == 8
    assert account.api.asked[-1].path == f"{PATH}/..%2Fx%20y"
    before = len(account.api.asked)
    for odd in ("..", ".", "a\nb", "x" * 400):
        assert account("show", odd).code == 2
    assert len(account.api.asked) == before


def test_options_may_stand_before_the_word(cli: Cli, api: PacSpaceApi, tmp_path: Path) -> None:
    api.add(URL)
    cookies = str(api.cookies(tmp_path))
    ran = cli("subscribe", "--cookies", cookies, "--dashboard-url", api.url, "list")
    assert (ran.code, len(ran.rows)) == (0, 1), ran.err
