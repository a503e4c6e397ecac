"""Retention at a relay: by age whoever has it, for room only what every consumer has."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.parcel import Held
from inspector.store import mailbox_retention
from inspector.store.checkpoint import Checkpointer
from inspector.store.files import StoreFiles
from inspector.store.mailbox_retention import MailboxRetention
from inspector.store.mailboxes import RelayStore
from inspector.store.retention import STEP
from inspector.tasks import Tasks
from tests.store.parts import AT, captured, full, in_pieces, relay_store

SECOND = 1_000_000


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "relay.db")


def retention(
    store: RelayStore,
    limits: Mapping[str, int] | None = None,
    *,
    keep: float = 0,
    now: int = AT,
) -> MailboxRetention:
    return MailboxRetention(store, lambda: now, keep=keep, limits=lambda: limits or {})


async def fill(store: RelayStore, box: str, count: int, size: int = 1000) -> None:
    facts = [captured(endpoint=box, at=AT + n, body=b"x" * size) for n in range(count)]
    await asyncio.gather(*[store.append(fact) for fact in facts])


async def move(store: RelayStore, **consumers: int) -> None:
    for name, last in consumers.items():
        await store.journal.move(f"a/{name}", last)


async def test_what_is_too_old_goes_whoever_has_it(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        for second in range(10):
            for box in "ab":
                await store.append(captured(endpoint=box, at=AT + second * SECOND))
        await move(store, me=2, you=5)
        old = retention(store, keep=3.0, now=AT + 9 * SECOND)
        await old.expire()
        assert await store.held("a") == Held(7, 10)
        assert await store.held("b") == Held(7, 10)
        # `me` never had 3 to 6, and nobody is known who had any of the others.
        assert old.expired == {"a": 4, "b": 6}
        await old.expire()
        assert await store.held("a") == Held(7, 10)
        await retention(store, keep=0, now=AT + 10**15).expire()
        assert await store.held("a") == Held(7, 10)


@pytest.mark.parametrize("wrong", [1, STEP + 5])
async def test_a_clock_that_was_ahead_keeps_nothing_for_ever(files: StoreFiles, wrong: int) -> None:
    async with relay_store(files) as store:
        ahead = [captured(endpoint="a", at=AT + 10**15) for _ in range(wrong)]
        await asyncio.gather(*[store.append(fact) for fact in ahead])
        old = retention(store, keep=3.0, now=AT + 2 * SECOND)
        # Nothing says how old they are, and what comes next is not too old.
        await old.expire()
        await fill(store, "a", 10, 1)
        await old.expire()
        assert await store.held("a") == Held(1, wrong + 10)
        await store.append(captured(endpoint="a", at=AT + 9 * SECOND))
        await store.append(captured(endpoint="a", at=AT + 10**15))
        await retention(store, keep=3.0, now=AT + 9 * SECOND).expire()
        assert await store.held("a") == Held(wrong + 11, wrong + 12)


async def test_many_are_taken_in_steps_without_holding_captures_back(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        await fill(store, "a", 1300, 1)
        old = retention(store, keep=1.0, now=AT + 10 * SECOND)
        await old.expire()
        assert await store.held("a") == Held(1301, 1300)
        assert (store.usage("a"), old.expired) == ((1300, 0, 0), {"a": 1300})


async def test_large_ones_are_taken_a_few_at_a_time_and_what_that_writes_is_counted(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.store.retention.STEP_BYTES", 25_000)
    async with relay_store(files) as store:
        for size in (10_000, 10_000, 10_000, 90_000, 10):
            await store.append(in_pieces(b"x" * size, 1000)._replace(endpoint="a"))
        written: list[int] = []
        monkeypatch.setattr(Checkpointer, "wrote", lambda _, size: written.append(size))
        gone = [await store.drop("a", AT) for _ in range(4)]
        assert gone == [2, 1, 1, 1]
        assert written[0] > 20_000
        assert max(written) > 90_000


async def test_a_full_mailbox_gives_up_what_every_consumer_has(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        await fill(store, "a", 100)
        await fill(store, "b", 100)
        limit = store.usage("a").size
        room = retention(store, {"a": limit, "b": limit, "never": limit})
        await room.make_room()
        assert await store.held("a") == Held(1, 100)
        await move(store, me=60, you=30)
        await room.make_room()
        assert await store.held("a") == Held(31, 100)
        # There is room again: nothing more goes, although all have it.
        await move(store, me=100, you=100)
        await room.make_room()
        assert await store.held("a") == Held(31, 100)
        assert await store.held("b") == Held(1, 100)
        assert not room.expired


async def test_the_room_is_that_of_large_bodies_too(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        for _ in range(4):
            await store.append(in_pieces(b"x" * 10_000, 1000)._replace(endpoint="a"))
        await move(store, me=3)
        await retention(store, {"a": 30_000}).make_room()
        assert await store.held("a") == Held(4, 4)
        assert 10_000 < store.usage("a").size < 11_000


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["me", "you", "they"]), st.integers(0, 40)),
    st.integers(1, 40_000),
    st.integers(0, 30),
)
def test_nothing_goes_for_room_that_somebody_waits_for(
    consumers: dict[str, int], limit: int, count: int
) -> None:
    async def check(files: StoreFiles) -> None:
        async with relay_store(files) as store:
            await fill(store, "a", count)
            await move(store, **consumers)
            await retention(store, {"a": limit}).make_room()
            first, last = await store.held("a")
            known = consumers.values()
            assert last == count
            assert first == 1 or first <= min(known) + 1
            assert store.usage("a").held == last - first + 1

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(StoreFiles(Path(folder) / "relay.db")))


async def test_it_goes_on_by_itself_and_after_a_fault(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mailbox_retention, "PERIOD", 0.001)
    monkeypatch.setattr(mailbox_retention, "AGE_PERIODS", 2)
    tried = asyncio.Event()
    asked = RelayStore.drop

    async def broken(store: RelayStore, mailbox: str, at: int, **more: int) -> int:
        monkeypatch.setattr(RelayStore, "drop", asked)
        try:
            await store.append(captured(body=b"x" * 50_000))
        finally:
            tried.set()  # and not before: there is room again then
        raise AssertionError("the disk is full")

    async with asyncio.timeout(20), relay_store(files) as store:
        await fill(store, "a", 20)
        await move(store, me=20)
        monkeypatch.setattr(RelayStore, "drop", broken)
        tasks = Tasks("test")
        room = retention(store, {"a": 1000}, keep=1.0, now=AT + 10 * SECOND)
        with full(store.journal):
            tasks.start(room.run(), "retention")
            await tried.wait()
        while store.usage("a").held:
            await store.journal.move("a/me", 20)
        await tasks.stop()
    assert "retention pauses: the store cannot commit" in caplog.text
