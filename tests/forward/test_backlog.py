"""What waits for a target is handed out once and in order, whatever piles up."""

import asyncio
import random
from dataclasses import dataclass, field
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.forward import backlog as module
from inspector.forward.backlog import Backlog, QueuedDelivery
from inspector.forward.ports import WaitingItem
from tests.forward.journal import Clock, Journal

TARGET = "http://localhost:3000"


def request(size: int = 2) -> Request:
    return Request("POST", "/", "1.1", (), b"x" * size)


def made(store: Journal, *, limit: int = 10_000, memory: int = 1 << 20) -> Backlog:
    return Backlog(TARGET, store, Clock().pause, limit=limit, memory=memory, monotonic=monotonic)


def offer(backlog: Backlog, store: Journal, size: int = 2) -> int:
    delivery_id = store.capture(request(size), (TARGET,), 5)
    backlog.offer(QueuedDelivery(delivery_id, 5, request=store.requests[delivery_id]))
    return delivery_id


async def drained(backlog: Backlog) -> list[QueuedDelivery]:
    """Everything that is there to be taken, the backlog then having caught up."""
    taken: list[QueuedDelivery] = []
    while True:
        taking = asyncio.ensure_future(backlog.take())
        for _ in range(20):
            await asyncio.sleep(0)
        if not taking.done():
            taking.cancel()
            await asyncio.wait((taking,))
            return taken
        taken.append(taking.result())


async def test_what_was_left_over_comes_first() -> None:
    store = Journal()
    for _ in range(3):
        store.capture(request(), (TARGET,), 7)
    store.capture(request(), ("http://elsewhere",), 7)
    backlog = made(store)
    new = offer(backlog, store)
    items = await drained(backlog)
    assert [item.delivery_id for item in items] == [1, 2, 3, new]
    assert items[0] == QueuedDelivery(1, 7)
    assert await backlog.request(items[0]) == store.requests[1]


async def test_once_caught_up_requests_come_from_memory() -> None:
    store = Journal()
    backlog = made(store, memory=100_000)
    assert await drained(backlog) == []
    small = offer(backlog, store)
    large = offer(backlog, store, module.BODY_IN_MEMORY + 1)
    half = offer(backlog, store, 60_000)
    over = offer(backlog, store, 60_000)  # more than `memory` together
    again = offer(backlog, store, 10)
    items = await drained(backlog)
    kept = {item.delivery_id for item in items if item.request is not None}
    assert [item.delivery_id for item in items] == [small, large, half, over, again]
    assert kept == {small, half, again}
    for item in items:
        assert await backlog.request(item) == store.requests[item.delivery_id]
    assert store.loads == [large, over]
    fits = offer(backlog, store, 60_000)  # what was taken frees its share
    assert [item.request for item in await drained(backlog)] == [store.requests[fits]]


async def test_several_takers_each_get_another_one() -> None:
    store = Journal()
    backlog = made(store)
    takers = [asyncio.create_task(backlog.take()) for _ in range(3)]
    await asyncio.sleep(0)
    ids = [offer(backlog, store) for _ in range(3)]
    assert [item.delivery_id for item in await asyncio.gather(*takers)] == ids


async def test_it_falls_behind_and_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    store = Journal()
    backlog = made(store, limit=4)
    await drained(backlog)
    ids = [offer(backlog, store) for _ in range(20)]
    assert len(backlog) == 20
    assert [item.delivery_id for item in await drained(backlog)] == ids
    assert len(backlog) == 0
    reads = len(store.reads)
    ids = [offer(backlog, store)]
    assert [item.delivery_id for item in await drained(backlog)] == ids
    assert len(store.reads) == reads


async def test_a_delivery_the_store_told_of_first_is_not_repeated() -> None:
    store = Journal()
    backlog = made(store)
    early = store.capture(request(), (TARGET,), 5)
    assert [item.delivery_id for item in await drained(backlog)] == [early]
    backlog.offer(QueuedDelivery(early, 5, request=request()))
    assert await drained(backlog) == []


async def test_the_memory_of_what_was_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_READ_REMEMBERED", 10)
    store = Journal()
    for _ in range(50):
        store.capture(request(), (TARGET,), 5)
    backlog = made(store)
    assert len(await drained(backlog)) == 50
    assert len(backlog._read) == 10


async def test_one_offered_late_still_takes_its_place() -> None:
    store = Journal()
    backlog = made(store)
    await drained(backlog)
    ids = [store.capture(request(), (TARGET,), 5) for _ in range(4)]
    for number in (1, 3, 0, 2):
        backlog.offer(QueuedDelivery(ids[number], 5))
    assert [item.delivery_id for item in await drained(backlog)] == ids


async def test_one_offered_while_the_store_is_read_past_it_is_not_lost() -> None:
    store = Journal()
    backlog = made(store)
    answers: list[asyncio.Future[list[WaitingItem]]] = []

    async def waiting(target: str, after: int, limit: int) -> list[WaitingItem]:
        answers.append(asyncio.get_running_loop().create_future())
        return await answers[-1]

    store.waiting = waiting  # type: ignore[method-assign]
    taking = asyncio.ensure_future(backlog.take())
    await asyncio.sleep(0)
    for late in (5, 6, 7, 9):
        backlog.offer(QueuedDelivery(late, 1))
    assert backlog.remove(7)
    answers[0].set_result([WaitingItem(6, 1, 0), WaitingItem(8, 1, 0)])
    assert (await taking).delivery_id == 5
    assert [(await backlog.take()).delivery_id for _ in range(3)] == [6, 8, 9]
    assert len(answers) == 1


async def test_one_that_the_store_does_not_know_of_yet_is_not_lost() -> None:
    store = Journal()
    backlog = made(store, limit=1)
    await drained(backlog)
    known = offer(backlog, store)
    for unknown in (7, 9, 8):
        backlog.offer(QueuedDelivery(unknown, 1))
    assert [item.delivery_id for item in await drained(backlog)] == [known, 7, 8, 9]


async def test_too_many_offers_during_a_reading_are_left_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_OFFERS_REMEMBERED", 3)
    store = Journal()
    backlog = made(store)
    taking = asyncio.ensure_future(backlog.take())
    await asyncio.sleep(0)
    ids = [offer(backlog, store) for _ in range(9)]
    assert (await taking).delivery_id == ids[0]
    assert [item.delivery_id for item in await drained(backlog)] == ids[1:]
    assert store.reads == [0, 0]


async def test_a_store_that_cannot_be_read_is_asked_again() -> None:
    store, clock = Journal(), Clock()
    store.capture(request(), (TARGET,), 5)
    store.unreadable = 3
    backlog = Backlog(TARGET, store, clock.pause, limit=10, memory=10, monotonic=monotonic)
    assert (await backlog.take()).delivery_id == 1
    assert clock.pauses == [1.0] * 3


async def test_removing() -> None:
    store = Journal()
    backlog = made(store, limit=2)
    await drained(backlog)
    ids = [offer(backlog, store) for _ in range(5)]
    assert backlog.remove(ids[0])
    assert not backlog.remove(ids[0])
    assert backlog.remove(ids[3])  # not in memory, but waiting
    assert [item.delivery_id for item in await drained(backlog)] == [ids[1], ids[2], ids[4]]
    assert not backlog.remove(ids[4])


async def test_one_readmitted_takes_its_place_again() -> None:
    store = Journal()
    backlog = made(store)
    await drained(backlog)
    later = [offer(backlog, store) for _ in range(5)]
    for delivery_id in (later[1], later[3]):
        assert backlog.remove(delivery_id)
        backlog.readmit(QueuedDelivery(delivery_id, 9))
    assert [item.delivery_id for item in await drained(backlog)] == later


async def test_those_readmitted_while_the_store_is_read_past_them_are_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many: the store was read before it knew that they wait again."""
    monkeypatch.setattr(module, "_OFFERS_REMEMBERED", 2)
    monkeypatch.setattr(module, "PAGE", 2)
    store = Journal()
    backlog = made(store)
    held = [store.capture(request(), (), 5) for _ in range(8)]
    after = [store.capture(request(), (TARGET,), 5) for _ in range(2)]
    taking = asyncio.ensure_future(backlog.take())
    await asyncio.sleep(0)
    for delivery_id in held:
        store.targets[delivery_id] = (TARGET,)
        backlog.readmit(QueuedDelivery(delivery_id, 9))
    assert len(backlog) == 8
    taken = [await taking, *await drained(backlog)]
    assert sorted(item.delivery_id for item in taken) == [*held, *after]


async def test_it_tells_whether_there_is_more_and_what_the_store_may_have() -> None:
    store = Journal()
    store.capture(request(), (TARGET,), 5)
    backlog = made(store, limit=2)
    assert backlog.behind
    assert await backlog.more()
    assert not backlog.behind
    assert [item.delivery_id for item in await drained(backlog)] == [1]
    assert not await backlog.more()
    new = [offer(backlog, store) for _ in range(5)]
    assert backlog.behind
    assert [item.delivery_id for item in await drained(backlog)] == new
    assert store.reads == [0, new[1]]


@dataclass
class Run:
    """A store in which deliveries appear, are offered a little later, and out of order.

    Some are held for a while, and readmitted when the store knows of their release.
    """

    seed: int
    lag: int
    limit: int
    unknown: float
    held: float
    taken: list[int] = field(default_factory=list)

    async def go(self, count: int, left_over: int) -> None:
        dice = random.Random(self.seed)
        store = Journal()
        for _ in range(left_over):
            store.capture(request(), (TARGET,), 1)
        backlog = made(store, limit=self.limit)
        total = left_over + count
        unoffered: list[int] = []
        uncommitted: list[int] = []
        held: list[int] = []

        def release(delivery_id: int) -> None:
            store.targets[delivery_id] = (TARGET,)
            backlog.readmit(QueuedDelivery(delivery_id, 2))

        async def take() -> None:
            while len(self.taken) < total:
                item = await backlog.take()
                self.taken.append(item.delivery_id)
                for _ in range(dice.randrange(4)):
                    await asyncio.sleep(0)

        taking = asyncio.create_task(take())
        for _ in range(count):
            if dice.random() < self.held:
                held.append(store.capture(request(), (), 1))
                while len(held) > dice.randint(0, 10):
                    release(held.pop(dice.randrange(len(held))))
                continue
            unoffered.append(store.capture(request(), (TARGET,), 1))
            if dice.random() < self.unknown:  # its routing follows in a later commit
                store.targets[unoffered[-1]] = ()
                uncommitted.append(unoffered[-1])
            if len(uncommitted) > 3:
                store.targets[uncommitted.pop(0)] = (TARGET,)
            while len(unoffered) > dice.randint(0, self.lag):
                chosen = unoffered.pop(dice.randrange(len(unoffered)))
                backlog.offer(QueuedDelivery(chosen, 1, request=store.requests[chosen]))
            for _ in range(dice.randrange(3)):
                await asyncio.sleep(0)
        for chosen in held:
            release(chosen)
        for chosen in unoffered:
            backlog.offer(QueuedDelivery(chosen, 1))
        for chosen in uncommitted:
            store.targets[chosen] = (TARGET,)
        async with asyncio.timeout(20):
            await taking
        await asyncio.sleep(0)
        assert await drained(backlog) == []
        assert sorted(self.taken) == list(range(1, total + 1))


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**9),
    page=st.integers(1, 7),
    limit=st.integers(1, 9),
    lag=st.integers(0, 5),
    unknown=st.sampled_from([0.0, 0.3, 1.0]),
    held=st.sampled_from([0.0, 0.0, 0.5, 0.9]),
    remembered=st.sampled_from([3, 1024]),
    count=st.integers(0, 40),
    left_over=st.integers(0, 20),
)
def test_no_gap_no_repeat_and_in_order(
    seed: int,
    page: int,
    limit: int,
    lag: int,
    unknown: float,
    held: float,
    remembered: int,
    count: int,
    left_over: int,
) -> None:
    run = Run(seed, lag, limit, unknown, held)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", page)
        if lag == 0 and unknown == 0:
            # What the store does not know yet must be at hand: otherwise only as much as that.
            patch.setattr(module, "_OFFERS_REMEMBERED", remembered)
        asyncio.run(run.go(count, left_over))
    if lag == 0 and unknown == 0 and held == 0:
        assert run.taken == sorted(run.taken)
