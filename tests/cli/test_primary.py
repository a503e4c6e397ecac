"""`inspector primary`: what it says when it works, and what to do when it cannot."""

import time

from tests.cli.conftest import Cli
from tests.helpers.listener import PATIENCE, ListenerProcess
from tests.helpers.relay import RelayProcess
from tests.helpers.tunnelled import consumer


def test_it_needs_a_listener_and_that_a_relay(cli: Cli) -> None:
    cli("trigger", "delta.failed")
    ran = cli("primary")
    assert (ran.code, ran.out) == (4, "")
    assert "hint: start one with `inspector serve --relay URL --primary`" in ran.err
    with ListenerProcess(cli.db):
        ran = cli("primary", "--json")
        assert (ran.code, ran.out) == (3, "")
        assert "this listener has no relay" in ran.err
    ran = cli("serve", "--primary", "--headless")
    assert ran.code == 2
    assert "--primary is for a relay" in ran.err


def test_whose_app_answers_is_taken_and_told(cli: Cli) -> None:
    relay = RelayProcess(cli.folder / "relay.db")
    endpoint = relay.endpoint("add", "dev", "--ack", "app")
    with relay:
        first = consumer(cli.folder / "a", relay, endpoint, "--consumer", "ann")
        second = consumer(cli.folder / "b", relay, endpoint, "--consumer", "bob", "--primary")
        with first, second:
            assert whose(first, "bob") == whose(second, "bob")
            ran = cli("primary", "--db", str(first.db))
            assert (ran.code, ran.rows, ran.err) == (0, ["this app answers now"], "")
            assert whose(first, "ann") == ["ann", "bob"]
            status = cli("status", "--db", str(second.db))
            (ann, bob) = [row for row in status.rows if row.startswith("team ")]
            assert "ann: since " in ann
            assert "its app answers" in ann
            assert "bob (you): since " in bob
            assert "its app answers" not in bob
            # Bob's own wish is over: away and back, he does not take it.
            second.stop()
            with consumer(cli.folder / "b", relay, endpoint, "--consumer", "bob") as again:
                assert whose(again, "ann") == ["ann", "bob"]
            ran = cli("primary", "--db", str(first.db), "--json")
            assert ran.items == [
                {"v": 1, "kind": "primary", "primary": True, "endpoint": "dev", "consumer": "ann",
                 "ack": "app", "lag": 0}
            ]  # fmt: skip
            first.kill()
            ran = cli("primary", "--db", str(first.db))
            assert ran.code == 4


def test_that_no_app_is_asked_is_said(cli: Cli) -> None:
    relay = RelayProcess(cli.folder / "relay.db")
    endpoint = relay.endpoint("add", "dev")
    with relay, consumer(cli.folder / "a", relay, endpoint, "--consumer", "ann") as first:
        ran = cli("primary", "--db", str(first.db))
        assert (ran.code, ran.rows) == (0, ["this app answers now"])
        assert "`stored`" in ran.err


def whose(listener: ListenerProcess, name: str) -> list[str]:
    """Until that one is primary; who is there, as this listener knows it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        team = listener.request("GET", "status")["relay"]["team"]
        if [one["consumer"] for one in team if one["primary"]] == [name]:
            return [one["consumer"] for one in team]
        assert time.monotonic() < deadline, team
