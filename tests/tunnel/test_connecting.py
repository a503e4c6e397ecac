"""Why there is no tunnel is one line that says what to do, and never holds the token."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from inspector.errors import ConfigurationError, InspectorError, UnreachableError
from inspector.tunnel.address import parse_relay
from inspector.tunnel.connecting import Dialler, LostError
from inspector.tunnel.messages import VERSION
from tests.helpers.certificates import Authority
from tests.helpers.fake_tunnel import SLUG, TOKEN, FakeRelay, error, fake_relay
from tests.tunnel.homes import dialler, mirrored, until

_VERSIONS = "the relay speaks tunnel version 1 (inspector 0.1.0), this inspector speaks 2 (0.2.0)"
_ATTACHED = "alice@laptop is connected since 10:30 from 203.0.113.7"


async def refused(relay: FakeRelay, token: str = TOKEN) -> InspectorError | LostError:
    with pytest.raises((InspectorError, LostError)) as raised:
        await opened(relay, token)
    told = raised.value
    assert isinstance(told, InspectorError | LostError)
    assert token not in str(told)
    assert "\n" not in str(told)
    return told


async def opened(relay: FakeRelay, token: str = TOKEN) -> ClientConnection:
    connection, _ = await dialler(relay, token).dial()
    return connection


@pytest.mark.parametrize(
    ("status", "body", "message", "hint"),
    [
        (401, error("unauthorized", "no"), "refuses the token", "rotate"),
        (404, error("no-endpoint", "no"), "no such endpoint", "endpoint list"),
        (404, "<h1>Not Found</h1>", "no relay at this URL", "endpoint list"),
        (409, error("consumer-attached", _ATTACHED), _ATTACHED, "--take-over"),
        (426, error("version", _VERSIONS), _VERSIONS, "same version"),
        (400, error("bad-request", "no such name", "rename it"), "no such name", "rename it"),
        (200, "<h1>Hello</h1>", "answered 200 instead of opening", "proxy"),
        (301, "", "answered 301 instead of opening", "proxy"),
        (403, "<h1>Forbidden</h1>", "answered 403 instead of opening", "proxy"),
        (426, "Upgrade Required", "answered 426 instead of opening", "proxy"),
    ],
)
async def test_what_stays_as_it_is_is_refused(
    status: int, body: Any, message: str, hint: str
) -> None:
    async with fake_relay(FakeRelay(refuse=(status, body))) as relay:
        told = await refused(relay)
        assert isinstance(told, ConfigurationError)
        assert message in told.message
        assert hint in told.hint


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    async with fake_relay(FakeRelay(refuse=(status, "busy"))) as relay:
        assert str(await refused(relay)) == f"the relay answered {status}"


async def test_a_relay_that_repeats_the_token_or_sends_controls_is_made_harmless() -> None:
    body = error("bad-request", f"\x1b[31m{TOKEN}\n" + "x" * 5000, TOKEN)
    async with fake_relay(FakeRelay(refuse=(400, body))) as relay:
        told = await refused(relay)
        assert isinstance(told, ConfigurationError)
        assert "[token]" in told.message
        assert "\x1b" not in told.message
        assert len(told.message) <= 300
        assert TOKEN not in told.hint


async def test_a_redirect_is_not_followed_since_the_token_is_for_this_address_alone() -> None:
    async with fake_relay(FakeRelay(refuse=(307, ""))) as relay:
        await refused(relay)
        assert len(relay.handshakes) == 1


async def test_another_subprotocol_is_refused() -> None:
    async with fake_relay(FakeRelay(subprotocol=None)) as relay:
        told = await refused(relay)
        assert isinstance(told, ConfigurationError)
        assert f"tunnel version {VERSION}" in told.message


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "tök"])
def test_what_is_no_token_is_not_sent(token: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Dialler(parse_relay("https://h/in/S"), token, "a", "f")
    assert "INSPECTOR_RELAY_TOKEN" in raised.value.hint
    assert raised.value.exit_code == 3


def test_the_token_is_not_shown_with_the_rest() -> None:
    assert TOKEN not in repr(Dialler(parse_relay("https://h/in/S"), TOKEN, "a", "f"))


async def test_nobody_listens() -> None:
    relay = FakeRelay()
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay.port = server.getsockname()[1]
    told = await refused(relay)
    assert isinstance(told, LostError)
    assert told.reason == "127.0.0.1: connection refused"


async def test_a_name_that_nobody_knows() -> None:
    one = Dialler(parse_relay(f"http://relay.invalid/in/{SLUG}"), TOKEN, "a", "f")
    with pytest.raises(LostError, match=r"the name relay\.invalid cannot be resolved"):
        await one.dial()


async def test_what_answers_is_no_http_server() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        relay = FakeRelay(port=server.sockets[0].getsockname()[1])
        assert "not as a relay does" in str(await refused(relay))


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        ({"begins": -9, "ends": -1}, "localhost has expired", "clock"),
        ({"begins": 1, "ends": 9}, "localhost is not yet valid", "is this machine's clock right?"),
        ({"own": True}, "localhost is self-signed", "SSL_CERT_FILE"),
        ({"host": "relay.example.com"}, "localhost is for another host", "host name"),
    ],
)
async def test_a_certificate_that_is_not_valid(
    wrong: dict[str, Any],
    message: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    relay = FakeRelay()
    relay.tls = authority.server(**wrong)
    async with fake_relay(relay):
        told = await refused(relay)
        assert isinstance(told, UnreachableError)
        assert told.exit_code == 4
        assert message in told.message
        assert hint in told.hint


async def test_a_certificate_of_an_unknown_issuer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    relay = FakeRelay()
    relay.tls = Authority(tmp_path).server()
    async with fake_relay(relay):
        told = await refused(relay)
        assert isinstance(told, UnreachableError)
        assert "unknown issuer" in told.message


async def test_the_whole_way_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    relay = FakeRelay()
    relay.tls = authority.server()
    async with fake_relay(relay), mirrored(relay) as here:
        relay.add(b"x")
        await here.consumer.ready(10)
        assert here.home.bodies == [b"x"]
        # The certificate ends while the tunnel is up, and is not renewed.
        await relay.stop()
        relay.tls = authority.server(begins=-9, ends=-1)
        await relay.start()
        await relay.until(lambda: not relay.sockets)
        await until(lambda: here.consumer.status()["state"] == "refused")
        assert "has expired" in here.consumer.status()["reason"]


async def test_plain_http_where_tls_is_asked_for() -> None:
    async with fake_relay() as relay:
        one = Dialler(parse_relay(f"https://127.0.0.1:{relay.port}/in/S"), TOKEN, "a", "f")
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 speaks no TLS"):
            await one.dial()
