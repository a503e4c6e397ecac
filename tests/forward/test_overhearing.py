"""Whoever listens to a delivery hears how its next attempt ended, and no other."""

import pytest

from inspector.domain.attempt import Outcome
from inspector.forward import attempts as attempts_module
from tests.forward.test_dispatcher import FINE, REFUSED, URL, World, finished, request, until

Heard = list[tuple[Outcome, float]]


@pytest.fixture
async def world() -> World:
    return World()


def listen(world: World, delivery_id: int, heard: Heard) -> None:
    assert world.dispatcher is not None
    world.dispatcher.overhear(delivery_id, lambda outcome, ms: heard.append((outcome, ms)))


async def test_the_first_outcome_is_heard_once(world: World) -> None:
    dispatcher = world.build()
    heard: Heard = []
    world.app.outcomes.extend([FINE, REFUSED, FINE])
    listen(world, 2, heard)
    world.offer()
    world.offer()
    await until(lambda: finished(world.journal) == 3)
    assert world.app.order == ["1#1", "2#1", "2#2"]
    assert heard == [(REFUSED, 1.5)]
    await dispatcher.stop(0)


async def test_a_sending_by_hand_is_heard_as_well(world: World) -> None:
    dispatcher = world.build(start=False)
    heard: Heard = []
    id_ = world.offer()
    listen(world, id_, heard)
    await dispatcher.resend(id_, request(), URL).sent
    assert heard == [(FINE, 1.5)]
    await dispatcher.stop(0)


async def test_one_that_was_interrupted_is_none(world: World) -> None:
    dispatcher = world.build()
    heard: Heard = []
    world.app.gate.clear()
    listen(world, world.offer(), heard)
    await until(lambda: world.app.running == 1)
    await dispatcher.stop(0)
    assert finished(world.journal) == 1
    assert not heard


async def test_of_too_many_the_oldest_are_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "_OVERHEARD", 2)
    dispatcher = world.build(start=False)
    heard: dict[int, Heard] = {1: [], 2: [], 3: []}
    for number in heard:
        listen(world, world.offer(), heard[number])
    dispatcher.start()
    await until(lambda: finished(world.journal) == 3)
    await until(lambda: [*map(len, heard.values())] == [0, 1, 1])
    await dispatcher.stop(0)


async def test_whoever_listens_and_fails_harms_no_attempt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher = world.build()

    def broken(outcome: Outcome, ms: float) -> None:
        raise RuntimeError("a fault")

    dispatcher.overhear(1, broken)
    world.offer()
    world.offer()
    await until(lambda: finished(world.journal) == 2)
    assert "a fault" in caplog.text
    await dispatcher.stop(0)
