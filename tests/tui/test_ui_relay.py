"""The tunnel to a relay in the status line."""

from typing import Any

import pytest

from inspector.client.models import Status, TunnelStatus
from inspector.tui.relay import relay_told
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.teams import RELAY, member, team_of_three
from tests.helpers.ui import ui


def told(**changes: Any) -> str:
    return relay_told(TunnelStatus.from_json(RELAY | changes))[0]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "● relay orders 12 ms"),
        ({"rtt_ms": 0.4}, "● relay orders <1 ms"),
        ({"rtt_ms": None}, "● relay orders"),
        ({"lag": 1234}, "● relay orders 12 ms, 1,234 to come"),
        ({"primary": False}, "● relay orders 12 ms"),
        ({"primary": False, "ack": "app"}, "● relay orders 12 ms, another one's app answers"),
        ({"primary": None, "ack": "app", "limited": None, "lag": None}, "● relay orders 12 ms"),
        ({"limited": 3}, "● relay orders 12 ms, 3 turned away"),
        ({"team": [member()], "ack": "app"}, "● relay orders 12 ms"),
        ({"filter": "path:/a", "passed": 9}, "● relay orders 12 ms, only path:/a"),
        ({"state": "connecting"}, "○ relay orders not connected"),
        (
            {"state": "connecting", "reason": "it does not answer", "retry_in": 3.4},
            "○ relay orders not connected: it does not answer, again in 3 s",
        ),
        ({"state": "connecting", "endpoint": ""}, "○ relay relay.example.com not connected"),
        (
            {"state": "refused", "reason": "the token is wrong", "retry_in": 60.0},
            "✗ relay orders REFUSED: the token is wrong, again in 60 s",
        ),
        (
            {"state": "taken-over", "reason": "by 203.0.113.9"},
            "✗ relay orders TAKEN OVER: by 203.0.113.9",
        ),
        ({"state": "stopped"}, "○ relay orders stopped"),
        ({"state": "of later"}, "✗ relay orders of later"),
    ],
)
def test_in_a_few_words(changes: dict[str, Any], text: str) -> None:
    assert told(**changes) == text


ANA = member(primary=True)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "3 here, bob@pc answers"),
        ({"lag": 4}, "4 to come, 3 here, bob@pc answers"),
        ({"ack": "app-or-stored:5", "team": [ANA, member("eve@pc")]}, "2 here, you answer"),
        ({"ack": "stored"}, "3 here"),
        (
            {"team": [member(), member("eve@pc")], "team_more": 9},
            "11 here, another one's app answers",
        ),
        ({"filter": "method:POST"}, "3 here, bob@pc answers, only method:POST"),
        ({"team": []}, "another one's app answers"),
    ],
)
def test_the_team_in_a_few_words(changes: dict[str, Any], text: str) -> None:
    assert relay_told(TunnelStatus.from_json(team_of_three(**changes)))[0] == (
        f"● relay orders 12 ms, {text}"
    )


def test_nothing_from_outside_is_drawn_as_it_is() -> None:
    hostile = "\x1b[2J\u202e\n"
    assert told(state="refused", reason=hostile, endpoint=hostile).isprintable()
    team = [member(hostile * 99, primary=True), member()]
    shown = told(ack="app", team=team, filter=hostile * 99)
    assert shown.isprintable()
    assert len(shown) < 200


def test_a_status_without_a_relay_has_none() -> None:
    assert Status.from_json({}).relay is None
    assert Status.from_json({"relay": None}).relay is None
    assert Status.from_json({"relay": {"state": "connecting"}}).relay is not None


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_stands_in_the_status_line(size: tuple[int, int]) -> None:
    fake = FakeListener(relay=dict(RELAY))
    async with fake_listener(listener=fake) as listener, ui(listener, size) as shown:
        await shown.until_shown("● connected  ● relay orders 12 ms  http://127.0.0.1:")
        # Whoever has no delivery yet gives the relay's address to the sender.
        await shown.until_shown(RELAY["url"])
        listener.relay = RELAY | {"state": "connecting", "reason": "no route", "retry_in": 2.0}
        await shown.until_shown("● connected  ○ relay orders not connected: no route, again in 2 s")
        listener.relay = RELAY | {"state": "taken-over", "reason": "by 203.0.113.9"}
        await shown.until_shown("✗ relay orders TAKEN OVER: by 203.0.113.9")
        listener.relay = None
        await shown.until(lambda: "relay" not in shown.text)
