"""Shadows at a relay: who may speak, once and in time, and who is told of it."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.shadow import BODY_BYTES
from inspector.errors import StoreUnavailableError
from inspector.tunnel import shadows as module
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.messages import Ack, Parcels, Reply, ShadowReply
from tests.helpers.desk import Asking as Sender
from tests.helpers.desk import DeskSide, Line
from tests.helpers.mailboxes import captured
from tests.helpers.tunnel import until

SAID = Response(500, "no", (("X-App", "yes"),), b"broken", 6)
OK = Response(200, "OK", (), b"", 0)
AWAY = Failure(FailureKind.REFUSED, "nobody listens there")


@pytest.fixture
async def relay() -> DeskSide:
    return DeskSide()


def kept(relay: DeskSide) -> list[tuple[int, str]]:
    return [(fact.number, fact.consumer) for fact in relay.mailboxes.said]


async def asked(relay: DeskSide, *lines: Line) -> int:
    """A sender waits for the first one's app, and all of these were sent its delivery."""
    number = relay.ask().number
    await until(lambda: all(number in [p.id for p in line.parcels()] for line in lines))
    return number


async def test_while_a_sender_waits_the_others_are_shadows(relay: DeskSide) -> None:
    _, first = await relay.attach("a")
    _, second = await relay.attach("b")
    _, third = await relay.attach("c")
    relay.capture()
    await asked(relay, first, second, third)
    marks = [[(p.ask, p.shadow) for p in line.parcels()] for line in (first, second, third)]
    plain = (False, False)
    assert marks == [[plain, (True, False)], [plain, (False, True)], [plain, (False, True)]]


async def test_who_comes_later_is_no_shadow(relay: DeskSide) -> None:
    first, line = await relay.attach("a")
    number = await asked(relay, line)
    later, behind = await relay.attach("b")
    await until(behind.parcels)
    assert not behind.parcels()[0].shadow
    await later.take(Reply(number, SAID))
    await first.take(Reply(number, OK))
    # What is taken is on its way at once: the next that is taken comes behind it.
    number = await asked(relay, line, behind)
    await later.take(Reply(number, SAID))
    await until(line.shadows)
    assert kept(relay) == [(2, "b")]


async def test_one_that_lags_is_a_shadow_all_the_same(relay: DeskSide) -> None:
    first, line = await relay.attach("a")
    other, slow = await relay.attach("b")
    slow.stuck = asyncio.Event()
    relay.capture()
    asking = relay.ask()
    await until(lambda: len(line.parcels()) == 2)
    await first.take(Reply(asking.number, OK))
    assert await asking.outcome() == OK
    slow.stuck.set()
    await until(lambda: len(slow.parcels()) == 2)
    assert slow.parcels()[1].shadow
    await other.take(Reply(2, SAID))
    await until(line.shadows)


async def test_what_it_says_is_kept_and_told_to_all_others(relay: DeskSide) -> None:
    first, line = await relay.attach("a")
    second, other = await relay.attach("b")
    _, third = await relay.attach("c")
    asking = relay.ask()
    await until(lambda: line.parcels() and other.parcels() and third.parcels())
    await second.take(Reply(1, SAID, 12.5))
    told = ShadowReply(1, "b", 7, 12.5, SAID)
    await until(lambda: line.shadows() and third.shadows())
    assert line.shadows() == third.shadows() == [told]
    (fact,) = relay.mailboxes.said
    assert (fact.delivery_id, fact.mailbox, fact.number) == (1, "e1", 1)
    assert (fact.at, fact.consumer, fact.duration_ms, fact.outcome) == (7, "b", 12.5, SAID)
    # The sender waits for the one that is asked, whoever else has spoken.
    assert not asking.task.done()
    await first.take(Reply(1, OK))
    assert await asking.outcome() == OK
    relay.desk.answered(1, 200, False)
    await until(lambda: other.answers())
    assert not other.shadows()


@pytest.mark.parametrize("outcome", [AWAY, None])
async def test_no_answer_is_told_and_nothing_to_say_is_not(
    relay: DeskSide, outcome: Failure | None
) -> None:
    _, line = await relay.attach("a")
    second, other = await relay.attach("b")
    await asked(relay, line, other)
    await second.take(Reply(1, outcome))
    await second.take(Reply(1, SAID))
    await asked(relay, line, other)
    await second.take(Reply(2, SAID))
    await until(lambda: [each.id for each in line.shadows()][-1:] == [2])
    told = [(each.id, each.outcome) for each in line.shadows()]
    assert told == ([(1, AWAY), (2, SAID)] if outcome else [(2, SAID)])


async def test_it_is_heard_once_and_only_where_it_was_asked(relay: DeskSide) -> None:
    first, line = await relay.attach("a")
    second, other = await relay.attach("b")
    relay.capture()
    await asked(relay, line, other)
    for number in (1, 2, 2, 3, 1 << 61):
        await second.take(Reply(number, SAID))
    # The one that is asked is no shadow, neither before nor after its answer.
    for _ in range(2):
        await first.take(Reply(2, SAID))
    await asked(relay, line, other)
    await second.take(Reply(3, SAID))
    await until(lambda: len(line.shadows()) == 2)
    assert kept(relay) == [(2, "b"), (3, "b")]
    assert not other.shadows()


async def test_who_is_asked_in_the_place_of_another_is_a_shadow_no_more(relay: DeskSide) -> None:
    first, line = await relay.attach("a")
    other, slow = await relay.attach("b")
    _, third = await relay.attach("c")
    slow.stuck = asyncio.Event()
    relay.capture()
    asking = relay.ask()
    await until(lambda: len(line.parcels()) == 2)
    relay.desk.detach(first)
    slow.stuck.set()
    await until(lambda: len(slow.parcels()) == 2)
    assert (slow.parcels()[1].ask, slow.parcels()[1].shadow) == (True, False)
    for _ in range(2):
        await other.take(Reply(2, SAID))
    assert await asking.outcome() == SAID
    number = await asked(relay, slow, third)
    await relay.desk._attached["c"].take(Reply(number, OK))
    await until(slow.shadows)
    assert kept(relay) == [(3, "c")]


async def test_of_the_last_few_that_were_asked_shadows_are_heard(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASKED", 2)
    _, line = await relay.attach("a")
    second, other = await relay.attach("b")
    for _ in range(3):
        await asked(relay, line, other)
    for number in (1, 2, 3):
        await second.take(Reply(number, SAID))
    await until(lambda: len(line.shadows()) == 2)
    assert kept(relay) == [(2, "b"), (3, "b")]


async def test_who_comes_back_is_told_the_last_ones_again_and_all_of_what_it_lacks(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPEATED", 2)
    _, line = await relay.attach("a")
    second, other = await relay.attach("b")
    for number in range(1, 8):
        await asked(relay, line, other)
        await second.take(Reply(number, SAID))
        await until(lambda number=number: len(kept(relay)) == number)  # type: ignore[misc]
    _, same = await relay.attach("c", after=7)
    _, behind = await relay.attach("d", after=3)
    await until(lambda: len(same.shadows()) == 2)
    await until(lambda: len(behind.shadows()) >= 4)
    assert [each.id for each in same.shadows()] == [6, 7]
    assert [each.id for each in behind.shadows()][-4:] == [4, 5, 6, 7]
    # It comes behind its delivery.
    place = behind.messages.index(behind.shadows()[-1])
    seen = [p.id for each in behind.messages[:place] for p in getattr(each, "items", ())]
    assert seen == [4, 5, 6, 7]
    # Nobody is told its own.
    _, back = await relay.attach("b", after=7, instance="b")
    relay.capture()
    await until(back.parcels)
    assert not back.shadows()


async def test_it_waits_for_its_delivery_however_far_behind_a_consumer_is(relay: DeskSide) -> None:
    await relay.attach("a")
    second, other = await relay.attach("b")
    third, slow = await relay.attach("c")
    for _ in range(4096):
        relay.mailboxes.commit(captured())
    relay.capture()
    # Their windows are full now.
    await until(lambda: len(other.parcels()) == len(slow.parcels()) == 4096)
    number = relay.ask().number
    await second.take(Ack(4096))
    await until(lambda: other.parcels()[-1].id == number)
    await second.take(Reply(number, SAID))
    await until(lambda: kept(relay) == [(number, "b")])
    assert not slow.shadows()
    await third.take(Ack(4096))
    await until(slow.shadows)
    assert slow.parcels()[-1].id == number


async def test_a_long_answer_is_cut_and_a_flood_of_them_bounded(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_WAITING_BYTES", 3 * BODY_BYTES)
    gate = asyncio.Event()
    relay.mailboxes._pause = gate.wait  # type: ignore[assignment]
    gate.set()
    _, line = await relay.attach("a")
    second, other = await relay.attach("b")
    for _ in range(8):
        await asked(relay, line, other)
    gate.clear()
    long = Response(200, "OK", (), b"x" * (1 << 20), 1 << 20)
    for number in range(1, 9):
        await second.take(Reply(number, long))
    gate.set()
    await until(lambda: len(line.shadows()) == 2)
    (fact, _) = relay.mailboxes.said
    assert isinstance(fact.outcome, Response)
    assert (len(fact.outcome.body), fact.outcome.body_size) == (BODY_BYTES, 1 << 20)
    assert "too much waits" in caplog.text
    # There is room again, once it is on the disk.
    await asked(relay, line, other)
    await second.take(Reply(9, long))
    await until(lambda: len(line.shadows()) == 3)


async def test_what_is_said_to_a_delivery_that_is_gone_is_gone(relay: DeskSide) -> None:
    _, line = await relay.attach("a")
    second, other = await relay.attach("b")
    await asked(relay, line, other)
    await asked(relay, line, other)
    relay.mailboxes.prune(1)
    await second.take(Reply(1, SAID))
    await second.take(Reply(2, SAID))
    await until(line.shadows)
    assert kept(relay) == [(2, "b")]


async def test_a_store_that_cannot_be_read_costs_what_was_said_and_nothing_else(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, line = await relay.attach("a")
    second, other = await relay.attach("b")
    await asked(relay, line, other)

    async def broken(mailbox: str, numbers: object) -> dict[int, int]:
        raise StoreUnavailableError("cannot read the store")

    with monkeypatch.context() as patch:
        patch.setattr(relay.mailboxes, "deliveries", broken)
        await second.take(Reply(1, SAID))
        keeping = relay.desk._shadows._keeping
        assert keeping is not None
        await keeping
    await asked(relay, line, other)
    await second.take(Reply(2, SAID))
    await until(line.shadows)
    assert kept(relay) == [(2, "b")]


async def test_where_nobody_is_asked_nothing_is_remembered(relay: DeskSide) -> None:
    _, line = await relay.attach("a")
    second, other = await relay.attach("b")
    for _ in range(100):
        relay.capture()
    await until(lambda: len(line.parcels()) == len(other.parcels()) == 100)
    await second.take(Reply(100, SAID))
    shadows = relay.desk._shadows
    assert not shadows._due
    assert not shadows._heard
    # They go as they always do: in one frame, alike for all.
    frames = [[m for m in each.messages if isinstance(m, Parcels)] for each in (line, other)]
    assert len(frames[0]) == 1
    assert frames[0] == frames[1]


@dataclass
class Team:
    """Consumers that come, go, and speak; what each was sent on all of its connections."""

    relay: DeskSide
    lines: dict[str, list[tuple[int, Line]]]
    here: dict[str, Attachment]
    askings: list[Sender]

    async def play(self, what: str, name: str, n: int) -> None:
        if what == "ask":
            self.askings.append(self.relay.ask())
            await asyncio.sleep(0)
        elif what == "capture":
            self.relay.capture()
        elif what == "turn":
            for _ in range(n):
                await asyncio.sleep(0)
        elif what == "guess" or (what == "reply" and self.askings):
            # Seldom of what it was not asked.
            number = self.askings[-1 - n % len(self.askings)].number if what == "reply" else n
            await self.here[name].take(Reply(number, SAID, float(n)))
        elif what == "back":
            await self.back(name)

    async def back(self, name: str) -> None:
        """It comes again, on another connection."""
        if name in self.here:
            self.relay.desk.detach(self.here[name])
        had = [p.id for _, line in self.lines[name] for p in line.parcels()]
        after = max(had, default=0)
        self.here[name], line = await self.relay.attach(name, after)
        self.lines[name].append((after, line))

    async def settled(self) -> None:
        """Until nobody waits for anything any more."""
        shadows = self.relay.desk._shadows
        await until(lambda: not shadows._heard)
        for each in self.here.values():
            await until(
                lambda each=each: (
                    each.sent == self.relay.mailboxes.last  # type: ignore[misc]
                    and not each._others.waits
                )
            )


steps = st.lists(
    st.tuples(
        st.sampled_from(["ask"] * 3 + ["reply"] * 6 + ["guess", "capture", "turn", "back"]),
        st.sampled_from("abc"),
        st.integers(0, 30),
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_happens_each_is_told_all_of_the_others_behind_its_delivery(
    what: list[tuple[str, str, int]],
) -> None:
    async def check() -> None:
        team = Team(DeskSide(), {name: [] for name in "abc"}, {}, [])
        for name in "abc":
            await team.back(name)
        for step in what:
            await team.play(*step)
        await team.settled()
        asked_for = {each.number for each in team.askings}
        said = kept(team.relay)
        assert len(said) == len({*said})
        assert {number for number, _ in said} <= asked_for
        for name, lines in team.lines.items():
            heard = {(each.id, each.consumer) for _, line in lines for each in line.shadows()}
            assert heard == {each for each in said if each[1] != name}
            for after, line in lines:
                told = [(each.id, each.consumer) for each in line.shadows()]
                assert told == [each for each in said if each in told]
                seen = {*range(1, after + 1)}
                for message in line.messages:
                    if isinstance(message, Parcels):
                        seen |= {each.id for each in message.items}
                    elif isinstance(message, ShadowReply):
                        assert message.id in seen
        for sender in team.askings:
            sender.task.cancel()
        await asyncio.gather(*[each.task for each in team.askings], return_exceptions=True)
        await team.relay.desk._tasks.stop()

    asyncio.run(check())
