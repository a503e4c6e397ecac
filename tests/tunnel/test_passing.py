"""What the relay passes over, at home: few facts, in order, and acknowledged when on the disk."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.relay_filter import parse_relay_filter
from inspector.tunnel import passing
from inspector.tunnel.address import parse_backfill, parse_relay
from inspector.tunnel.connecting import Dialler
from inspector.tunnel.consumer import Consumer, Pauses
from inspector.tunnel.messages import Passed
from inspector.tunnel.passing import Passing
from tests.helpers.fake_tunnel import FakeRelay, fake_relay, now, parcel
from tests.helpers.mailboxes import captured
from tests.helpers.tunnel import SLUG, TOKEN, RelaySide, relay_side
from tests.tunnel.homes import Home, mirrored, until

NEVER = 3600.0
WANTED = "path:/a"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass is written with what comes behind it, and never by the clock."""
    monkeypatch.setattr(passing, "PASSING_SECONDS", NEVER)


def leaving_out(*ids: int) -> FakeRelay:
    return FakeRelay(left_out=set(ids), a_frame=1)


@pytest.mark.usefixtures("patient")
async def test_the_relay_is_told_the_filter_and_status_what_was_passed() -> None:
    async with fake_relay(leaving_out(1, 2, 4)) as relay:
        relay.add(*[b"x"] * 5)
        async with mirrored(relay, wanted=f" {WANTED} ") as here:
            await relay.until(lambda: relay.acked >= 5)
            assert here.home.ids[:2] == [3, 5]
            # Those that follow each other are one.
            assert here.home.passes == [(1, 2), (4, 4)]
            told = here.consumer.status()
            assert (told["filter"], told["passed"], told["lag"]) == (WANTED, 3, 0)
            assert here.told("connected")[0]["filter"] == WANTED
            assert here.told("caught-up")[0]["arrived"] == 2
        assert [start.filter for start in relay.starts] == [WANTED]


async def test_without_a_filter_the_relay_is_told_of_none() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        assert (here.consumer.status()["filter"], here.consumer.status()["passed"]) == ("", 0)
        assert [start.filter for start in relay.starts] == [""]


async def test_what_nothing_comes_behind_is_written_after_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passing, "PASSING_SECONDS", 0.05)
    async with fake_relay() as relay, mirrored(relay, wanted=WANTED) as here:
        await here.consumer.ready(10)
        relay.left_out = set(range(2, 100))
        relay.add(*[b"x"] * 8)
        await relay.until(lambda: relay.acked == 9)
        assert here.home.ids == [1]
        assert here.home.passes[-1][1] == 9


@pytest.mark.usefixtures("patient")
async def test_many_are_written_without_waiting() -> None:
    async with fake_relay() as relay, mirrored(relay, wanted=WANTED) as here:
        await here.consumer.ready(10)
        last = 1
        for _ in range(3 * passing.PASSING_MOST):
            last += 1
            await relay.say(Passed(last, last))
        await relay.until(lambda: relay.acked == last)
        assert len(here.home.passes) == 3
        assert here.consumer.status()["passed"] == last - 1


@pytest.mark.usefixtures("patient")
async def test_the_last_ones_held_are_written_at_once_since_all_is_here_then() -> None:
    async with fake_relay(leaving_out(2, 3)) as relay:
        relay.mute_canaries = True
        relay.add(b"x", b"x", b"x")
        async with mirrored(relay, wanted=WANTED) as here:
            await relay.until(lambda: relay.acked == 3)
            await until(lambda: bool(here.told("caught-up")))
            assert here.told("caught-up")[0]["arrived"] == 1


@pytest.mark.usefixtures("patient")
async def test_what_is_gathered_is_written_when_it_stops() -> None:
    async with fake_relay() as relay:
        async with mirrored(relay, wanted=WANTED) as here:
            await here.consumer.ready(10)
            await relay.say(Passed(2, 7))
            await until(lambda: here.consumer.status()["last"] == 7)
            assert not here.home.passes
        assert here.home.passes == [(2, 7)]
        assert relay.acks[-1] == 7


@pytest.mark.usefixtures("patient")
async def test_what_is_gathered_when_the_line_breaks_is_said_again() -> None:
    async with fake_relay() as relay, mirrored(relay, wanted=WANTED) as here:
        await here.consumer.ready(10)
        relay.left_out = {2, 3}
        relay.add(b"x", b"x")
        await until(lambda: here.consumer.status()["last"] == 3)
        relay.cut()
        await relay.until(lambda: len(relay.starts) == 2)
        assert relay.starts[1].after == 1
        relay.add(b"x")
        await relay.until(lambda: relay.acked >= 4)
        assert here.home.ids[:2] == [1, 4]
        assert here.home.passes == [(2, 3)]


async def test_a_pass_that_cannot_be_written_is_not_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passing, "PASSING_SECONDS", 0.01)
    async with fake_relay() as relay, mirrored(relay, wanted=WANTED) as here:
        await here.consumer.ready(10)
        here.home.full = True
        relay.left_out = {2}
        relay.add(b"x")
        await relay.until(lambda: len(relay.starts) == 2)
        assert here.consumer.status()["passed"] == 0
        assert relay.acked == 1
        here.home.full = False
        await relay.until(lambda: relay.acked == 2)


@pytest.mark.parametrize("wrong", [Passed(3, 4), Passed(1, 2), Passed(2, 1), Passed(2, 1 << 62)])
async def test_a_pass_that_does_not_follow_ends_the_connection(wrong: Passed) -> None:
    async with fake_relay() as relay, mirrored(relay, wanted=WANTED) as here:
        await here.consumer.ready(10)
        await relay.say(wrong)
        await relay.until(lambda: len(relay.starts) == 2)
        assert not here.home.passes
        assert here.told("connecting")[-1]["reason"].startswith("the relay: ")


async def test_passes_that_follow_each_other_are_one() -> None:
    written: list[Passed] = []
    gathered = Passing(written.append)
    gathered.settle()
    one, two = (parcel(8), ()), (parcel(12), ())
    assert gathered.gather([Passed(5, 6)]) == []
    assert gathered.gather([Passed(7, 7), one]) == [Passed(5, 7), one]
    assert gathered.gather([one]) == [one]
    assert gathered.gather([Passed(9, 9)]) == []
    gathered.settle()
    gathered.settle()
    assert written == [Passed(9, 9)]
    assert gathered.gather([Passed(10, 10)], all_here=11) == []
    gathered.drop()
    gathered.settle()
    assert gathered.gather([Passed(10, 11), two, Passed(13, 14)], all_here=14) == [
        Passed(10, 11), two, Passed(13, 14),
    ]  # fmt: skip
    assert written == [Passed(9, 9)]


# The law, with a relay's desk and door and a consumer, over sockets.

STEPS = st.lists(
    st.sampled_from([*["capture"] * 6, "cut", "turn", "turn", "stop", "fail", "mend"]), max_size=40
)


def consumer_of(side: RelaySide, home: Home, wanted: str) -> Consumer:
    address = parse_relay(f"http://127.0.0.1:{side.port}/in/{SLUG}")
    return Consumer(
        Dialler(address, TOKEN, "alice", "0a" * 8),
        home,
        now,
        lambda report: None,
        backfill=parse_backfill("all"),
        wanted=parse_relay_filter(wanted),
        pauses=Pauses(0.001, 0.01, refused=0.01),
    )


@settings(max_examples=30, deadline=None)
@given(STEPS, st.sampled_from(["", "path:/a", "path:/b", "path:/none"]), st.integers(0, 1 << 32))
def test_a_home_has_exactly_what_its_filter_asks_for(
    steps: Sequence[str], wanted: str, seed: int
) -> None:
    async def lawful() -> None:
        chance = random.Random(seed)
        home = Home()
        async with relay_side() as side:
            side.now = now()
            consumer = consumer_of(side, home, wanted)
            consumer.start()
            paths: dict[int, str] = {}
            for step in (*steps, "capture", "mend"):
                if step == "capture":
                    for _ in range(chance.choice((1, 2, 30))):
                        path = chance.choice(["/a", "/a", "/b", "/c"])
                        fact = captured()
                        fact = fact._replace(request=fact.request._replace(target=path))
                        paths[side.take_in(fact)] = path
                elif step == "cut":
                    for attached in [*side.desk._attendance.attached.values()]:
                        attached.line.close(1012, "")
                elif step == "stop":
                    await consumer.stop(1.0)
                    consumer = consumer_of(side, home, wanted)
                    consumer.start()
                elif step in ("fail", "mend"):
                    home.full = step == "fail"
                else:
                    for _ in range(chance.choice((1, 20, 100))):
                        await asyncio.sleep(0)
                assert side.mailboxes.cursors.get("e1/alice", 0) <= (home.at or 0)
            last = side.mailboxes.last
            await until(lambda: home.at == last)
            await consumer.stop(1.0)
            assert side.mailboxes.cursors["e1/alice"] <= last
        asked = [n for n, path in paths.items() if wanted in ("", f"path:{path}")]
        assert home.ids == asked
        over = [n for first, final in home.passes for n in range(first, final + 1)]
        assert sorted([*over, *asked]) == [*range(1, last + 1)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passing, "PASSING_SECONDS", 0.02)
        patch.setattr("inspector.tunnel.sieve.TELL_SECONDS", 0.01)
        asyncio.run(lawful())
