"""A breakpoint over the API: what matches is held, survives, and goes when it is told to."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.providers.pacspace import PACSPACE
from tests.helpers.fake_target import FakeTarget, held, ok
from tests.helpers.pacspace import SECRET
from tests.helpers.served import Served, post, served
from tests.server.conftest import Serve

EVENT = b'{"event":"delta.%s"}'


async def hold(listener: Served, query: str) -> None:
    assert await listener.api("hold", {"query": query}) == (200, {"breakpoint": query})


async def release(listener: Served, **asked: Any) -> list[int]:
    status, told = await listener.api("release", asked)
    assert status == 200, told
    released: list[int] = told["released"]
    return released


def bodies(app: FakeTarget) -> list[bytes]:
    return [exchange.body for exchange in app.received]


async def ledger(listener: Served) -> dict[str, int]:
    await listener.all()
    _, told = await listener.api("status")
    assert told["ledger"]["balanced"]
    return {name: n for name, n in told["ledger"].items() if n and name != "balanced"}


async def test_what_matches_is_held_and_the_rest_goes(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        await hold(listener, "event:delta.failed")
        await listener.post(EVENT % b"failed")
        await listener.post(EVENT % b"verified")
        await app.wait_for(1)
        found = await listener.settled(1, "held")
        assert (found.state_reason, found.attempts, found.answered) == (
            "event:delta.failed",
            0,
            200,
        )
        await listener.settled(2, "forwarded")
        assert bodies(app) == [EVENT % b"verified"]
        assert await ledger(listener) == {"received": 2, "held": 1, "forwarded": 1}
        _, status = await listener.api("status")
        assert status["breakpoint"] == "event:delta.failed"
        _, events = await listener.api("events")
        assert events["states"] == {"held": 1, "forwarded": 1}

        assert await release(listener) == [1]
        await app.wait_for(2)
        found = await listener.settled(1, "forwarded")
        assert (found.state_reason, found.attempts) == ("", 1)
        assert await release(listener) == []


async def test_a_breakpoint_that_is_gone_leaves_what_it_held(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        await hold(listener, "id:>0")
        ids = [await listener.post(b"%d" % n) for n in range(3)]
        await listener.settled(ids[-1], "held")
        await hold(listener, "")
        await listener.post(b"free")
        await listener.settled(4, "forwarded")
        assert bodies(app) == [b"free"]
        assert [each.state for each in await listener.all()] == ["held"] * 3 + ["forwarded"]
        assert await release(listener, id=2) == [2]
        assert await release(listener, id=2) == []
        assert await release(listener, id=4) == []
        assert await release(listener, all=True) == [1, 3]
        await app.wait_for(4)
        assert bodies(app) == [b"free", b"1", b"0", b"2"]


async def test_all_go_in_order(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        await hold(listener, "path:/hooks")
        for n in range(40):
            await listener.post(b"%d" % n)
        assert await release(listener, all=True) == list(range(1, 41))
        await app.wait_for(40)
        assert bodies(app) == [b"%d" % n for n in range(40)]


async def test_what_is_not_held_keeps_its_order(serve: Serve) -> None:
    """Also around the moment when a breakpoint is set and taken away."""
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        app.then(held(gate := asyncio.Event()))
        async with await listener.wire() as wire:
            for n in range(120):
                if n % 30 == 10:
                    await hold(listener, "data.held:1")
                elif n % 30 == 20:
                    await hold(listener, "")
                assert (await wire.ask(post(b'{"n":%d}' % n))).status == 200
        gate.set()
        await app.wait_for(120)
        assert bodies(app) == [b'{"n":%d}' % n for n in range(120)]


async def test_what_is_held_survives(tmp_path: Path) -> None:
    async with FakeTarget() as app, FakeTarget() as other:
        async with served(tmp_path, forward_to=[app.url, other.url]) as listener:
            await hold(listener, "event:delta.*")
            await listener.post(EVENT % b"verified")
            await listener.post(EVENT % b"failed")
            await listener.settled(2, "held")
        async with served(tmp_path, forward_to=[app.url, other.url]) as listener:
            # The breakpoint went with its listener; what it held did not.
            assert (await listener.api("status"))[1]["breakpoint"] == ""
            await listener.post(b"new")
            await listener.settled(3, "forwarded")
            assert (bodies(app), bodies(other)) == ([b"new"], [b"new"])
            assert await ledger(listener) == {"received": 3, "held": 2, "forwarded": 1}
            assert await release(listener) == [1]
            await app.wait_for(2)
            await other.wait_for(2)
            await listener.settled(1, "forwarded")
        async with served(tmp_path, forward_to=[app.url]) as listener:
            # A target that is not configured now: it waits for it once it is let go.
            assert await release(listener) == [2]
            await app.wait_for(3)
            await listener.settled(2, "waiting")
            _, status = await listener.api("status")
            assert status["not_configured"] == {other.url: 1}


async def test_sending_a_held_one_by_hand(serve: Serve) -> None:
    async with FakeTarget() as app, FakeTarget() as other, serve(forward_to=[app.url]) as listener:
        await hold(listener, "id:>0")
        id_ = await listener.post()
        await listener.settled(id_, "held")
        # To another URL: it is held all the same.
        path = f"deliveries/{id_}/resend"
        assert (await listener.api(path, {"to": other.url, "wait": True}))[0] == 200
        assert (await listener.delivery(id_)).state == "held"
        assert (await listener.api(path, {"wait": True}))[0] == 200
        assert (await listener.settled(id_, "forwarded")).state_reason == ""
        assert await release(listener) == []
        assert len(app.received) == 1


@pytest.mark.parametrize("policy", ["app", "app-or-stored:20"])
async def test_a_sender_waits_for_a_held_one(serve: Serve, policy: str) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack=policy) as listener:
        app.default = ok(b"mine", status=418)
        await hold(listener, "id:>0")
        asking = [asyncio.create_task(listener.ask(post(b"%d" % n))) for n in range(2)]
        await listener.until(lambda: listener.all("state:held"), 2)
        assert await release(listener, all=True) == [1, 2]
        answers = await asyncio.gather(*asking)
        assert [(each.status, each.body) for each in answers] == [(418, b"mine")] * 2
        assert sorted(bodies(app)) == [b"0", b"1"]
        assert (await listener.settled(1, "forwarded")).answered == 418


async def test_a_sender_gets_the_answer_of_what_went_by_hand(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack="app") as listener:
        app.default = ok(status=201)
        await hold(listener, "id:>0")
        asking = asyncio.create_task(listener.ask(post()))
        await listener.until(lambda: listener.all("state:held"), 1)
        await listener.api("deliveries/1/resend", {})
        assert (await asking).status == 201
        app.default = ok(status=202)
        asking = asyncio.create_task(listener.ask(post()))
        await listener.until(lambda: listener.all("state:held"), 1)
        edited = {"body_b64": base64.b64encode(b"better").decode(), "instead": True}
        await listener.api("deliveries/2/resend", edited)
        assert (await asking).status == 202
        assert bodies(app) == [b"{}", b"better"]


@pytest.mark.parametrize(("policy", "status"), [("app", 504), ("app-or-stored:0.1", 200)])
async def test_no_release_in_time(serve: Serve, policy: str, status: int) -> None:
    async with (
        FakeTarget() as app,
        serve(forward_to=[app.url], ack=policy, timeout=0.1) as listener,
    ):
        await hold(listener, "id:>0")
        answer = await listener.ask(post())
        assert answer.status == status
        if policy == "app":
            assert "breakpoint" in answer.body.decode()
        found = await listener.settled(1, "held")
        assert (found.answered, found.attempts) == (status, 0)
        assert await release(listener) == [1]
        await listener.settled(1, "forwarded")
        assert len(app.received) == 1


async def test_a_sender_that_goes_away_leaves_it_held(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], ack="app") as listener:
        await hold(listener, "id:>0")
        async with await listener.wire() as wire:
            await wire.send(post())
            await listener.until(lambda: listener.all("state:held"), 1)
        await listener.ask(b"GET /_inspector/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await listener.delivery(1)).state == "held"
        assert await release(listener) == [1]
        await app.wait_for(1)


@pytest.mark.parametrize(("policy", "status"), [("app", 502), ("app-or-stored:60", 200)])
async def test_a_sender_is_told_when_the_listener_stops(
    tmp_path: Path, policy: str, status: int
) -> None:
    async with FakeTarget() as app:
        async with served(tmp_path, forward_to=[app.url], ack=policy, timeout=60) as listener:
            await hold(listener, "id:>0")
            asking = asyncio.create_task(listener.ask(post()))
            await listener.until(lambda: listener.all("state:held"), 1)
        # At once: the runtime would have waited for what can be finished.
        assert (await asking).status == status
        async with served(tmp_path, forward_to=[app.url]) as listener:
            assert (await listener.delivery(1)).state == "held"
            assert app.received == []
            assert (await listener.delivery(1)).answered == status


async def test_an_app_policy_where_nothing_matches(serve: Serve) -> None:
    async with FakeTarget() as app:
        route = f"delta.*={app.url}"
        async with serve(forward_to=[route], ack="app") as listener:
            await hold(listener, "id:>0")
            assert (await listener.ask(post(b"{}"))).status == 200
            assert (await listener.delivery(1)).state == "kept"
            await hold(listener, "event:other")
            assert (await listener.ask(post(EVENT % b"x"))).status == 200
            assert (await listener.settled(2, "forwarded")).answered == 200


async def test_an_edited_one_goes_in_its_place(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], secret=[SECRET]) as listener:
        await hold(listener, "event:delta.*")
        id_ = await listener.post(EVENT % b"failed")
        await listener.settled(id_, "held")
        asked = {
            "body_b64": base64.b64encode(EVENT % b"verified").decode(),
            "instead": True,
            "re_sign": True,
            "wait": True,
        }
        status, told = await listener.api(f"deliveries/{id_}/resend", asked)
        assert (status, told["delivery_id"]) == (200, 2)
        original = await listener.settled(id_, "filtered")
        assert original.state_reason == "edited and sent as #2"
        new = await listener.settled(2, "forwarded")
        assert (new.replay_of, new.event, new.verdict) == (1, "delta.verified", "valid")
        assert bodies(app) == [EVENT % b"verified"]
        assert await release(listener, all=True) == []
        assert await ledger(listener) == {"received": 2, "filtered": 1, "forwarded": 1}
        status, told = await listener.api(f"deliveries/{id_}/resend", asked)
        assert (status, told["error"]["message"]) == (400, "#1 is not held")
        assert await listener.latest() == 2


async def test_an_edit_that_comes_to_nothing_leaves_it_held(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        await hold(listener, "id:>0")
        id_ = await listener.post()
        await listener.settled(id_, "held")
        for bad in ({"body_b64": "%"}, {"method": "PUT", "to": "ftp://x"}, {}):
            asked = {**bad, "instead": True}
            assert (await listener.api(f"deliveries/{id_}/resend", asked))[0] == 400
        assert (await listener.delivery(id_)).state == "held"
        assert await release(listener) == [id_]
        await app.wait_for(1)


SEEN = {
    "event:delta.verified sig:valid": True,
    "sig:invalid": False,
    "data.amount:>4": True,
    "data.amount:>5": False,
    "header.x-one:1": True,
    "path:/hooks": True,
    "path:/other": False,
    "remote:127.0.0.1*": True,
    "answered:200 attempts:0": True,
    "is:replay or is:marked": False,
    "age:<1h id:>0": True,
    "padding": True,
    "provider:pacspace method:POST": True,
}


@pytest.mark.parametrize("size", [10, 1 << 20])
async def test_a_breakpoint_sees_what_the_index_will_show(serve: Serve, size: int) -> None:
    """Of a large body too, which is read back from the store and decoded in a thread."""
    body = b'{"event":"delta.verified","data":{"amount":5,"p":"padding%s"}}' % (b"x" * size)
    request = PACSPACE.sign(Request("POST", "/", "1.1", (), body), SECRET, wall_clock())
    lines = [f"{name}: {value}\r\n" for name, value in (*request.headers, ("X-One", "1"))]
    queries = {**SEEN, "size:>=1mb": size > 10, "size:<1mb": size == 10}
    async with FakeTarget() as app, serve(forward_to=[app.url], secret=[SECRET]) as listener:
        for query, matched in queries.items():
            await hold(listener, query)
            id_ = await listener.post(body, "".join(lines).encode())
            found = await listener.settled(id_, "held", "forwarded")
            assert (found.state == "held") is matched, query
            if matched:
                assert found.id in [each.id for each in await listener.all(query)]
        await hold(listener, "state:waiting")
        id_ = await listener.post(body)
        await listener.settled(id_, "held")


@pytest.mark.parametrize(
    ("path", "asked", "column"),
    [
        ("hold", {"query": "event:("}, True),
        ("hold", {"query": "nothing:5"}, True),
        ("hold", {"query": "x" * 5000}, True),
        ("hold", {"query": 5}, False),
        ("hold", {}, False),
        ("hold", {"query": "x", "more": 1}, False),
        ("release", {"id": "x"}, False),
        ("release", {"id": -1}, False),
        ("release", {"id": 1, "all": True}, False),
        ("release", {"every": True}, False),
    ],
)
async def test_bad_questions(serve: Serve, path: str, asked: dict[str, Any], column: bool) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        status, told = await listener.api(path, asked)
        assert (status, told["error"]["code"]) == (400, "usage" if not column else "query")
        assert ("column" in told["error"]) is column
        assert (await listener.api("status"))[1]["breakpoint"] == ""


async def test_without_a_target_there_is_nothing_to_hold(serve: Serve) -> None:
    async with serve() as listener:
        status, told = await listener.api("hold", {"query": "event:*"})
        assert (status, told["error"]["code"]) == (400, "usage")
        assert "target" in told["error"]["message"]
        assert await release(listener, all=True) == []
