"""The control client against a real server: what it asks, and how errors come back."""

import pytest
from aiohttp import web

from inspector.client.control import Control, refusal
from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.facts import Shadowed
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from tests.helpers.fake_listener import TOKEN, fake_listener
from tests.helpers.summaries import NOW, Content, make_attempt, make_delivery
from tests.helpers.teams import shadow_item, team_of_three


async def test_every_read() -> None:
    first, second = make_delivery(1), make_delivery(2, event="delta.failed")
    async with fake_listener(first, second) as listener, Control(listener.control, TOKEN) as c:
        listener.contents[2] = Content((("X-Dup", "a"), ("x-dup", "b")), b"\x00\xff")
        await listener.attempt(make_attempt(9, 2), Content((("Server", "x"),), b"done"))

        status = await c.status()
        assert (status.url, status.ledger["received"]) == (listener.url, 2)
        assert (status.balanced, status.store_ok) == (True, True)
        assert status.targets[0].target == "http://localhost:3000"

        counts = await c.counts()
        assert {one.event: one.count for one in counts.events} == {
            "delta.verified": 1,
            "delta.failed": 1,
        }
        page = await c.deliveries(limit=1)
        assert (page.items, page.next) == ((second,), 2)
        assert (await c.deliveries(before=2)).items == (first,)
        assert (await c.deliveries(after=1)).items == (second,)
        assert (await c.deliveries("event:*.failed")).items == (second,)
        assert list(await c.ids()) == [2, 1]
        assert list(await c.ids("event:delta.verified")) == [1]

        detail = await c.delivery(2)
        assert detail.delivery == second
        assert detail.request.headers == (("X-Dup", "a"), ("x-dup", "b"))
        assert (detail.request.body, detail.has_body) == (b"\x00\xff", True)
        assert (await c.delivery(2, body=False)).has_body is False
        assert await c.body(2) == b"\x00\xff"

        (attempt,) = await c.attempts(2)
        assert (attempt.attempt.id, attempt.body) == (9, b"done")
        assert attempt.headers == (("Server", "x"),)
        assert attempt.request is not None
        assert (attempt.request.method, attempt.request.request_target) == ("POST", "/hooks")
        assert attempt.request.headers[-1] == ("Inspector-Attempt", "1")


async def test_ids_in_a_window() -> None:
    async with (
        fake_listener(*map(make_delivery, range(1, 7))) as listener,
        Control(listener.control, TOKEN) as c,
    ):
        assert list(await c.ids(after=2, before=6)) == [5, 4, 3]
        assert list(await c.ids("id:1,4", after=2)) == [4]
        assert list(await c.ids(after=2, limit=1)) == [6]


async def test_what_the_sidebar_and_completion_ask() -> None:
    deliveries = [
        make_delivery(1, received_at=10_500_000),
        make_delivery(2, received_at=10_700_000, mark="todo"),
        make_delivery(3, received_at=12_000_000, duplicate_of=1),
        make_delivery(4, received_at=12_000_001, duplicate_of=1, event="delta.failed"),
    ]
    async with fake_listener(*deliveries) as listener, Control(listener.control, TOKEN) as c:
        assert await c.activity(0, 1_000_000) == {10_000_000: 2, 12_000_000: 2}
        assert await c.activity(12_000_001, 1_000_000) == {12_000_000: 1}
        assert list(await c.duplicates()) == [4, 1, 3, 1]
        assert list(await c.duplicates("event:delta.verified")) == [3, 1]
        assert list(await c.duplicates(before=4, after=2, limit=5)) == [3, 1]
        assert (await c.counts()).marked == 1
        listener.contents[1] = Content((("X-Id", "1"),), b'{"data":{"items":[{"price":1}]}}')
        seen = await c.seen()
        assert "items.0.price" in seen.data
        assert "x-id" in seen.headers


async def test_every_act() -> None:
    async with fake_listener(make_delivery(1)) as listener, Control(listener.control, TOKEN) as c:
        resent = await c.resend(1, to="http://other", re_sign=True)
        assert resent.delivery_id == 1
        assert [one.finished for one in resent.attempts] == [False]
        assert listener.posted == [{"id": 1, "to": "http://other", "re_sign": True}]
        assert await c.trigger("delta.verified", envelope="sdk") == (2,)
        assert listener.posted[-1] == {"event": "delta.verified", "envelope": "sdk"}


async def test_what_other_consumers_apps_said() -> None:
    failed = {"kind": "refused", "reason": "nobody listens there"}
    async with fake_listener(make_delivery(1)) as listener, Control(listener.control, TOKEN) as c:
        assert await c.answers(1) == ((), ())
        await listener.attempt(make_attempt(9, 1))
        headers = [["X-Dup", "a"], ["x-dup", "b"]]
        await listener.shadow(1, shadow_item(headers=headers, body_b64="AP8=", body_size=20_000))
        await listener.shadow(1, shadow_item("eve@tower", status=None, failure=failed))
        attempts, (first, second) = await c.answers(1)
        assert [one.attempt.id for one in attempts] == [9]
        answer = Response(500, "", (("X-Dup", "a"), ("x-dup", "b")), b"\x00\xff", 20_000)
        assert first == Shadowed(NOW, 1, "bob@pc", 12.0, answer)
        failure = Failure(FailureKind.REFUSED, "nobody listens there")
        assert second == Shadowed(NOW, 1, "eve@tower", 12.0, failure)


async def test_the_team_at_a_relay_and_its_primary() -> None:
    async with fake_listener() as listener, Control(listener.control, TOKEN) as c:
        listener.relay = team_of_three(filter="path:/a", passed=7, team_more=2)
        relay = (await c.status()).relay
        assert relay is not None
        assert (relay.filter, relay.passed, relay.team_more) == ("path:/a", 7, 2)
        bob, ana, eve = relay.team
        assert (bob.consumer, bob.primary, bob.you) == ("bob@pc", True, False)
        assert (ana.you, ana.since) == (True, NOW - 60_000_000)
        assert (eve.lag, eve.last_attempt) == (1234, (NOW - 90_000_000, None, "connection refused"))
        await c.take_primary()
        relay = (await c.status()).relay
        assert relay is not None
        assert [one.primary for one in relay.team] == [False, True, False]
        listener.refuse = (503, "there is no connection to the relay", "")
        with pytest.raises(InspectorError, match="no connection"):
            await c.take_primary()


async def test_an_edited_one_is_sent_in_place_of_a_held_one() -> None:
    async with fake_listener() as listener, Control(listener.control, TOKEN) as c:
        await c.hold("event:delta.*")
        await listener.add(make_delivery(1), make_delivery(2, event="other"))
        assert [str(listener.deliveries[one].state) for one in (1, 2)] == ["held", "forwarded"]
        assert (await c.status()).breakpoint == "event:delta.*"
        assert (await c.counts()).states == {"held": 1, "forwarded": 1}
        edited = (await c.delivery(1)).request._replace(body=b"\xff")
        resent = await c.resend(1, edited=edited, instead=True, wait=True)
        assert resent.delivery_id == 3
        assert listener.deliveries[1].state_reason == "edited and sent as #3"
        assert listener.deliveries[3].replay_of == 1
        assert await c.body(3) == b"\xff"
        assert "instead" in listener.posted[-1]


async def test_releases_in_order() -> None:
    async with fake_listener() as listener, Control(listener.control, TOKEN) as c:
        await c.hold("event:delta.*")
        await listener.add(*map(make_delivery, range(1, 6)))
        assert await c.release() == (1,)
        assert await c.release(4) == (4,)
        assert await c.release(4) == ()
        await c.hold("")
        assert (await c.status()).breakpoint == ""
        assert await c.release(all=True) == (2, 3, 5)
        assert await c.release() == ()
        with pytest.raises(UsageError):
            await c.hold("(")


async def test_marks_and_notes() -> None:
    async with fake_listener(make_delivery(1)) as listener, Control(listener.control, TOKEN) as c:
        await c.mark(1, mark="todo")
        await c.mark(1, note="ask Ana")
        found = listener.deliveries[1]
        assert (found.mark, found.note) == ("todo", "ask Ana")
        await c.mark(1, mark="")
        found = listener.deliveries[1]
        assert (found.mark, found.note) == ("", "ask Ana")
        with pytest.raises(NotFoundError):
            await c.mark(2, mark="todo")


async def test_failures_of_attempts_come_with_their_reason() -> None:
    async with fake_listener(make_delivery(1)) as listener, Control(listener.control, TOKEN) as c:
        failure = Failure(FailureKind.REFUSED, "connection refused")
        await listener.attempt(make_attempt(5, 1, status=None, failure=failure))
        assert (await c.attempts(1))[0].attempt.failure == failure


async def test_errors_are_the_houses_own() -> None:
    async with fake_listener() as listener:
        async with Control(listener.control, "wrong") as c:
            with pytest.raises(ConfigurationError, match="token"):
                await c.status()
        async with Control(listener.control, TOKEN) as c:
            with pytest.raises(NotFoundError, match="no such delivery"):
                await c.delivery(404)
            with pytest.raises(UsageError):
                await c.deliveries("event:(")
            with pytest.raises(UsageError, match="cannot be sent"):
                await c.deliveries('event:"\ud800"')
            listener.refuse = (409, "there is no secret to sign with", "--secret")
            listener.hold(make_delivery(1))
            with pytest.raises(InspectorError) as caught:
                await c.resend(1, re_sign=True)
            assert (caught.value.message, caught.value.hint) == (
                "there is no secret to sign with",
                "--secret",
            )


async def test_nobody_there() -> None:
    async with fake_listener() as listener:
        control = listener.control
    async with Control(control, TOKEN) as c:
        with pytest.raises(UnreachableError, match="no listener answers") as caught:
            await c.status()
        assert "inspector serve" in caught.value.hint


async def test_another_server_is_no_listener() -> None:
    async def chat(request: web.Request) -> web.Response:
        return web.Response(text="hello" if request.path.endswith("status") else "[]")

    app = web.Application()
    app.router.add_get("/{tail:.*}", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Control(f"http://127.0.0.1:{runner.addresses[0][1]}", TOKEN) as c:
            with pytest.raises(InspectorError, match="not JSON"):
                await c.status()
            with pytest.raises(InspectorError, match="not a JSON object"):
                await c.counts()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UsageError),
        (401, ConfigurationError),
        (403, ConfigurationError),
        (404, NotFoundError),
        (422, UsageError),
        (503, InspectorError),
    ],
)
def test_refusals_without_words(status: int, kind: type[InspectorError]) -> None:
    for data in (b"", b"<html>", b"[]", b'{"error": 1}', b"\xff"):
        error = refusal(status, data)
        assert type(error) is kind
        assert str(status) in error.message


async def test_closing_twice_is_fine() -> None:
    async with fake_listener() as listener:
        control = Control(listener.control, TOKEN)
        await control.status()
        await control.close()
        await control.close()
