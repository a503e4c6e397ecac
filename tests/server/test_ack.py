"""The ack policies: what the sender is answered, and what the store says of it."""

import asyncio
from pathlib import Path

import pytest

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.domain.facts import Captured
from inspector.forward import insist
from inspector.store.files import StoreFiles
from inspector.store.store import Store
from tests.helpers.fake_target import FakeTarget, cut, held, ok, raw
from tests.helpers.served import post
from tests.server.conftest import Serve
from tests.store.parts import append, journal_of


async def test_stored_does_not_wait_for_the_app(serve: Serve) -> None:
    gate = asyncio.Event()
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        app.default = held(gate, ok(status=500))
        delivery_id = await listener.post(b"first")
        await app.wait_for(1)
        gate.set()
        delivery = await listener.settled(delivery_id, "forwarded")
        assert (delivery.answered, delivery.last_status) == (200, 500)


async def test_app_gives_the_apps_own_answer(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack="app") as listener:
        app.then(
            raw(
                b"HTTP/1.1 418 I am a teapot\r\nX-Dup: 1\r\nx-dup: 2\r\nSet-Cookie: a=1\r\n"
                b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nInspector-Delivery: 999\r\n"
                b"Content-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n0\r\n\r\n"
            )
        )
        async with await listener.wire() as wire:
            await wire.send(post(b"in"))
            head = await wire.reader.readuntil(b"\r\n\r\n")
            body = await wire.reader.readexactly(3)
            assert head == (
                b"HTTP/1.1 418 I am a teapot\r\nX-Dup: 1\r\nx-dup: 2\r\nSet-Cookie: a=1\r\n"
                b"Content-Type: text/x\r\nInspector-Delivery: 1\r\nContent-Length: 3\r\n\r\n"
            )
            assert body == b"abc"
            # The connection goes on.
            assert (await wire.ask(post(b"two"))).status == 200
        assert (await listener.settled(1, "forwarded")).answered == 418
        assert (await listener.delivery(2)).answered == 200


@pytest.mark.parametrize("status", [204, 304])
async def test_app_answers_without_a_body(serve: Serve, status: int) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack="app") as listener:
        app.default = raw(b"HTTP/1.1 %d X\r\nETag: y\r\n\r\n" % status)
        async with await listener.wire() as wire:
            for _ in range(2):
                answer = await wire.ask(post())
                assert (answer.status, answer.headers["etag"]) == (status, "y")
                assert "content-length" not in answer.headers


async def test_app_answers_head(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack="app") as listener:
        app.default = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        async with await listener.wire() as wire:
            for _ in range(2):
                await wire.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = await wire.answer(to_head=True)
                assert (answer.status, answer.headers["content-length"]) == (200, "1234")


async def test_app_to_http_1_0(serve: Serve) -> None:
    async with (
        FakeTarget() as app,
        serve(forward_to=[app.url], ack="app") as listener,
        await listener.wire() as wire,
    ):
        await wire.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = await wire.answer()
        assert (answer.status, answer.body) == (200, b"ok")
        assert answer.headers["connection"] == "close"
        assert await wire.rest() == b""


async def test_app_that_takes_too_long_is_504(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack="app", timeout=1) as listener:
        app.default = held(asyncio.Event())
        answer = await listener.ask(post())
        assert (answer.status, answer.headers["retry-after"]) == (504, "5")
        assert answer.delivery == 1
        delivery = await listener.settled(1, "failed")
        assert delivery.answered == 504
        # The provider will try again, so we do not.
        assert len(await listener.attempts(1)) == 1
        app.default = ok()
        assert (await listener.ask(post(b"next"))).status == 200
        assert [exchange.body for exchange in app.received] == [b"{}", b"next"]


@pytest.mark.parametrize("how", ["refused", "cut"])
async def test_app_that_cannot_be_reached_is_502(serve: Serve, how: str) -> None:
    async with FakeTarget() as app:
        app.default = cut()
        if how == "refused":
            await app.close()
        async with serve(forward_to=[app.url], ack="app") as listener:
            answer = await listener.ask(post())
            assert (answer.status, answer.headers["retry-after"]) == (502, "5")
            assert (await listener.settled(1, "failed")).answered == 502
            assert len(await listener.attempts(1)) == 1


async def test_app_or_stored_in_time(serve: Serve) -> None:
    ack = "app-or-stored:10"
    async with FakeTarget() as app, serve(forward_to=[app.url], ack=ack) as listener:
        app.default = ok(b"mine", status=201)
        answer = await listener.ask(post())
        assert (answer.status, answer.body) == (201, b"mine")
        assert (await listener.settled(1, "forwarded")).answered == 201


async def test_app_or_stored_too_late_goes_on(serve: Serve) -> None:
    gate = asyncio.Event()
    told = {"ack": "app-or-stored:0.1", "status": 202}
    async with FakeTarget() as app, serve(forward_to=[app.url], **told) as listener:
        app.default = held(gate, ok(status=201))
        answer = await listener.ask(post())
        assert (answer.status, answer.body) == (202, b"")
        gate.set()
        delivery = await listener.settled(1, "forwarded")
        assert (delivery.answered, delivery.last_status) == (202, 201)
        assert len(app.received) == 1


async def test_app_or_stored_retries_an_app_that_is_away(serve: Serve) -> None:
    async with FakeTarget() as app:
        await app.close()
        async with serve(forward_to=[app.url], ack="app-or-stored:0.1") as listener:
            answer = await listener.ask(post(b"kept"))
            assert answer.status == 200
            while not await listener.attempts(1):
                pass
            await app.open()
            await app.wait_for(1)
            delivery = await listener.settled(1, "forwarded")
            assert delivery.answered == 200
            assert len(await listener.attempts(1)) > 1


async def test_app_or_stored_when_retrying_has_an_end(serve: Serve) -> None:
    """A final failure within the time is no answer of the app: the delivery is stored."""
    async with FakeTarget() as app:
        await app.close()
        async with serve(forward_to=[app.url], ack="app-or-stored:10", retry=0) as listener:
            assert (await listener.ask(post())).status == 200
            assert (await listener.settled(1, "failed")).answered == 200


@pytest.mark.parametrize("ack", ["app", "app-or-stored:10"])
async def test_without_a_target_every_policy_stores(serve: Serve, ack: str) -> None:
    async with serve(ack=ack) as listener:
        assert (await listener.ask(post())).status == 200
        delivery = await listener.delivery(1)
        assert (delivery.answered, delivery.state) == (200, "kept")


EVENT = b'{"event":"%s"}'


async def test_routes_and_filters(serve: Serve) -> None:
    async with (
        FakeTarget() as deltas,
        FakeTarget() as rest,
        serve(
            forward_to=[f"delta.*={deltas.url}/d", f"*={rest.url}"],
            events=["delta.*", "fact.*"],
        ) as listener,
    ):
        delta = await listener.post(EVENT % b"delta.verified")
        fact = await listener.post(EVENT % b"fact.verified")
        other = await listener.post(EVENT % b"customer.created")
        none = await listener.post(b"no event")
        await listener.settled(delta, "forwarded")
        await listener.settled(fact, "forwarded")
        for filtered in (other, none):
            found = await listener.settled(filtered, "filtered")
            assert found.state_reason == "-e delta.* -e fact.*"
        assert {one.target for one in await listener.attempts(delta)} == {
            f"{deltas.url}/d",
            rest.url,
        }
        assert [one.target for one in await listener.attempts(fact)] == [rest.url]
        assert [one.request_line for one in deltas.received] == [b"POST /d HTTP/1.1"]
        _, told = await listener.api("status")
        assert (told["ledger"]["forwarded"], told["ledger"]["filtered"]) == (2, 2)
        assert told["ledger"]["balanced"] is True


async def test_a_large_body_is_routed_by_its_event(serve: Serve) -> None:
    body = b'{"event":"delta.verified","data":"%s"}' % (b"x" * (2 << 20))
    async with FakeTarget() as app, serve(forward_to=[f"delta.*={app.url}"]) as listener:
        wanted = await listener.post(body)
        other = await listener.post(body.replace(b"delta.", b"fact.", 1))
        assert (await listener.settled(wanted, "forwarded")).event == "delta.verified"
        assert (await listener.settled(other, "kept")).event == "fact.verified"
        assert [exchange.body for exchange in app.received] == [body]


@pytest.mark.parametrize("size", [10, 2 << 20])
async def test_the_event_decides_whom_the_sender_waits_for(serve: Serve, size: int) -> None:
    body = b'{"event":"%s","data":"' + b"x" * size + b'"}'
    async with FakeTarget() as app:
        app.default = ok(status=207)
        async with serve(forward_to=[f"delta.*={app.url}"], ack="app") as listener:
            assert (await listener.ask(post(body % b"delta.failed"))).status == 207
            assert (await listener.ask(post(body % b"fact.verified"))).status == 200
            assert (await listener.settled(1, "forwarded")).answered == 207
            assert (await listener.settled(2, "kept")).answered == 200


async def test_the_first_target_answers_and_all_get_it(serve: Serve) -> None:
    async with FakeTarget() as first, FakeTarget() as second:
        first.default, second.default = ok(b"1", status=201), ok(b"2", status=202)
        async with serve(forward_to=[first.url, second.url], ack="app") as listener:
            answer = await listener.ask(post())
            assert (answer.status, answer.body) == (201, b"1")
            await second.wait_for(1)
            await listener.settled(1, "forwarded")


async def captured(folder: Path, *events: bytes) -> None:
    """Deliveries as a listener leaves them that died between the capture and the decision."""
    requests = [Request("POST", "/", "1.1", (), EVENT % event) for event in events]
    # Of now: decided ones of long ago would go by retention at once.
    at = wall_clock()
    facts = [Captured(at, request, "", answered=200) for request in requests]
    async with journal_of(StoreFiles(folder / "store.db")) as journal:
        await append(journal, *facts)


async def test_what_was_never_routed_is_routed_at_start(serve: Serve, tmp_path: Path) -> None:
    await captured(tmp_path, b"delta.verified", b"fact.verified")
    async with FakeTarget() as app, serve(forward_to=[f"delta.*={app.url}"]) as listener:
        await listener.settled(1, "forwarded")
        await listener.settled(2, "kept")
        assert [exchange.body for exchange in app.received] == [EVENT % b"delta.verified"]


async def test_routing_waits_for_an_index_that_lags(
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At start and behind a large body: a page of a lagging index would look like the end."""
    monkeypatch.setattr(insist, "_STORE_PAUSE", 0)
    answers = [False, True, True, False]  # of the wait, its second try, the read, the routing
    real = Store.caught_up

    async def caught_up(self: Store) -> bool:
        task = asyncio.current_task()
        if task and task.get_name() == "runtime/take up" and answers:
            return answers.pop(0)
        return await real(self)

    await captured(tmp_path, b"delta.verified")
    monkeypatch.setattr(Store, "caught_up", caught_up)
    async with FakeTarget() as app, serve(forward_to=[f"delta.*={app.url}"]) as listener:
        await listener.settled(1, "forwarded")
        assert [exchange.body for exchange in app.received] == [EVENT % b"delta.verified"]
    assert "waiting for the index" in caplog.text
    assert "the store cannot be read for routing" in caplog.text


async def test_a_large_body_that_cannot_be_read_at_first(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insist, "_STORE_PAUSE", 0)
    real, failures = Store.load, [OSError("database is locked")]

    async def load(self: Store, delivery_id: int) -> Request | None:
        if failures:
            raise failures.pop()
        return await real(self, delivery_id)

    monkeypatch.setattr(Store, "load", load)
    body = EVENT[:-1] % b"delta.verified" + b',"data":"%s"}' % (b"x" * (2 << 20))
    async with FakeTarget() as app, serve(forward_to=[f"delta.*={app.url}"]) as listener:
        await listener.settled(await listener.post(body), "forwarded")
        assert [exchange.body for exchange in app.received] == [body]


async def test_a_target_that_is_not_configured_keeps_its_deliveries(serve: Serve) -> None:
    async with FakeTarget() as app:
        await app.close()
        async with serve(forward_to=[app.url]) as listener:
            await listener.post()
            (began,) = await listener.until(lambda: listener.attempts(1), 1)
            assert began.target == app.url
        async with serve() as listener:
            _, told = await listener.api("status")
            assert told["not_configured"] == {app.url: 1}
            assert told["ledger"]["waiting"] == 1
