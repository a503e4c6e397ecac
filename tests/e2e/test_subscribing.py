"""From nothing to a verified delivery: a stand-in of PacSpace, a relay, and one command.

Everything is a process of its own but the stand-in, which is made from the documentation: nothing
here was ever run against the real service.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.e2e.conftest import children_of
from tests.helpers.listener import Item, ListenerProcess
from tests.helpers.pacspace_api import KEY, SESSION, TOKEN, PacSpaceApi
from tests.helpers.relay import RelayProcess


class SubscribingProcess(ListenerProcess):
    """`inspector subscribe --serve --json ...`: ready when its listener is."""

    def _command(self) -> list[str]:
        return ["subscribe", *self.arguments, "--serve", "--json", "--db", str(self.db)]


@pytest.fixture
def api() -> Iterator[PacSpaceApi]:
    with PacSpaceApi() as running:
        yield running


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    (tmp_path / "relay").mkdir()
    with RelayProcess(tmp_path / "relay" / "relay.db") as running:
        yield running


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    folder = tmp_path / "home"
    folder.mkdir()
    return Cli(folder)


def verdicts(items: list[Item]) -> list[tuple[str, str, str]]:
    return [(each["event"], each["event_id"], each["signature"]["verdict"]) for each in items]


@pytest.mark.parametrize("generation", [1, 2], ids=["token", "cookies"])
def test_one_command_brings_a_verified_delivery(
    cli: Cli, api: PacSpaceApi, relay: RelayProcess, generation: int
) -> None:
    endpoint = relay.endpoint("add", "dev")
    settings = {
        "INSPECTOR_PORT": "0",
        "INSPECTOR_DASHBOARD_URL": api.url,
        "INSPECTOR_RELAY_TOKEN": endpoint["token"],
    }
    arguments = ["--relay", endpoint["url"], "--description", "my laptop"]
    if generation == 1:
        settings["PACSPACE_TOKEN"] = TOKEN
    else:
        arguments += ["--cookies", str(api.cookies(cli.folder))]
    command = SubscribingProcess(cli.db, *arguments, extra_environment=settings)
    with command:
        made = command.lines[0]
        secret = api.secrets["wh_1"]
        assert (made["kind"], made["id"], made["url"]) == ("webhook", "wh_1", endpoint["url"])
        assert (made["created"], made["secret"]) == (True, secret)
        assert command.ready["relay"]["state"] == "connected"
        assert api.deliver("delta.verified", "evt_1").status == 200
        first = command.wait_for(1, kind="delivery")
        assert verdicts(first) == [("delta.verified", "evt_1", "valid")]
        for pid in (command.pid, *children_of(command.pid)):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            assert not any(each in line for each in (secret, TOKEN, SESSION, endpoint["token"]))
    told = command.stderr + str(command.lines[1:])
    assert not any(each in told for each in (secret, TOKEN, SESSION, endpoint["token"]))

    # The next day: the same command, the same webhook, the secret known and not told again.
    with command:
        again = command.lines[0]
        assert (again["id"], again["created"], "secret" in again) == ("wh_1", False, False)
        assert api.deliver("checkpoint.verified", "evt_2").status == 200
        second = command.wait_for(1, kind="delivery")
        assert verdicts(second) == [("checkpoint.verified", "evt_2", "valid")]
        assert secret not in command.stderr + str(command.lines)
        assert "already subscribed as wh_1" in command.stderr
    assert len(api.created) == 1


def test_history_is_verified_with_a_secret_that_comes_later(cli: Cli, api: PacSpaceApi) -> None:
    """By the running listener, and without one."""
    cli.settings |= {"INSPECTOR_DASHBOARD_URL": api.url, "PACSPACE_TOKEN": TOKEN}
    with ListenerProcess(cli.db) as listener:
        api.add(f"{listener.url}/hooks")
        assert api.deliver("delta.verified", "evt_1").status == 200
        listener.wait_for(1, kind="delivery")

        # What the provider would have done: the new webhook has the secret of what came before.
        secret = api.secrets["wh_1"]
        api.webhooks.clear()
        api.secrets.clear()
        ran = cli("subscribe", "--url", f"{listener.url}/hooks")
        assert ran.code == 0, ran.err
        assert api.secrets["wh_1"] == secret
        assert "1 delivery is read again with it, by the listener" in ran.err
        assert verdicts(cli("list", "--json").items) == [("delta.verified", "evt_1", "valid")]
        assert api.deliver("delta.verified", "evt_2").status == 200
        second = listener.wait_for(2, kind="delivery")[1]
        assert second["signature"]["verdict"] == "valid"

        refused = cli("subscribe", "--url", "https://x.example.com", "--serve")
        assert (refused.code, refused.out) == (2, "")
        assert "a listener runs on store.db already" in refused.err
    ran = cli("subscribe", "--url", "https://x.example.com")
    assert "2 deliveries are read again with it" in ran.err
    assert len(api.created) == 2


def test_events_are_asked_for_again(cli: Cli, api: PacSpaceApi) -> None:
    cli.settings |= {"INSPECTOR_BALANCE_URL": api.url, "PACSPACE_API_KEY": KEY}
    ran = cli("redeliver", "evt_1", "../x", "evt_1")
    assert (ran.code, ran.rows) == (8, ["evt_1  will be sent again"])
    assert "no event ../x: localhost answered 404: No such delivery" in ran.err
    retries = [each.path for each in api.asked]
    assert retries == [f"/api/v1/balance/webhooks/{each}/retry" for each in ("evt_1", "..%2Fx")]
    cli.settings["PACSPACE_API_KEY"] = "pk_test_of_somebody.else0000"
    ran = cli("redeliver", "evt_1", "evt_2", "--json")
    assert (ran.code, ran.out) == (3, "")
    assert "answered 401: Invalid API key" in ran.err
    assert "else0000" not in ran.err
