"""The team at a relay as lines, built without a screen."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector.client.models import TunnelStatus
from inspector.domain.plaintext import visible
from inspector.tui.team import Look, can_take, taken, team_lines
from inspector.tui.widgets.cells import STYLES
from tests.helpers.summaries import NOW
from tests.helpers.teams import ended, member, team_of_three


def relay(**changes: Any) -> TunnelStatus:
    return TunnelStatus.from_json(team_of_three(**changes))


def told(shown: TunnelStatus | None, width: int = 70) -> list[str]:
    lines = team_lines(shown, Look(NOW, UTC, width))
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_who_is_here_how_far_and_what_their_apps_said() -> None:
    assert told(relay()) == [
        "● bob@pc answers the senders (ack app).",
        "",
        "  who              since     behind  last attempt",
        "● bob@pc           10:29:00       0  3 s ago     200",
        "  ana@laptop, you  10:29:00       0  0 s ago     500",
        "  eve@tower        10:29:00   1,234  1 min ago   connection refused",
        "",
        "Senders send to  https://relay.example.com/in/slug",
    ]


def test_narrow_the_times_are_left_out() -> None:
    assert told(relay(), 40)[2:5] == [
        "  who              behind  last attempt",
        "● bob@pc                0  200",
        "  ana@laptop, you       0  500",
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"team": [member(primary=True)]}, "● You answer the senders (ack app)."),
        (
            {"ack": "stored"},
            "The relay answers the senders itself (ack stored): ● would, if apps did.",
        ),
        (
            {"team": [member()], "team_more": 40},
            "Another one, who is not listed, answers the senders (ack app).",
        ),
        ({"team": []}, "The relay has not told yet who is here."),
        (
            {"state": "connecting"},
            "Who is here is not known: there is no connection to the relay.",
        ),
        (
            {"state": "unknown"},
            "Who is here is not known: there is no connection to the listener.",
        ),
    ],
)
def test_the_first_line(changes: dict[str, Any], text: str) -> None:
    lines = told(relay(**changes))
    assert lines[0] == text
    assert lines[-1] == "Senders send to  https://relay.example.com/in/slug"


def test_those_who_are_left_out_are_counted_and_so_is_what_was_passed_over() -> None:
    lines = told(relay(team_more=1200, filter="path:/a method:POST", passed=4321))
    assert lines[-5] == "  and 1,200 more"
    assert lines[-3] == "You ask for  path:/a method:POST  alone; 4,321 passed over."


def test_a_relay_that_is_gone_is_said_to_be() -> None:
    assert told(None) == ["No relay is in use any more."]


def test_whether_the_senders_can_be_taken_over_and_what_is_said_of_it() -> None:
    assert can_take(relay())
    assert not can_take(relay(team=[member(primary=True), member("bob@pc")]))
    assert not can_take(relay(state="connecting"))
    assert taken(relay()) == "this app answers the senders now"
    assert "asks none (ack stored)" in taken(relay(ack="stored"))


_WORDS = st.text(max_size=200) | st.text("\x1b\u202e\u200b[]\u8ba1m0;\n\t", max_size=60)


@given(
    words=_WORDS,
    width=st.integers(2, 150),
    lag=st.integers(0, 10**15),
    status=st.none() | st.integers(100, 599),
    you=st.booleans(),
)
def test_other_people_s_words_are_plain_and_keep_to_their_line(
    words: str, width: int, lag: int, status: int | None, you: bool
) -> None:
    one = member(words, you=you, lag=lag, primary=True, last_attempt=ended(status, words))
    shown = relay(team=[one, member(words)], ack="app" + words, filter=words)
    lines = list(team_lines(shown, Look(NOW, UTC, width)))
    for line in lines:
        for text, style in line:
            assert visible(text) == text
            assert "\n" not in text
            assert not style or style in STYLES
    if width >= 60 and lag < 10**9:
        for line in lines[2:5]:
            assert sum(cell_len(text) for text, _ in line) <= width
