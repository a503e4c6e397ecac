"""Old deliveries go, step by step; what waits for its target stays."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.facts import Fact, Pruned, Refused
from inspector.errors import StoreUnavailableError
from inspector.store import maintenance, retention
from inspector.store.files import StoreFiles
from inspector.store.maintenance import Retention
from inspector.store.reader import Reader
from inspector.store.retention import ranges_of
from inspector.store.store import Store
from tests.store.parts import (
    APP,
    AT,
    GONE,
    captured,
    entries,
    finished,
    index,
    pruned,
    rebuilt,
    started,
    store,
    tables,
    write,
)

DAY = 86_400_000_000
KEEP = 30 * 86_400.0


@given(st.sets(st.integers(1, 60)))
def test_ids_as_spans(ids: set[int]) -> None:
    spans = ranges_of(sorted(ids))
    assert [n for low, high in spans for n in range(low, high + 1)] == sorted(ids)
    assert all(low <= high for low, high in spans)
    assert all(b[0] > a[1] + 1 for a, b in pairwise(spans))


@asynccontextmanager
async def open_store(files: StoreFiles) -> AsyncIterator[Store]:
    store = Store(files, tuple, lambda frame: None)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def left(store: Store) -> list[int]:
    def ids(reader: Reader) -> list[int]:
        assert reader.ledger().balanced
        return [n for n in range(1, store.journal.last_delivery + 1) if reader.delivery(n)]

    return await store.read(ids)


def keeper(store: Store, *, keep: float = 0, max_size: int = 1 << 40) -> Retention:
    return Retention(store, lambda: AT, keep=keep, max_size=max_size)


async def append(store: Store, *facts: Fact) -> None:
    await asyncio.gather(*[store.append(fact) for fact in facts])


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


async def test_what_is_older_goes_and_what_waits_stays(files: StoreFiles) -> None:
    async with open_store(files) as store:
        await append(
            store,
            captured(at=AT - 31 * DAY),
            captured(at=AT - 31 * DAY, route=(APP,)),
            Refused(AT - 40 * DAY, 413, "too_large", "too large", "r"),
            captured(at=AT - 31 * DAY, route=None),
            captured(at=AT - 29 * DAY),
            captured(at=AT - 31 * DAY, route=(APP,)),
            started(6),
            finished(6, 7, GONE),
            captured(at=AT - 30 * DAY),
        )
        assert await keeper(store, keep=0).step() == 0
        assert await keeper(store, keep=KEEP).step() == 3
        assert await left(store) == [2, 4, 5, 7]
        assert await keeper(store, keep=KEEP).step() == 0
    assert entries(files)[-1].fact == Pruned(AT, 3, ((1, 1), (3, 3), (6, 6)))
    # All that was of them has left the journal.
    assert {entry.delivery_id for entry in entries(files)[:-1]} == {2, 4, 5, 7}


async def test_the_oldest_go_until_the_size_is_right(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    async with open_store(files) as store:
        await append(store, captured(body=b"w" * 100_000, route=(APP,)))
        await append(store, *[captured(body=b"x" * 100_000) for _ in range(9)])
        keep = keeper(store, max_size=600_000)
        taken: list[int] = []
        while taken[-1:] != [0]:
            taken.append(await keep.step())
        # In small steps, and no more than it takes.
        assert taken == [2, 2, 2, 0]
        assert await left(store) == [1, 8, 9, 10]
        assert await store.read(lambda reader: reader.journal.live_bytes()) <= 600_000
        # Nothing more can go, even if that is too much.
        assert await keeper(store, max_size=1).step() == 2
        assert await keeper(store, max_size=1).step() == 1
        assert await keeper(store, max_size=1).step() == 0
        assert await left(store) == [1]


async def test_large_ones_go_a_few_at_a_time(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP_BYTES", 250_000)
    async with open_store(files) as store:
        await append(store, *[captured(body=b"x" * 100_000) for _ in range(3)])
        await append(store, *[captured(body=b"x" * 300_000) for _ in range(2)])
        keep = keeper(store, max_size=1)
        assert [await keep.step() for _ in range(5)] == [2, 1, 1, 1, 0]


async def test_a_lagging_index_names_nothing_twice(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.store.store.PATIENCE", 0.01)
    async with journal_without_indexer(files) as store:
        await append(store, captured(at=AT - 31 * DAY), captured())
        index(files)
        assert await keeper(store, keep=KEEP).step() == 0
        store.follower.position = 2
        assert await keeper(store, keep=KEEP).step() == 1
        # The prune is not indexed yet.
        assert await keeper(store, keep=KEEP).step() == 0
    index(files)
    with closing(Reader(files)) as reader:
        assert reader.ledger().balanced
        assert reader.ledger().pruned == 1


@asynccontextmanager
async def journal_without_indexer(files: StoreFiles) -> AsyncIterator[Store]:
    store = Store(files, tuple, lambda frame: None)
    try:
        yield store
    finally:
        await store.close()


async def test_it_goes_on_until_there_is_no_more_and_through_faults(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retention, "STEP", 1)
    monkeypatch.setattr(maintenance, "PERIOD", 0.001)
    faults: list[Exception] = [
        StoreUnavailableError("full"),
        sqlite3.OperationalError("disk I/O error"),
    ]
    async with open_store(files) as store:
        read = store.read

        async def faulty(function: Callable[[Reader], Any], *, fresh: bool = True) -> Any:
            if faults:
                raise faults.pop(0)
            return await read(function, fresh=fresh)

        monkeypatch.setattr(store, "read", faulty)
        pruned = asyncio.Event()
        append_fact = store.append

        def noticing(fact: Fact) -> Any:
            future = append_fact(fact)
            if isinstance(fact, Pruned) and fact.ranges == ((3, 3),):
                future.add_done_callback(lambda _: pruned.set())
            return future

        await append(store, *[captured(at=AT - 31 * DAY) for _ in range(3)])
        monkeypatch.setattr(store, "append", noticing)
        running = asyncio.create_task(keeper(store, keep=KEEP).run())
        async with asyncio.timeout(20):
            await pruned.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await left(store) == []
    told = [record.getMessage() for record in caplog.records]
    assert told[:2] == ["retention pauses: full", "retention pauses: disk I/O error"]


async def test_what_goes_at_the_start_is_told(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(maintenance, "PERIOD", 0)
    async with open_store(files) as store:
        await append(store, *[captured(at=AT - 31 * DAY) for _ in range(3)])
        room = keeper(store, keep=KEEP)
        rounds = asyncio.Semaphore(0)
        step = room.step

        async def counted() -> int:
            if not (gone := await step()):
                rounds.release()
            return gone

        monkeypatch.setattr(room, "step", counted)
        running = asyncio.create_task(room.run())
        async with asyncio.timeout(20):
            await rounds.acquire()
            await append(store, captured(at=AT - 31 * DAY))
            for _ in range(3):
                await rounds.acquire()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await left(store) == []
    told = [record.getMessage() for record in caplog.records]
    assert told == ["3 pruned, as keep and max_size have it"]


def test_a_million_rows_that_are_young_are_not_looked_at(tmp_path: Path) -> None:
    files = store(tmp_path, captured())
    with closing(sqlite3.connect(files.index)) as connection:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        assert retention.candidates(connection, AT) == []
        connection.set_trace_callback(None)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}").fetchall()
    assert "USING INDEX delivery_received" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_the_newest_may_go_as_well() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = store(Path(folder), *[captured("a") for _ in range(6)])
        write(files, pruned(2, 3, 6))
        index(files)
        grown = tables(files)
        assert rebuilt(files) == grown
        write(files, pruned(1, 5), captured("a"))
        index(files)
        grown = tables(files)
        assert rebuilt(files) == grown
        with closing(Reader(files)) as reader:
            ledger = reader.ledger()
        assert (ledger.received, ledger.pruned, ledger.unindexed) == (7, 5, 0)
        assert ledger.balanced
