"""When the one whose app answers goes, another's answers: every sender is told what the policy
allows, and none waits longer than that."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import Command, Item, lines_of
from tests.helpers.listener import ListenerProcess
from tests.helpers.namespaces import Namespace, Network, why_not
from tests.helpers.relay import RelayProcess
from tests.helpers.tunnel_load import App, Crowd, Told

RATE = 200.0
SECONDS = 3.0
# With a margin for a machine that is busy.
MARGIN = 2.0
PASSED_ON = 20.0
AT_ONCE = 2.0
NAMES = ("ann", "bob", "cleo")
APP = ("--ack", "app", "--timeout", f"{SECONDS:g}")
APP_OR_STORED = ("--ack", f"app-or-stored:{SECONDS:g}", "--status", "202")


@dataclass(frozen=True, slots=True)
class Team:
    """Ann, Bob and Cleo, each with a listener and an app; Bob's app answers."""

    relay: RelayProcess
    homes: dict[str, ListenerProcess]
    apps: dict[str, App]
    crowd: Crowd


@asynccontextmanager
async def team(folder: Path, network: Network, policy: tuple[str, ...]) -> AsyncIterator[Team]:
    """Bob is on a host of his own, and all others on the relay's."""
    relay = RelayProcess(
        folder / "relay.db", "--host", "0.0.0.0", namespace=network.relay,
        kinds=("ready", "stopped"),
    )  # fmt: skip
    made = await asyncio.to_thread(relay.endpoint, "add", "dev", "--rate", "100000", *policy)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(relay)
        port, path = int(relay.url.rsplit(":", 1)[1]), made["url"][made["url"].index("/in/") :]
        homes: dict[str, ListenerProcess] = {}
        apps: dict[str, App] = {}
        for name in NAMES:
            host = network.developer if name == "bob" else network.relay
            app = apps[name] = await stack.enter_async_context(App(host.entered, name))
            home = homes[name] = listener(folder / name, made, host, app, (
                "--relay", f"http://{network.relay.address}:{port}{path}", "--consumer", name,
                *(["--primary"] if name == "bob" else []),
            ))  # fmt: skip
            await stack.enter_async_context(home)
        yield Team(relay, homes, apps, Crowd(network.relay.entered, port, path, RATE))


def listener(
    folder: Path, endpoint: Item, host: Namespace, app: App, arguments: tuple[str, ...]
) -> ListenerProcess:
    folder.mkdir()
    return ListenerProcess(
        folder / "store.db", app.url, *arguments, namespace=host,
        kinds=("ready", "stopped", "connection"),
        extra_environment={"INSPECTOR_RELAY_TOKEN": endpoint["token"]},
    )  # fmt: skip


@pytest.fixture
def network() -> Iterator[Network]:
    if reason := why_not():
        pytest.skip(reason)
    with Network() as made:
        yield made


def by(told: Told) -> str:
    """Whose app it was, or nothing."""
    name = told.answer.body.decode()
    return name if told.answer.status == 200 and name in NAMES else ""


async def passed_on(team: Team, fault: Callable[[], None]) -> float:
    """Break Bob's line under load; the seconds until another's app has answered."""
    crowd, loop = team.crowd, asyncio.get_running_loop()
    async with crowd.running():
        await crowd.until(lambda told: sum(by(one) == "bob" for one in told) >= RATE, 60)
        assert {by(one) for one in crowd.told} == {"bob"}
        await asyncio.to_thread(fault)
        broken = loop.time()
        await crowd.until(lambda told: any(by(one) == "ann" for one in told), 60)
        took = loop.time() - broken
        count = len(crowd.told)
        await crowd.until(lambda told: len(told) >= count + RATE, 60)
    # Nobody was left without an answer.
    assert len(crowd.told) == crowd.sent
    return took


def as_app_allows(told: list[Told]) -> None:
    for one in told:
        if not by(one):
            assert one.answer.status == 503
            assert int(one.answer.headers["retry-after"]) > 0
        assert one.waited <= SECONDS + MARGIN


async def mirrored(team: Team, name: str, command: Command) -> None:
    """It has every delivery once and in order, and knows what each sender was told."""
    home = team.homes[name]
    last = (await asyncio.to_thread(team.relay.status_of, "dev"))["last"]
    told = {one.answer.delivery: one for one in team.crowd.told}
    async with asyncio.timeout(60):
        while True:
            asked = ("list", "--json", "-n", "100000", "--db", str(home.db))
            listed = lines_of(await asyncio.to_thread(command, *asked))[::-1]
            known = {one["origin"]["id"]: one["answered"] for one in listed}
            status = await asyncio.to_thread(home.request, "GET", "status")
            if status["relay"]["position"] == last and None not in known.values():
                break
    assert list(known) == sorted(known)
    assert known == {number: one.answer.status for number, one in told.items()}


@pytest.mark.alone
async def test_it_passes_on_at_once_when_its_process_is_killed(
    tmp_path: Path, network: Network, command: Command
) -> None:
    async with team(tmp_path, network, APP) as three:
        took = await passed_on(three, three.homes["bob"].kill)
        assert took <= AT_ONCE
        as_app_allows(three.crowd.told)
        answered = [by(one) for one in three.crowd.told]
        # Only what he had and had not answered was turned away.
        assert answered.count("") < RATE
        for name in ("ann", "cleo"):
            await mirrored(three, name, command)


@pytest.mark.alone
async def test_it_passes_on_when_no_packet_gets_through_any_more(
    tmp_path: Path, network: Network, command: Command
) -> None:
    async with team(tmp_path, network, APP) as three:
        took = await passed_on(three, network.swallow)
        assert took <= PASSED_ON
        as_app_allows(three.crowd.told)
        for name in ("ann", "cleo"):
            await mirrored(three, name, command)
        # He comes back, and his app answers again: nobody has taken it from him.
        network.pass_on()
        async with three.crowd.running():
            await three.crowd.until(lambda told: by(told[-1]) == "bob", 60)
        await mirrored(three, "bob", command)


@pytest.mark.alone
async def test_who_may_be_told_what_is_stored_is_told_that(
    tmp_path: Path, network: Network, command: Command
) -> None:
    async with team(tmp_path, network, APP_OR_STORED) as three:
        took = await passed_on(three, three.homes["bob"].kill)
        assert took <= AT_ONCE
        assert {one.answer.status for one in three.crowd.told if not by(one)} <= {202}
        assert all(one.waited <= SECONDS + MARGIN for one in three.crowd.told)
        await mirrored(three, "cleo", command)
