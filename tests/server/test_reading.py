"""What the UI asks beside the list: windows, redeliveries, activity, what was seen and sent."""

import asyncio
import base64
import os
import signal
from array import array
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from inspector.domain.attempt import Response
from inspector.domain.export import shadow_json
from inspector.domain.facts import Shadowed
from inspector.store import store
from tests.helpers.fake_target import FakeTarget, ok
from tests.helpers.pacspace import SECRET
from tests.helpers.served import Served, served
from tests.helpers.wire import PATIENCE
from tests.server.conftest import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = 1_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """Twelve deliveries of five events, each of which came again."""
    async with served(tmp_path_factory.mktemp("store")) as listener:
        for n in range(12):
            body = b'{"event":"delta.verified","data":{"amount":%d,"items":[{"id":1}]}}' % n
            await listener.post(body, b"X-Event-ID: evt_%d\r\nX-One: 1\r\n" % (n % 5))
        yield listener


async def numbers(listener: Served, path: str) -> list[int]:
    answer = await listener.ask(
        f"GET /_inspector/api/{path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {listener.token}\r\n\r\n".encode()
    )
    assert answer.status == 200, answer
    return list(array("q", answer.body))


async def test_ids_in_a_window(full: Served) -> None:
    assert await numbers(full, "ids?after=3&before=8") == [7, 6, 5, 4]
    assert await numbers(full, "ids?after=3&limit=2") == [12, 11]
    assert await numbers(full, "ids?after=3&query=data.amount:%3C6") == [6, 5, 4]
    assert await numbers(full, "ids?after=12") == []


async def test_redeliveries_with_their_first(full: Served) -> None:
    pairs = [(12, 2), (11, 1), (10, 5), (9, 4), (8, 3), (7, 2), (6, 1)]
    assert await numbers(full, "duplicates") == [n for pair in pairs for n in pair]
    assert await numbers(full, "duplicates?limit=2") == [12, 2, 11, 1]
    assert await numbers(full, "duplicates?after=5&before=8") == [7, 2, 6, 1]
    assert await numbers(full, "duplicates?query=id:9") == [9, 4]


async def test_activity(full: Served) -> None:
    times = [each.received_at for each in await full.all()]
    since = times[4]
    status, told = await full.api(f"activity?since={since}&step={60 * SECOND}")
    assert (status, told["step"]) == (200, 60 * SECOND)
    assert sum(count for _, count in told["buckets"]) == 8
    assert all(start % (60 * SECOND) == 0 for start, _ in told["buckets"])
    assert (await full.api(f"activity?since={times[-1] + 3600 * SECOND}&step=1"))[1] == {
        "step": 1,
        "buckets": [],
    }


@pytest.mark.parametrize(
    "asked",
    ["", "?since=0", "?since=0&step=0", "?since=0&step=x", "?since=-1&step=5",
     "?since=0&step=60000000", "?step=1"],
)  # fmt: skip
async def test_activity_is_bounded(full: Served, asked: str) -> None:
    status, told = await full.api(f"activity{asked}")
    assert (status, told["error"]["code"]) == (400, "usage")


async def test_what_was_seen(full: Served) -> None:
    status, told = await full.api("seen")
    assert status == 200
    assert told["data"] == ["amount", "items", "items.0", "items.0.id"]
    assert {"x-event-id", "x-one", "content-length"} <= set(told["headers"])


async def test_marks_and_notes(full: Served) -> None:
    path = "deliveries/1/mark"
    assert await full.api(path, {"mark": "todo"}) == (
        200,
        {"delivery_id": 1, "mark": "todo", "note": ""},
    )
    assert (await full.api(path, {"note": "ask\nAna \u00e9\u4e2d"}))[1]["mark"] == "todo"
    found = await full.delivery(1)
    assert (found.mark, found.note) == ("todo", "ask\nAna \u00e9\u4e2d")
    assert [each.id for each in await full.all("is:marked")] == [1]
    assert (await full.api("events"))[1]["marked"] == 1
    before = found.seq, (await full.api("status"))[1]["last_seq"]
    # What changes nothing is no fact.
    assert (await full.api(path, {}))[0] == 200
    assert (found.seq, (await full.api("status"))[1]["last_seq"]) == before
    await full.api(path, {"mark": ""})
    assert ((await full.delivery(1)).mark, (await full.api("events"))[1]["marked"]) == ("", 0)


@pytest.mark.parametrize(
    ("id_", "asked", "status"),
    [
        ("1", {"mark": "x" * 41}, 400),
        ("1", {"note": "x" * 2001}, 400),
        ("1", {"mark": 5}, 400),
        ("1", {"other": "x"}, 400),
        ("1", ["mark"], 400),
        ("99", {"mark": "x"}, 404),
        ("x", {"mark": "x"}, 404),
    ],
)
async def test_a_mark_that_cannot_be(full: Served, id_: str, asked: Any, status: int) -> None:
    assert (await full.api(f"deliveries/{id_}/mark", asked))[0] == status


async def test_attempts_tell_what_was_sent(serve: Serve) -> None:
    """Exactly what the target saw, for each of them."""
    async with FakeTarget() as app, FakeTarget() as other:
        settings: dict[str, Any] = {
            "forward_to": [f"{app.url}/base/*"],
            "secret": [SECRET],
            "header": ["X-Own: \xe9"],
        }
        async with serve(**settings) as listener:
            app.then(ok(status=500))
            head = b"X-Dup: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nx-dup: \xff\r\n"
            id_ = await listener.post(b'{"event":"delta.verified"}', head)
            await listener.settled(id_, "forwarded")
            for more in ({}, {"to": other.url}, {"re_sign": True}):
                await listener.api(f"deliveries/{id_}/resend", {**more, "wait": True})
            _, told = await listener.api(f"deliveries/{id_}/attempts")
            got = [app.received[0], app.received[1], other.received[0], app.received[2]]
            fresh = {"x-pacspace-signature", "x-pacspace-timestamp"}
            for item, exchange in zip(told["items"], got, strict=True):
                sent = item["request"]
                line = f"{sent['method']} {sent['request_target']} HTTP/1.1"
                assert line.encode() == exchange.request_line
                pairs = [each.decode("latin-1").split(": ", 1) for each in exchange.lines]
                if item["resigned"]:
                    assert {name.lower() for name, _ in pairs} >= fresh
                    for pair in pairs:
                        pair[1] = "(fresh)" if pair[0].lower() in fresh else pair[1]
                assert sent["headers"] == [pair for pair in pairs if pair != [""]]


async def test_attempts_of_what_could_not_be_written(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        asked = {"request_target": "*", "wait": True, "to": app.url}
        id_ = await listener.post()
        _, told = await listener.api(f"deliveries/{id_}/resend", asked)
        _, told = await listener.api(f"deliveries/{told['delivery_id']}/attempts")
        assert [each["request"]["request_target"] for each in told["items"]] == ["*"]
        body = base64.b64encode(b"x" * 3).decode()
        _, told = await listener.api(
            f"deliveries/{id_}/resend", {"body_b64": body, "to": app.url, "wait": True}
        )
        _, told = await listener.api(f"deliveries/{told['delivery_id']}/attempts")
        assert ["Content-Length", "3"] in told["items"][0]["request"]["headers"]


async def test_attempts_tell_what_was_said_elsewhere(serve: Serve) -> None:
    answer = Response(500, "no", (("A", "1"),), b"ex", 20)
    async with serve() as listener:
        id_ = await listener.post()
        shadow = Shadowed(5 * SECOND, id_, "bob@pc", 12.5, answer)
        await listener.runtime._store.append(shadow)
        _, told = await listener.api(f"deliveries/{id_}/attempts")
    assert told == {"items": [], "shadows": [shadow_json(shadow)]}


@pytest.mark.parametrize("figures", ["events?", "activity?since=0&step=3600000000000&"])
async def test_figures_need_not_wait_for_the_index(
    serve: Serve, figures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the UI were a minute old when the index was a few seconds behind."""
    monkeypatch.setattr(store, "PATIENCE", 10 * PATIENCE)
    async with serve() as listener:
        await listener.post()
        _, before = await listener.api(figures)
        process = listener.runtime._store.follower._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        try:
            await listener.post()
            async with asyncio.timeout(PATIENCE):
                status, told = await listener.api(f"{figures}fresh=0")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert (status, told) == (200, before)
        _, after = await listener.api(figures)
        assert after != before


async def test_what_was_indexed_before_the_start_is_not_said_to_be_missing(serve: Serve) -> None:
    async with serve() as listener:
        await listener.delivery(await listener.post())
        # As until the indexer's process has said how far the index is.
        listener.runtime._store.follower.position = 0
        _, told = await listener.api("status")
        assert told["index_lag"] == {"facts": 0}
