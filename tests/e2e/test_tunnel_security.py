"""Without the token nobody reads, subscribes or learns a name, and nobody stops a relay."""

import asyncio
import gzip
import hmac
import os
import random
import resource
import statistics
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from inspector.domain.endpoint import Endpoint
from inspector.tunnel import door as door_module
from inspector.tunnel.desk import Desk
from inspector.tunnel.messages import MAX_FRAME, PATH, SUBPROTOCOL, Ack, Begin, Start
from inspector.tunnel.wire import encode
from tests.helpers.fake_target import FakeTarget
from tests.helpers.listener import PATIENCE, send
from tests.helpers.tunnelled import Tunnel, tunnelled
from tests.helpers.wire import Answer, Wire

SECRET_HEADER = "X-Signature: hdr_5ecret_value"
SECRET_BODY = b'{"event":"x","card":"body_5ecret_value"}'
NAME = "dev"
IDLE = 1000


def handshake(
    tunnel: Tunnel, token: str | None, *, slug: str | None = None, more: str = ""
) -> bytes:
    """A consumer's way in; without a token it has none."""
    slug = tunnel.path.rpartition("/")[2] if slug is None else slug
    entitled = "" if token is None else f"Authorization: Bearer {token}\r\n"
    return (
        f"GET {PATH}{slug}?consumer=c{random.randrange(1 << 30)}&instance=0123456789abcdef{more} "
        f"HTTP/1.1\r\nHost: 127.0.0.1:{tunnel.port}\r\n{entitled}"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    ).encode()


async def tried(tunnel: Tunnel, request: bytes) -> Answer:
    async with await tunnel.wire() as wire:
        return await wire.ask(request)


def shows_nothing(tunnel: Tunnel, *answers: Answer) -> None:
    for answer in answers:
        told = b"".join(
            [*(f"{n}: {v}\n".encode("latin-1") for n, v in answer.headers.items()), answer.body]
        )
        for secret in (NAME, tunnel.endpoint["token"], tunnel.path.rpartition("/")[2]):
            assert secret.encode() not in told, answer
        assert b"5ecret" not in told, answer


async def test_without_the_token_nothing_is_read_and_no_name_is_learnt(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as tunnel:
        assert (await tunnel.post(SECRET_BODY, head=SECRET_HEADER.encode() + b"\r\n")).status == 200
        token = tunnel.endpoint["token"]
        other = await asyncio.to_thread(tunnel.relay.endpoint, "add", "other")
        wrong = [
            None, "", "x", token[:-1], token + "x", token.swapcase(), token + "\x00", "\xff",
            sha256(token.encode()).hexdigest(), other["token"],
        ]  # fmt: skip
        for one in wrong:
            for more in ("", "&take_over=1", "&peek=1"):
                answer = await tried(tunnel, handshake(tunnel, one, more=more))
                assert answer.status in (400, 401), (one, answer)
                shows_nothing(tunnel, answer)
        # In the URL it is none.
        answer = await tried(tunnel, handshake(tunnel, None, more=f"&token={token}"))
        assert answer.status == 401
        for slug in ("", "x", "../x", NAME, tunnel.path.rpartition("/")[2][:-1]):
            answer = await tried(tunnel, handshake(tunnel, token, slug=slug))
            assert answer.status == 404, (slug, answer)
            shows_nothing(tunnel, answer)
        # The relay's own port has no API, with any token.
        own = tunnel.relay.token
        for path in (
            "/", "/_inspector", "/_inspector/", "/_inspector/api/status", "/_inspector/stream",
            "/_inspector/api/deliveries", "/_inspector/api/deliveries/1/resend", "/status",
            "/metrics", "/readyz", "/in", "/in/", f"/in/{NAME}", f"/in/{NAME}/x",
            "/_inspector/tunnel", "/_inspector/tunnel/",
        ):  # fmt: skip
            for method in ("GET", "POST"):
                for given in (None, token, own):
                    line = "" if given is None else f"Authorization: Bearer {given}\r\n"
                    answer = await tried(
                        tunnel,
                        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}"
                        "Content-Length: 0\r\n\r\n".encode(),
                    )
                    assert answer.status in (401, 403, 404, 405), (method, path, answer)
                    shows_nothing(tunnel, answer)
        # Nor is there a capture under the slug of a tunnel, or a tunnel under that of a capture.
        assert (await tried(tunnel, b"GET " + tunnel.path.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n"
                            )).status == 200  # fmt: skip
        for unlocked in ("healthz", "readyz"):
            told = await asyncio.to_thread(send, f"{tunnel.relay.health}/{unlocked}")
            shows_nothing(tunnel, Answer(told.status, told.headers, told.body))
        for given in ({}, {"Authorization": f"Bearer {token}"}):
            told = await asyncio.to_thread(send, f"{tunnel.relay.health}/status", headers=given)
            assert told.status == 401
            shows_nothing(tunnel, Answer(told.status, told.headers, told.body))


async def test_neither_side_logs_a_secret_or_a_body(tmp_path: Path) -> None:
    async with FakeTarget() as app, tunnelled(tmp_path, app.url) as tunnel:
        slug = tunnel.path.rpartition("/")[2]
        token = tunnel.endpoint["token"]
        await tunnel.post(SECRET_BODY, head=SECRET_HEADER.encode() + b"\r\n")
        await tried(tunnel, f"POST {tunnel.path} HTTP/1.1\r\n{SECRET_HEADER}\x00\r\n\r\n".encode())
        await tried(tunnel, handshake(tunnel, token + "x"))
        async with await tunnel.wire() as wire:
            await wire.ask(handshake(tunnel, token))
            await wire.send(frame(b"\0\0\0\x02{}5ecret_value"))
            await wire.rest()
        await asyncio.to_thread(tunnel.relay.endpoint, "rotate", NAME)
        await asyncio.to_thread(
            tunnel.home.wait_for, 1, kind="connection", where=lambda one: one["state"] == "refused"
        )
        await asyncio.to_thread(tunnel.home.stop)
        await asyncio.to_thread(tunnel.relay.stop)
    printed = tunnel.relay.stderr + "".join(map(str, tunnel.relay.lines))
    for secret in (token, slug, "5ecret", tunnel.relay.token, sha256(token.encode()).hexdigest()):
        assert secret not in printed
        assert secret not in tunnel.home.stderr
    assert token not in "".join(map(str, tunnel.home.lines))
    assert "Traceback" not in printed + tunnel.home.stderr
    # On disk the relay has the token's digest alone.
    for path, mode, content in stored(tmp_path):
        assert token.encode() not in content, path
        assert mode & 0o077 == 0, path


def stored(folder: Path) -> list[tuple[str, int, bytes]]:
    """(name, mode, content) of the relay's files."""
    found = folder.glob("relay.db*")
    return [(path.name, path.stat().st_mode, path.read_bytes()) for path in found]


# The check of a token.


def entering(token: str, slug: str = "slug") -> web.BaseRequest:
    return make_mocked_request("GET", PATH + slug, {"Authorization": f"Bearer {token}"})


def door_of(token: str) -> door_module.Door:
    """A door with one endpoint, whose desk nobody gets to."""
    digest = sha256(token.encode()).hexdigest()
    endpoint = Endpoint(id="e", name=NAME, slug="slug", token_sha256=digest)
    found = endpoint, cast(Desk, None)
    return door_module.Door({"slug": found}.get, version="1")


@pytest.mark.parametrize("slug", ["slug", "unknown"])
async def test_every_check_compares_digests_of_one_length_once(
    monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    class Hmac:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr(door_module, "hmac", Hmac)
    door = door_of("right")
    tokens = ["", "r", "righ", "wrong", "x" * 10_000]
    for token in tokens:
        answer = await door.handle(entering(token, slug))
        assert answer.status == (401 if slug == "slug" else 404)
    assert len(compared) == len(tokens)
    assert {len(text) for pair in compared for text in pair} == {64}


async def test_a_token_that_is_nearly_right_takes_no_longer() -> None:
    token = "t" * 43
    door = door_of(token)
    tried = {"nearly": token[:-1] + "x", "not at all": "x" * 43}
    requests = {name: entering(one) for name, one in tried.items()}
    unknown = entering(token, "unknown")

    async def once(request: web.BaseRequest) -> int:
        began = time.perf_counter_ns()
        await door.handle(request)
        return time.perf_counter_ns() - began

    spent: dict[str, list[int]] = {"nearly": [], "not at all": [], "unknown": []}
    for _ in range(3000):
        # By turns, so that whatever else the machine does is felt by all of them.
        for name, request in (*requests.items(), ("unknown", unknown)):
            spent[name].append(await once(request))
    middle = {name: statistics.median(found) for name, found in spent.items()}
    assert abs(middle["nearly"] / middle["not at all"] - 1) < 0.15, middle
    assert abs(middle["unknown"] / middle["not at all"] - 1) < 0.5, middle


# What comes in at the door with a token, and is hostile all the same.


def frame(data: bytes, *, first: int = 0x82, length: int | None = None) -> bytes:
    """A websocket frame of a client; `first` are its flags and kind, `length` may lie."""
    told = len(data) if length is None else length
    size = (
        struct.pack("!BB", first, 0x80 | told)
        if told < 126
        else struct.pack("!BBH", first, 0x80 | 126, told)
        if told < 1 << 16
        else struct.pack("!BBQ", first, 0x80 | 127, told)
    )
    return size + b"\0\0\0\0" + data


def close_code(rest: bytes) -> int:
    """Of the close frame at the end of what a server sent."""
    at = rest.rindex(b"\x88")
    return int(struct.unpack("!H", rest[at + 2 : at + 4])[0])


HOSTILE = {
    "too large": (frame(b"", length=MAX_FRAME + 1), {1009}),
    "absurdly large": (frame(b"", length=1 << 62), {1009, 1002}),
    "compressed": (frame(b"\xcbH\xcd\xc9\xc9\x07\x00", first=0xC2), {1002}),
    "reserved bits": (frame(b"x", first=0xB2), {1002}),
    "unknown kind": (frame(b"x", first=0x83), {1002}),
    "a text": (frame(b'{"kind":"start","after":0}', first=0x81), {4400}),
    "not UTF-8": (frame(b"\xff\xfe", first=0x81), {1007, 4400}),
    "nothing": (frame(b""), {4400}),
    "garbage": (frame(os.urandom(5000)), {4400}),
    "deep": (frame(struct.pack("!I", 1_000_000) + b"[" * 1_000_000), {4400}),
    "what only a relay says": (frame(encode(Begin(1, 0, 0))), {4400}),
    "no start": (frame(encode(Ack(5))), {4400}),
    "an ack of what never came": (frame(encode(Start(0))) + frame(encode(Ack(1 << 60))), {4400}),
    "a long control frame": (frame(b"x" * 126, first=0x89), {1002}),
}


@pytest.fixture(scope="module")
def many_files() -> Iterator[None]:
    """Room for a thousand sockets; processes that are started here have it too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("no process may have 4096 files open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def unharmed(tunnel: Tunnel) -> AsyncIterator[None]:
    """Whatever happens in here: others are served, and nothing is logged."""
    before = len(tunnel.home.lines)
    yield
    answer = await tunnel.post(b"unharmed")
    assert answer.status == 200
    await asyncio.to_thread(
        tunnel.home.wait_for, 1, kind="delivery",
        where=lambda one: one["origin"]["id"] == answer.delivery,
    )  # fmt: skip
    assert before < len(tunnel.home.lines)
    assert "Traceback" not in tunnel.relay.stderr


async def told_in_the_end(tunnel: Tunnel, sent: bytes) -> int:
    """The code with which a consumer that sends this is closed."""
    async with await tunnel.wire() as wire:
        answer = await wire.ask(handshake(tunnel, tunnel.endpoint["token"]))
        assert answer.status == 101, answer
        assert "sec-websocket-extensions" not in answer.headers
        await wire.send(sent)
        return close_code(await wire.rest())


async def test_hostile_frames_end_their_own_connection_alone(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as tunnel:
        await tunnel.post(SECRET_BODY)
        async with unharmed(tunnel):
            ended = await asyncio.gather(
                *(told_in_the_end(tunnel, sent) for sent, _ in HOSTILE.values())
            )
        for (what, (_, codes)), code in zip(HOSTILE.items(), ended, strict=True):
            assert code in codes, (what, code)
        async with unharmed(tunnel):
            async with await tunnel.wire() as wire:
                await wire.ask(handshake(tunnel, tunnel.endpoint["token"]))
                await wire.send(frame(b"", length=MAX_FRAME + 1) + b"x" * (1 << 20))
                # What nobody reads resets the connection, and the close frame may go with it.
                with suppress(ConnectionError):
                    await wire.rest()
            for _ in range(50):  # one that goes away in the middle of whatever it says
                async with await tunnel.wire() as wire:
                    await wire.ask(handshake(tunnel, tunnel.endpoint["token"]))
                    await wire.send(frame(encode(Start(0)))[: random.randrange(1, 40)])
                    wire.cut()
        assert not [
            line
            for line in tunnel.home.lines
            if line["kind"] == "connection" and line["state"] != "connected"
        ]


async def test_a_bomb_is_stored_as_it_is(tmp_path: Path) -> None:
    """A gigabyte in a megabyte: the relay undoes no coding, and its memory shows it."""
    bomb = gzip.compress(bytes(64 << 20), mtime=0) * 16
    async with FakeTarget() as app, tunnelled(tmp_path, app.url) as tunnel:
        before = peak_kib(tunnel.relay.pid)
        for _ in range(5):
            answer = await tunnel.post(bomb, head=b"Content-Encoding: gzip\r\n")
            assert answer.status == 200
        await app.wait_for(5)
        assert [exchange.body == bomb for exchange in app.received] == [True] * 5
        assert peak_kib(tunnel.relay.pid) < before + (60 << 10)


def peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [one for one in status.splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1])


async def test_slow_senders_are_ended_and_hold_up_nobody(tmp_path: Path, many_files: None) -> None:
    async with tunnelled(tmp_path) as tunnel:
        slow = [await tunnel.wire() for _ in range(200)]
        try:
            async with unharmed(tunnel):
                for number, wire in enumerate(slow):
                    await wire.send(
                        (
                            f"POST {tunnel.path}/x HTTP/1.1\r\nHost: x\r\nX-Slow: "[
                                : 20 + number % 40
                            ]
                        ).encode()
                    )
            # A byte now and then keeps none of them: the head has to be there in time.
            ended = await asyncio.gather(*(_dripping(wire) for wire in slow))
            # What the bytes made of a version is none.
            assert {text[:12] for text in ended} <= {b"HTTP/1.1 408", b"HTTP/1.1 400"}
            assert sum(text.startswith(b"HTTP/1.1 408") for text in ended) > len(slow) / 2
        finally:
            for wire in slow:
                wire.cut()
        async with unharmed(tunnel):
            pass


async def _dripping(wire: Wire) -> bytes:
    """Send a byte whenever half a second has brought nothing, until the other side ends it."""
    heard = b""
    while True:
        try:
            async with asyncio.timeout(0.5):
                more = await wire.reader.read(1 << 16)
        except TimeoutError:
            wire.writer.write(b"x")
            continue
        except ConnectionError:
            return heard
        if not more:
            return heard
        heard += more


async def test_a_thousand_idle_sockets_hold_up_nobody(tmp_path: Path, many_files: None) -> None:
    async with tunnelled(tmp_path) as tunnel:
        idle: list[Wire] = []
        try:
            for _ in range(IDLE):
                idle.append(await tunnel.wire())
            async with unharmed(tunnel):
                began = time.monotonic()
                for _ in range(20):
                    assert (await tunnel.post(b"{}")).status == 200
                assert time.monotonic() - began < PATIENCE / 2
            assert peak_kib(tunnel.relay.pid) < 150 << 10
        finally:
            for wire in idle:
                wire.cut()
