"""Reading the index: every page is what all the rows say."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Delivery
from inspector.domain.facts import Fact, Refused, Released, Routed
from inspector.domain.query import matches, parse
from inspector.store import matching
from inspector.store.files import StoreFiles
from inspector.store.indexer import prepare
from inspector.store.matching import Candidate
from inspector.store.reader import HeldTarget, Reader, WaitingDelivery
from tests.store.parts import (
    APP,
    AT,
    GONE,
    OTHER,
    captured,
    entries,
    finished,
    index,
    pruned,
    rows,
    started,
    store,
    write,
)

ROUTES: tuple[tuple[str, ...] | None, ...] = ((), (APP,), None, (APP, OTHER))


def facts() -> list[Fact]:
    """30 captures of all sorts, and two refusals."""
    made: list[Fact] = []
    for n in range(1, 31):
        body = b'{"n":%d,"text":"caf\xc3\xa9 %d"}' % (n % 5, n)
        headers = (("Event", f"e{n % 3}.x"), ("X-N", str(n % 4)))
        fact = captured(
            f"evt_{n % 9}", at=AT - n * 1_000_000, body=body, route=ROUTES[n % 4], headers=headers
        )
        made.append(fact)
    made += [Refused(AT, 400, "malformed", "bad", "r", raw=b"xyz")] * 2
    for n in range(1, 12):
        made += [started(n), finished(n, len(made) + 1, GONE if n % 3 else finished(1, 1).outcome)]
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> StoreFiles:
    return store(tmp_path_factory.mktemp("reader"), *facts())


@pytest.fixture(scope="module")
def reader(files: StoreFiles) -> Iterator[Reader]:
    with closing(Reader(files)) as opened:
        yield opened


QUERIES = [
    "",
    "event:e1.*",
    "state:failed,waiting",
    "not state:kept",
    "header.x-n:2",
    "data.n:3",
    "café",
    "caf event:e0.x",
    "data.n:>2 or header.x-n:0",
    "is:duplicate",
    "id:5..9",
    "state:refused",
    "nothing",
]


@settings(max_examples=120, deadline=None)
@given(
    query=st.sampled_from(QUERIES),
    before=st.none() | st.integers(0, 35),
    after=st.none() | st.integers(0, 35),
    limit=st.integers(0, 40),
)
def test_a_page_is_what_all_the_rows_say(
    query: str, before: int | None, after: int | None, limit: int, reader: Reader
) -> None:
    everything = [found for n in range(1, 40) if (found := reader.delivery(n)) is not None]
    parsed = parse(query)
    expected: list[Delivery] = [
        each
        for each in everything
        if matches(parsed, Candidate(each, reader.journal), AT)
        and (before is None or each.id < before)
        and (after is None or each.id > after)
    ]
    if after is None:
        expected.reverse()
    assert reader.page(parsed, AT, before=before, after=after, limit=limit) == expected[:limit]
    newest_first = expected if after is None else expected[::-1]
    ids = reader.ids(parsed, AT, before=before, after=after, limit=limit)
    assert list(ids) == [each.id for each in newest_first[:limit]]
    again = [(each.id, each.duplicate_of) for each in newest_first if each.duplicate_of]
    pairs = reader.duplicates(parsed, AT, before=before, after=after, limit=limit)
    assert list(zip(pairs[::2], pairs[1::2], strict=True)) == again[:limit]


def test_pages_put_together_are_all_of_it(reader: Reader) -> None:
    for query in QUERIES:
        whole = reader.page(parse(query), AT, limit=1000)
        found: list[Delivery] = []
        before: int | None = None
        while page := reader.page(parse(query), AT, before=before, limit=3):
            found += page
            before = page[-1].id
        assert found == whole


def test_many_matches_are_found_in_order_and_not_sorted(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [*QUERIES, "event:e*", "event:e* sig:valid,unsigned", "event:e* caf"]
    few = [reader.page(parse(query), AT, before=20, limit=7) for query in queries]
    asked: list[str] = []
    reader._index.set_trace_callback(asked.append)
    monkeypatch.setattr(matching, "_FEW", 3)
    many = [reader.page(parse(query), AT, before=20, limit=7) for query in queries]
    reader._index.set_trace_callback(None)
    assert many == few
    found = [sql for sql in asked if "NOT INDEXED" in sql]
    # The first page of a million `event:delta.*` takes a second without it.
    assert any("event >=" in sql and "LIMIT 7" in sql for sql in found)
    assert not any("state = 'failed'" in sql for sql in found)


def test_what_waits_for_a_target(reader: Reader, files: StoreFiles) -> None:
    expected = {
        target: [
            WaitingDelivery(*row)
            for row in rows(
                files.index,
                "SELECT d.id, d.received_at, c.attempts, d.remote, d.answered, d.endpoint, "
                "d.origin_relay, d.origin_id FROM delivery d, chosen c "
                "WHERE c.delivery_id = d.id AND c.target = ? AND c.status = 'waiting' "
                "ORDER BY d.id",
                (target,),
            )
        ]
        for target in (APP, OTHER, "", "http://nobody")
    }
    for target, all_of_it in expected.items():
        assert reader.waiting(target, 0, 100) == all_of_it
        after = all_of_it[1].delivery_id if len(all_of_it) > 2 else 0
        assert (
            reader.waiting(target, after, 2)
            == [each for each in all_of_it if each.delivery_id > after][:2]
        )
    assert reader.waiting_counts() == {key: len(all_) for key, all_ in expected.items() if all_}


# Where what was captured here came in.
HERE = ("default", None, None)


def test_what_waits_once_it_was_tried(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        captured(route=(APP, OTHER)),
        started(1),
        finished(1, 2, GONE, final=False),
        captured(route=None, answered=200),
    )
    with closing(Reader(files)) as reader:
        assert reader.waiting(APP, 0, 9) == [WaitingDelivery(1, AT, 1, "127.0.0.1", None, *HERE)]
        assert reader.waiting(OTHER, 0, 9) == [WaitingDelivery(1, AT, 0, "127.0.0.1", None, *HERE)]
        assert reader.waiting("", 0, 9) == [WaitingDelivery(2, AT, 0, "127.0.0.1", 200, *HERE)]
        assert reader.waiting_counts() == {"": 1, APP: 1, OTHER: 1}
        write(files, Routed(AT, 2, (APP,)))
        index(files)
        assert reader.waiting(APP, 1, 9) == [WaitingDelivery(2, AT, 0, "127.0.0.1", 200, *HERE)]
        assert "" not in reader.waiting_counts()


def test_what_is_held_waits_for_nobody(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        *[captured(route=None) for _ in range(3)],
        *[Routed(AT, n, (OTHER, APP), held_by="event:*") for n in (1, 3)],
        Routed(AT, 2, (APP,)),
        started(3, APP),
        finished(3, 7, GONE, final=False),
    )
    with closing(Reader(files)) as reader:
        assert reader.waiting_counts() == {APP: 1}
        assert [each.delivery_id for each in reader.waiting(APP, 0, 9)] == [2]
        held = [HeldTarget(1, APP, 0), HeldTarget(1, OTHER, 0), HeldTarget(3, APP, 1)]
        held.append(HeldTarget(3, OTHER, 0))
        assert reader.held((0, ""), 9) == held
        assert reader.held((0, ""), 2) == held[:2]
        assert reader.held((1, APP), 9) == held[1:]
        assert reader.prunable(None) == []
        write(files, Released(AT, 1))
        index(files)
        assert reader.waiting_counts() == {APP: 2, OTHER: 1}
        assert reader.held((0, ""), 9) == held[2:]


def test_activity_counts_by_steps(reader: Reader) -> None:
    second = 1_000_000
    found = dict(reader.activity(AT - 10 * second, AT, 4 * second))
    times = [each.received_at for n in range(1, 40) if (each := reader.delivery(n)) is not None]
    step = 4 * second
    expected = Counter(t // step * step for t in times if AT - 10 * second <= t <= AT)
    assert found == expected
    assert all(start % step == 0 for start in found)
    assert reader.activity(AT + 1, AT + 5, second) == []


@pytest.mark.parametrize(
    ("sql", "plan"),
    [
        ("duplicates", "delivery_redelivered"),
        ("activity", "COVERING INDEX delivery_received"),
        ("held", "chosen_held"),
        ("newest_of", "delivery_event"),
    ],
)
def test_what_the_ui_asks_goes_by_an_index(
    sql: str, plan: str, files: StoreFiles, reader: Reader
) -> None:
    asked: list[str] = []
    reader._index.set_trace_callback(asked.append)
    try:
        match sql:
            case "duplicates":
                reader.duplicates(parse(""), AT, before=9, limit=5)
            case "activity":
                reader.activity(0, AT, 1)
            case "held":
                reader.held((1, ""), 5)
            case _:
                reader.newest_of("e1.x", 3)
    finally:
        reader._index.set_trace_callback(None)
    steps = " ".join(str(row[3]) for row in rows(files.index, f"EXPLAIN QUERY PLAN {asked[0]}"))
    assert plan in steps


def test_what_is_not_there(reader: Reader) -> None:
    assert reader.delivery(99) is None
    assert reader.attempts(99) == []
    assert reader.journal.request(99) is None
    assert reader.latest() == 32


def test_a_store_without_a_delivery(tmp_path: Path) -> None:
    files = store(tmp_path)
    with closing(Reader(files)) as reader:
        assert reader.latest() is None
        assert reader.position() == 0
        assert reader.page(parse("x data.y:1"), AT) == []
        assert reader.counts() == {}
        assert reader.ledger().to_json()["received"] == 0
        assert reader.ledger().balanced
        assert reader.replay(0, 0) == (0, [])


def test_the_ledger_counts_what_is_not_indexed_yet(tmp_path: Path) -> None:
    files = store(tmp_path, captured(), captured())
    write(files, captured(), Refused(AT, 400, "c", "r", "r"), pruned(1))
    with closing(Reader(files)) as reader:
        ledger = reader.ledger()
        assert (ledger.received, ledger.unindexed, ledger.pruned) == (4, 2, 0)
        assert ledger.balanced
        index(files)
        ledger = reader.ledger()
        assert (ledger.received, ledger.unindexed, ledger.pruned) == (4, 0, 1)
        assert ledger.states == {"kept": 2, "refused": 1}
        assert ledger.balanced


def test_a_fault_in_between_spoils_no_later_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = store(tmp_path, captured())
    with closing(Reader(files)) as reader:

        def broken() -> dict[str, Any]:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(reader, "counts", broken)
            with pytest.raises(sqlite3.OperationalError):
                reader.ledger()
        assert reader.ledger().balanced


def test_a_reader_needs_both_files(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    with pytest.raises(sqlite3.OperationalError):
        Reader(files)
    prepare(files)
    with pytest.raises(sqlite3.OperationalError):
        Reader(files)
    write(files, captured())
    with closing(Reader(files)) as reader:
        assert not reader.replaced()
        files.index.unlink()
        assert not reader.replaced()
        prepare(files)
        assert reader.replaced()
    assert len(entries(files)) == 1
