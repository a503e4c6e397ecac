"""One app answers the sender; what the others' said is beside the delivery, wherever it is."""

import asyncio
import base64
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from inspector.domain.attempt import Response
from inspector.store.mailbox_reader import MailboxReader
from inspector.tunnel.messages import PATH, SUBPROTOCOL, Begin, Reply, Start
from inspector.tunnel.wire import decode, encode
from tests.e2e.conftest import Command, Item, lines_of, until
from tests.helpers.fake_target import FakeTarget, ok
from tests.helpers.listener import PATIENCE, ListenerProcess
from tests.helpers.relay import RelayProcess
from tests.helpers.tunnelled import Tunnel, consumer, port_of

LONG = b'{"why":"' + b"x" * 20_000 + b'"}'
APP = ("--ack", "app", "--timeout", "10")


@asynccontextmanager
async def team(
    folder: Path, *targets: str, endpoint: tuple[str, ...] = APP
) -> AsyncIterator[Tunnel]:
    """A relay and a consumer for each target, the first of which is the one that answers."""
    relay = RelayProcess(folder / "relay.db")
    made = await asyncio.to_thread(relay.endpoint, "add", "dev", *endpoint)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(relay)
        homes = [
            # One that cannot be reached would hold back what comes behind it.
            consumer(
                folder / f"home-{n}", relay, made, target, "--consumer", f"dev-{n}", "--retry", "0"
            )
            for n, target in enumerate(targets, 1)
        ]
        for home in homes:
            await stack.enter_async_context(home)
        # Where it is to be found again after a restart.
        relay.port = port_of(relay)
        yield Tunnel(relay, made, tuple(homes))


def shadows(home: ListenerProcess, delivery: int) -> list[Item]:
    found: list[Item] = home.request("GET", f"deliveries/{delivery}/attempts")["shadows"]
    return found


async def said(home: ListenerProcess, number: int, *consumers: str) -> dict[str, Item]:
    """Until the apps of these are beside the delivery that has this number at the relay."""
    async with asyncio.timeout(PATIENCE):
        while True:
            items = await asyncio.to_thread(home.request, "GET", "deliveries?limit=1000")
            for item in items["items"]:
                if item["origin"]["id"] == number:
                    found = await asyncio.to_thread(shadows, home, item["id"])
                    if {each["consumer"] for each in found} >= {*consumers}:
                        assert len(found) == len(consumers), found
                        return {each["consumer"]: each for each in found}


def at_the_relay(relay: RelayProcess) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(relay.db)) as connection:
        ((mailbox,),) = connection.execute("SELECT DISTINCT mailbox FROM fact WHERE kind = 12")
        found = MailboxReader(connection).shadows(mailbox, 0, 1000)
        return sorted((fact.number, fact.consumer) for _, fact in found)


async def test_the_sender_gets_the_primarys_answer_and_all_see_what_the_others_said(
    tmp_path: Path, command: Command
) -> None:
    async with FakeTarget() as first, FakeTarget() as second, FakeTarget() as gone:
        await gone.close()
        first.default = ok(b"mine")
        second.default = ok(LONG, 500, b"X-Mine: a\r\nx-mine: \xe9\r\n")
        async with team(tmp_path, first.url, second.url, gone.url) as tunnel:
            for _ in range(3):
                answer = await tunnel.post(b'{"event":"delta.verified"}')
                assert (answer.status, answer.body) == (200, b"mine")
            one, two, three = tunnel.homes
            numbers = range(answer.delivery - 2, answer.delivery + 1)
            for number in numbers:
                both = await said(one, number, "dev-2", "dev-3")
                assert await said(two, number, "dev-3") == {"dev-3": both["dev-3"]}
                assert await said(three, number, "dev-2") == {"dev-2": both["dev-2"]}
            answered, failed = both["dev-2"], both["dev-3"]
            assert (answered["status"], answered["failure"]) == (500, None)
            assert base64.b64decode(answered["body_b64"]) == LONG[: 16 << 10]
            assert answered["body_size"] == len(LONG)
            assert ["X-Mine", "a"] in answered["headers"]
            assert ["x-mine", "\xe9"] in answered["headers"]
            assert 0 < answered["duration_ms"] < 10_000
            assert (failed["status"], failed["failure"]["kind"]) == (None, "refused")
            # The relay has them, and the space that they take is the endpoint's.
            everything = [(n, name) for n in numbers for name in ("dev-2", "dev-3")]
            assert at_the_relay(tunnel.relay) == everything
            assert tunnel.relay.status_of("dev")["stored_bytes"] > 3 * (16 << 10)
            await check_ledgers(tunnel)
            for home in tunnel.homes:
                await asyncio.to_thread(home.stop)
            # Without a listener it is all there, for people and for programs.
            whole = await asyncio.to_thread(
                command, "show", "latest", "--json", "--db", str(one.db)
            )
            (item,) = lines_of(whole)
            assert {each["consumer"]: each for each in item["shadows"]} == both
            told = await asyncio.to_thread(command, "show", "latest", "--db", str(three.db))
            assert b"answered elsewhere: dev-2 at " in told.stdout


async def check_ledgers(tunnel: Tunnel) -> None:
    """Each home counts what came of its own app, and nothing else."""
    ledgers = [home.request("GET", "status")["ledger"] for home in tunnel.homes]
    assert all(each["balanced"] for each in ledgers)
    assert [each["received"] for each in ledgers] == [3, 3, 3]
    assert [each["forwarded"] for each in ledgers] == [3, 3, 0]
    assert ledgers[2]["failed"] == 3
    status = tunnel.relay.status_of("dev")
    assert [each["primary"] for each in status["consumers"]] == [True, False, False]
    await until(lambda: not tunnel.relay.status_of("dev")["pending"])


async def test_who_was_away_hears_of_it_later_and_twice_of_nothing(tmp_path: Path) -> None:
    async with FakeTarget() as first, FakeTarget() as second:
        second.default = ok(b"other", 404)
        async with team(tmp_path, first.url, second.url, second.url) as tunnel:
            one, _, three = tunnel.homes
            before = (await tunnel.post(b"1")).delivery
            both = await said(one, before, "dev-2", "dev-3")
            await said(three, before, "dev-2")
            await asyncio.to_thread(three.kill)
            # Only who is there when a sender waits is a shadow.
            await until(lambda: attached(tunnel) == ["dev-1", "dev-2"])
            meanwhile = (await tunnel.post(b"2")).delivery
            told = await said(one, meanwhile, "dev-2")
            # The relay goes as in a crash; what it had told is in its store.
            await asyncio.to_thread(tunnel.relay.kill)
            await asyncio.to_thread(tunnel.relay.start)
            await until(lambda: attached(tunnel) == ["dev-1", "dev-2"])
            async with three:
                assert await said(three, meanwhile, "dev-2") == told
                assert await said(three, before, "dev-2") == {"dev-2": both["dev-2"]}
                assert await said(one, before, "dev-2", "dev-3") == both
                # What it forwards afterwards is nobody's to hear.
                assert at_the_relay(tunnel.relay) == [
                    (before, "dev-2"), (before, "dev-3"), (meanwhile, "dev-2"),
                ]  # fmt: skip


def attached(tunnel: Tunnel) -> list[str]:
    consumers = tunnel.relay.status_of("dev")["consumers"]
    return [each["consumer"] for each in consumers if each["attached"]]


@pytest.mark.parametrize("policy", ["app-or-stored:20", "stored"])
async def test_there_are_shadows_where_a_sender_waits(tmp_path: Path, policy: str) -> None:
    async with (
        FakeTarget() as first,
        FakeTarget() as second,
        team(
            tmp_path, first.url, second.url, endpoint=("--ack", policy, "--status", "202")
        ) as tunnel,
    ):
        one, two = tunnel.homes
        answer = await tunnel.post()
        await first.wait_for(1)
        await second.wait_for(1)
        if policy != "stored":
            assert answer.status == 200
            await said(one, answer.delivery, "dev-2")
            return
        assert answer.status == 202
        await asyncio.to_thread(two.stop)
        await asyncio.to_thread(one.stop)
        for home in (*tunnel.homes, tunnel.relay):
            assert kinds(home.db).isdisjoint({12})


def kinds(db: Path) -> set[int]:
    with closing(sqlite3.connect(db)) as connection:
        return {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM fact")}


async def test_a_consumer_that_says_too_much_harms_nobody(tmp_path: Path) -> None:
    """It speaks of what it was not asked, twice, at length and without an end."""
    async with FakeTarget() as app, team(tmp_path, app.url) as tunnel:
        url = f"ws://127.0.0.1:{tunnel.port}{PATH}{tunnel.path.removeprefix('/in/')}"
        async with connect(
            f"{url}?consumer=mallory&instance={'0b' * 8}",
            additional_headers={"Authorization": f"Bearer {tunnel.endpoint['token']}"},
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            max_size=None,
            proxy=None,
            # Its pings would wait behind its own flood.
            ping_interval=None,
        ) as socket:
            decode(await socket.recv())
            await socket.send(encode(Start(0)))
            # Who has not begun when a sender is let wait is no shadow.
            while not isinstance(decode(await socket.recv()), Begin):
                pass
            reader = asyncio.ensure_future(drained(socket))
            body = b"m" * (1 << 20)
            answer = await tunnel.post(b"0")
            assert (answer.status, answer.body) == (200, b"ok")
            long = Response(200, "OK" * 9999, (("A", "x" * 9999),) * 9, body, 1)
            for _ in range(3):
                await socket.send(encode(Reply(answer.delivery, long, 1e9)))
            flood = asyncio.ensure_future(flooded(socket, answer.delivery))
            for n in range(20):
                again = await tunnel.post(b"%d" % n)
                assert (again.status, again.body) == (200, b"ok")
            await flood
            found = await said(tunnel.home, answer.delivery, "mallory")
            assert found["mallory"]["body_size"] == len(body)
            assert len(base64.b64decode(found["mallory"]["body_b64"])) == 16 << 10
            assert sum(len(name) + len(v) for name, v in found["mallory"]["headers"]) <= 16 << 10
            await asyncio.to_thread(tunnel.home.wait_for, 21, kind="attempt")
            ledger = tunnel.home.request("GET", "status")["ledger"]
            assert (ledger["balanced"], ledger["received"], ledger["forwarded"]) == (True, 21, 21)
            assert not socket.close_code
            assert len(at_the_relay(tunnel.relay)) <= 21
            assert tunnel.relay.status_of("dev")["stored_bytes"] < 21 * 40_000
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


async def drained(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


async def flooded(socket: ClientConnection, delivery: int) -> None:
    said = Reply(delivery, Response(500, "", (), b"x" * 2000, 2000), 1.0)
    for n in range(5000):
        await socket.send(encode(said._replace(id=n)))
