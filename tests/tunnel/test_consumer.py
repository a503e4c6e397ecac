"""A consumer takes what a relay has, once, in order, whatever breaks between the two."""

import asyncio

import pytest

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.errors import ConfigurationError, UnreachableError
from inspector.tunnel.consumer import Pauses
from inspector.tunnel.messages import Parcels, Reply, Start
from inspector.tunnel.ports import Source
from tests.helpers.fake_tunnel import FakeRelay, error, fake_relay, now, parcel
from tests.tunnel.homes import Home, mirrored, until


async def test_what_the_relay_holds_and_what_comes_is_stored_and_acknowledged() -> None:
    async with fake_relay() as relay:
        relay.add(*(b"%d" % n for n in range(40)))
        async with mirrored(relay) as here:
            await here.consumer.ready(10)
            relay.add(b"live")
            await relay.until(lambda: relay.acked == 42)
            assert here.home.bodies == [*(b"%d" % n for n in range(40)), b"live"]
            assert here.home.ids == list(range(1, 43))
            assert here.home.sources == {Source(relay.origin, "shop", "store/e1")}
    assert relay.acks == sorted(relay.acks)
    assert relay.closed == [1001]


async def test_the_handshake_names_the_consumer_and_its_version() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        (shake,) = relay.handshakes
        assert dict(shake.query) == {"consumer": "alice@laptop", "instance": "c0ffee"}
        assert shake.headers["User-Agent"].startswith("inspector/")
        assert "permessage-deflate" not in shake.headers.get("Sec-WebSocket-Extensions", "")


async def test_a_cut_costs_neither_a_hole_nor_a_repeat() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        for n in range(10):
            relay.add(b"%d a" % n, b"%d b" % n)
            await relay.until(lambda: bool(relay.sockets and relay.acks))
            relay.cut()
        await relay.until(lambda: relay.acked == relay.last)
        assert here.home.ids == list(range(1, relay.last + 1))


async def test_the_position_is_asked_for_anew_only_when_all_that_came_is_settled() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        here.home.gate.clear()
        relay.add(*[b"x"] * 50)
        await until(lambda: here.home.queued == 51)
        relay.cut()
        await until(lambda: not relay.sockets)
        assert len(relay.starts) == 1
        here.home.gate.set()
        # `Home.position` fails the test if something is still on its way.
        await relay.until(lambda: len(relay.starts) == 2)
        assert relay.starts[1] == Start(51, at=here.home.stored[-1][0].at)
        assert here.home.ids == list(range(1, 52))


async def test_a_store_that_cannot_commit_is_waited_for_and_nothing_is_lost() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        here.home.full = True
        relay.add(*[b"x"] * 40)
        await relay.until(lambda: len(relay.starts) > 2)
        assert any("cannot commit" in told["reason"] for told in here.told("connecting"))
        assert relay.acked == 1
        here.home.full = False
        await relay.until(lambda: relay.acked == 41)
        assert here.home.ids == list(range(1, 42))


async def test_large_bodies_come_in_pieces_between_small_ones() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        bodies = [b"a", bytes(5001), b"b", b"c" * 1000, b"d" * 1001, b"e"]
        relay.add(*bodies)
        await relay.until(lambda: relay.acked >= 6)
        assert here.home.bodies == bodies


async def test_what_expired_and_what_is_skipped_are_gaps_with_their_reasons() -> None:
    async with fake_relay() as relay:
        relay.add(*[b"old"] * 10, at=now() - 7200_000_000)
        relay.add(*[b"new"] * 3)
        relay.expire(4)
        async with mirrored(relay, backfill="since:1h") as here:
            await here.consumer.ready(10)
            first, second = here.home.gaps
            assert (first.first, first.count, first.origin.id) == (1, 4, 4)
            assert "expired" in first.reason
            assert (second.first, second.count, second.origin.id) == (5, 6, 10)
            assert "--backfill since:1h" in second.reason
            assert here.home.bodies == [b"new"] * 3
            (told,) = here.told("caught-up")
            assert (told["arrived"], told["expired"], told["skipped"]) == (3, 4, 6)


async def test_backfill_none_is_for_the_first_connection_only() -> None:
    async with fake_relay() as relay:
        relay.add(b"before")
        async with mirrored(relay, backfill="none") as here:
            await here.consumer.ready(10)
            relay.cut()
            relay.add(b"meanwhile")
            await relay.until(lambda: len(relay.starts) == 2 and relay.acked == relay.last)
            assert relay.starts[1].since == 0
            assert here.home.bodies == [b"meanwhile"]
            assert [gap.count for gap in here.home.gaps] == [1]


async def test_what_arrived_while_it_was_away_is_counted_without_canaries() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        assert not here.told("caught-up")
        await relay.stop()
        relay.add(*[b"x"] * 37)
        relay.hold(parcel(relay.last + 1, b"", kind="probe", nonce="somebody's"))
        await relay.start()
        await relay.until(lambda: relay.acked == relay.last)
        await until(lambda: bool(here.told("caught-up")))
        assert here.told("caught-up")[0]["arrived"] == 37


@pytest.mark.parametrize("harm", ["hole", "digest", "repeat", "garbage", "short piece"])
async def test_what_is_not_as_announced_is_not_stored_and_ends_the_connection(harm: str) -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        match harm:
            case "hole":
                await relay.say(Parcels((parcel(5),)))
            case "repeat":
                await relay.say(Parcels((parcel(1),)))
            case "digest":
                await relay.say(Parcels((parcel(2)._replace(body=b"[]"),)))
            case "garbage":
                await relay.say_bytes(b"\0\0\0\x09{garbage}")
            case "short piece":
                await relay.say(Parcels((parcel(2)._replace(body=b"", digest="", size=9),)))
                await relay.say(Parcels((parcel(3),)))
                relay.cut()
        await relay.until(lambda: len(relay.starts) == 2)
        relay.add(b"good")
        await relay.until(lambda: relay.acked == relay.last)
        assert here.home.bodies == [b"good"]


async def test_what_an_asked_app_said_goes_back() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        relay.add(b"?", b"?", b"?", ask=True, within=5.0, once=True)
        await relay.until(lambda: relay.acked == 4)
        said = [
            Reply(2, Response(201, "Created", (("X-A", "b"),), b"done", 4)),
            Reply(3, Failure(FailureKind.REFUSED, "connection refused")),
            Reply(4, None),
        ]
        assert here.home.reply is not None
        for reply in said:
            here.home.reply(reply)
        await relay.until(lambda: len(relay.replies) == 3)
        assert relay.replies == said


async def test_an_answer_too_large_for_a_frame_is_told_as_none() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        relay.add(b"?", ask=True, within=5.0)
        await relay.until(lambda: relay.acked == 2)
        assert here.home.reply is not None
        here.home.reply(Reply(2, Response(200, "OK", (), bytes(3 << 20), 3 << 20)))
        await relay.until(lambda: bool(relay.replies))
        assert isinstance(relay.replies[0].outcome, Failure)


async def test_stopping_waits_for_the_commits_and_for_asked_apps() -> None:
    async with fake_relay() as relay:
        async with mirrored(relay) as here:
            await here.consumer.ready(10)
            here.home.gate.clear()
            relay.add(b"?", ask=True, within=5.0)
            await until(lambda: here.home.queued == 2)
            stop = asyncio.ensure_future(here.consumer.stop(5.0))
            here.home.gate.set()
            await relay.until(lambda: relay.acked == 2)
            assert not stop.done()
            assert here.home.reply is not None
            here.home.reply(Reply(2, None))
            await stop
            assert here.consumer.status()["state"] == "stopped"
        assert relay.replies == [Reply(2, None)]


async def test_what_senders_were_answered_is_noted_behind_the_deliveries() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        relay.add(b"?", ask=True)
        await relay.until(lambda: relay.acked == 2)
        await relay.answered((2, 503, True))
        await until(lambda: here.home.notes == [(2, 503, True)])


async def test_status_tells_all_of_the_way() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        await relay.state(primary=True, limited=3)
        await until(lambda: here.consumer.status()["primary"] is True)
        await until(lambda: here.consumer.status()["rtt_ms"] is not None)
        status = here.consumer.status()
        assert status["url"] == relay.url
        assert (status["endpoint"], status["consumer"]) == ("shop", "alice@laptop")
        assert (status["state"], status["reason"], status["retry_in"]) == ("connected", "", None)
        assert (status["position"], status["last"], status["lag"]) == (1, 1, 0)
        assert (status["limited"], status["ack"], status["relay_version"]) == (3, "stored", "0.1.0")
        assert abs(status["clock_skew_ms"]) < 1000
        for hop in status["hops"].values():
            assert hop["ok"] is True
            assert hop["ms"] >= 0
        await relay.stop()
        await until(lambda: here.consumer.status()["state"] == "connecting")
        status = here.consumer.status()
        assert status["retry_in"] is not None
        assert status["hops"]["tunnel"]["ok"] is False


async def test_an_ack_policy_that_changes_meanwhile_is_known() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        await relay.state(primary=False, ack="app")
        await until(lambda: here.consumer.status()["ack"] == "app")
        assert [report["state"] for report in here.told("shadow")] == ["shadow"]
        await relay.state(primary=True)
        await until(lambda: bool(here.told("primary")))
        assert here.consumer.status()["ack"] == "app"


async def test_ready_waits_for_the_canary() -> None:
    async with fake_relay(FakeRelay(mute_canaries=True)) as relay, mirrored(relay) as here:
        await relay.until(lambda: relay.canaries == 1)
        with pytest.raises(UnreachableError, match="no canary came through"):
            await here.consumer.ready(0.2)


async def test_ready_says_why_the_capture_address_is_out_of_reach() -> None:
    async with fake_relay(FakeRelay(capture_status=404)) as relay, mirrored(relay) as here:
        with pytest.raises(UnreachableError, match=r"the capture address answered 404$"):
            await here.consumer.ready(0.5)


async def test_ready_says_why_the_relay_takes_nothing_in() -> None:
    turned_away = FakeRelay(capture_status=429, capture_text="there is no \x1b room\n")
    async with fake_relay(turned_away) as relay, mirrored(relay) as here:
        with pytest.raises(UnreachableError) as raised:
            await here.consumer.ready(0.5)
    assert raised.value.message.endswith("answered 429: there is no \u241b room")


async def test_a_relay_that_cannot_be_reached_is_told_when_the_patience_ends() -> None:
    async with fake_relay() as relay:
        await relay.stop()
        async with mirrored(relay) as here:
            await here.consumer.tried(5)
            with pytest.raises(UnreachableError, match="connection refused") as raised:
                await here.consumer.ready(0.2)
            assert raised.value.exit_code == 4
            await relay.start()
            await here.consumer.ready(10)


async def test_losing_the_name_ends_the_tunnel_and_is_told() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        await relay.close_all(4409, "taken over from 203.0.113.7")
        await until(lambda: bool(here.told("taken-over")))
        assert here.told("taken-over")[0]["reason"] == "taken over from 203.0.113.7"
        assert here.consumer.status()["state"] == "taken-over"
        assert len(relay.handshakes) == 1


async def test_a_name_is_taken_over_once() -> None:
    async with fake_relay() as relay, mirrored(relay, take_over=True) as here:
        await here.consumer.ready(10)
        relay.cut()
        await relay.until(lambda: len(relay.starts) == 2)
        assert [shake.query.get("take_over") for shake in relay.handshakes] == ["1", None]


async def test_a_token_that_is_rotated_later_is_a_state_and_tried_again() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        relay.refuse = 401, error("unauthorized", "no")
        await relay.close_all(4401, "the token was rotated")
        await until(lambda: bool(here.told("refused")))
        await relay.until(lambda: len(relay.handshakes) > 2)
        assert here.consumer.status()["state"] == "refused"
        relay.refuse = None
        await relay.until(lambda: len(relay.starts) == 2)


async def test_a_relay_that_was_set_back_is_refused() -> None:
    home = Home(at=12)
    async with fake_relay() as relay, mirrored(relay, home) as here:
        relay.add(b"x")
        with pytest.raises(ConfigurationError, match="was set back"):
            await here.consumer.ready(5)
        assert not relay.starts


async def test_a_clock_that_is_wrong_is_refused_at_the_start_only() -> None:
    async with fake_relay(FakeRelay(skew=420_000_000)) as relay:
        async with mirrored(relay) as here:
            with pytest.raises(ConfigurationError, match="7 minutes behind the relay's"):
                await here.consumer.tried(5)
        relay.skew = 0
        async with mirrored(relay) as here:
            await here.consumer.ready(10)
            relay.skew = 420_000_000
            relay.cut()
            await relay.until(lambda: len(relay.starts) == 2)
            assert here.consumer.status()["clock_skew_ms"] > 400_000


async def test_the_pauses_grow_and_begin_anew_behind_a_connection_that_brought_something() -> None:
    pauses = Pauses(0.25, 1.5, jitter=lambda: 1.0)
    assert [pauses.next() for _ in range(5)] == [0.25, 0.5, 1.0, 1.5, 1.5]
    pauses.reset()
    assert Pauses(jitter=lambda: 0.0).next() == 0.125
    assert pauses.next() == 0.25


async def test_a_disk_that_stays_full_is_not_tried_again_and_again_at_once() -> None:
    tried: list[float] = []

    class Noted(Pauses):
        def next(self) -> float:
            tried.append(self._next)
            return super().next()

    pauses = Noted(0.01, 0.04, jitter=lambda: 1.0)
    async with (
        fake_relay(FakeRelay(stating=True)) as relay,
        mirrored(relay, pauses=pauses) as here,
    ):
        await here.consumer.ready(10)
        here.home.full = True
        relay.add(b"x")
        await until(lambda: len(tried) > 3)
        assert tried[:4] == [0.01, 0.02, 0.04, 0.04]
        assert here.consumer.status()["hops"]["journal"]["ok"] is False
        here.home.full = False
        await relay.until(lambda: relay.acked == relay.last)
        # No other canary is needed for that to be told.
        assert here.consumer.status()["hops"]["journal"]["ok"] is True
        relay.cut()
        await until(lambda: tried[-1] == 0.01)


async def test_a_machine_that_was_asleep_connects_anew_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inspector.tunnel.consumer._WATCH_SECONDS", 0.02)
    asleep = 0
    pauses = Pauses(60.0, 60.0)
    async with (
        fake_relay() as relay,
        mirrored(relay, pauses=pauses, clock=lambda: now() + asleep) as here,
    ):
        await here.consumer.ready(10)
        asleep = 3600_000_000
        # Neither is the long pause waited for.
        await relay.until(lambda: len(relay.starts) == 2)
        assert here.told("connecting")[0]["reason"] == "this machine was asleep"
