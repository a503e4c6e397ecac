"""What the index says of a delivery, fact by fact."""

from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from inspector.domain.attempt import Attempt, Failure, FailureKind, Response, Trigger
from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.domain.facts import Answered, AttemptStarted, Fact, Marked, Refused, Released, Routed
from inspector.domain.query import parse
from inspector.store.files import StoreFiles
from inspector.store.reader import Reader
from tests.store.parts import (
    APP,
    AT,
    GONE,
    OK,
    OTHER,
    captured,
    finished,
    pruned,
    request,
    rows,
    started,
    store,
    tables,
    write,
)
from tests.store.parts import index as index_store

SLOW = Failure(FailureKind.TIMEOUT, "no answer within 30 s")
ERROR = Response(500, "Oops", (), b"", 0)


def state_of(tmp_path: Path, *facts: Fact) -> str:
    files = store(tmp_path, *facts)
    return str(rows(files.index, "SELECT state FROM delivery WHERE id = 1")[0][0])


def by_hand(delivery_id: int) -> AttemptStarted:
    return started(delivery_id, trigger=Trigger.MANUAL)


BOTH = captured(route=(APP, OTHER))
HELD = Routed(AT, 1, (APP,), held_by="event:*")


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        ("kept", [captured(route=())]),
        ("waiting", [captured(route=None)]),
        ("waiting", [captured(route=(APP,))]),
        ("kept", [captured(route=None), Routed(AT, 1, ())]),
        ("filtered", [captured(route=None), Routed(AT, 1, (), "delta.*")]),
        ("waiting", [captured(route=None), Routed(AT, 1, (APP,))]),
        ("held", [captured(route=None), HELD]),
        ("held", [BOTH, HELD]),
        ("kept", [captured(route=None), Routed(AT, 1, (), held_by="event:*")]),
        ("filtered", [captured(route=None), Routed(AT, 1, (), "delta.*", "event:*")]),
        ("waiting", [captured(route=None), HELD, Released(AT, 1)]),
        ("waiting", [captured(route=None), HELD, Released(AT, 1), Released(AT, 1)]),
        ("waiting", [BOTH, Released(AT, 1)]),
        ("filtered", [captured(route=None), HELD, Routed(AT, 1, (), "edited")]),
        ("held", [captured(route=None), HELD, started(1)]),
        ("held", [captured(route=None), HELD, started(1), finished(1, 3, GONE, final=False)]),
        ("forwarded", [captured(route=None), HELD, started(1), finished(1, 3, OK)]),
        ("failed", [captured(route=None), HELD, started(1), finished(1, 3, GONE)]),
        ("held", [captured(), HELD, started(1, OTHER, chosen=False), finished(1, 3, OK)]),
        ("held", [captured(), HELD, started(1, OTHER), finished(1, 3, OK)]),
        ("waiting", [captured(route=(APP,)), started(1)]),
        ("waiting", [captured(route=(APP,)), started(1), finished(1, 2, GONE, final=False)]),
        ("failed", [captured(route=(APP,)), started(1), finished(1, 2, GONE)]),
        ("forwarded", [captured(route=(APP,)), started(1), finished(1, 2, OK)]),
        ("forwarded", [captured(route=(APP,)), started(1), finished(1, 2, ERROR)]),
        ("waiting", [BOTH, started(1), finished(1, 2, OK)]),
        ("failed", [BOTH, started(1), finished(1, 2, GONE)]),
        ("failed", [BOTH, started(1), finished(1, 2, GONE), started(1, OTHER), finished(1, 4, OK)]),
        ("forwarded", [BOTH, started(1), finished(1, 2), started(1, OTHER), finished(1, 4)]),
        # It follows the latest attempt at a chosen target.
        (
            "forwarded",
            [captured(route=(APP,)), started(1), finished(1, 2, GONE), started(1), finished(1, 4)],
        ),
        (
            "failed",
            [captured(route=(APP,)), started(1), finished(1, 2), started(1), finished(1, 4, GONE)],
        ),
        (
            "forwarded",
            [
                captured(route=(APP,)),
                started(1),
                finished(1, 2),
                started(1),
                finished(1, 4, GONE, final=False),
            ],
        ),
        # One by hand that fails takes nothing from what waits or is held.
        ("waiting", [captured(route=(APP,)), by_hand(1), finished(1, 2, GONE)]),
        ("held", [captured(route=None), HELD, by_hand(1), finished(1, 3, GONE)]),
        ("forwarded", [captured(route=(APP,)), by_hand(1), finished(1, 2)]),
        (
            "failed",
            [captured(route=(APP,)), started(1), finished(1, 2), by_hand(1), finished(1, 4, GONE)],
        ),
        # What is kept is never sent by itself, not even behind one by hand that was interrupted.
        ("kept", [captured(route=()), by_hand(1), finished(1, 2, GONE, final=False)]),
        ("failed", [captured(route=()), by_hand(1), finished(1, 2, GONE)]),
        # A re-send elsewhere changes nothing.
        ("kept", [captured(route=()), started(1, chosen=False), finished(1, 2, GONE)]),
        ("waiting", [captured(route=(APP,)), started(1, OTHER, chosen=False), finished(1, 2)]),
        # One to a target that was chosen later does.
        ("forwarded", [captured(route=()), started(1), finished(1, 2)]),
        ("refused", [Refused(AT, 413, "too_large", "too large", "r")]),
    ],
)
def test_the_state_of_a_delivery(state: str, facts: list[Fact], tmp_path: Path) -> None:
    assert state_of(tmp_path, *facts) == state
    assert rows(
        tmp_path / "store.db-index", "SELECT key FROM counter WHERE kind='state' AND n"
    ) == [(state,)]


def delivery(files: StoreFiles, delivery_id: int = 1) -> Delivery:
    with closing(Reader(files)) as reader:
        found = reader.delivery(delivery_id)
    assert found is not None
    return found


def test_everything_of_a_summary(tmp_path: Path) -> None:
    fact = captured(
        "evt_1",
        body=b"\0body",
        route=None,
        headers=(("Event", "delta.verified"), ("Content-Type", "text/x"), ("content-type", "no")),
        answered=202,
        endpoint="billing",
        replay_of=None,
    )
    files = store(tmp_path, fact)
    found = delivery(files)
    assert found == Delivery(
        id=1,
        seq=1,
        endpoint="billing",
        received_at=AT,
        method="POST",
        request_target="/hooks",
        http_version="1.1",
        remote="127.0.0.1",
        content_type="text/x",
        body_size=5,
        body_sha256=sha256(b"\0body").hexdigest(),
        provider="plain",
        event="delta.verified",
        event_id="evt_1",
        event_time=None,
        verdict=Verdict.VALID,
        reason="",
        notes=(),
        duplicate_of=None,
        replay_of=None,
        answered=202,
        state=State.WAITING,
        state_reason="",
        attempts=0,
        last_status=None,
        last_failure=None,
        last_duration_ms=None,
        mark="",
        note="",
    )


def test_refusals(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        Refused(AT, 413, "too_large", "over 25 MiB", "r", request(b"", ("Content-Type", "a/b"))),
        Refused(AT, 400, "malformed", "bad", "r", raw=b"\0junk", endpoint="e"),
        Refused(AT, 0, "cut_off", "the sender went away", "r"),
    )
    first, second, third = (delivery(files, n) for n in (1, 2, 3))
    assert (first.answered, first.content_type, first.body_size) == (413, "a/b", 0)
    assert first.state_reason == "too_large: over 25 MiB"
    assert (second.method, second.body_size, second.endpoint) == ("", 5, "e")
    # Nobody was there to be answered.
    assert (third.answered, third.state) == (None, State.REFUSED)
    with closing(Reader(files)) as reader:
        counts = reader.counts()
    assert counts == {"state": {"refused": 3}}


def test_attempts_and_what_a_delivery_shows_of_them(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        captured(route=(APP,)),
        started(1),
        finished(1, 2, SLOW, final=False),
        AttemptStarted(AT + 5, 1, APP, 2, Trigger.RETRY),
        finished(1, 4, ERROR),
        AttemptStarted(AT + 9, 1, OTHER, 1, Trigger.MANUAL, resigned=True, chosen=False),
    )
    with closing(Reader(files)) as reader:
        one, two, three = reader.attempts(1)
        assert reader.open_attempts() == [three]
    assert one == Attempt(2, 3, 1, APP, 1, Trigger.AUTO, False, AT, 1.5, None, SLOW, None)
    assert two == Attempt(4, 5, 1, APP, 2, Trigger.RETRY, False, AT + 5, 1.5, 500, None, 0)
    assert three == Attempt(
        6, 6, 1, OTHER, 1, Trigger.MANUAL, True, AT + 9, None, None, None, None, chosen=False
    )
    found = delivery(files)
    assert (found.attempts, found.last_status, found.last_failure) == (3, 500, None)
    assert found.last_duration_ms == 1.5
    assert rows(files.index, "SELECT * FROM chosen") == [(1, APP, "answered", 2)]
    write(files, finished(1, 6, GONE))
    index_store(files)
    found = delivery(files)
    assert (found.last_status, found.last_failure) == (None, "nobody listens there")


def test_an_attempt_that_ended_twice_is_as_it_ended_last(tmp_path: Path) -> None:
    cut = Failure(FailureKind.INTERRUPTED, "the listener stopped")
    files = store(
        tmp_path,
        captured(route=(APP,)),
        started(1),
        finished(1, 2, cut, final=False),
        finished(1, 2, OK),
        captured(route=(APP,)),
        started(2),
        finished(2, 6, OK),
        finished(2, 6, cut, final=False),
    )
    with closing(Reader(files)) as reader:
        (one,), (two,) = reader.attempts(1), reader.attempts(2)
    assert (one.status, one.failure, one.body_size) == (200, None, 4)
    assert (two.status, two.failure, two.body_size) == (None, cut, None)


def test_the_reason_tells_by_what_it_is_held(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        *[captured(route=None) for _ in range(6)],
        *[Routed(AT, n, (APP,), held_by="event:*") for n in range(1, 6)],
        Routed(AT, 6, (), held_by="event:*"),
        Released(AT, 2),
        Routed(AT, 3, (), "edited and sent as #7"),
        started(4),
        finished(4, 15, OK),
        started(5),
        finished(5, 17, GONE),
    )
    reasons = [delivery(files, n).state_reason for n in range(1, 7)]
    assert reasons == ["event:*", "", "edited and sent as #7", "", "", ""]


def test_marked_ones_are_counted(tmp_path: Path) -> None:
    marks = [(1, "a"), (1, "b"), (2, "a"), (2, ""), (3, "c"), (9, "d")]
    files = store(tmp_path, *[captured()] * 4, *[Marked(AT, id_, mark, "") for id_, mark in marks])
    with closing(Reader(files)) as reader:
        assert reader.counts()["marked"] == {"": 2}
        write(files, pruned(1), Marked(AT, 4, "", "a note alone"))
        index_store(files)
        assert reader.counts()["marked"] == {"": 1}


def test_answers_and_marks(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        captured(),
        Answered(AT, 1, 504),
        Marked(AT, 1, "star", "look"),
        Marked(AT, 1, "", "x\0\ud800\U0001f600"),
    )
    found = delivery(files)
    assert (found.answered, found.mark, found.note) == (504, "", "x\0\ufffd\U0001f600")


def test_duplicates_are_linked_to_the_first(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        captured("a", replay_of=9),
        captured("a"),
        captured("b"),
        captured("a"),
        captured("a", replay_of=2),
        captured("a"),
        captured(),
        captured(),
    )
    links = [delivery(files, n).duplicate_of for n in range(1, 9)]
    assert links == [None, None, None, 2, None, 2, None, None]
    # The same in a batch of its own, when the first is only in the table.
    write(files, captured("b"))
    index_store(files)
    assert delivery(files, 9).duplicate_of == 3
    with closing(Reader(files)) as reader:
        assert reader.counts()["duplicate"] == {"": 3}


def test_other_events_about_the_same_thing_are_no_duplicates(tmp_path: Path) -> None:
    """Some give an id to the order, and none to what happened to it."""
    names = ("order.created", "order.paid", "order.created", "")
    said = [(("Event", name),) if name else () for name in names]
    files = store(tmp_path, *[captured("7", headers=headers) for headers in said])
    write(files, captured("7", headers=said[1]), captured("7"))
    index_store(files)
    links = [delivery(files, n).duplicate_of for n in range(1, 7)]
    assert links == [None, None, 1, None, 2, 4]


def test_so_many_events_that_the_first_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.store.indexer.BATCH_FACTS", 2)
    files = store(tmp_path, *[captured(name) for name in "abcdea"])
    assert delivery(files, 6).duplicate_of == 1


def test_facts_about_what_was_pruned_change_nothing(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        captured(),
        captured(),
        started(1),
        pruned(1),
    )
    before = tables(files)
    late: list[Fact] = [
        finished(1, 3),
        started(1),
        Marked(AT, 1, "x", "y"),
        Answered(AT, 1, 200),
        Routed(AT, 1, (APP,)),
        finished(2, 99),
    ]
    write(files, *late)
    lines = index_store(files)
    after = tables(files)
    assert {**before, "meta": []} == {**after, "meta": []}
    # The positions are told, and delivery 2, which the last one was about.
    assert lines[-1] == b"P 10 \n"
    assert not any(b'"id":1,' in line for line in lines)


def test_a_prune_links_duplicates_anew(tmp_path: Path) -> None:
    files = store(tmp_path, *[captured("a") for _ in range(5)], captured("b"), captured("b"))
    write(files, pruned(1, 3, 6))
    index_store(files)
    links = rows(files.index, "SELECT id, duplicate_of FROM delivery")
    assert links == [(2, None), (4, 2), (5, 2), (7, None)]
    write(files, pruned(2, 4))
    index_store(files)
    assert rows(files.index, "SELECT id, duplicate_of FROM delivery") == [(5, None), (7, None)]
    with closing(Reader(files)) as reader:
        assert "duplicate" not in reader.counts()
        assert reader.counts()["pruned"] == {"": 5}
        assert reader.ledger().balanced


def test_pages_of_a_summary_are_what_the_query_says(tmp_path: Path) -> None:
    files = store(tmp_path, captured("a", route=(APP,)), captured("a"), captured("b"))

    def ids(text: str) -> list[int]:
        with closing(Reader(files)) as reader:
            return [each.id for each in reader.page(parse(text), AT)]

    expected: dict[str, Any] = {"": [3, 2, 1], "is:duplicate": [2], "state:waiting": [1]}
    assert {text: ids(text) for text in expected} == expected
