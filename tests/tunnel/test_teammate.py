"""A consumer wants its app to answer for as long as nobody else takes that, and tells how its
latest attempt ended."""

import asyncio

import pytest

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.errors import TimedOutError, UnreachableError
from inspector.tunnel import teammate
from inspector.tunnel.messages import Attempted, Member, Message, Team
from inspector.tunnel.teammate import Teammate, attempted_of
from tests.helpers.fake_tunnel import FakeRelay, fake_relay
from tests.tunnel.homes import Mirrored, mirrored, until


async def connected(relay: FakeRelay, here: Mirrored, times: int = 1) -> None:
    await relay.until(lambda: len(relay.begins) == times and bool(relay.sockets))
    await until(lambda: here.consumer.status()["state"] == "connected")


async def told_of(relay: FakeRelay, here: Mirrored, *, primary: bool) -> None:
    await relay.state(primary=primary)
    await until(lambda: here.consumer.status()["primary"] is primary)


async def test_it_is_claimed_at_every_connection_until_another_takes_it() -> None:
    async with fake_relay() as relay, mirrored(relay, primary=True) as here:
        await relay.until(lambda: relay.takings == 1)
        # Not its own yet: the relay has not got the message.
        await relay.state(primary=False)
        await told_of(relay, here, primary=True)
        relay.cut()
        await connected(relay, here, 2)
        await told_of(relay, here, primary=True)
        assert [each.primary for each in relay.starts] == [True, True]
        # It has been granted, so another's taking counts: the claim alone is made again.
        assert relay.takings == 1
        await told_of(relay, here, primary=False)
        relay.cut()
        await connected(relay, here, 3)
        assert [each.primary for each in relay.starts] == [True, True, False]


async def test_without_a_wish_nothing_is_claimed() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        await told_of(relay, here, primary=True)
        relay.cut()
        await connected(relay, here, 2)
        assert [each.primary for each in relay.starts] == [False, False]
        assert relay.takings == 0


async def test_it_is_taken_when_the_relay_says_so_and_kept_from_then_on() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        taking = asyncio.ensure_future(here.consumer.take_primary(10))
        await relay.until(lambda: relay.takings == 1)
        assert not taking.done()
        await relay.state(primary=True)
        await taking
        # Who has it may take it again, to be asked before others.
        await here.consumer.take_primary(10)
        await relay.until(lambda: relay.takings == 2)
        relay.cut()
        await connected(relay, here, 2)
        assert relay.starts[1].primary


async def test_a_relay_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        with pytest.raises(TimedOutError):
            await here.consumer.take_primary(0.05)
        relay.cut()
        await connected(relay, here, 2)
        assert not relay.starts[1].primary


async def test_who_asks_in_vain_for_what_it_has_lets_another_take_it() -> None:
    ended = Attempted(1, 200)
    async with (
        fake_relay() as relay,
        mirrored(relay, primary=True, latest=lambda: ended) as here,
    ):
        await relay.until(lambda: relay.takings == 1)
        await told_of(relay, here, primary=True)
        relay.cut()
        await relay.until(lambda: len(relay.begins) == 2 and len(relay.attempted) == 2)
        # Whether it still has it is not said on this connection.
        with pytest.raises(TimedOutError):
            await here.consumer.take_primary(0.05)
        await told_of(relay, here, primary=False)
        relay.cut()
        await connected(relay, here, 3)
        assert [each.primary for each in relay.starts] == [True, True, False]


async def test_without_a_connection_nothing_is_taken() -> None:
    async with fake_relay() as relay:
        relay.refuse = (503, "")
        async with mirrored(relay) as here:
            await relay.until(lambda: bool(relay.handshakes))
            with pytest.raises(UnreachableError):
                await here.consumer.take_primary(10)
            relay.refuse = None
            await connected(relay, here)
            assert not relay.starts[0].primary


async def test_the_latest_attempt_is_told_when_it_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teammate, "ATTEMPTED_SECONDS", 0.01)
    latest: list[Attempted] = []
    looks = 0

    def look() -> Attempted | None:
        nonlocal looks
        looks += 1
        return latest[-1] if latest else None

    async with fake_relay() as relay, mirrored(relay, latest=look) as here:
        await until(lambda: looks > 3)
        latest.append(Attempted(5, 200))
        await relay.until(lambda: len(relay.attempted) == 1)
        before = looks
        await until(lambda: looks > before + 3)
        latest.append(Attempted(6, None, "connection refused"))
        await relay.until(lambda: len(relay.attempted) == 2)
        assert relay.attempted == latest
        # The relay may have been started anew.
        relay.cut()
        await connected(relay, here, 2)
        await relay.until(lambda: len(relay.attempted) == 3)
        assert relay.attempted[2] == latest[-1]


async def test_of_many_attempts_few_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teammate, "ATTEMPTED_SECONDS", 0.05)
    loop = asyncio.get_running_loop()
    said: list[float] = []

    async def send(message: Message) -> None:
        said.append(loop.time())

    numbers = iter(range(1, 1_000_000))
    running = asyncio.ensure_future(Teammate(lambda: Attempted(next(numbers), 200)).run(send))
    await until(lambda: len(said) == 4)
    running.cancel()
    assert said[3] - said[0] >= 0.14


def test_what_is_told_of_an_attempt() -> None:
    assert attempted_of(None) is None
    assert attempted_of((7, Response(404, "", (), b"", 0))) == Attempted(7, 404)
    failure = Failure(FailureKind.REFUSED, "connection refused")
    assert attempted_of((8, failure)) == Attempted(8, None, "connection refused")


async def test_the_team_is_in_the_status_while_there_is_a_connection() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        bob = Member("bob@pc", 5, 3, True, 6, 500)
        you = Member("alice@laptop", 7, 3, False)
        await relay.say(Team((bob, you), 4, 5))
        await until(lambda: bool(here.consumer.status()["team"]))
        status = here.consumer.status()
        told = [(one["consumer"], one["you"], one["lag"], one["primary"]) for one in status["team"]]
        assert told == [("bob@pc", False, 2, True), ("alice@laptop", True, 2, False)]
        assert status["team_more"] == 4
        relay.refuse = (503, "")
        relay.cut()
        await until(lambda: not here.consumer.status()["team"])
        assert here.consumer.status()["team_more"] == 0


async def test_whose_app_answers_is_reported_where_it_changes() -> None:
    async with fake_relay(FakeRelay(ack="app")) as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        for primary in (True, True, False, False, True):
            await told_of(relay, here, primary=primary)
        assert (len(here.told("shadow")), len(here.told("primary"))) == (1, 1)
        await told_of(relay, here, primary=False)
        assert len(here.told("shadow")) == 2
        relay.cut()
        await connected(relay, here, 2)
        # It is as it was.
        await told_of(relay, here, primary=False)
        assert len(here.told("shadow")) == 2


async def test_where_no_app_is_asked_it_is_not_reported() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        await told_of(relay, here, primary=False)
        assert not here.told("shadow")
