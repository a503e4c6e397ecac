"""What a relay captured, in the local store: found by where it came from, gaps beside it."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inspector.domain.delivery import State
from inspector.domain.facts import (
    Answered,
    Captured,
    Gap,
    Origin,
    Passed,
    Probed,
    Refused,
    Shadowed,
)
from inspector.domain.query import parse
from inspector.errors import ConfigurationError
from inspector.store.files import StoreFiles
from inspector.store.reader import Reader
from inspector.store.store import Store
from tests.store.make_fixture import FOLDER
from tests.store.parts import AT, GONE, OK, captured, journal_of, pruned, relay_journal, store

RELAY = "https://relay.example.com"
BOX = "relay/one"
SECOND = 1_000_000


def origin(id_: int, box: str = BOX) -> Origin:
    return Origin(RELAY, id_, box)


def mirrored(id_: int, box: str = BOX, **more: Any) -> Captured:
    return captured(endpoint="orders", origin=origin(id_, box), **more)


FACTS = (
    Gap(AT, "orders", 1, 500, "expired on the relay before they came", origin(500)),
    mirrored(501, answered=200),
    captured(),
    mirrored(502, route=None),
    mirrored(1, "relay/two"),
    Refused(AT, 413, "code", "reason", "r", endpoint="orders", origin=origin(503)),
    Probed(AT, "orders", "nonce", origin(504)),
    mirrored(505, route=None),
    Answered(AT, 4, 503, turned_away=True),
    Passed(AT, "orders", 506, 10, origin(515)),
)


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return store(tmp_path, *FACTS)


@pytest.fixture
def reader(files: StoreFiles) -> Iterator[Reader]:
    with closing(Reader(files)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("is:gap", [1]),
        ("state:gap", [1]),
        ("not is:gap", [7, 6, 5, 4, 3, 2]),
        ("origin:*", [7, 6, 5, 4, 2, 1]),
        ("not origin:*", [3]),
        ("origin:https://relay.example.com/other", []),
        ("origin_id:501..503", [6, 4, 2]),
        ("origin_id:<=500", [5, 1]),
        ("endpoint:orders", [7, 6, 5, 4, 2, 1]),
        ("endpoint:default", [3]),
        ("origin_id:502,505 state:waiting", [7, 4]),
        ("expired", []),
    ],
)
def test_it_is_found_by_where_it_came_from(query: str, ids: list[int], reader: Reader) -> None:
    assert [each.id for each in reader.page(parse(query), AT)] == ids
    assert [*reader.ids(parse(query), AT, limit=99)] == ids


def test_a_gap_has_a_row_and_is_no_delivery(reader: Reader) -> None:
    gap = reader.delivery(1)
    assert gap is not None
    assert (gap.state, gap.state_reason) == (State.GAP, "expired on the relay before they came")
    shown = gap.to_json()
    assert shown["gap"] == {"from": 1, "to": 500, "count": 500}
    assert shown["origin"] == {"relay": RELAY, "id": 500}
    assert reader.journal.request(1) is None
    assert reader.prunable(None) == [2, 3, 5, 6]
    assert dict(reader.activity(AT, AT, SECOND)) == {AT // SECOND * SECOND: 6}
    assert 1 not in [each.id for each in reader.newest_of(None, 99)]
    ledger = reader.ledger().to_json()
    assert (ledger["received"], ledger["gaps"], ledger["balanced"]) == (6, 1, True)


def test_a_store_of_gaps_alone_has_no_delivery(tmp_path: Path) -> None:
    files = store(tmp_path, FACTS[0])
    with closing(Reader(files)) as reader:
        assert reader.latest() is None
        assert reader.ledger().to_json()["received"] == 0
        assert reader.activity(0, AT, SECOND) == []


async def test_what_came_lately_is_known_by_its_ids_at_the_relay(files: StoreFiles) -> None:
    opened = Store(files, tuple, lambda frame: None)
    try:
        assert await opened.recent_origins(BOX, 10) == {
            501: (2, 200),
            502: (4, 503),
            505: (7, None),
        }
        assert await opened.recent_origins(BOX, 2) == {502: (4, 503), 505: (7, None)}
        assert await opened.recent_origins("relay/two", 10) == {1: (5, None)}
        assert await opened.recent_origins("never", 10) == {}
        assert opened.journal.cursors() == {BOX: 515, "relay/two": 1}
        await opened.append(pruned(2, 4))
        assert await opened.recent_origins(BOX, 10) == {505: (7, None)}
        assert opened.journal.cursor(BOX) == 515
    finally:
        await opened.close()


async def test_a_single_one_is_known_with_those_whose_words_are_beside_it(
    files: StoreFiles,
) -> None:
    opened = Store(files, tuple, lambda frame: None)
    try:
        assert await opened.mirrored(BOX, 501) == (2, frozenset())
        await opened.append(Shadowed(AT, 2, "bob", 1.0, OK))
        await opened.append(Shadowed(AT, 2, "eve", 1.0, GONE))
        assert await opened.mirrored(BOX, 501) == (2, frozenset({"bob", "eve"}))
        # Gaps, refusals, canaries, what was passed over, and what never came.
        for number in (500, 503, 504, 506, 515, 999):
            assert await opened.mirrored(BOX, number) is None
        assert await opened.mirrored("never", 501) is None
        await opened.append(pruned(2))
        assert await opened.mirrored(BOX, 501) is None
    finally:
        await opened.close()


async def test_a_store_of_an_earlier_version_is_mirrored_into(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "old.db")
    files.database.write_bytes((FOLDER / "journal-v1.db").read_bytes())
    with pytest.raises(ConfigurationError, match="one of `inspector serve`"):
        async with relay_journal(files):
            pass
    async with journal_of(files) as journal:
        name = journal.identity
        done = await asyncio.gather(journal.append(mirrored(1)), journal.append(captured()))
        assert [each.delivery_id for each in done] == [8, 9]
    async with journal_of(files) as journal:
        assert (journal.identity, journal.cursors()) == (name, {BOX: 1})
