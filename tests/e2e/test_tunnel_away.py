"""A developer who was away: what waited comes, what expired is a gap, and what is new goes on."""

import asyncio
from pathlib import Path

from tests.e2e.conftest import Command, lines_of
from tests.helpers.fake_target import FakeTarget
from tests.helpers.listener import ListenerProcess
from tests.helpers.relay import RelayProcess
from tests.helpers.tunnelled import consumer, port_of, tunnelled
from tests.helpers.wire import Wire


async def test_what_came_meanwhile_is_sent_and_told(tmp_path: Path) -> None:
    async with FakeTarget() as app, tunnelled(tmp_path, app.url) as tunnel:
        await tunnel.post(b"before")
        await app.wait_for(1)
        await asyncio.to_thread(tunnel.home.stop)
        numbers = [(await tunnel.post(b"%d" % n)).delivery for n in range(300)]
        async with tunnel.home as home:
            await app.wait_for(301)
            assert [exchange.body for exchange in app.received[1:]] == [
                b"%d" % n for n in range(300)
            ]
            assert [one["origin"]["id"] for one in await tunnel.at_home(300)] == numbers
            assert await told(home) == (300, 0)
            assert not [line for line in home.lines if line["kind"] == "gap"]


async def told(home: ListenerProcess) -> tuple[int, int]:
    """How many arrived and how many expired, as it says when it has caught up."""
    (line,) = await asyncio.to_thread(
        home.wait_for, 1, kind="connection", where=lambda one: one["state"] == "caught-up"
    )
    return line["arrived"], line["expired"]


async def test_what_expired_meanwhile_is_one_row_and_never_silence(
    tmp_path: Path, command: Command
) -> None:
    relay = RelayProcess(tmp_path / "relay.db")
    endpoint = await asyncio.to_thread(relay.endpoint, "add", "dev")
    path = endpoint["url"][endpoint["url"].index("/in/") :]

    async def post(body: bytes) -> int:
        async with await Wire.to(port_of(relay)) as wire:
            answer = await wire.ask(
                b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                % (path.encode(), len(body), body)
            )
            assert answer.status == 200
            return answer.delivery

    async with relay:
        relay.port = port_of(relay)
        home = consumer(tmp_path / "home", relay, endpoint)
        async with home:
            first = await post(b"first")
            await asyncio.to_thread(home.wait_for, 1, kind="delivery")
        lost = [await post(b"%d" % n) for n in range(5)]
    # What is older than this expires when it starts.
    relay.arguments = ("--keep", "0.2s")
    async with relay:
        async with asyncio.timeout(20):
            while (await asyncio.to_thread(relay.status_of, "dev"))["stored"]:
                pass
        last = await post(b"last")
        async with home:
            (gap,) = await asyncio.to_thread(home.wait_for, 1, kind="gap")
            (item,) = await asyncio.to_thread(home.wait_for, 1, kind="delivery")
            assert await told(home) == (1, 5)
            ledger = (await asyncio.to_thread(home.request, "GET", "status"))["ledger"]
    assert (gap["from"], gap["to"], gap["count"]) == (lost[0], lost[-1], len(lost))
    assert gap["reason"]
    assert item["origin"]["id"] == last
    assert ledger["balanced"]
    listed = lines_of(await asyncio.to_thread(command, "list", "--json", "--db", str(home.db)))
    assert [one["kind"] for one in listed] == ["delivery", "gap", "delivery"]
    assert [one["origin"]["id"] for one in listed] == [last, lost[-1], first]
    assert (listed[1]["from"], listed[1]["to"]) == (lost[0], lost[-1])
