"""The parts of the UI that need no screen: the registry and the results."""

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.plaintext import visible
from inspector.domain.query import matches, quoted
from inspector.tui.actions import ACTIONS, BY_ID, Where, bindings
from inspector.tui.commands import GROUPS
from inspector.tui.events import Event, Said
from inspector.tui.filters import Filter
from inspector.tui.results import Results
from tests.helpers.subjects import subject
from tests.helpers.summaries import NOW, make_attempt


def test_every_action_has_one_id_and_its_keys_to_itself() -> None:
    assert len(BY_ID) == len(ACTIONS)
    for where in (Where.LIST, Where.SIDEBAR, Where.DETAIL):
        heard = [key for one in ACTIONS if one.where is where for key in one.keys]
        beside = [key for one in ACTIONS if one.where in (Where.MAIN,) for key in one.keys]
        assert len(set(heard + beside)) == len(heard + beside)
    assert all(action.label and action.help.endswith(".") for action in ACTIONS)


def test_every_action_is_answered() -> None:
    for action in ACTIONS:
        if not action.call:
            name = action.id.partition(".")[0].replace("-", "_")
            assert [group for group in GROUPS if hasattr(group, name)], action.id


def test_bindings_can_be_remapped_by_id() -> None:
    assert {one.id for one in bindings(*Where)} == {one.id for one in ACTIONS if one.keys}


@settings(max_examples=200, deadline=None)
@given(
    name=st.text(max_size=80) | st.text('a"\\\x1b\u202e?* ', max_size=9), other=st.text(max_size=80)
)
def test_a_chosen_event_type_filters_exactly_that_one(name: str, other: str) -> None:
    text = f"event:{quoted(name)}"
    assert visible(text) == text
    query = Filter.of(text).query
    assert query is not None
    assert matches(query, subject(event=name), NOW)
    if visible(name) == name and other != name:
        assert not matches(query, subject(event=other), NOW)


def heard(*steps: str) -> list[Event]:
    told: list[Event] = []
    results = Results(told.append)
    begun = make_attempt(7, 12, status=None, duration_ms=None)
    ended = make_attempt(7, 12)
    for step in steps:
        if step == "answer":
            results.expect([begun])
        else:
            results.saw((begun if step == "begun" else ended).to_json())
    return told


def test_results_are_told_once_in_whichever_order_they_come() -> None:
    said = [Said("#12 -> 200 in 8ms (http://localhost:3000)")]
    assert heard("begun", "answer", "ended") == said
    assert heard("begun", "ended", "answer") == said
    assert heard("answer", "begun", "ended", "ended") == said
    assert heard("begun", "ended") == []


def test_results_know_failures_and_bad_statuses() -> None:
    told: list[Event] = []
    results = Results(told.append)
    results.expect([make_attempt(1, 1, status=503)])
    failure = Failure(FailureKind.CUT, "cut\x1b[2J off")
    results.expect([make_attempt(2, 1, status=None, failure=failure)])
    assert told == [
        Said("#1 -> 503 in 8ms (http://localhost:3000)", "warning"),
        Said("#1 -> no answer: cut␛[2J off (http://localhost:3000)", "error"),
    ]


def test_only_the_latest_ends_are_remembered() -> None:
    told: list[Event] = []
    results = Results(told.append)
    for number in range(1, 1000):
        results.saw(make_attempt(number, 1).to_json())
    results.expect([make_attempt(1, 1, status=None)])
    assert told == []
    results.expect([make_attempt(999, 1, status=None)])
    assert len(told) == 1
