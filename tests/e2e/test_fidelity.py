"""What the sender sent is what the app gets, and the provider's own verifier takes it."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.domain.headers import HOP_BY_HOP, encode_head
from inspector.providers.pacspace import PACSPACE
from tests.e2e.conftest import Command, Item
from tests.helpers.fake_target import Exchange, FakeTarget
from tests.helpers.listener import ListenerProcess
from tests.helpers.pacspace import SECRET, sdk_accepts
from tests.helpers.wire import Wire

TARGETS = ("/", "//a//b", "/a%2Fb%2f%7E", "/hooks?", "/hooks?a=1&a=2", "/x/../y", "/h#f")
HEADERS = (
    ("hOST", "provider.example"),
    ("X-Dup", "1"),
    ("x-dup", "2"),
    ("X-DUP", "1"),
    ("X-Latin", "caf\xe9 \xff"),
    ("Accept-Encoding", "gzip, br"),
    ("Connection", "keep-alive, X-Mine"),
    ("X-Mine", "belongs to the connection"),
)
BODIES = {
    "json": b'{"event":"delta.verified","data":{"n":1}}',
    "gzip": gzip.compress(b'{"event":"delta.verified"}' * 50, mtime=0),
    "binary": bytes(range(256)) * 20,
    "empty": b"",
    "large": b'{"event":"delta.verified","data":"' + b"x" * (3 << 20) + b'"}',
}


def received(exchange: Exchange) -> Request:
    """What an app's framework would hand to its handler."""
    method, target, _ = exchange.request_line.decode("latin-1").split(" ")
    pairs = (line.decode("latin-1").partition(": ") for line in exchange.lines)
    headers = tuple((name, value) for name, _, value in pairs)
    return Request(method, target, "1.1", headers, exchange.body)


def expected(request: Request, app: FakeTarget) -> list[tuple[str, str]]:
    """The headers that the app must get, in this order and spelling."""
    out = []
    for name, value in request.headers:
        if name.lower() == "host":
            value = f"{app.host}:{app.port}"
        if name.lower() not in HOP_BY_HOP | {"x-mine"}:
            out.append((name, value))
    return out


def chunked(body: bytes) -> bytes:
    step = max(1, len(body) // 3)
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_byte_for_byte_and_verified_by_the_sdk(tmp_path: Path, framing: str) -> None:
    async with (
        FakeTarget() as app,
        ListenerProcess(tmp_path / "store.db", app.url, "--secret", SECRET) as listener,
        await Wire.to(int(listener.url.rsplit(":", 1)[1])) as wire,
    ):
        sent: list[Request] = []
        for number, (name, body) in enumerate(BODIES.items()):
            target = TARGETS[number % len(TARGETS)]
            bare = Request("POST", target, "1.1", HEADERS, body)
            signed = PACSPACE.sign(bare, SECRET, wall_clock())
            framed = {"length": ("Content-Length", str(len(body)))}
            length = framed.get(framing, ("Transfer-Encoding", "chunked"))
            coding = (("Content-Encoding", "gzip"),) if name == "gzip" else ()
            request = Request("POST", target, "1.1", (*signed.headers, *coding, length), body)
            head = encode_head("POST", target, "1.1", request.headers) + b"\r\n"
            answer = await wire.ask(head, chunked(body) if framing == "chunked" else body)
            assert answer.status == 200
            sent.append(request)
        await app.wait_for(len(sent))
        for number, (request, exchange) in enumerate(zip(sent, app.received, strict=True), 1):
            got = received(exchange)
            assert (got.method, got.target, got.body) == ("POST", request.target, request.body)
            ours = [("Inspector-Delivery", str(number)), ("Inspector-Attempt", "1")]
            counted = [("Content-Length", str(len(request.body)))]
            added = [*([] if framing == "length" else counted), *ours]
            assert list(got.headers) == [*expected(request, app), *added]
            if request.body[:1] == b"{":  # what the SDK refuses besides has no verdict of ours
                assert sdk_accepts(got, SECRET, wall_clock())
        listener_says = await asyncio.to_thread(listener.wait_for, len(sent), kind="delivery")
        assert {one["signature"]["verdict"] for one in listener_says} == {"valid"}
        assert [one["headers"] for one in listener_says] == [
            [list(pair) for pair in request.headers] for request in sent
        ]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
async def test_other_methods_reach_the_app(tmp_path: Path, method: str) -> None:
    async with (
        FakeTarget() as app,
        ListenerProcess(tmp_path / "store.db", app.url) as listener,
        await Wire.to(int(listener.url.rsplit(":", 1)[1])) as wire,
    ):
        await wire.ask(f"{method} /m?x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await app.wait_for(1)
        assert app.received[0].request_line == f"{method} /m?x HTTP/1.1".encode()
        assert app.received[0].body == b""


@pytest.mark.parametrize("envelope", ["docs", "sdk"])
async def test_every_event_of_the_catalogue_passes_the_sdk(tmp_path: Path, envelope: str) -> None:
    """Through the API, which is what `trigger` asks of a running listener."""
    async with (
        FakeTarget() as app,
        ListenerProcess(tmp_path / "store.db", app.url, "--secret", SECRET) as listener,
    ):
        names = list(PACSPACE.catalogue)
        assert len(names) >= 18
        for event in names:
            asked: Item = {"event": event, "envelope": envelope}
            await asyncio.to_thread(listener.request, "POST", "trigger", asked)
        await app.wait_for(len(names))
        for event, exchange in zip(names, app.received, strict=True):
            assert sdk_accepts(received(exchange), SECRET, wall_clock()), event
            assert json.loads(exchange.body)["event"] == event


async def test_trigger_from_the_command_line(tmp_path: Path, command: Command) -> None:
    async with (
        FakeTarget() as app,
        ListenerProcess(tmp_path / "store.db", app.url, "--secret", SECRET) as listener,
    ):
        done = await asyncio.to_thread(
            command, "trigger", "delta.verified", "--db", str(listener.db), "--json"
        )
        assert done.returncode == 0, done.stderr
        await app.wait_for(1)
        assert sdk_accepts(received(app.received[0]), SECRET, wall_clock())


async def test_a_week_old_delivery_passes_when_signed_anew(
    tmp_path: Path, command: Command
) -> None:
    async with (
        FakeTarget() as app,
        ListenerProcess(tmp_path / "store.db", app.url, "--secret", SECRET) as listener,
    ):
        asked: Item = {"event": "delta.verified", "stale": True}
        await asyncio.to_thread(listener.request, "POST", "trigger", asked)
        await app.wait_for(1)
        done = await asyncio.to_thread(
            command, "resend", "latest", "--re-sign", "--db", str(listener.db)
        )
        assert done.returncode == 0, done.stderr
        await app.wait_for(2)
        verdicts = [sdk_accepts(received(one), SECRET, wall_clock()) for one in app.received]
        assert verdicts == [False, True]
