"""What was sent to a relay is what the app gets, and the provider's own verifier takes it."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.domain.headers import encode_head
from inspector.providers.pacspace import PACSPACE
from tests.e2e.conftest import Command, lines_of
from tests.e2e.test_fidelity import BODIES, HEADERS, TARGETS, chunked, expected, received
from tests.helpers.fake_target import FakeTarget
from tests.helpers.pacspace import SECRET, sdk_accepts
from tests.helpers.tunnelled import tunnelled

# Around the pieces in which large bodies travel.
PIECE = 256 << 10
LENGTHS = (1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1, 9 << 20)


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_byte_for_byte_and_verified_by_the_sdk(tmp_path: Path, framing: str) -> None:
    async with (
        FakeTarget() as app,
        tunnelled(tmp_path, app.url, "--secret", SECRET) as tunnel,
        await tunnel.wire() as wire,
    ):
        sent: list[Request] = []
        for number, (name, body) in enumerate((*BODIES.items(), *BODIES.items())):
            target = TARGETS[number % len(TARGETS)]
            bare = Request("POST", target, "1.1", HEADERS, body)
            signed = PACSPACE.sign(bare, SECRET, wall_clock())
            framed = {"length": ("Content-Length", str(len(body)))}
            length = framed.get(framing, ("Transfer-Encoding", "chunked"))
            coding = (("Content-Encoding", "gzip"),) if name == "gzip" else ()
            request = Request("POST", target, "1.1", (*signed.headers, *coding, length), body)
            head = encode_head("POST", tunnel.path + target, "1.1", request.headers) + b"\r\n"
            answer = await wire.ask(head, chunked(body) if framing == "chunked" else body)
            assert answer.status == 200
            sent.append(request)
        await app.wait_for(len(sent))
        shown = await tunnel.at_home(len(sent))
        for request, exchange, item in zip(sent, app.received, shown, strict=True):
            got = received(exchange)
            assert (got.method, got.target, got.body) == ("POST", request.target, request.body)
            ours = [("Inspector-Delivery", str(item["id"])), ("Inspector-Attempt", "1")]
            counted = [("Content-Length", str(len(request.body)))]
            added = [*([] if framing == "length" else counted), *ours]
            assert list(got.headers) == [*expected(request, app), *added]
            if request.body[:1] == b"{":  # what the SDK refuses besides has no verdict of ours
                assert sdk_accepts(got, SECRET, wall_clock())
            assert item["signature"]["verdict"] == "valid"
            assert item["headers"] == [list(pair) for pair in request.headers]
            assert item["request_target"] == request.target
            assert item["body_sha256"] == sha256(request.body).hexdigest()


async def test_bodies_of_any_length(tmp_path: Path) -> None:
    async with FakeTarget() as app, tunnelled(tmp_path, app.url) as tunnel:
        bodies = [os.urandom(length) for length in LENGTHS]
        for body in bodies:
            assert (await tunnel.post(body)).status == 200
        await app.wait_for(len(bodies))
        assert [exchange.body for exchange in app.received] == bodies


# What is sent behind the slug, and what the target is then.
BEHIND = {
    "": "/",
    "/": "/",
    "?x=1": "/?x=1",
    "/?x=1": "/?x=1",
    "/hooks?": "/hooks?",
    "//a": "//a",
    "/../in/other": "/../in/other",
    "/%2e%2e/%2F": "/%2e%2e/%2F",
    "/_inspector/api/status": "/_inspector/api/status",
}


async def test_what_is_behind_the_slug_is_the_target_and_any_method_goes(tmp_path: Path) -> None:
    methods = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
    async with (
        FakeTarget() as app,
        tunnelled(tmp_path, app.url) as tunnel,
        await tunnel.wire() as wire,
    ):
        for target in BEHIND:
            await wire.ask(f"POST {tunnel.path}{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for method in methods:
            await wire.ask(f"{method} {tunnel.path}/m?x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await app.wait_for(len(BEHIND) + len(methods))
        lines = [exchange.request_line.decode() for exchange in app.received]
        assert lines == [
            *(f"POST {target} HTTP/1.1" for target in BEHIND.values()),
            *(f"{method} /m?x HTTP/1.1" for method in methods),
        ]


async def test_what_the_relay_refused_is_a_row_at_home(tmp_path: Path, command: Command) -> None:
    async with tunnelled(tmp_path, endpoint=("--max-body", "1kb")) as tunnel:
        assert (await tunnel.post(b"x" * 2000)).status == 413
        async with await tunnel.wire() as wire:
            raw = f"POST {tunnel.path}/bad HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n".encode()
            assert (await wire.ask(raw)).status == 400
        assert (await tunnel.post(b"fine")).status == 200
        await tunnel.at_home(1)
        found = await asyncio.to_thread(tunnel.home.wait_for, 2, kind="refused")
        listed = lines_of(command("list", "--json", "--db", str(tunnel.home.db)))
        assert [item["state"] for item in listed] == ["kept", "refused", "refused"]
        assert [item["answered"] for item in listed] == [200, 400, 413]
        assert [item["origin"]["id"] for item in found] == sorted(
            item["origin"]["id"] for item in found
        )
