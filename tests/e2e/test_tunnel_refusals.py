"""What keeps a consumer from its relay: one line that says what to do, and the exit code."""

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from inspector import __version__
from inspector.tunnel.messages import SUBPROTOCOL, VERSION, Hello
from inspector.tunnel.wire import encode
from tests.helpers.listener import PATIENCE, Item, ListenerProcess, send
from tests.helpers.tunnelled import Tunnel, consumer, tunnelled

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")


async def refused(listener: ListenerProcess, code: int, *texts: str) -> None:
    """It ends with this code, before any `ready`, and says so in one line and a hint."""
    with pytest.raises(AssertionError, match="it ended"):
        await asyncio.to_thread(listener.start)
    assert listener.stop() == code, listener.stderr
    assert listener.lines == []
    first, *hints = listener.stderr.splitlines()
    for text in texts:
        assert text in first, listener.stderr
    assert len(hints) <= 1, listener.stderr
    assert all(hint.startswith("hint: ") for hint in hints)
    assert "Traceback" not in listener.stderr


async def test_a_wrong_token(tmp_path: Path) -> None:
    async with tunnelled(tmp_path, homes=0) as tunnel:
        wrong = consumer(tmp_path / "x", tunnel.relay, tunnel.endpoint, token="not-the-token")
        await refused(wrong, 3, "token")
        assert "INSPECTOR_RELAY_TOKEN" in wrong.stderr or "rotate" in wrong.stderr
        assert "not-the-token" not in wrong.stderr


async def test_the_token_of_another_endpoint(tmp_path: Path) -> None:
    async with tunnelled(tmp_path, homes=0) as tunnel:
        other = await asyncio.to_thread(tunnel.relay.endpoint, "add", "other")
        wrong = consumer(tmp_path / "x", tunnel.relay, tunnel.endpoint, token=other["token"])
        await refused(wrong, 3, "token")


async def test_an_unknown_endpoint(tmp_path: Path) -> None:
    async with tunnelled(tmp_path, homes=0) as tunnel:
        made = {**tunnel.endpoint, "url": tunnel.endpoint["url"][:-1] + "x"}
        await refused(consumer(tmp_path / "x", tunnel.relay, made), 3, "no such endpoint")


def files(folder: Path, store: str) -> dict[Path, bytes]:
    """A store with all that lies beside it."""
    return {file: file.read_bytes() for file in folder.glob(f"{store}*")}


async def test_a_relay_that_was_set_back_though_it_holds_more_by_now(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as tunnel:
        relay, home = tunnel.relay, tunnel.home
        relay.port = tunnel.port
        await tunnel.post(b"kept")
        await tunnel.at_home(1)
        await asyncio.to_thread(relay.stop)
        older = files(tmp_path, "relay.db")
        async with relay:
            await tunnel.post(b"lost there")
            await tunnel.at_home(2)
            await asyncio.to_thread(home.stop)
        for file in files(tmp_path, "relay.db"):
            file.unlink()
        for file, content in older.items():
            file.write_bytes(content)
        async with relay:
            for _ in range(5):
                await tunnel.post(b"under a number that is taken here")
            await refused(home, 3, "set back")
            assert "--db" in home.stderr
            # What it does not have is kept for it all the same.
            assert (await asyncio.to_thread(relay.status_of, "dev"))["pending"]


async def test_a_rotated_token_and_a_removed_endpoint(tmp_path: Path) -> None:
    async with tunnelled(tmp_path, homes=1) as tunnel:
        await asyncio.to_thread(tunnel.relay.endpoint, "rotate", "dev")
        await connection(tunnel.home, "refused")
        # It goes on locally.
        assert (await asyncio.to_thread(send, tunnel.home.url, b"{}", method="POST")).status == 200
        await refused(consumer(tmp_path / "x", tunnel.relay, tunnel.endpoint), 3, "token")
        await asyncio.to_thread(tunnel.relay.endpoint, "remove", "dev", "--yes")
        async with asyncio.timeout(PATIENCE):
            while (await tunnel.post()).status != 404:
                pass  # until the relay has seen it
        await refused(consumer(tmp_path / "x", tunnel.relay, tunnel.endpoint), 3, "no such")


async def connection(home: ListenerProcess, state: str) -> Item:
    """The first line that tells of this state of the tunnel."""
    told = await asyncio.to_thread(
        home.wait_for, 1, kind="connection", where=lambda line: line["state"] == state
    )
    return told[0]


async def test_a_name_that_is_attached_and_its_take_over(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as tunnel:
        first = tunnel.home
        second = consumer(tmp_path / "second", tunnel.relay, tunnel.endpoint, "--consumer", "dev-1")
        await refused(second, 3, "attached", "127.0.0.1")
        assert "--take-over" in second.stderr
        taking = consumer(
            tmp_path / "second", tunnel.relay, tunnel.endpoint, "--consumer", "dev-1", "--take-over"
        )
        async with taking:
            told = await connection(first, "taken-over")
            assert "127.0.0.1" in told["reason"]
            # The first goes on locally, and says so when it is asked.
            status = await asyncio.to_thread(first.request, "GET", "status")
            assert status["relay"]["state"] == "taken-over"
            answer = await asyncio.to_thread(send, first.url, b"{}", method="POST")
            assert answer.status == 200
            assert (await tunnel.post(b"for the second")).status == 200
            (item,) = await asyncio.to_thread(taking.wait_for, 1, kind="delivery")
            assert item["body_size"] == len(b"for the second")
            own = [line for line in first.lines if line["kind"] == "delivery"]
            assert [line["origin"] for line in own] == [None]


async def test_a_copy_of_a_store_is_another_consumer(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as tunnel:
        await asyncio.to_thread(tunnel.home.stop)
        shutil.copytree(tmp_path / "home-1", tmp_path / "copy")
        await asyncio.to_thread(tunnel.home.start)
        second = consumer(tmp_path / "copy", tunnel.relay, tunnel.endpoint, "--consumer", "dev-1")
        await refused(second, 3, "dev-1 is attached since", "127.0.0.1")
        (told,) = [line for line in tunnel.home.lines if line["kind"] == "connection"]
        assert told["state"] == "connected"


async def test_the_same_consumer_comes_back_at_once_after_a_kill(tmp_path: Path) -> None:
    """Its own older connection is not in its way, even where the relay has not missed it yet."""
    async with tunnelled(tmp_path) as tunnel:
        await asyncio.to_thread(tunnel.home.kill)
        async with tunnel.home:
            assert (await tunnel.post()).status == 200
            await tunnel.at_home(1)


# Versions.


async def test_a_consumer_of_another_version_is_told_both(tmp_path: Path) -> None:
    async with tunnelled(tmp_path, homes=0) as tunnel, await tunnel.wire() as wire:
        slug = tunnel.path.rpartition("/")[2]
        answer = await wire.ask(
            f"GET /_inspector/tunnel/{slug}?consumer=x&instance=0123456789abcdef HTTP/1.1\r\n"
            f"Host: localhost:{tunnel.port}\r\nAuthorization: Bearer {tunnel.endpoint['token']}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: inspector/9.8.7\r\n"
            "Sec-WebSocket-Protocol: inspector.tunnel.7\r\n\r\n".encode()
        )
        assert answer.status == 426
        for text in (f"version {VERSION}", __version__, "7", "9.8.7"):
            assert text in answer.body.decode()


async def test_a_relay_of_another_version_is_told_with_both(tmp_path: Path) -> None:
    said = (
        f'{{"error":{{"code":"version","message":"the relay speaks tunnel version 9 (inspector '
        f'9.8.7), this inspector speaks {VERSION} ({__version__})","hint":"update it"}}}}'
    )

    def answered(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(426, said)
        response.headers["Content-Type"] = "application/json"
        return response

    async def nothing(connection: ServerConnection) -> None: ...

    async with serve(nothing, "127.0.0.1", 0, process_request=answered) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        await refused(_towards(tmp_path, port), 3, "version 9", "9.8.7", __version__)


def _towards(folder: Path, port: int, *arguments: str) -> ListenerProcess:
    """A consumer of a relay that a test plays."""
    return ListenerProcess(
        folder / "store.db", "--relay", f"http://127.0.0.1:{port}/in/slug", *arguments,
        extra_environment={"INSPECTOR_RELAY_TOKEN": "token"},
    )  # fmt: skip


async def test_clocks_that_are_far_apart(tmp_path: Path) -> None:
    ten_minutes = 600_000_000

    async def hello(connection: ServerConnection) -> None:
        now = time.time_ns() // 1000 - ten_minutes
        await connection.send(encode(Hello("9.8.7", "dev", "r/e", "stored", 1, 0, now)))
        await connection.wait_closed()

    async with serve(hello, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        await refused(_towards(tmp_path, port), 3, "clock", "10 min")


# Certificates.


def made_certificate(folder: Path, first_day: int, last_day: int) -> tuple[Path, Path]:
    """(certificate, key) for 127.0.0.1, valid between these days from today."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    day = 86_400
    dates = [
        time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * day))
        for days in (first_day, last_day)
    ]
    request = folder / "request.pem"
    extensions = folder / "extensions"
    extensions.write_text("[x]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:TRUE\n")
    authority = folder / "authority"
    authority.mkdir()
    (authority / "index").write_text("")
    (authority / "serial").write_text("01")
    settings = folder / "authority.cnf"
    settings.write_text(
        f"[ca]\ndefault_ca=c\n[c]\ndatabase={authority}/index\nserial={authority}/serial\n"
        f"new_certs_dir={authority}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        "[req]\ndistinguished_name=d\n[d]\n"
    )
    for command in (
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", str(key), "-out", str(request), "-subj", "/CN=relay", "-config", str(settings)],
        ["ca", "-batch", "-selfsign", "-config", str(settings), "-keyfile", str(key),
         "-in", str(request), "-out", str(cert), "-startdate", dates[0], "-enddate", dates[1],
         "-extfile", str(extensions), "-extensions", "x", "-notext"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return cert, key


@needs_openssl
@pytest.mark.parametrize(
    ("days", "trusted", "said"),
    [
        ((-20, -10), True, "has expired"),
        ((10, 20), True, "is not yet valid"),
        ((-1, 10), False, "is self-signed"),
    ],
    ids=["expired", "not yet", "unknown"],
)
async def test_a_certificate_that_is_not_valid(
    tmp_path: Path, days: tuple[int, int], trusted: bool, said: str
) -> None:
    cert, key = made_certificate(tmp_path, *days)
    tls = ("--tls-cert", str(cert), "--tls-key", str(key))
    async with tunnelled(tmp_path, relay=tls, homes=0) as tunnel:
        listener = _securely(tmp_path / "home", tunnel, cert if trusted else None)
        await refused(listener, 4, "certificate", said)


@needs_openssl
async def test_a_certificate_that_is_valid_is_used(tmp_path: Path) -> None:
    cert, key = made_certificate(tmp_path, -1, 10)
    tls = ("--tls-cert", str(cert), "--tls-key", str(key))
    async with (
        tunnelled(tmp_path, relay=tls, homes=0) as tunnel,
        _securely(tmp_path / "home", tunnel, cert) as home,
    ):
        assert home.ready["relay"]["state"] == "connected"


def _securely(folder: Path, tunnel: Tunnel, trusted: Path | None) -> ListenerProcess:
    folder.mkdir(exist_ok=True)
    told = {"INSPECTOR_RELAY_TOKEN": tunnel.endpoint["token"]}
    if trusted is not None:
        told["SSL_CERT_FILE"] = str(trusted)
    url = f"https://127.0.0.1:{tunnel.port}{tunnel.path}"
    return ListenerProcess(folder / "store.db", "--relay", url, extra_environment=told)
