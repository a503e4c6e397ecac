"""`inspector subscribe` against a local stand-in of both generations of the dashboard's API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.helpers.pacspace_api import CREATED, PATH, SESSION, PacSpaceApi, cut, dropped
from tests.helpers.subscribing import Account

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
) -> Account:
    return Account(tmp_path, api, generation, monkeypatch, capsys)


@pytest.fixture
def cookies(
    tmp_path: Path,
    api: PacSpaceApi,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Account:
    return Account(tmp_path, api, 2, monkeypatch, capsys)


@pytest.mark.parametrize("bare", [False, True], ids=["wrapped", "bare"])
@pytest.mark.parametrize("word", ["enabled", "active"])
def test_a_webhook_is_made_and_its_secret_kept_and_printed(
    account: Account, generation: int, bare: bool, word: str
) -> None:
    account.api.bare, account.api.word = bare, word
    (item,) = account.items("--url", URL, "--description", "of this test")
    secret = account.api.secrets["wh_1"]
    assert item["kind"] == "webhook"
    assert (item["id"], item["url"], item["enabled"], item["created"]) == ("wh_1", URL, True, True)
    assert (item["description"], item["created_at"]) == ("of this test", CREATED)
    assert item["secret"] == secret
    (entry,) = account.kept
    assert (entry["provider"], entry["webhook"], entry["url"]) == ("pacspace", "wh_1", URL)
    assert (entry["secret"], entry["created_at"]) == (secret, CREATED)
    (asked,) = account.api.created
    assert asked.json == {"url": URL, "description": "of this test"}
    assert asked.headers.get("x-pacspace-csrf") == (None if generation == 1 else "1")
    cookie = None if generation == 1 else f"pacspace_session={SESSION}"
    assert asked.headers.get("cookie") == cookie
    assert ("authorization" in asked.headers) is (generation == 1)


def test_every_day_it_is_the_same_webhook(account: Account) -> None:
    code, out, _ = account("--url", URL)
    told = f"webhook  wh_1\nurl      {URL}\n"
    assert (code, out) == (0, f"{told}secret   whsec_1_0fT3nR3peated1\n")
    for spelled in (URL, "https://HOOKS.example.com:443/pacspace/"):
        code, out, err = account("--url", spelled)
        assert (code, out) == (0, told)
        assert "already subscribed as wh_1" in err
    assert len(account.api.created) == 1
    (item,) = account.items("--url", URL, "--again")
    assert (item["id"], item["created"]) == ("wh_2", True)
    (item,) = account.items("--url", f"{URL}?another")
    assert (item["id"], item["created"]) == ("wh_3", True)
    assert [each["webhook"] for each in account.kept] == ["wh_3", "wh_2", "wh_1"]


def test_list_and_show_tell_what_there_is_and_never_a_secret(
    account: Account, generation: int
) -> None:
    account.api.add("https://elsewhere.example.com/", description="by hand")
    account("--url", URL)
    one, two = account.items("list")
    assert (one["id"], one["secret_known"], one["description"]) == ("wh_1", False, "by hand")
    assert (two["id"], two["secret_known"]) == ("wh_2", True)
    assert not {"secret", "created"} & (one.keys() | two.keys())
    if generation == 2:
        assert (two["success_count"], two["failure_count"]) == (3, 1)
    _, out, _ = account("list")
    first, second = out.splitlines()
    assert first.endswith("secret not known here")
    assert second.startswith(f"wh_2  {URL}  enabled")
    (shown,) = account.items("show", "wh_2")
    assert (shown["id"], shown["url"], "secret" in shown) == ("wh_2", URL, False)
    _, out, _ = account("show", "wh_1")
    assert out.splitlines()[0] == "webhook  wh_1"
    assert "about    by hand" in out
    code, out, err = account("show", "wh_9")
    assert (code, out) == (8, "")
    assert "no webhook wh_9: localhost answered 404: Webhook not found" in err


def test_an_empty_list_and_one_in_part_are_told(cookies: Account) -> None:
    code, out, err = cookies("list")
    assert (code, out) == (0, "")
    assert "no webhook yet" in err
    assert cookies.items("list") == []
    cookies.api.fail(200, [{"id": "wh_1", "url": URL}, "nonsense"])
    code, out, err = cookies("list")
    assert (code, len(out.splitlines())) == (0, 1)
    assert "there may be more of them: 1 entry of it cannot be read" in err
    cookies.api.then(cut)
    code, out, err = cookies("show", "wh_1")
    assert (code, out) == (5, "")
    assert "cannot be read" in err


def test_what_a_hostile_server_says_is_harmless(account: Account) -> None:
    """Colours in a field, a secret in another; the secret is taken from a creation alone."""
    bad = "\x1b[31mred\u202e"
    account.api.fail(200, [{"id": "wh_0", "url": "https://[nonsense"}])
    account("--url", URL)
    secret = account.api.secrets["wh_1"]
    account.api.webhooks[0] |= {"description": f"{bad} {secret}", "secret": secret}
    account.api.add(f"https://x.test/{bad}", createdAt=bad)
    for words in (["list"], ["show", "wh_1"], ["show", "wh_2"]):
        code, out, err = account(*words)
        assert (code, err) == (0, "")
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert secret not in out
    assert account.items("show", "wh_1")[0]["description"] == f"{bad} ••••"


def test_an_id_does_not_travel_as_a_path(account: Account) -> None:
    assert account("show", "../x y")[0] == 8
    assert account.api.asked[-1].path == f"{PATH}/..%2Fx%20y"
    before = len(account.api.asked)
    for odd in ("..", ".", "a\nb", "x" * 400):
        assert account("show", odd)[0] == 2
    assert len(account.api.asked) == before


def test_one_of_that_url_with_an_unknown_secret_is_not_doubled(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.api.add(URL)
    code, out, err = account("--url", URL)
    assert (code, out) == (3, "")
    assert "already subscribed as wh_1, whose secret is not known here" in err
    assert "INSPECTOR_SECRET" in err
    assert "--again" in err
    monkeypatch.setenv("INSPECTOR_SECRET", "whsec_given_by_hand")
    code, out, err = account("--url", URL)
    assert (code, out.splitlines()[0]) == (0, "webhook  wh_1")
    assert "its secret is taken to be the one given" in err
    assert account.api.created == []


def test_a_disabled_one_is_told_and_another_is_preferred(cookies: Account) -> None:
    cookies("--url", URL)
    cookies.api.webhooks[0]["enabled"] = False
    code, _, err = cookies("--url", URL)
    assert code == 0
    assert "wh_1 is disabled at PacSpace" in err
    cookies("--url", URL, "--again")
    code, out, err = cookies("--url", URL)
    assert (code, out.splitlines()[0]) == (0, "webhook  wh_2")
    assert "disabled" not in err


def test_a_list_that_cannot_be_read_is_no_obstacle(account: Account) -> None:
    account.api.fail(404, {"message": "no list"})
    code, _, err = account("--url", URL)
    assert code == 0
    assert "not known for sure: localhost answered 404: no list" in err
    # Not even then is a second one made without being told to.
    account.api.fail(500)
    code, out, err = account("--url", URL)
    assert (code, out) == (0, f"webhook  wh_1\nurl      {URL}\n")
    assert "the one made before is taken; --again makes another" in err
    account.api.fail(200, {"data": "odd"})
    assert account("--url", f"{URL}/2")[0] == 0
    assert len(account.api.created) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_makes_nothing(account: Account, generation: int, status: int) -> None:
    account.api.fail(status, {"message": "no"})
    code, out, err = account("--url", URL)
    assert (code, out) == (3, "")
    assert f"localhost answered {status}: no" in err
    assert ("PACSPACE_TOKEN" if generation == 1 else "export the cookies anew") in err
    assert account.api.created == []


def test_without_an_answer_nothing_is_made_twice(account: Account) -> None:
    for fault in (cut, dropped):
        account.api.then(None, fault)
        code, out, err = account("--url", URL)
        assert (code, out) == (5, "")
        assert "gave no answer" in err
        assert "inspector subscribe list" in err
    assert len(account.api.created) == 2
    assert account.kept == []


def test_a_wait_is_told_and_waited(account: Account) -> None:
    account.api.then(None).fail(429, {"message": "slow down"}, {"Retry-After": "1"})
    code, _, err = account("--url", URL)
    assert code == 0
    assert "localhost asks to wait 1 s" in err
    account.api.fail(429, None, {"Retry-After": "600"})
    code, _, err = account("--url", f"{URL}/2")
    assert code == 7
    assert "takes no more requests for 600 s" in err
    assert len(account.api.webhooks) == 1


def test_a_secret_that_cannot_be_kept_is_printed_all_the_same(cookies: Account) -> None:
    (cookies.folder / "store.db-secrets-new").mkdir()
    code, out, err = cookies("--url", URL)
    assert code == 3
    assert out.splitlines()[2] == "secret   whsec_1_0fT3nR3peated1"
    assert "store.db-secrets" in err
    assert cookies.kept == []


def test_where_nothing_can_be_kept_nothing_is_made(cookies: Account) -> None:
    (cookies.folder / "store.db-secrets").write_text('{"v": 1, "secrets": "whsec_of_another"}')
    code, out, err = cookies("--url", URL)
    assert (code, out) == (3, "")
    assert "whsec_of_another" not in err
    code, out, err = cookies("--url", URL, "--db", "/proc/nowhere/store.db")
    assert (code, out) == (3, "")
    assert "--db PATH" in err
    assert cookies.api.asked == []
    # Who only looks is told, and sees what there is.
    cookies.api.add(URL)
    code, out, err = cookies("list")
    assert (code, len(out.splitlines())) == (0, 1)
    assert "cannot use" in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "where shall PacSpace send to?"),
        (["--url", URL, "--event", "delta.*"], 2, "--event is for PACSPACE_TOKEN alone"),
        (["--url", URL, "-f", "3000"], 2, "add --serve"),
        (["--url", "hooks.example.com"], 2, "--url cannot be read"),
        (["--url", "https://"], 2, "--url cannot be read"),
        (["--url", "https://x.test:port/"], 2, "--url cannot be read"),
        (["--url", "https://u:p@x.test/"], 2, "--url cannot be read"),
        (["--url", "https://x.test/#f"], 2, "--url cannot be read"),
        (["--url", "https://x.test/a b"], 2, "--url cannot be read"),
        (["--url", "ftp://x.test/"], 2, "--url cannot be read"),
        (["--relay", "https://x.test/"], 2, "is no capture address"),
        (["--url", URL, "--dashboard-url", "http://x.test"], 2, "must begin with https://"),
        (["--url", URL, "--dashboard-url", "x.test"], 2, "--dashboard-url: write https://HOST"),
        (["--url", "http://x.test/", "--dashboard-url", "https://x.test"], 2, "https:// only"),
        (["--url", URL, "--cookies", "nowhere.txt"], 3, "cannot read the cookies in nowhere.txt"),
        (["--url", URL, "--cookies", "empty.txt"], 3, "there is no cookie for localhost"),
        (["--relay", "https://x.test/in/S", "--serve"], 3, "INSPECTOR_RELAY_TOKEN"),
        (["shwo"], 2, "No such command 'shwo'"),
        (["show"], 2, "Missing argument"),
    ],
)
def test_a_mistake_is_one_line_and_asks_nobody(
    cookies: Account, arguments: list[str], code: int, told: str
) -> None:
    (cookies.folder / "empty.txt").write_text("# Netscape HTTP Cookie File\n")
    if "--cookies" in arguments or "shwo" in arguments:
        cookies.arguments = []
    ended, out, err = cookies(*arguments)
    assert (ended, out) == (code, ""), err
    assert told in err
    assert cookies.api.asked == []


def test_who_does_not_say_who_he_is_learns_how(
    tmp_path: Path,
    api: PacSpaceApi,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nobody = Account(tmp_path, api, 0, monkeypatch, capsys)
    for words in (["--url", URL], ["list"], ["show", "wh_1"]):
        code, _, err = nobody(*words)
        assert code == 3
        assert "--cookies FILE" in err
        assert "PACSPACE_TOKEN" in err


def test_lines_of_the_cookie_file_that_say_nothing_are_told(cookies: Account) -> None:
    cookies.arguments = ["--cookies", str(cookies.api.cookies(cookies.folder, "odd", "x\ty"))]
    code, _, err = cookies("list")
    assert code == 0
    assert "no cookie in line 4, 5" in err


def test_events_may_be_named_with_a_token(account: Account, generation: int) -> None:
    code, _, _ = account("--url", URL, "--event", "delta.verified", "--event", "any.thing")
    assert code == (0 if generation == 1 else 2)
    if generation == 1:
        assert account.api.created[0].json["events"] == ["delta.verified", "any.thing"]


def test_settings_may_stand_in_a_file(cookies: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSPECTOR_DASHBOARD_URL")
    own = cookies.folder / "config" / "inspector" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f'dashboard_url = "{cookies.api.url}"')
    (cookies.folder / "inspector.toml").write_text('relay = "https://relay.example.com/in/S1"')
    (item,) = cookies.items()
    assert item["url"] == "https://relay.example.com/in/S1"


def test_options_may_stand_before_the_word(cli: Cli, api: PacSpaceApi, tmp_path: Path) -> None:
    api.add(URL)
    given = str(api.cookies(tmp_path))
    ran = cli("subscribe", "--cookies", given, "--dashboard-url", api.url, "list")
    assert (ran.code, len(ran.rows)) == (0, 1), ran.err
