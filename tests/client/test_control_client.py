"""The control client against a real server: what it asks, and how errors come back."""

import pytest
from aiohttp import web

from inspector.client.control import Control, refusal
from inspector.domain.attempt import Failure, FailureKind
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from tests.helpers.fake_listener import TOKEN, fake_listener
from tests.helpers.summaries import Content, make_attempt, make_delivery


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


async def test_every_act() -> None:
    async with fake_listener(make_delivery(1)) as listener, Control(listener.control, TOKEN) as c:
        resent = await c.resend(1, to="http://other", re_sign=True)
        assert resent.delivery_id == 1
        assert [one.finished for one in resent.attempts] == [False]
        assert listener.posted == [{"id": 1, "to": "http://other", "re_sign": True}]
        assert await c.trigger("delta.verified", envelope="sdk") == (2,)
        assert listener.posted[-1] == {"event": "delta.verified", "envelope": "sdk"}


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
