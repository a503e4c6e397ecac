"""Several developers behind one endpoint, each with an app and a store of their own."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path

import pytest

from tests.e2e.conftest import Command, Item, first_times, lines_of
from tests.helpers.listener import ListenerProcess
from tests.helpers.relay import RelayProcess
from tests.helpers.tunnel_load import App, Sender
from tests.helpers.tunnelled import consumer, port_of

RATE = 200.0
SECONDS = 4
FILTERS: dict[str, Callable[[int], bool]] = {
    "header.x-event-id:*0": lambda n: n % 10 == 0,
    "not (header.x-event-id:*0 or header.x-event-id:*5)": lambda n: n % 5 != 0,
    "path:/hooks header.x-event-id:evt_7,evt_1??": lambda n: n == 7 or 100 <= n < 200,
}


def stored(command: Command, home: ListenerProcess) -> list[Item]:
    """The deliveries at home, the first one first."""
    listed = command("list", "--json", "-n", "100000", "--db", str(home.db))
    return lines_of(listed)[::-1]


async def settled(home: ListenerProcess, last: int) -> Item:
    """Its status, once everything up to `last` is with it or passed over."""
    status: Item = {}
    try:
        async with asyncio.timeout(60):
            while True:
                status = await asyncio.to_thread(home.request, "GET", "status")
                if status["relay"]["position"] >= last and status["relay"]["lag"] == 0:
                    return status
    except TimeoutError as error:
        raise AssertionError(f"{last} is not at home: {status['relay']}") from error


@pytest.mark.alone
async def test_each_of_three_gets_what_its_filter_asks_for_and_nothing_else(
    tmp_path: Path, command: Command
) -> None:
    there = RelayProcess(tmp_path / "relay.db", kinds=("ready", "stopped"))
    made = await asyncio.to_thread(there.endpoint, "add", "dev", "--rate", "100000")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(there)
        apps = [await stack.enter_async_context(App(nullcontext)) for _ in FILTERS]
        homes = []
        for n, (wanted, app) in enumerate(zip(FILTERS, apps, strict=True), 1):
            options = "--relay-filter", wanted, "--consumer", f"dev-{n}"
            home = consumer(tmp_path / f"home-{n}", there, made, app.url, *options)
            homes.append(await stack.enter_async_context(home))
        path = made["url"][made["url"].index("/in/") :]
        sender = Sender(nullcontext, port_of(there), path, RATE)
        async with sender.running():
            await sender.until_answered(int(RATE * SECONDS / 3))
            await asyncio.to_thread(homes[1].kill)
            await sender.until_answered(int(2 * RATE * SECONDS / 3))
            await asyncio.to_thread(homes[1].start)
            await sender.until_answered(int(RATE * SECONDS))
        # What was cut off at the end may have come in as well.
        last = (await asyncio.to_thread(there.status_of, "dev"))["last"]
        for home, app, asks in zip(homes, apps, FILTERS.values(), strict=True):
            status = await settled(home, last)
            listed = await asyncio.to_thread(stored, command, home)
            numbers = [int(one["request_target"].partition("n=")[2]) for one in listed]
            ids = [one["origin"]["id"] for one in listed]
            answered = sorted(sender.answered.items())
            mine = [number for _, number in answered if asks(number)]
            assert len(mine) >= 10
            assert ids == sorted(set(ids))
            assert all(map(asks, numbers))
            assert [n for n in numbers if n in set(mine)] == mine
            assert len(numbers) - len(mine) <= 16
            await app.until_received(set(mine))
            assert [*first_times([n for _, n in app.received])][: len(mine)] == mine[: len(mine)]
            assert status["ledger"]["balanced"]
            assert status["ledger"]["received"] == len(listed)
            # What was neither stored nor passed over was a canary.
            if home is not homes[1]:
                relay = status["relay"]
                canaries = relay["position"] - len(listed) - relay["passed"]
                assert 0 < canaries <= len(homes) + 1
