"""Reading the index: every page is what all the rows say."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Delivery
from inspector.domain.facts import Fact, Refused, Routed
from inspector.domain.query import matches, parse
from inspector.store.files import StoreFiles
from inspector.store.indexer import prepare
from inspector.store.reader import Reader, WaitingDelivery, _Subject
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
        if matches(parsed, _Subject(each, reader.journal), AT)
        and (before is None or each.id < before)
        and (after is None or each.id > after)
    ]
    if after is None:
        expected.reverse()
    assert reader.page(parsed, AT, before=before, after=after, limit=limit) == expected[:limit]
    if after is None:
        ids = [each.id for each in expected[:limit]]
        assert list(reader.ids(parsed, AT, before=before, limit=limit)) == ids


def test_pages_put_together_are_all_of_it(reader: Reader) -> None:
    for query in QUERIES:
        whole = reader.page(parse(query), AT, limit=1000)
        found: list[Delivery] = []
        before: int | None = None
        while page := reader.page(parse(query), AT, before=before, limit=3):
            found += page
            before = page[-1].id
        assert found == whole


def test_what_waits_for_a_target(reader: Reader, files: StoreFiles) -> None:
    expected = {
        target: [
            WaitingDelivery(*row)
            for row in rows(
                files.index,
                "SELECT d.id, d.received_at, c.attempts FROM delivery d, chosen c "
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


def test_what_waits_once_it_was_tried(tmp_path: Path) -> None:
    files = store(
        tmp_path,
        captured(route=(APP, OTHER)),
        started(1),
        finished(1, 2, GONE, final=False),
        captured(route=None),
    )
    with closing(Reader(files)) as reader:
        assert reader.waiting(APP, 0, 9) == [WaitingDelivery(1, AT, 1)]
        assert reader.waiting(OTHER, 0, 9) == [WaitingDelivery(1, AT, 0)]
        assert reader.waiting("", 0, 9) == [WaitingDelivery(2, AT, 0)]
        assert reader.waiting_counts() == {"": 1, APP: 1, OTHER: 1}
        write(files, Routed(AT, 2, (APP,)))
        index(files)
        assert reader.waiting(APP, 1, 9) == [WaitingDelivery(2, AT, 0)]
        assert "" not in reader.waiting_counts()


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
