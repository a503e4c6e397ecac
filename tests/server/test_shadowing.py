"""Shadows at home: what its app says goes to the relay once, what others said is kept once."""

from pathlib import Path

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.facts import Shadowed
from inspector.domain.shadow import BODY_BYTES, CONSUMER_LENGTH
from inspector.tunnel.messages import Reply, ShadowReply
from tests.helpers.fake_tunnel import now, parcel
from tests.server.test_mirror import HOME, OK, Mirrored, Onward, mirrored

NO = Failure(FailureKind.REFUSED, "nobody listens there")
BOB = ShadowReply(1, "bob@pc", 5, 12.5, OK)


async def said(here: Mirrored) -> list[Shadowed]:
    return [fact for fact in await here.facts() if isinstance(fact, Shadowed)]


async def test_a_shadow_is_forwarded_as_usual_and_its_first_outcome_is_said(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        here.mirror.speak(HOME.mailbox, here.replies.put_nowait)
        await here.take(parcel(1, shadow=True, answered=None), parcel(2))
        assert [number for number, _ in here.onward.sent] == [1, 2]
        assert not here.onward.asked
        assert [*here.onward.overheard] == [1]
        here.onward.overheard[1](OK, 12.5)
        assert await here.replies.get() == Reply(1, OK, 12.5)


async def test_of_a_long_answer_the_beginning_is_said(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        here.mirror.speak(HOME.mailbox, here.replies.put_nowait)
        await here.take(parcel(1, shadow=True))
        here.onward.overheard[1](Response(200, "OK", (), b"x" * 99_999, 99_999), 1.0)
        outcome = (await here.replies.get()).outcome
        assert isinstance(outcome, Response)
        assert (len(outcome.body), outcome.body_size) == (BODY_BYTES, 99_999)


async def test_what_is_said_without_a_connection_goes_out_with_the_next(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        await here.take(parcel(1, shadow=True), parcel(2, shadow=True))
        here.onward.overheard[1](NO, 1.0)
        assert here.replies.empty()
        here.mirror.speak(HOME.mailbox, here.replies.put_nowait)
        assert await here.replies.get() == Reply(1, NO, 1.0)
        here.mirror.speak(HOME.mailbox, None)
        here.onward.overheard[2](OK, 2.0)
        assert here.replies.empty()
        here.mirror.speak(HOME.mailbox, here.replies.put_nowait)
        assert await here.replies.get() == Reply(2, OK, 2.0)
        assert here.replies.empty()


async def test_without_a_target_a_shadow_has_nothing_to_say(tmp_path: Path) -> None:
    async with mirrored(tmp_path, Onward(targets=())) as here:
        await here.take(parcel(1, shadow=True))
        assert await here.replies.get() == Reply(1, None)
        assert not here.onward.overheard


async def test_what_others_said_is_kept_once_beside_the_delivery(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        await here.take(parcel(1, ask=True, within=1.0), parcel(2, shadow=True))
        eve = ShadowReply(2, "eve", 6, 3.0, NO)
        for each in (BOB, eve, BOB, eve, BOB._replace(outcome=NO)):
            await here.mirror.shadowed(HOME.mailbox, each)
        assert await said(here) == [
            Shadowed(5, 1, "bob@pc", 12.5, OK),
            Shadowed(6, 2, "eve", 3.0, NO),
        ]
        # Of what has just come nobody asks the store.
        assert not here.looked_up


async def test_what_an_earlier_process_has_is_not_kept_again(tmp_path: Path) -> None:
    stored = {1: (10, frozenset({"bob@pc"}))}
    async with mirrored(tmp_path, stored=stored) as here:
        for each in (BOB, BOB, BOB._replace(consumer="eve"), BOB._replace(id=9)):
            await here.mirror.shadowed(HOME.mailbox, each)
        assert await said(here) == [Shadowed(5, 10, "eve", 12.5, OK)]
        assert here.looked_up == [1, 9]


async def test_a_relay_that_says_too_much_is_cut_short(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        await here.take(parcel(1, shadow=True))
        long = Response(200, "OK", (("A", "x" * 99_999),), b"y" * 99_999, 99_999)
        name = "n" * 9999
        await here.mirror.shadowed(HOME.mailbox, ShadowReply(1, name, 1 << 61, 1.0, long))
        (fact,) = await said(here)
        assert isinstance(fact.outcome, Response)
        assert (len(fact.outcome.body), fact.outcome.headers) == (BODY_BYTES, ())
        assert len(fact.consumer) == CONSUMER_LENGTH
        assert fact.at < now() + 2 * 86_400 * 1_000_000
