"""Exactly one consumer's app answers: who took that last of those that are there, or else who is
there longest."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.messages import Primary, Reply, Start, WireError
from inspector.tunnel.supply import Caller
from tests.helpers.desk import DeskSide, Line
from tests.helpers.tunnel import until

SAID = Response(201, "Created", (), b"done", 4)


@pytest.fixture
async def relay() -> DeskSide:
    return DeskSide()


def primaries(relay: DeskSide) -> list[str]:
    return [each.consumer for each in relay.desk.attached() if each.primary]


async def test_who_takes_it_has_it_and_all_are_told(relay: DeskSide) -> None:
    first, one = await relay.attach("a")
    second, other = await relay.attach("b")
    assert primaries(relay) == ["a"]
    await second.take(Primary())
    assert primaries(relay) == ["b"]
    await until(lambda: other.states()[-1].primary and not one.states()[-1].primary)
    await first.take(Primary())
    assert primaries(relay) == ["a"]


async def test_it_passes_on_to_who_took_it_before_and_else_to_the_longest(relay: DeskSide) -> None:
    await relay.attach("a")
    second, _ = await relay.attach("b")
    third, _ = await relay.attach("c")
    fourth, _ = await relay.attach("d")
    await third.take(Primary())
    await fourth.take(Primary())
    relay.desk.detach(fourth)
    assert primaries(relay) == ["c"]
    relay.desk.detach(third)
    assert primaries(relay) == ["a"]
    await second.take(Primary())
    assert primaries(relay) == ["b"]


async def test_a_claim_holds_until_another_takes_it(relay: DeskSide) -> None:
    await relay.attach("a")
    second, _ = await relay.attach("b", primary=True)
    assert primaries(relay) == ["b"]
    # Away and back: nobody took it meanwhile.
    relay.desk.detach(second)
    assert primaries(relay) == ["a"]
    second, _ = await relay.attach("b", primary=True)
    assert primaries(relay) == ["b"]
    third, _ = await relay.attach("c")
    relay.desk.detach(second)
    await third.take(Primary())
    second, _ = await relay.attach("b", primary=True)
    assert primaries(relay) == ["c"]
    await second.take(Primary())
    assert primaries(relay) == ["b"]


async def test_a_process_that_comes_back_keeps_its_place(relay: DeskSide) -> None:
    await relay.attach("a")
    second, _ = await relay.attach("b")
    await second.take(Primary())
    line = Line()
    newer = relay.desk.attach(Caller("b", "b", ""), line)
    assert primaries(relay) == ["b"]
    await newer.take(Start(0))
    assert primaries(relay) == ["b"]
    # Whoever takes the name is another one, and was not there before.
    await relay.attach("b", instance="other", take_over=True)
    assert primaries(relay) == ["a"]


async def test_it_is_taken_by_those_alone_that_have_started(relay: DeskSide) -> None:
    await relay.attach("a")
    attachment = relay.desk.attach(Caller("b", "b", ""), Line())
    with pytest.raises(WireError):
        await attachment.take(Primary())
    assert primaries(relay) == ["a"]


async def test_who_waits_for_an_app_goes_on_waiting_for_it(relay: DeskSide) -> None:
    first, one = await relay.attach("a")
    second, other = await relay.attach("b")
    asking = relay.ask()
    await until(lambda: one.parcels() and other.parcels())
    await second.take(Primary())
    next_one = relay.ask()
    await until(lambda: len(other.parcels()) == 2)
    await until(lambda: len(one.parcels()) == 2)
    assert [each.ask for each in one.parcels()] == [True, False]
    assert [each.ask for each in other.parcels()] == [False, True]
    await first.take(Reply(asking.number, SAID))
    await second.take(Reply(next_one.number, SAID))
    assert await asking.outcome() == await next_one.outcome() == SAID


async def test_when_it_goes_the_senders_are_asked_of_the_next_or_told(relay: DeskSide) -> None:
    first, one = await relay.attach("a")
    second, other = await relay.attach("b")
    sent = relay.ask()
    await until(lambda: one.parcels() and other.parcels())
    other.stuck = asyncio.Event()
    relay.capture()
    await until(lambda: second.sent == 2)
    waiting = relay.ask()
    await until(lambda: first.sent == 3)
    relay.desk.detach(first)
    cut = await sent.outcome()
    assert isinstance(cut, Failure)
    assert cut.kind is FailureKind.CUT
    other.stuck.set()
    await until(lambda: len(other.parcels()) == 3)
    assert other.parcels()[2].ask
    await second.take(Reply(waiting.number, SAID))
    assert await waiting.outcome() == SAID


NAMES = ("a", "b", "c", "d")
STEPS = st.tuples(
    st.sampled_from(["attach", "attach", "claim", "again", "over", "start", "detach", "take"]),
    st.sampled_from(NAMES),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_one_is_primary_whenever_one_has_started(steps: list[tuple[str, str]]) -> None:
    async def lawful() -> None:
        relay = DeskSide()
        here: dict[str, Attachment] = {}
        order: list[str] = []
        taken: list[str] = []
        for number, (step, name) in enumerate(steps):
            match step:
                case "attach" | "claim" if name not in here:
                    here[name] = relay.desk.attach(Caller(name, f"{name} {number}", ""), Line())
                    order.append(name)
                    if step == "claim":
                        await here[name].take(Start(0, primary=True))
                case "again" if name in here:
                    caller = here[name].caller
                    here[name] = relay.desk.attach(caller, Line())
                case "over" if name in here:
                    caller = Caller(name, f"{name} {number}", "")
                    here[name] = relay.desk.attach(caller, Line(), take_over=True)
                    order.remove(name)
                    order.append(name)
                    taken = [each for each in taken if each != name]
                case "start" if name in here and not here[name].started:
                    await here[name].take(Start(0))
                case "detach" if name in here:
                    relay.desk.detach(here.pop(name))
                    order.remove(name)
                    taken = [each for each in taken if each != name]
                case "take" if name in here and here[name].started:
                    await here[name].take(Primary())
                    taken = [*(each for each in taken if each != name), name]
            told = relay.desk.attached()
            assert [each.consumer for each in told] == order
            one = [each.consumer for each in told if each.primary]
            started = [each for each in order if here[each].started]
            assert len(one) <= 1
            assert one or not started
            if one:
                assert here[one[0]].started or here[one[0]].expected
            # Claims are judged by what is remembered; without them it is plain who has it.
            plain = all(each != "claim" for each, _ in steps)
            if plain and len(started) == len(order) and order:
                assert one == ([*taken][-1:] or order[:1])
        relay.desk.close(1001, "")

    asyncio.run(lawful())
