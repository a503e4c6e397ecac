"""Nothing that a relay answered is lost on its way to the developer, whatever breaks between them.

Relay and developer run in network namespaces of their own. For the long version set
INSPECTOR_KILL_ROUNDS=20 INSPECTOR_FAULT_SECONDS=60 INSPECTOR_FAULT_RATE=500.
"""

import asyncio
import json
import os
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Command, lines_of
from tests.helpers.listener import Item, ListenerProcess
from tests.helpers.namespaces import Network, why_not
from tests.helpers.relay import RelayProcess
from tests.helpers.tunnel_load import App, Sender

ROUNDS = int(os.environ.get("INSPECTOR_KILL_ROUNDS", "1"))
SECONDS = float(os.environ.get("INSPECTOR_FAULT_SECONDS", "1.5"))
RATE = float(os.environ.get("INSPECTOR_FAULT_RATE", "200"))
# Dead peers are noticed within 20 s, the longest pause between two tries is 15 s, and then what
# piled up goes to the app, one after the other.
RECOVERED = 60.0 + 5 * SECONDS
# With a margin for a machine that is busy.
NOTICED = 25.0
PAGE = 20_000


@pytest.fixture
def network() -> Iterator[Network]:
    if reason := why_not():
        pytest.skip(reason)
    with Network() as made:
        yield made


@dataclass
class Scene:
    """Both hosts with all that runs on them; a fault is a method that breaks and mends."""

    network: Network
    relay: RelayProcess
    home: ListenerProcess
    sender: Sender
    app: App
    told: list[str] = field(default_factory=list)

    async def link_down(self) -> None:
        self.network.unplug()
        await self._so_long()
        self.network.plug_in()

    async def dropped_silently(self) -> None:
        self.network.swallow()
        await self._so_long()
        self.network.pass_on()

    async def relay_killed(self) -> None:
        await asyncio.to_thread(self.relay.kill)
        await asyncio.to_thread(self.relay.start)

    async def client_killed(self) -> None:
        await asyncio.to_thread(self.home.kill)
        await asyncio.to_thread(self.home.start)

    async def both_restarted(self) -> None:
        await asyncio.gather(asyncio.to_thread(self.home.kill), asyncio.to_thread(self.relay.kill))
        await asyncio.to_thread(self.relay.start)
        await asyncio.to_thread(self.home.start)

    async def recovered(self) -> None:
        """Until what is sent now is at the app."""
        await self.sender.until_answered(len(self.sender.answered) + 20)
        newest = max(self.sender.answered)
        try:
            await self.app.until_received({self.sender.answered[newest]}, RECOVERED)
        except TimeoutError as error:
            raise AssertionError(await asyncio.to_thread(self._explained, newest)) from error

    def _explained(self, newest: int) -> str:
        home = self.home.request("GET", "status")
        told = {name: home[name] for name in ("relay", "ledger")}
        there = self.relay.status_of("dev")
        return f"{newest} is not at the app; home: {told}; relay: {there}; {self.home.lines[-5:]}"

    async def _so_long(self) -> None:
        """As long as the fault lasts, in deliveries that the relay answers meanwhile."""
        more = len(self.sender.answered) + int(SECONDS * RATE)
        await self.sender.until_answered(more, RECOVERED)


Fault = Callable[[Scene], Awaitable[None]]
FAULTS: list[Fault] = [
    Scene.link_down,
    Scene.dropped_silently,
    Scene.relay_killed,
    Scene.client_killed,
    Scene.both_restarted,
]


def started_relay(network: Network, folder: Path) -> tuple[RelayProcess, Item]:
    """A relay that keeps its port when it is started again, and its endpoint."""
    relay = RelayProcess(
        folder / "relay.db", "--host", "0.0.0.0", namespace=network.relay, kinds=KEPT_LINES
    )
    endpoint = relay.endpoint("add", "dev", "--rate", "100000")
    relay.start()
    relay.port = int(relay.url.rsplit(":", 1)[1])
    return relay, endpoint


KEPT_LINES = ("ready", "stopped", "connection", "gap")


def started_home(
    network: Network, folder: Path, relay: RelayProcess, endpoint: Item, app: App
) -> ListenerProcess:
    url = f"http://{network.relay.address}:{relay.port}{path_of(endpoint)}"
    (folder / "home").mkdir()
    home = ListenerProcess(
        folder / "home" / "store.db", app.url, "--relay", url, "--consumer", "dev",
        extra_environment={"INSPECTOR_RELAY_TOKEN": endpoint["token"]},
        namespace=network.developer, kinds=KEPT_LINES,
    )  # fmt: skip
    home.start()
    return home


def path_of(endpoint: Item) -> str:
    found = re.search(r"/in/[^/]+$", endpoint["url"])
    assert found is not None
    return found[0]


# Where the machine has other work, deliveries pile up.
@pytest.mark.alone
async def test_every_answered_delivery_arrives_whatever_breaks(
    tmp_path: Path, network: Network, command: Command
) -> None:
    dice = random.Random(4)
    relay, endpoint = await asyncio.to_thread(started_relay, network, tmp_path)
    sender = Sender(network.relay.entered, relay.port, path_of(endpoint), RATE)
    async with App(network.developer.entered) as app:
        home = await asyncio.to_thread(started_home, network, tmp_path, relay, endpoint, app)
        scene = Scene(network, relay, home, sender, app)
        try:
            async with sender.running():
                await scene.recovered()
                for _ in range(ROUNDS):
                    for fault in dice.sample(FAULTS, len(FAULTS)):
                        await fault(scene)
                        await scene.recovered()
            await app.until_received(set(sender.answered.values()), RECOVERED)
            ledger, last = await until_even(scene)
        finally:
            await asyncio.to_thread(home.stop)
            await asyncio.to_thread(relay.stop)
    assert not sender.others
    assert not [line for line in home.lines if line["kind"] == "gap"]
    assert ledger["balanced"]
    stored = rows(command, home.db)
    # Each id of the relay once, without a hole, in order, under growing ids of our own.
    assert [row["origin"]["id"] for row in stored] == numbers_of(relay, last, stored)
    assert len({row["origin"]["relay"] for row in stored}) == 1
    by_number = {row["origin"]["id"]: row for row in stored}
    for number, n in sender.answered.items():
        assert by_number[number]["event_id"] == f"evt_{n}"
    # Each at the app at least once, first times in order.
    sent = list(dict.fromkeys(id_ for id_, _ in app.received))
    assert sent == [row["id"] for row in stored if row["state"] == "forwarded"]
    assert ledger["forwarded"] == len(sent)
    events = {row["id"]: row["event_id"] for row in stored}
    assert all(events[id_] == f"evt_{n}" for id_, n in app.received)
    assert Counter(row["state"] for row in stored)["forwarded"] == len(sent)


async def until_even(scene: Scene) -> tuple[dict[str, Any], int]:
    """Until home has all that the relay has; home's ledger and the relay's last id then."""
    async with asyncio.timeout(RECOVERED):
        while True:
            status = await asyncio.to_thread(scene.home.request, "GET", "status")
            ledger, tunnel = status["ledger"], status["relay"]
            last = (await asyncio.to_thread(scene.relay.status_of, "dev"))["last"]
            if tunnel["position"] == last and not ledger["waiting"] and not ledger["unindexed"]:
                return ledger, last


def rows(command: Command, db: Path) -> list[Item]:
    """All deliveries of a store, oldest first, as `list` shows them."""
    found: list[Item] = []
    while True:
        first = found[-1]["id"] + 1 if found else 1
        asked = f"id:{first}..{first + PAGE - 1}"
        page = lines_of(command("list", asked, "--json", "-n", str(PAGE), "--db", str(db)))
        if not page:
            return found
        kept = ("id", "origin", "event_id", "state", "body_sha256", "answered")
        found += [{name: row[name] for name in kept} for row in reversed(page)]


def numbers_of(relay: RelayProcess, last: int, stored: list[Item]) -> list[int]:
    """1 to the last id but for probes, which have no row at home."""
    probes = set(range(1, last + 1)) - {row["origin"]["id"] for row in stored}
    starts = 1 + 3 * ROUNDS  # of the client, and its reconnections
    assert len(probes) <= starts * 20, json.dumps(sorted(probes))
    return [number for number in range(1, last + 1) if number not in probes]


async def test_both_sides_notice_a_dead_peer(tmp_path: Path, network: Network) -> None:
    """Nothing tells them: no packet gets through, in either direction."""
    relay, endpoint = await asyncio.to_thread(started_relay, network, tmp_path)
    async with App(network.developer.entered) as app:
        home = await asyncio.to_thread(started_home, network, tmp_path, relay, endpoint, app)
        try:
            network.swallow()
            lost = asyncio.to_thread(
                home.wait_for, 1, kind="connection", where=lambda one: one["state"] == "connecting"
            )
            async with asyncio.timeout(NOTICED):
                await asyncio.gather(lost, left(relay))
            network.pass_on()
            async with asyncio.timeout(RECOVERED):
                while not (await attached(relay)):
                    pass
        finally:
            await asyncio.to_thread(home.stop)
            await asyncio.to_thread(relay.stop)


async def attached(relay: RelayProcess) -> list[str]:
    """The consumers that the relay says are connected."""
    told = await asyncio.to_thread(relay.status_of, "dev")
    return [one["consumer"] for one in told["consumers"] if one["attached"]]


async def left(relay: RelayProcess) -> None:
    while await attached(relay):
        pass
