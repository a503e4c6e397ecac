"""A listener that stops or cannot store: nobody is told that something was kept which was not."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from inspector.errors import UnreachableError, UsageError
from inspector.store import connect
from tests.helpers.fake_target import FakeTarget, held, ok
from tests.helpers.served import Served, post, served
from tests.server.conftest import Serve


@contextmanager
def locked(listener: Served) -> Iterator[None]:
    """Another connection holds the database for writing."""
    with closing(sqlite3.connect(listener.runtime.files.database)) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_MS", 50)


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_is_locked(serve: Serve) -> None:
    async with serve() as listener:
        first = await listener.post()
        with locked(listener):
            for request in (post(), post(b"x" * (2 << 20)), b"\0\r\n\r\n"):
                answer = await listener.ask(request)
                assert answer.status == 503
                assert answer.headers["retry-after"] == "5"
                assert "inspector-delivery" not in answer.headers
            status, told = await listener.api("status")
            assert status == 200
            assert (told["store"]["ok"], told["store"]["error"]) == (False, "database is locked")
            assert listener.runtime.store_error() == "database is locked"
            status, told = await listener.api("trigger", {"event": "delta.verified"})
            assert (status, told["error"]["code"]) == (503, "storeunavailable")
            status, told = await listener.api(f"deliveries/{first}/resend", {"body_b64": "eA=="})
            assert (status, told["error"]["code"]) == (503, "storeunavailable")
        assert await listener.post() == first + 1
        status, told = await listener.api("status")
        assert told["store"]["ok"] is True
        assert told["ledger"]["balanced"] is True
        assert told["ledger"]["received"] == 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("ack", ["app", "app-or-stored:5"])
async def test_nothing_is_forwarded_that_was_not_stored(serve: Serve, ack: str) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack=ack) as listener:
        with locked(listener):
            assert (await listener.ask(post(b"lost"))).status == 503
        assert (await listener.ask(post(b"kept"))).status == 200
        await app.wait_for(1)
        assert [exchange.body for exchange in app.received] == [b"kept"]


async def test_stopping_does_not_wait_for_idle_connections(serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    async with serve() as listener:
        idle, used, half = [await listener.wire() for _ in range(3)]
        assert (await used.ask(post())).status == 200
        await half.send(b"POST / HTTP")
        begun = loop.time()
    assert loop.time() - begun < 2
    for wire in (idle, used, half):
        assert await wire.rest() == b""
        await wire.close()


async def test_stopping_lets_a_request_come_to_its_end(serve: Serve) -> None:
    async with serve() as listener:
        wire = await listener.wire()
        await wire.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await wire.answer()).status == 100
        stopping = asyncio.ensure_future(listener.runtime.__aexit__())
        # The port is closed, and this one may still end.
        while True:
            try:
                await (await listener.wire()).close()
            except ConnectionRefusedError:
                break
        await wire.send(b"0123456789")
        answer = await wire.answer()
        assert answer.status == 200
        assert await wire.rest() == b""
        await wire.close()
        await stopping
    assert answer.delivery == 1


async def test_stopping_refuses_bodies_that_do_not_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.runtime.DEADLINE", 0.05)
    async with serve() as listener:
        wires = [await listener.wire() for _ in range(3)]
        for wire, length in zip(wires, (b"9", b"900000", b"9000000"), strict=True):
            head = b"POST /half HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            await wire.send(head + b"Content-Length: " + length + b"\r\n\r\n")
            assert (await wire.answer()).status == 100
            await wire.send(b"1")
    for wire in wires:
        answer = await wire.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert await wire.rest() == b""
        await wire.close()
    async with serve() as listener:
        refused = await listener.refusals(3)
        assert [(row.request_target, row.answered) for row in refused] == [("/half", 503)] * 3
        assert {row.state_reason for row in refused} == {"stopping: the listener is stopping"}


async def test_a_head_that_stopping_cuts_off_has_a_row(serve: Serve) -> None:
    async with serve() as listener:
        wire = await listener.wire()
        await wire.send(b"POST /half HTTP/1.1\r\nHost")
        await listener.post()
    await wire.close()
    async with serve() as listener:
        (refused,) = await listener.refusals(1)
        assert refused.state_reason.startswith("cut: ")


async def test_stopping_refuses_what_comes_behind(serve: Serve) -> None:
    gate = asyncio.Event()
    async with FakeTarget() as app:
        app.then(held(gate))
        async with serve(forward_to=[app.url], ack="app") as listener:
            wire = await listener.wire()
            await wire.send(post(b"1") + post(b"2"))
            await app.wait_for(1)
            stopping = asyncio.ensure_future(listener.runtime.__aexit__())
            while True:
                try:
                    await (await listener.wire()).close()
                except ConnectionRefusedError:
                    break
            gate.set()
            assert (await wire.answer()).status == 200
            rest = await wire.rest()
            assert rest == b"" or rest.startswith(b"HTTP/1.1 503 ")
            await wire.close()
            await stopping
        assert len(app.received) == 1


async def test_stopping_cuts_off_what_takes_for_ever(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.runtime.DEADLINE", 0.05)
    loop = asyncio.get_running_loop()
    async with FakeTarget() as app:
        app.default = held(asyncio.Event())
        async with serve(forward_to=[app.url], ack="app", timeout=0) as listener:
            wire = await listener.wire()
            await wire.send(post())
            await app.wait_for(1)
            begun = loop.time()
        assert loop.time() - begun < 3
        await wire.close()


async def test_what_was_waiting_is_sent_by_the_next_listener(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.runtime.DEADLINE", 0.05)
    async with FakeTarget() as app:
        app.default = held(asyncio.Event())
        async with serve(forward_to=[app.url]) as listener:
            ids = [await listener.post(b"%d" % n) for n in range(3)]
            await app.wait_for(1)
        app.default = ok()
        before = len(app.received)
        async with serve(forward_to=[app.url]) as listener:
            for delivery_id in ids:
                await listener.settled(delivery_id, "forwarded")
            (first, again) = await listener.attempts(ids[0])
            assert first.failure is not None
            assert (again.number, again.status) == (2, 200)
        assert [exchange.body for exchange in app.received[before:]] == [b"0", b"1", b"2"]


async def test_a_port_that_is_taken(serve: Serve) -> None:
    async with serve() as listener:
        folder = listener.runtime.files.database.parent / "other"
        with pytest.raises(UnreachableError) as caught:
            async with served(folder, port=listener.port):
                pass
        assert str(listener.port) in caught.value.message
        assert "--port" in caught.value.hint
        # Nothing of it is left: another may use that store.
        async with served(folder):
            pass


async def test_a_store_that_is_in_use_names_its_process(serve: Serve) -> None:
    async with serve():
        with pytest.raises(UnreachableError, match=f"process {os.getpid()}"):
            async with serve():
                pass


async def test_a_host_that_does_not_exist(serve: Serve) -> None:
    with pytest.raises(UnreachableError):
        async with serve(host="nowhere.invalid"):
            pass


@pytest.mark.parametrize(
    "ack", ["", "never", "app:5", "app-or-stored", "app-or-stored:", "app-or-stored:x",
            "app-or-stored:0", "app-or-stored:-1", "app-or-stored:nan", "app-or-stored:inf"]
)  # fmt: skip
async def test_what_is_no_ack_policy(serve: Serve, ack: str) -> None:
    with pytest.raises(UsageError, match="is not an ack policy"):
        async with serve(ack=ack):
            pass


async def test_every_interface_and_ipv6(serve: Serve) -> None:
    async with serve(host="0.0.0.0") as listener:
        assert listener.runtime.url == f"http://127.0.0.1:{listener.port}"
        assert await listener.post() == 1
    try:
        async with serve(host="::1") as listener:
            assert listener.runtime.url == f"http://[::1]:{listener.port}"
    except UnreachableError:
        pytest.skip("this machine has no IPv6")
