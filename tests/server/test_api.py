"""The HTTP API: the shape of every route, and what it says of a wrong question."""

import base64
import hashlib
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.server.intake import Intake
from inspector.store.reader import Reader
from tests.helpers.fake_target import FakeTarget, cut, ok
from tests.helpers.pacspace import SECRET, sdk_accepts
from tests.helpers.served import Served, post, served
from tests.server.conftest import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELIVERY = {
    "id", "seq", "endpoint", "received_at", "method", "request_target", "http_version", "remote",
    "content_type", "body_size", "body_sha256", "provider", "event", "event_id", "event_time",
    "signature", "notes", "duplicate_of", "replay_of", "answered", "state", "state_reason",
    "attempts", "last_status", "last_failure", "last_duration_ms", "mark", "note",
}  # fmt: skip
ATTEMPT = {
    "id", "seq", "delivery_id", "target", "number", "trigger", "resigned", "started_at",
    "duration_ms", "status", "failure", "body_size",
}  # fmt: skip
COUNT = 57
SIGNED = base64.b64encode(b'{"event":"delta.verified"}').decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """Deliveries 1 to COUNT of three sorts, without a target."""
    async with served(tmp_path_factory.mktemp("store"), secret=[SECRET]) as listener:
        for n in range(1, COUNT):
            event = ("delta.verified", "delta.failed", "")[n % 3]
            body = f'{{"event":"{event}","data":{{"n":{n}}}}}' if event else "\xff"
            await listener.post(body.encode("latin-1"), b"X-Event-ID: evt_%d\r\n" % (n % 39))
        await listener.ask(b"\0\r\n\r\n")
        yield listener


async def test_status(full: Served) -> None:
    await full.all()
    status, told = await full.api("status")
    assert status == 200
    assert told["ledger"] == {
        "received": COUNT, "kept": COUNT - 1, "filtered": 0, "held": 0, "waiting": 0,
        "forwarded": 0, "failed": 0, "refused": 1, "unindexed": 0, "pruned": 0, "balanced": True,
        "gaps": 0,
    }  # fmt: skip
    assert (told["v"], told["kind"]) == (1, "status")
    assert told["index_lag"]["facts"] == 0
    assert told["last_seq"] == COUNT
    assert told["store"]["ok"] is True
    assert told["store"]["bytes"] > 0
    assert told["url"] == full.runtime.url
    assert told["control"] == f"{full.runtime.url}/_inspector"
    assert told["targets"] == []


async def test_events(full: Served) -> None:
    status, told = await full.api("events")
    assert status == 200
    counts = {(one["provider"], one["event"]): one["count"] for one in told["events"]}
    assert counts["pacspace", "delta.verified"] == 18
    assert counts["pacspace", "delta.failed"] == 19
    assert sum(counts.values()) == COUNT - 1
    assert told["states"] == {"kept": COUNT - 1, "refused": 1}
    assert told["verdicts"] == {"unsigned": COUNT - 1}
    assert told["duplicates"] == COUNT - 1 - 39


async def test_deliveries_in_short(full: Served) -> None:
    status, told = await full.api("deliveries")
    assert status == 200
    assert set(told) == {"items", "next"}
    ids = [item["id"] for item in told["items"]]
    assert ids == list(range(COUNT, COUNT - 50, -1))
    assert told["next"] == ids[-1]
    for item in told["items"]:
        assert set(item) >= DELIVERY
        assert set(item["signature"]) == {"verdict", "reason"}
        assert "headers" not in item
        assert "body_b64" not in item


@pytest.mark.parametrize("limit", [1, 7, 50, COUNT, 1000])
@pytest.mark.parametrize(
    "query", ["", "event:delta.*", "not event:delta.failed", "header.x-event-id:evt_3"]
)
async def test_pages_have_no_gap_and_no_repeat(full: Served, limit: int, query: str) -> None:
    seen: list[int] = []
    before: int | None = None
    while True:
        more = "" if before is None else f"&before={before}"
        _, told = await full.api(f"deliveries?limit={limit}&query={_quoted(query)}{more}")
        assert len(told["items"]) <= limit
        seen += [item["id"] for item in told["items"]]
        if (before := told["next"]) is None:
            break
    expected = [one.id for one in await full.all(query)]
    assert seen == expected[::-1]
    assert seen == await _ids(full, f"query={_quoted(query)}")


async def test_pages_forward(full: Served) -> None:
    _, told = await full.api("deliveries?after=10&limit=5")
    assert [item["id"] for item in told["items"]] == [11, 12, 13, 14, 15]
    _, told = await full.api(f"deliveries?after={told['next']}&limit=5")
    assert [item["id"] for item in told["items"]] == [16, 17, 18, 19, 20]


async def test_ids(full: Served) -> None:
    assert await _ids(full, "") == list(range(COUNT, 0, -1))
    assert await _ids(full, "limit=3") == [COUNT, COUNT - 1, COUNT - 2]
    assert await _ids(full, "limit=3&before=10") == [9, 8, 7]


async def _ids(listener: Served, asked: str) -> list[int]:
    answer = await _get(listener, f"ids?{asked}")
    assert answer.headers["content-type"] == "application/octet-stream"
    return list(array("q", answer.body))


async def _get(listener: Served, path: str) -> Any:
    return await listener.ask(
        f"GET /_inspector/api/{path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {listener.token}\r\n\r\n".encode()
    )


def _quoted(text: str) -> str:
    return text.replace(" ", "%20").replace('"', "%22")


@pytest.mark.parametrize(
    ("query", "column"), [("event:", 7), ("nonsense:x", 1), ("(a", 3), ("state:nowhere", 7)]
)
@pytest.mark.parametrize("route", ["deliveries", "ids"])
async def test_a_bad_query_names_its_column(
    full: Served, route: str, query: str, column: int
) -> None:
    status, told = await full.api(f"{route}?query={_quoted(query)}")
    assert status == 400
    assert set(told["error"]) == {"code", "message", "hint", "column"}
    assert isinstance(told["error"]["column"], int)
    assert told["error"]["message"]


@pytest.mark.parametrize("name", ["before", "after", "limit"])
@pytest.mark.parametrize("value", ["x", "-1", "1.5", "%C2%B2", "9" * 19, "1%20"])
async def test_a_number_that_is_none(full: Served, name: str, value: str) -> None:
    status, told = await full.api(f"deliveries?{name}={value}")
    assert (status, told["error"]["message"]) == (400, f"{name} must be a number")


@pytest.mark.parametrize("id_", ["0", "999999", "x", "-1", "%C2%B2", "9" * 30, "latest"])
@pytest.mark.parametrize("route", ["", "/body", "/attempts", "/resend"])
async def test_a_delivery_that_is_not_there(full: Served, id_: str, route: str) -> None:
    body: dict[str, Any] | None = {} if route == "/resend" else None
    status, told = await full.api(f"deliveries/{id_}{route}", body)
    assert (status, told["error"]["code"]) == (404, "notfound")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing", 404),
        ("POST", "status", 405),
        ("GET", "trigger", 405),
        ("PUT", "ids", 405),
    ],
)
async def test_routes_that_are_not_there(full: Served, method: str, path: str, status: int) -> None:
    got, told = await full.api(path, method=method)
    assert got == status
    assert told["error"]["code"] in ("not-found", "method-not-allowed")


async def test_a_whole_delivery(shared: Served) -> None:
    body = b'{"event":"delta.verified"}'
    id_ = await shared.post(body, b"X-Dup: a\r\nx-dup: \xff\r\n")
    status, item = await shared.api(f"deliveries/{id_}")
    assert status == 200
    assert item["headers"] == [
        ["Host", "x"], ["X-Dup", "a"], ["x-dup", "\xff"], ["Content-Length", str(len(body))],
    ]  # fmt: skip
    assert base64.b64decode(item["body_b64"]) == body
    assert item["body_text"] == body.decode()
    assert item["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert item["received_at"].endswith("Z")
    assert len(item["received_at"]) == len("2026-02-11T10:30:00.000000Z")
    _, short = await shared.api(f"deliveries/{id_}?body=0")
    assert item == short | {name: item[name] for name in ("body_b64", "body_text")}
    assert set(item) - set(short) == {"body_b64", "body_text"}


async def test_a_body_that_is_no_text(shared: Served) -> None:
    id_ = await shared.post(b"\xff\0\x01")
    _, item = await shared.api(f"deliveries/{id_}")
    assert "body_text" not in item
    answer = await _get(shared, f"deliveries/{id_}/body")
    assert answer.body == b"\xff\0\x01"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_is_missing_of_a_question_is_named(shared: Served) -> None:
    status, told = await shared.api("hold", {})
    assert (status, told["error"]["message"]) == (400, "query: it is missing")
    assert told["error"]["hint"] == "it takes query, as JSON"


async def test_what_was_refused_unparsed(shared: Served) -> None:
    answer = await shared.ask(b"\x01garbage\r\n\r\n")
    _, item = await shared.api(f"deliveries/{answer.delivery}")
    assert (item["state"], item["headers"], item["method"]) == ("refused", [], "")
    raw = await _get(shared, f"deliveries/{answer.delivery}/body")
    assert raw.body == b"\x01garbage\r\n\r\n"
    assert base64.b64decode(item["body_b64"]) == raw.body
    assert item["body_sha256"] == hashlib.sha256(raw.body).hexdigest()


@pytest.mark.parametrize(
    "refused", [b"\0\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"]
)
async def test_what_was_refused_is_not_sent(shared: Served, refused: bytes) -> None:
    answer = await shared.ask(refused)
    async with FakeTarget() as app:
        for asked in ({"to": app.url}, {"to": app.url, "method": "PUT"}):
            status, told = await shared.api(f"deliveries/{answer.delivery}/resend", asked)
            assert (status, told["error"]["code"]) == (404, "notfound")
        assert not app.received
    assert (await shared.delivery(answer.delivery)).state == "refused"


async def test_resend_and_its_attempts(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url]) as listener:
        id_ = await listener.post(b"{}")
        await listener.settled(id_, "forwarded")
        app.then(ok(b"\xff\xfe", status=500, headers=b"X-R: 1\r\n"))
        status, told = await listener.api(f"deliveries/{id_}/resend", {})
        assert status == 202
        assert told["delivery_id"] == id_
        (begun,) = told["attempts"]
        assert set(begun) >= ATTEMPT
        assert (begun["status"], begun["failure"], begun["trigger"]) == (None, None, "manual")
        assert (begun["number"], begun["target"]) == (2, app.url)
        await app.wait_for(2)
        assert b"Inspector-Attempt: 2" in app.received[1].lines
        await listener.until(lambda: _finished(listener, id_), 2)
        status, told = await listener.api(f"deliveries/{id_}/attempts")
        assert status == 200
        first, second = told["items"]
        assert (first["trigger"], second["trigger"]) == ("auto", "manual")
        assert second["id"] == begun["id"]
        assert second["status"] == 500
        assert ["X-R", "1"] in second["headers"]
        assert base64.b64decode(second["body_b64"]) == b"\xff\xfe"
        assert second["body_size"] == 2
        assert second["duration_ms"] > 0


async def _finished(listener: Served, id_: int) -> list[Any]:
    return [one for one in await listener.attempts(id_) if one.finished]


async def test_resend_and_wait(serve: Serve) -> None:
    async with FakeTarget() as app, FakeTarget() as other, serve(forward_to=[app.url]) as listener:
        app.then(ok(status=500))
        id_ = await listener.post(b"{}")
        await listener.settled(id_, "forwarded")
        status, told = await listener.api(f"deliveries/{id_}/resend", {"wait": True})
        assert status == 200
        assert [one["status"] for one in told["attempts"]] == [200]
        other.then(cut())
        status, told = await listener.api(
            f"deliveries/{id_}/resend", {"wait": True, "to": other.url}
        )
        (attempt,) = told["attempts"]
        assert attempt["status"] is None
        assert attempt["failure"]["kind"] == "cut"
        assert attempt["failure"]["reason"]
        assert attempt["target"] == other.url
        # Another URL than the delivery's own does not change its state.
        await listener.until(lambda: _finished(listener, id_), 3)
        assert (await listener.delivery(id_)).state == "forwarded"


async def test_its_own_target_is_that_also_by_its_name(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], retry=0) as listener:
        app.then(cut())
        id_ = await listener.post(b"{}")
        await listener.settled(id_, "failed")
        asked = {"wait": True, "to": app.url}
        status, told = await listener.api(f"deliveries/{id_}/resend", asked)
        assert (status, told["attempts"][0]["chosen"]) == (200, True)
        await listener.settled(id_, "forwarded")


async def test_a_resend_that_fails_takes_nothing_from_what_waits(tmp_path: Path) -> None:
    app = FakeTarget()
    await app.open()
    await app.close()
    async with served(tmp_path, forward_to=[app.url]) as listener:
        bodies = [b'{"n":%d}' % n for n in range(3)]
        ids = [await listener.post(body) for body in bodies]
        path = f"deliveries/{ids[1]}/resend"
        _, told = await listener.api(path, {"wait": True})
        assert told["attempts"][0]["failure"]["kind"] == "refused"
        await listener.until(lambda: _finished(listener, ids[1]), 1)
        assert [each.state for each in await listener.all()] == ["waiting"] * 3
        _, status = await listener.api("status")
        assert status["ledger"]["balanced"]
        assert status["ledger"]["waiting"] == 3
    async with app, served(tmp_path, forward_to=[app.url]) as listener:
        await app.wait_for(3)
        assert [exchange.body for exchange in app.received] == bodies
        for id_ in ids:
            await listener.settled(id_, "forwarded")


async def test_resend_of_what_is_kept_needs_a_target(shared: Served) -> None:
    id_ = await shared.post(b"{}")
    status, told = await shared.api(f"deliveries/{id_}/resend", {})
    assert (status, told["error"]["code"]) == (400, "usage")
    assert "--to" in told["error"]["hint"]
    status, told = await shared.api(f"deliveries/{id_}/resend", {"to": "ftp://x"})
    assert (status, told["error"]["code"]) == (400, "usage")
    status, told = await shared.api(f"deliveries/{id_}/resend", {"to": "http://x", "re_sign": True})
    assert (status, told["error"]["code"]) == (500, "configuration")


async def test_signing_what_no_provider_signs(full: Served) -> None:
    status, told = await full.api("deliveries/2/resend", {"to": "http://x", "re_sign": True})
    assert (status, told["error"]["code"]) == (400, "usage")
    assert "without signing" in told["error"]["hint"]


async def test_a_filtered_delivery_may_be_resent(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[app.url], events=["fact.*"]) as listener:
        id_ = await listener.post(b'{"event":"delta.verified"}')
        await listener.settled(id_, "filtered")
        _, told = await listener.api(f"deliveries/{id_}/resend", {"wait": True})
        assert [one["status"] for one in told["attempts"]] == [200]


async def test_a_week_old_delivery_passes_when_signed_anew(serve: Serve) -> None:
    async with FakeTarget() as app, serve(secret=[SECRET]) as listener:
        _, told = await listener.api("trigger", {"event": "delta.verified", "stale": True})
        (id_,) = told["delivery_ids"]
        assert (await listener.delivery(id_)).verdict == "stale"
        for re_sign in (False, True):
            _, told = await listener.api(
                f"deliveries/{id_}/resend", {"to": app.url, "re_sign": re_sign, "wait": True}
            )
            assert told["attempts"][0]["resigned"] is re_sign
        accepted = [
            sdk_accepts(_received(exchange.head, exchange.body), SECRET, wall_clock())
            for exchange in app.received
        ]
        assert accepted == [False, True]


def _received(head: bytes, body: bytes) -> Request:
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    pairs = tuple((name, value) for name, _, value in (one.partition(": ") for one in lines[1:-2]))
    return Request(method, target, "1.1", pairs, body)


async def test_an_edited_delivery_is_a_new_one(serve: Serve) -> None:
    async with FakeTarget() as app, serve(secret=[SECRET]) as listener:
        original = await listener.post(b"old", b"X-A: 1\r\n")
        asked = {
            "to": app.url,
            "method": "PUT",
            "request_target": "/else?x=1",
            "headers": [["host", "y"], ["X-B", "2"], ["x-b", "\xff"]],
            "body_b64": base64.b64encode(b"brand new").decode(),
            "wait": True,
        }
        status, told = await listener.api(f"deliveries/{original}/resend", asked)
        assert status == 200
        new = told["delivery_id"]
        assert new == original + 1
        delivery = await listener.delivery(new)
        assert (delivery.replay_of, delivery.duplicate_of) == (original, None)
        assert delivery.answered is None
        request = await listener.request(new)
        assert request == Request(
            "PUT",
            "/else?x=1",
            "1.1",
            (("host", "y"), ("X-B", "2"), ("x-b", "\xff"), ("Content-Length", "9")),
            b"brand new",
        )
        (got,) = app.received
        assert got.request_line == b"PUT /else?x=1 HTTP/1.1"
        assert got.body == b"brand new"
        # The original is what it was.
        assert (await listener.request(original)).body == b"old"
        status, told = await listener.api(
            f"deliveries/{original}/resend",
            {"to": app.url, "body_b64": SIGNED, "re_sign": True, "wait": True},
        )
        again = await listener.delivery(told["delivery_id"])
        assert (again.replay_of, again.verdict) == (original, "valid")


async def test_an_edited_delivery_without_a_target_is_kept_once(serve: Serve) -> None:
    async with serve() as listener:
        original = await listener.post(b"old")
        path = f"deliveries/{original}/resend"
        status, _ = await listener.api(path, {"body_b64": "AA==", "to": "ftp://x"})
        assert status == 400
        # The refused one left nothing behind.
        status, told = await listener.api(path, {"body_b64": "AA=="})
        assert (status, told) == (202, {"delivery_id": original + 1, "attempts": []})
        assert (await listener.delivery(original + 1)).state == "kept"
        status, told = await listener.api(path, {})
        assert (status, told["error"]["message"]) == (400, "there is no target to send to")


async def test_a_resend_that_no_route_takes_says_so(serve: Serve) -> None:
    async with FakeTarget() as app, serve(forward_to=[f"delta.*={app.url}"]) as listener:
        kept = await listener.post(b'{"event":"other"}')
        status, told = await listener.api(f"deliveries/{kept}/resend", {})
        error = told["error"]
        assert (status, error["message"]) == (400, "no target takes its event type")
        assert error["hint"] == "name one: `--to URL`, or o in the UI"


@pytest.mark.parametrize(
    "edit",
    [{"method": "GET /"}, {"method": "x\r\ny"}, {"method": ""}, {"request_target": "/a b"},
     {"request_target": "/a\r\nX: y"}, {"headers": [["a", "b\r\nc: d"]]}, {"headers": [["", "b"]]},
     {"headers": [["a b", "c"]]}, {"headers": [["a:", "c"]]}, {"headers": [["a\n", "c"]]},
     {"headers": [["a", "\u20ac"]]},
     {"headers": [["a"]]}, {"body_b64": "%%%"}, {"body_b64": "a"}, {"to": 5},
     {"request_target": "/\u20ac"}],
)  # fmt: skip
async def test_an_edit_that_no_http_request_can_be(shared: Served, edit: dict[str, Any]) -> None:
    id_ = await shared.post()
    status, told = await shared.api(f"deliveries/{id_}/resend", {"to": "http://x"} | edit)
    assert (status, told["error"]["code"]) == (400, "usage")
    assert await shared.latest() == id_


async def test_trigger(full: Served) -> None:
    status, told = await full.api(
        "trigger",
        {
            "event": "delta.verified",
            "changes": [["data.delta.amount", -1]],
            "event_id": "evt_given",
        },
    )
    assert status == 202
    assert told["answered"] == 200
    (id_,) = told["delivery_ids"]
    delivery = await full.delivery(id_)
    assert (delivery.verdict, delivery.event) == ("valid", "delta.verified")
    assert (delivery.event_id, delivery.remote) == ("evt_given", "trigger")
    assert sdk_accepts(await full.request(id_), SECRET, wall_clock())
    _, told = await full.api("trigger", {"event": "delta.verified", "bad_signature": True})
    assert (await full.delivery(told["delivery_ids"][0])).verdict == "invalid"


@pytest.mark.parametrize(
    ("asked", "status"),
    [({}, 400), ({"event": "no.such"}, 404), ({"event": "delta.verifed"}, 404),
     ({"event": "delta.verified", "envelope": "xml"}, 400),
     ({"event": "delta.verified", "changes": [["a.b.c.0.x", 1], ["event.x", 1]]}, 400),
     ({"event": "delta.verified", "event_id": "a\r\nX: y"}, 400),
     ({"event": "delta.verified", "event_id": "\u20ac"}, 400),
     ({"event": "delta.verified", "event_id": "\udcff"}, 400),
     ({"event": "delta.verified", "data": "\udcff"}, 400)],
)  # fmt: skip
async def test_a_trigger_that_cannot_be(full: Served, asked: dict[str, Any], status: int) -> None:
    before = await full.latest()
    got, told = await full.api("trigger", asked)
    assert got == status, told
    assert told["error"]["message"]
    assert await full.latest() == before


async def test_reindex(serve: Serve) -> None:
    async with serve() as listener:
        await listener.post(b'{"event":"delta.verified"}')
        before = await listener.all()
        status, told = await listener.api("reindex", {})
        assert (status, told) == (202, {"ok": True})
        await listener.post()
        assert (await listener.all())[:1] == before
        _, told = await listener.api("status")
        assert told["ledger"]["balanced"] is True


async def test_a_fault_of_ours_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Reader) -> None:
        raise RuntimeError("kaput")

    async with serve() as listener:
        await listener.post()
        monkeypatch.setattr(Reader, "ledger", broken)
        status, told = await listener.api("status")
        assert (status, told["error"]["code"]) == (500, "internal")
        assert "kaput" not in str(told)
        assert "kaput" in caplog.text
        caplog.clear()


async def test_a_fault_of_ours_while_capturing_is_logged(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("kaput")

    async with serve() as listener:
        monkeypatch.setattr(Intake, "take", broken)
        answer = await listener.ask(b"GET / HTTP/1.0\r\n\r\n")
        assert answer.status == 500
        assert "kaput" in caplog.text
        caplog.clear()
        assert (await listener.ask(post())).status == 500
        assert "kaput" in caplog.text
        caplog.clear()
