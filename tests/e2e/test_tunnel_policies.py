"""What a sender is answered through the tunnel, and that both sides know it afterwards."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.conftest import Command, Item, lines_of
from tests.helpers.fake_target import FakeTarget, cut, held, ok
from tests.helpers.tunnelled import Tunnel, tunnelled

APP = ("--ack", "app", "--timeout", "3")


async def answered_at_home(command: Command, tunnel: Tunnel, *states: str) -> list[Item]:
    """Until the deliveries at home, newest first, are in these states; all of them."""
    async with asyncio.timeout(20):
        while True:
            done = await asyncio.to_thread(command, "list", "--json", "--db", str(tunnel.home.db))
            found = lines_of(done)
            told = [item["state"] for item in found]
            if told == list(states) and None not in [item["answered"] for item in found]:
                return found


async def test_the_apps_own_answer_goes_back_to_the_sender(
    tmp_path: Path, command: Command
) -> None:
    async with (
        FakeTarget() as app,
        tunnelled(tmp_path, app.url, "-e", "delta.*", endpoint=APP) as tunnel,
    ):
        app.then(
            ok(b"\x00\xffbody", 418, b"X-Mine: a\r\nx-mine: \xe9\r\nContent-Type: text/tea\r\n")
        )
        answer = await tunnel.post(b'{"event":"delta.verified"}')
        assert (answer.status, answer.body) == (418, b"\x00\xffbody")
        assert answer.headers["content-type"] == "text/tea"
        assert answer.headers["x-mine"] == "\xe9"
        assert answer.delivery > 0
        (item,) = await answered_at_home(command, tunnel, "forwarded")
        assert item["answered"] == 418
        assert item["origin"]["id"] == answer.delivery
        assert len(app.received) == 1


async def test_without_a_developer_app_says_come_again(tmp_path: Path, command: Command) -> None:
    async with FakeTarget() as app, tunnelled(tmp_path, app.url, endpoint=APP) as tunnel:
        await asyncio.to_thread(tunnel.home.stop)
        answer = await tunnel.post(b'{"event":"x"}')
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        async with tunnel.home:
            # The sender was told to send it again: it is not sent by ourselves.
            (item,) = await answered_at_home(command, tunnel, "kept")
            assert item["answered"] == 503
            again = await tunnel.post(b'{"event":"x"}')
            assert again.status == 200
            found = await answered_at_home(command, tunnel, "forwarded", "kept")
            assert [item["answered"] for item in found] == [200, 503]
        assert len(app.received) == 1


@pytest.mark.parametrize("how", ["cut", "late", "away"])
async def test_an_app_that_does_not_answer(tmp_path: Path, command: Command, how: str) -> None:
    async with (
        FakeTarget() as app,
        tunnelled(tmp_path, app.url, "--timeout", "4", endpoint=APP) as tunnel,
    ):
        app.default = {"cut": cut(), "late": held(asyncio.Event()), "away": cut()}[how]
        if how == "away":
            await app.close()
        answer = await tunnel.post()
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        async with asyncio.timeout(20):
            while True:
                (item,) = lines_of(
                    await asyncio.to_thread(command, "list", "--json", "--db", str(tunnel.home.db))
                )
                if item["answered"] is not None and item["state"] != "waiting":
                    break
        assert item["answered"] == 503
        assert item["state"] == "failed"
        assert len(app.received) == (how != "away")


async def test_the_stored_answer_comes_when_the_app_takes_too_long(
    tmp_path: Path, command: Command
) -> None:
    gate = asyncio.Event()
    policy = ("--ack", "app-or-stored:1", "--status", "202")
    async with FakeTarget() as app, tunnelled(tmp_path, app.url, endpoint=policy) as tunnel:
        quick = await tunnel.post(b"1")
        assert (quick.status, quick.body) == (200, b"ok")
        app.then(held(gate))
        late = await tunnel.post(b"2")
        assert late.status == 202
        gate.set()
        found = await answered_at_home(command, tunnel, "forwarded", "forwarded")
        assert [item["answered"] for item in found] == [202, 200]
        await asyncio.to_thread(tunnel.home.stop)
        alone = await tunnel.post(b"3")
        assert alone.status == 202
        async with tunnel.home:
            found = await answered_at_home(command, tunnel, *["forwarded"] * 3)
            assert [item["answered"] for item in found] == [202, 202, 200]
        assert [exchange.body for exchange in app.received] == [b"1", b"2", b"3"]


async def test_stored_does_not_wait_for_the_app(tmp_path: Path, command: Command) -> None:
    gate = asyncio.Event()
    policy = ("--ack", "stored", "--status", "204")
    async with FakeTarget() as app, tunnelled(tmp_path, app.url, endpoint=policy) as tunnel:
        app.default = held(gate)
        assert (await tunnel.post()).status == 204
        gate.set()
        (item,) = await answered_at_home(command, tunnel, "forwarded")
        assert item["answered"] == 204


async def test_another_developer_answers_when_the_first_has_gone(tmp_path: Path) -> None:
    async with FakeTarget() as app, tunnelled(tmp_path, app.url, endpoint=APP, homes=2) as tunnel:
        assert (await tunnel.post(b"1")).status == 200
        first, second = tunnel.homes
        await asyncio.to_thread(first.kill)
        async with asyncio.timeout(20):
            while (await tunnel.post(b"2")).status != 200:
                pass  # until the relay has seen that it is gone
        await asyncio.to_thread(second.wait_for, 2, kind="delivery")
