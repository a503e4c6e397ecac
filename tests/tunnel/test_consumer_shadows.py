"""What a consumer's app says beside the one that answers, and what it hears of the others."""

import pytest

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.tunnel import session
from inspector.tunnel.messages import Reply, ShadowReply
from inspector.tunnel.wire import encode
from tests.helpers.fake_tunnel import fake_relay
from tests.tunnel.homes import mirrored, until

OK = Response(200, "OK", (("A", "b"),), b"fine", 4)
BOB = ShadowReply(2, "bob@pc", 5, 12.5, OK)


async def test_a_shadow_s_reply_goes_out_on_the_connection_of_the_moment() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        relay.add(b"x", shadow=True)
        await relay.until(lambda: relay.acked == 2)
        assert here.home.stored[-1][0].shadow
        for starts, reply in enumerate((Reply(2, OK, 12.5), Reply(2, None, 0.0)), 1):
            await until(lambda: here.home.shadow_replies is not None)
            assert here.home.shadow_replies is not None
            here.home.shadow_replies(reply)
            await relay.until(lambda reply=reply: relay.replies[-1:] == [reply])  # type: ignore[misc]
            relay.cut()
            await relay.until(lambda starts=starts: len(relay.starts) > starts)  # type: ignore[misc]
    assert here.home.shadow_replies is None


async def test_what_others_said_comes_behind_what_came_before_it() -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        here.home.gate.clear()
        relay.add(b"x")
        await until(lambda: here.home.queued == 2)
        await relay.say(BOB)
        failed = BOB._replace(consumer="eve", outcome=Failure(FailureKind.CUT, "cut"))
        await relay.say(failed)
        relay.add(b"y")
        await until(lambda: here.home.queued == 3)
        assert not here.home.said
        here.home.gate.set()
        await relay.until(lambda: relay.acked == 3)
        assert [said for _, said in here.home.said] == [BOB, failed]
        # The delivery was on the disk before it, and one that came later was not waited for.
        assert all(stored >= 2 for stored, _ in here.home.said)


async def test_a_relay_that_says_more_than_can_be_written_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "_MOST_PENDING", 16)
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        here.home.gate.clear()
        relay.add(b"x")
        await until(lambda: here.home.queued == 2)
        for number in range(200):
            await relay.say(BOB._replace(consumer=f"bob-{number}"))
        relay.add(b"y")
        held = here.consumer._session
        assert held is not None
        await until(lambda: held._pending >= 16)
        assert here.home.queued == 2
        here.home.gate.set()
        await relay.until(lambda: relay.acked == 3)
        assert len(here.home.said) == 200
        assert held._pending == 0


@pytest.mark.parametrize(
    "frame",
    [
        encode(BOB).replace(b'"status":200', b'"status":20000'),
        encode(BOB).replace(b'"at":5', b'"at":-5'),
        encode(BOB).replace(b'"ms":12.5', b'"ms":1e13'),
        encode(BOB).replace(b'"bob@pc"', b'["bobc"]'),
        encode(BOB).replace(b'"id":2', b'"id":"'),
    ],
)
async def test_what_cannot_be_read_ends_the_connection(frame: bytes) -> None:
    async with fake_relay() as relay, mirrored(relay) as here:
        await here.consumer.ready(10)
        await relay.say_bytes(frame)
        await relay.until(lambda: len(relay.starts) == 2)
        assert not here.home.said
