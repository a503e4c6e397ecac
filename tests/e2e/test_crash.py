"""Nothing that was answered is ever lost: not by SIGKILL, not by an app that is away."""

import asyncio
import json
import os
import random
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Command, Load, delivery_of, first_times, lines_of
from tests.helpers.fake_target import FakeTarget
from tests.helpers.listener import ListenerProcess, post

ROUNDS = int(os.environ.get("INSPECTOR_KILL_ROUNDS", "3"))


async def _forwarded_all(listener: ListenerProcess) -> dict[str, int]:
    """Until nothing waits any more; the ledger then."""
    while True:
        told = await asyncio.to_thread(listener.request, "GET", "status")
        ledger: dict[str, int] = told["ledger"]
        assert ledger["balanced"], ledger
        if not ledger["waiting"] and not ledger["unindexed"] and ledger["received"]:
            return ledger


async def test_kill_9_under_load(tmp_path: Path, command: Command) -> None:
    dice = random.Random(20)
    load = Load()
    async with FakeTarget() as app:
        db = tmp_path / "store.db"
        listener = ListenerProcess(db, app.url)
        for _ in range(ROUNDS):
            await asyncio.to_thread(listener.start)
            port = int(listener.url.rsplit(":", 1)[1])
            async with load.running(port):
                await load.until_answered(len(load.answered) + dice.randrange(50, 400))
                await asyncio.to_thread(listener.kill)
        async with listener:
            ledger = await _forwarded_all(listener)
        assert ledger["received"] >= len(load.answered)
        assert ledger["forwarded"] + ledger["refused"] == ledger["received"]

    before = lines_of(command("list", "--json", "-n", "1000000", "--db", str(db)))
    stored = {item["id"]: item for item in before if item["state"] != "refused"}
    assert len(before) == ledger["received"]
    # Every answered delivery is in the store under the id that the sender was told, none twice.
    for id_, number in load.answered.items():
        assert stored[id_]["event_id"] == f"evt_{number}"
    events = [item["event_id"] for item in stored.values()]
    assert len(events) == len(set(events))
    # The app got every one, in order; a crash may have sent some again.
    got = list(first_times([delivery_of(exchange) for exchange in app.received]))
    assert got == sorted(stored)
    for exchange in app.received:
        number = json.loads(exchange.body)["data"]["n"]
        assert stored[delivery_of(exchange)]["event_id"] == f"evt_{number}"

    assert command("reindex", "--db", str(db)).returncode == 0
    after = lines_of(command("list", "--json", "-n", "1000000", "--db", str(db)))
    assert after == before


async def test_an_app_that_is_away_gets_everything_in_order(tmp_path: Path) -> None:
    app = FakeTarget()
    await app.open()
    await app.close()  # its port refuses now
    load = Load()
    async with ListenerProcess(tmp_path / "store.db", app.url) as listener:
        async with load.running(int(listener.url.rsplit(":", 1)[1])):
            await load.until_answered(200)
            await asyncio.to_thread(listener.wait_for, 2, kind="attempt")
            assert not app.received
            await app.open()
            await app.wait_for(50)
        ledger = await _forwarded_all(listener)
        assert ledger["forwarded"] == ledger["received"] - ledger["refused"]
        ids = [delivery_of(exchange) for exchange in app.received]
        assert ids == sorted(ids)
        assert set(load.answered) <= set(ids)
        told = await asyncio.to_thread(listener.request, "GET", "deliveries/1/attempts")
        kinds = [(one["failure"] or {}).get("kind") for one in told["items"]]
        assert kinds[0] == "refused"
        assert told["items"][-1]["status"] == 200
    await app.close()


async def test_what_waits_survives_a_restart(tmp_path: Path) -> None:
    app = FakeTarget()
    await app.open()
    await app.close()
    listener = ListenerProcess(tmp_path / "store.db", app.url)
    load = Load()
    async with listener, load.running(int(listener.url.rsplit(":", 1)[1])):
        await load.until_answered(100)
    await app.open()
    async with listener:
        await _forwarded_all(listener)
        ids = [delivery_of(exchange) for exchange in app.received]
        assert ids == sorted(set(ids))
        assert set(load.answered) <= set(ids)
    await app.close()


async def test_what_is_held_survives_kill_9(tmp_path: Path, command: Command) -> None:
    """It is held again, in the offline commands too, and goes by a release alone."""
    db = str(tmp_path / "store.db")
    async with FakeTarget() as app:
        listener = ListenerProcess(tmp_path / "store.db", app.url)
        await asyncio.to_thread(listener.start)

        async def ask(method: str, path: str, **asked: Any) -> Any:
            return await asyncio.to_thread(listener.request, method, path, asked or None)

        await ask("POST", "hold", query="path:/held*")
        for path in ("held/1", "free", "held/2", "held/3"):
            await asyncio.to_thread(post, f"{listener.url}/{path}", b"{}")
        await asyncio.to_thread(listener.wait_for, 1, kind="attempt")
        assert await ask("POST", "release", id=3) == {"released": [3]}
        await asyncio.to_thread(listener.wait_for, 2, kind="attempt")
        while (await ask("GET", "status"))["ledger"]["held"] != 2:
            pass
        shown = (await asyncio.to_thread(command, "status", "--db", db)).stdout
        assert b"breakpoint  what matches is held: path:/held*" in shown
        await asyncio.to_thread(listener.kill)

        held = lines_of(command("list", "state:held", "--json", "--db", db))
        assert [item["id"] for item in held] == [4, 1]
        assert b"2 held" in command("status", "--db", db).stdout
        before = lines_of(command("list", "--json", "--db", db))
        assert command("reindex", "--db", db).returncode == 0
        assert lines_of(command("list", "--json", "--db", db)) == before
        # Sent by hand to another URL, without a listener, it stays held.
        resent = await asyncio.to_thread(command, "resend", "1", "--to", app.url, "--db", db)
        assert resent.returncode == 0, resent.stderr

        async with listener:
            assert (await ask("GET", "status"))["ledger"]["held"] == 2
            assert (await ask("GET", "status"))["breakpoint"] == ""
            count = len(app.received)
            assert await ask("POST", "release", all=True) == {"released": [1, 4]}
            while (ledger := await _forwarded_all(listener))["held"]:
                pass
            assert ledger["forwarded"] == 4
        # The kill may have others sent again, but what was held goes once.
        got = [delivery_of(exchange) for exchange in app.received[count:]]
        assert [id_ for id_ in got if id_ in (1, 4)] == [1, 4]
