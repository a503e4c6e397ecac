"""What a sender of the relay is answered: as stored, or what an app at a consumer's home says."""

import asyncio
from pathlib import Path

import pytest

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.facts import Captured
from tests.helpers.relaying import Answering, Relaying, endpoint, relaying
from tests.helpers.served import post

REFUSED = Failure(FailureKind.REFUSED, "the app refused the connection")
LATE = Failure(FailureKind.TIMEOUT, "the app did not answer in time")
TEAPOT = Response(
    418, "I'm a teapot", (("X-App", "1"), ("x-app", "2"), ("Inspector-Delivery", "77")), b"tea", 3
)


def saying(outcome: Outcome | None) -> Answering:
    async def answer(number: int, fact: Captured) -> Outcome | None:
        return outcome

    return answer


async def kept(relay: Relaying) -> list[tuple[int, int, bool]]:
    """What the store says that senders were answered."""
    await relay.store.journal.settled(5.0)
    return await relay.store.answers("id-one", 1000, 1000)


async def test_stored_answers_at_once(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(status=202)]) as relay:
        relay.desk().answering = saying(TEAPOT)
        answer = await relay.post()
        assert (answer.status, answer.delivery, answer.body) == (202, 1, b"")
        assert relay.desk().asked == []
        assert relay.desk().answers == []
        (parcel,) = await relay.stored()
        assert (parcel.answered, parcel.turned_away) == (202, False)


@pytest.mark.parametrize("ack", ["app", "app-or-stored:5"])
async def test_the_apps_own_response_goes_back(tmp_path: Path, ack: str) -> None:
    async with relaying(tmp_path, [endpoint(ack=ack, timeout=7.0)]) as relay:
        relay.desk().answering = saying(TEAPOT)
        answer = await relay.post()
        assert (answer.status, answer.delivery, answer.body) == (418, 1, b"tea")
        assert answer.headers["x-app"] == "2"
        assert relay.desk().asked == [(7.0, True) if ack == "app" else (5.0, False)]
        assert relay.desk().answers == [(1, 418, False)] == await kept(relay)
        (parcel,) = await relay.stored()
        assert parcel.answered == 418


async def test_the_response_to_head_has_no_body(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(ack="app")]) as relay:
        app = Response(200, "OK", (("Content-Length", "10"),), b"", 0)
        relay.desk().answering = saying(app)
        async with await relay.wire() as wire:
            await wire.send(b"HEAD /in/Sone HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await wire.answer(to_head=True)
            assert answer.headers["content-length"] == "10"
            assert (await wire.ask(post(target=b"/in/Sone"))).status == 200


@pytest.mark.parametrize("outcome", [REFUSED, LATE])
async def test_under_app_a_sender_sends_again_when_no_app_answers(
    tmp_path: Path, outcome: Outcome
) -> None:
    async with relaying(tmp_path, [endpoint(ack="app")]) as relay:
        relay.desk().answering = saying(outcome)
        answer = await relay.post()
        assert (answer.status, answer.delivery) == (503, 1)
        assert int(answer.headers["retry-after"]) > 0
        assert relay.desk().answers == [(1, 503, True)] == await kept(relay)
        (parcel,) = await relay.stored()
        assert (parcel.answered, parcel.turned_away) == (503, True)
        # The second time is another delivery.
        relay.desk().answering = saying(TEAPOT)
        assert (await relay.post()).delivery == 2


async def test_under_app_what_no_target_takes_is_answered_as_stored(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(ack="app", status=202)]) as relay:
        relay.desk().answering = saying(None)
        assert (await relay.post()).status == 202
        assert relay.desk().answers == [(1, 202, False)] == await kept(relay)


@pytest.mark.parametrize("outcome", [None, REFUSED, LATE])
async def test_under_app_or_stored_it_is_answered_as_stored(
    tmp_path: Path, outcome: Outcome | None
) -> None:
    async with relaying(tmp_path, [endpoint(ack="app-or-stored:2", status=204)]) as relay:
        relay.desk().answering = saying(outcome)
        answer = await relay.post()
        assert (answer.status, answer.delivery) == (204, 1)
        assert relay.desk().asked == [(2.0, False)]
        assert relay.desk().answers == [(1, 204, False)] == await kept(relay)


FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
CUNNING = {
    "a body where none may be": Response(204, "No Content", (), FORGED, len(FORGED)),
    "a body that is not modified": Response(304, "Not Modified", (), FORGED, len(FORGED)),
    "a status before the answer": Response(100, "Continue", (), FORGED, len(FORGED)),
    "another protocol": Response(101, "Switching Protocols", (), FORGED, len(FORGED)),
    "no status": Response(7, "x", (), b"", 0),
    "a long status": Response(2000, "x", (), b"", 0),
    "a line in the reason": Response(200, "OK\nContent-Length: 0\n", (), FORGED, len(FORGED)),
    "a line in a value": Response(
        200, "OK", (("X", "a\nContent-Length: 0\r\n\r\n\0"),), FORGED, len(FORGED)
    ),
    "a line in a name": Response(200, "OK", (("X\nContent-Length", "0"),), FORGED, len(FORGED)),
    "a blank in a name": Response(200, "OK", (("Content-Length ", "0"),), FORGED, len(FORGED)),
    "a name that goes on": Response(
        200, "OK", (("Transfer-Encoding:chunked", ""),), FORGED, len(FORGED)
    ),
}


@pytest.mark.parametrize("name", CUNNING)
async def test_an_answer_ends_where_it_should(tmp_path: Path, name: str) -> None:
    """What comes behind it on the connection is the next request's, maybe another endpoint's."""
    said = CUNNING[name]
    endpoints = [endpoint("one", ack="app"), endpoint("two", status=202)]
    async with relaying(tmp_path, endpoints) as relay:
        relay.desk().answering = saying(said)
        async with await relay.wire() as wire:
            await wire.send(post(target=b"/in/Sone") + post(target=b"/in/Stwo"))
            answer = await wire.answer()
            if not 200 <= said.status <= 999:
                assert (answer.status, answer.headers["connection"]) == (502, "close")
                assert await wire.rest() == b""
                assert relay.desk().answers == [(1, 502, False)]
                return
            assert (answer.status, answer.delivery) == (said.status, 1)
            assert answer.body == (b"" if said.status in (204, 304) else FORGED)
            assert not {"transfer-encoding", "content-length "} & set(answer.headers)
            assert (await wire.answer()).status == 202


async def test_a_reason_that_is_no_text(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(ack="app")]) as relay:
        relay.desk().answering = saying(Failure(FailureKind.REFUSED, "no \ud800 text"))
        answer = await relay.post()
        assert (answer.status, answer.delivery, answer.body) == (503, 1, b"no ? text\n")
        assert relay.desk().answers == [(1, 503, True)] == await kept(relay)


async def test_a_waiting_sender_holds_nobody_up(tmp_path: Path) -> None:
    let_go = asyncio.Event()
    asked = asyncio.Event()

    async def first_waits(number: int, fact: Captured) -> Outcome | None:
        if number == 1:
            asked.set()
            await let_go.wait()
        return TEAPOT

    async with relaying(tmp_path, [endpoint(ack="app")]) as relay:
        relay.desk().answering = first_waits
        waiting = asyncio.ensure_future(relay.post())
        await asked.wait()
        assert (await relay.post()).delivery == 2
        let_go.set()
        assert (await waiting).delivery == 1


async def test_a_sender_that_goes_away_while_it_waits(tmp_path: Path) -> None:
    """Its delivery stays; what the app says to it is noted."""
    let_go, asked = asyncio.Event(), asyncio.Event()

    async def slow(number: int, fact: Captured) -> Outcome | None:
        asked.set()
        await let_go.wait()
        return TEAPOT

    async with relaying(tmp_path, [endpoint(ack="app")]) as relay:
        relay.desk().answering = slow
        async with await relay.wire() as wire:
            await wire.send(post(target=b"/in/Sone"))
            await asked.wait()
            wire.cut()
        let_go.set()
        assert (await relay.post()).delivery == 2
        assert relay.address().under_way == 0
        assert len(await relay.stored()) == 2
