"""`inspector relay endpoint`: what is printed once, what is asked for, and how it ends."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def relay(tmp_path: Path) -> Cli:
    return Cli(tmp_path, {"INSPECTOR_RELAY_DB": str(tmp_path / "relay.db")})


def test_url_and_token_are_printed_once_as_data(relay: Cli) -> None:
    ran = relay("relay", "endpoint", "add", "dev")
    assert ran.code == 0
    url = re.search(r"^url +(http://127\.0\.0\.1:8400/in/[0-9a-f]{32})$", ran.out, re.M)
    token = re.search(r"^token +(itun_\S{43})$", ran.out, re.M)
    assert url
    assert token
    assert token[1] not in ran.err
    listed = relay("relay", "endpoint", "list")
    assert url[1] in listed.out
    assert token[1] not in listed.out


def test_json_is_one_object_with_all_that_was_set(relay: Cli) -> None:
    (item,) = relay(
        "relay", "endpoint", "add", "dev", "--ack", "app-or-stored:5", "--rate", "7",
        "--max-body", "3mb", "--max-stored", "1gb", "--max-connections", "9", "--timeout", "2",
        "--status", "202", "--json",
    ).items  # fmt: skip
    token = item.pop("token")
    assert item.pop("url").startswith("http://127.0.0.1:8400/in/")
    assert item == {
        "v": 1, "kind": "endpoint", "name": "dev", "ack": "app-or-stored:5", "status": 202,
        "timeout": 2.0, "rate": 7.0, "max_body": 3 << 20, "max_stored": 1 << 30,
        "max_connections": 9,
    }  # fmt: skip
    assert token.startswith("itun_")


def test_a_rotated_endpoint_keeps_its_url(relay: Cli) -> None:
    (made,) = relay("relay", "endpoint", "add", "dev", "--json").items
    (rotated,) = relay("relay", "endpoint", "rotate", "dev", "--json").items
    assert rotated["url"] == made["url"]
    assert rotated["token"] != made["token"]


def test_what_is_set_is_listed(relay: Cli) -> None:
    relay("relay", "endpoint", "add", "dev")
    assert relay("relay", "endpoint", "set", "dev", "--rate", "3").code == 0
    (item,) = relay("relay", "endpoint", "list", "--json").items
    assert (item["name"], item["rate"]) == ("dev", 3.0)
    assert "token" not in item


def test_what_is_changed_is_shown_as_it_is_now(relay: Cli) -> None:
    relay("relay", "endpoint", "add", "dev")
    ran = relay("relay", "endpoint", "set", "dev", "--status", "204", "--timeout", "7")
    assert "status 204  timeout 7 s" in ran.out
    assert not ran.err


def test_a_body_larger_than_all_in_flight_is_warned_of(relay: Cli) -> None:
    added = relay("relay", "endpoint", "add", "dev", "--max-body", "65mb")
    assert added.code == 0
    assert "INSPECTOR_RELAY_MAX_IN_FLIGHT" in added.err
    assert "MAX_IN_FLIGHT" not in relay("relay", "endpoint", "set", "dev", "--rate", "3").err
    large = Cli(relay.folder, {**relay.settings, "INSPECTOR_RELAY_MAX_IN_FLIGHT": "1gb"})
    changed = large("relay", "endpoint", "set", "dev", "--max-body", "100mb")
    assert (changed.code, changed.err) == (0, "")


def test_a_listeners_store_has_no_endpoints(relay: Cli) -> None:
    db = str(relay.folder / "store.db")
    assert relay("trigger", "delta.verified", "--db", db).code == 0
    for command in (["add", "dev"], ["list"]):
        refused = relay("relay", "endpoint", *command, "--db", db)
        assert refused.code == 3
        assert "a store of `inspector serve`" in refused.err
    assert not list(relay.folder.glob("*endpoints*"))


def test_removing_asks_and_without_a_terminal_wants_to_be_told(relay: Cli) -> None:
    relay("relay", "endpoint", "add", "dev")
    refused = relay("relay", "endpoint", "remove", "dev")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert relay("relay", "endpoint", "remove", "dev", "--yes").code == 0
    assert relay("relay", "endpoint", "list", "--json").items == []


def test_the_store_is_named_at_the_end_or_before(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    db = str(tmp_path / "other.db")
    assert cli("relay", "endpoint", "add", "dev", "--db", db).code == 0
    (item,) = cli("relay", "--db", db, "endpoint", "list", "--json").items
    assert item["name"] == "dev"


def test_the_public_address_is_in_the_url(tmp_path: Path) -> None:
    cli = Cli(tmp_path, {"INSPECTOR_RELAY_PUBLIC_URL": "https://hooks.example.com/"})
    (item,) = cli("relay", "endpoint", "add", "dev", "--json").items
    assert re.fullmatch(r"https://hooks\.example\.com/in/[0-9a-f]{32}", item["url"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "a/b"), 2, "cannot be a name"),
        (("add", "-x"), 2, ""),
        (("add", "x", "--ack", "later"), 2, "not an ack policy"),
        (("add", "x", "--rate", "0"), 2, "--rate"),
        (("add", "x", "--max-body", "much"), 2, "--max-body"),
        (("add", "more", "--rate", "inf"), 2, "--rate: "),
        (("set", "dev", "--rate", "inf"), 2, "--rate: "),
        (("set", "dev", "--timeout", "nan"), 2, "--timeout: "),
        (("add", "more", "--max-body", "9" * 330 + "gb"), 2, "--max-body"),
        (("set", "dev"), 2, "nothing to change"),
        (("set", "none", "--rate", "1"), 8, "no endpoint none"),
        (("rotate", "none"), 8, "no endpoint none"),
        (("remove", "none", "--yes"), 8, "no endpoint none"),
        (("forget", "none", "ann@mac"), 8, "no endpoint none"),
        (("forget", "dev", "nobody@mac"), 8, "dev knows no consumer nobody@mac"),
    ],
)
def test_mistakes_are_told_in_a_line(
    relay: Cli, arguments: tuple[str, ...], code: int, said: str
) -> None:
    relay("relay", "endpoint", "add", "dev")
    ran = relay("relay", "endpoint", *arguments)
    assert ran.code == code
    assert said in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"INSPECTOR_RELAY_PORT": "x"}, "INSPECTOR_RELAY_PORT"),
        ({"INSPECTOR_RELAY_PUBLIC_URL": "hooks.example.com"}, "INSPECTOR_RELAY_PUBLIC_URL"),
        ({"INSPECTOR_RELAY_TLS_CERT": "cert.pem"}, "tls_key"),
    ],
)
def test_bad_settings_are_told_by_their_place(
    relay: Cli, settings: dict[str, str], said: str
) -> None:
    relay.settings.update(settings)
    ran = relay("relay", "endpoint", "list")
    assert ran.code == 3
    assert said in ran.err
