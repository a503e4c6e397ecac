"""Nobody gets in without the token, and no web page does at all."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from inspector.server import listener as listener_module
from tests.helpers.served import Served, served
from tests.helpers.wire import Answer
from tests.server.conftest import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRETS = (b"delta.verified", b"hush-hush", b"hooks", b"evt_")
ROUTES = [
    ("GET", "api/status"),
    ("GET", "api/events"),
    ("GET", "api/deliveries"),
    ("GET", "api/deliveries?query=nonsense:("),
    ("GET", "api/ids"),
    ("GET", "api/duplicates"),
    ("GET", "api/activity?since=0&step=1"),
    ("GET", "api/seen"),
    ("GET", "api/deliveries/1"),
    ("GET", "api/deliveries/1/body"),
    ("GET", "api/deliveries/1/attempts"),
    ("POST", "api/deliveries/1/resend"),
    ("POST", "api/deliveries/1/mark"),
    ("POST", "api/hold"),
    ("POST", "api/release"),
    ("POST", "api/trigger"),
    ("POST", "api/reindex"),
    ("GET", "api/stream"),
    ("GET", "stream"),
    ("GET", "stream?after=0"),
    ("GET", "api/nothing-here"),
    ("OPTIONS", "api/status"),
    ("DELETE", "api/deliveries/1"),
    ("GET", ""),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(
        tmp_path_factory.mktemp("store"), allow_host=["Tunnel.Example.com"]
    ) as listener:
        await listener.post(
            b'{"event":"delta.verified","data":"hush-hush"}', b"X-Event-ID: evt_1\r\n"
        )
        yield listener


async def ask(
    listener: Served, method: str, path: str, *lines: str, host: str = "localhost", body: str = ""
) -> Answer:
    head = [f"{method} /_inspector/{path} HTTP/1.1", f"Host: {host}", *lines]
    if path.partition("?")[0].endswith("stream"):
        head += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        head += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    head += [f"Content-Length: {len(body)}", "", body]
    return await listener.ask("\r\n".join(head).encode("latin-1"))


def tells_nothing(answer: Answer) -> bool:
    told = json.loads(answer.body)["error"]
    assert set(told) >= {"code", "message", "hint"}
    assert not [name for name in answer.headers if name.startswith("access-control")]
    return not any(secret in answer.body for secret in SECRETS)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer wrong", "bearer {token}", "{token}", "Basic {token}", "Bearer {token}x",
     "Bearer {short}", "Bearer \xff", "Bearer  {token}"],
)  # fmt: skip
async def test_every_route_needs_the_token(
    guarded: Served, method: str, path: str, given: str
) -> None:
    lines = []
    if given:
        text = given.format(token=guarded.token, short=guarded.token[:-1])
        lines.append(f"Authorization: {text}")
    answer = await ask(guarded, method, path, *lines)
    assert answer.status == 401
    assert tells_nothing(answer)


async def test_the_token_is_not_taken_from_elsewhere(guarded: Served) -> None:
    token = guarded.token
    for path in (f"api/status?token={token}", f"api/status?access_token={token}"):
        assert (await ask(guarded, "GET", path, f"Cookie: token={token}")).status == 401


@pytest.mark.parametrize(
    "host",
    ["evil.com", "evil.com:8400", "localhost.evil.com", "localhost@evil.com", "127.0.0.1.nip.io",
     "0.0.0.0", "[::2]", "[::1", "::1", "", "localhost, evil.com", "127.0.0.2", "x\xff"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["healthz", "api/status", "stream"])
async def test_a_foreign_host_is_refused(guarded: Served, host: str, path: str) -> None:
    answer = await ask(guarded, "GET", path, f"Authorization: Bearer {guarded.token}", host=host)
    assert answer.status == 403
    assert tells_nothing(answer)


async def test_no_host_at_all(guarded: Served) -> None:
    answer = await guarded.ask(
        f"GET /_inspector/api/status HTTP/1.0\r\n"
        f"Authorization: Bearer {guarded.token}\r\n\r\n".encode()
    )
    assert answer.status == 403


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost:1", "127.0.0.1", "127.0.0.1:8400", "[::1]", "[::1]:8400",
     "tunnel.example.com", "TUNNEL.example.COM:443"],
)  # fmt: skip
async def test_our_own_hosts(guarded: Served, host: str) -> None:
    answer = await ask(
        guarded, "GET", "api/status", f"Authorization: Bearer {guarded.token}", host=host
    )
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.com", "https://evil.com", "http://localhost", "http://localhost:1",
     "http://127.0.0.1:{port}", "file://", "chrome-extension://abc", "http://localhost.evil.com",
     "http://[", "localhost:{port}", "ws://localhost:{port}", "http://user@localhost:{port}",
     "", "http://localhost:{port} http://evil.com"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["healthz", "api/status", "stream"])
async def test_a_foreign_origin_is_refused(guarded: Served, origin: str, path: str) -> None:
    answer = await ask(
        guarded,
        "GET",
        path,
        f"Origin: {origin.format(port=guarded.port)}",
        f"Authorization: Bearer {guarded.token}",
        host=f"localhost:{guarded.port}",
    )
    assert answer.status == 403
    assert tells_nothing(answer)


async def test_our_own_origin(guarded: Served) -> None:
    host = f"localhost:{guarded.port}"
    lines = (f"Origin: http://{host}", f"Authorization: Bearer {guarded.token}")
    assert (await ask(guarded, "GET", "api/status", *lines, host=host)).status == 200


async def test_a_preflight_gets_nothing(guarded: Served) -> None:
    answer = await ask(
        guarded,
        "OPTIONS",
        "api/trigger",
        "Origin: http://evil.com",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization",
    )
    assert answer.status == 403
    assert tells_nothing(answer)


async def test_whoever_asks_whether_we_live_is_told(guarded: Served) -> None:
    answer = await ask(guarded, "GET", "healthz")
    assert (answer.status, json.loads(answer.body)) == (200, {"ok": True})


async def test_the_api_is_not_captured(guarded: Served) -> None:
    before = await guarded.latest()
    for method, path in ROUTES:
        await ask(guarded, method, path)
    assert await guarded.latest() == before


async def test_a_resend_without_the_token_sends_nothing(guarded: Served) -> None:
    before = guarded.runtime._store.journal.last_seq
    await ask(guarded, "POST", "api/deliveries/1/resend", body='{"to":"http://127.0.0.1:1"}')
    await ask(guarded, "POST", "api/trigger", body='{"event":"delta.verified"}')
    assert guarded.runtime._store.journal.last_seq == before


@pytest.mark.parametrize(
    "body", ["[]", "{", "null", "1", '"x"', '{"surprise": 1}', "\xff", "[" * 9999]
)
@pytest.mark.parametrize("path", ["api/deliveries/1/resend", "api/trigger"])
async def test_bodies_that_are_not_understood(guarded: Served, path: str, body: str) -> None:
    lines = (f"Authorization: Bearer {guarded.token}",)
    answer = await ask(guarded, "POST", path, *lines, body=body)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == "usage"


async def test_bodies_are_bounded(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "_API_BODY_LIMIT", 1000)
    async with serve() as listener:
        lines = (f"Authorization: Bearer {listener.token}",)
        answer = await ask(listener, "POST", "api/trigger", *lines, body=" " * 1001)
        assert answer.status == 413
        assert json.loads(answer.body)["error"]["code"] == "body-too-large"


async def test_the_files_are_for_their_owner_alone(guarded: Served) -> None:
    files = guarded.runtime.files
    for path in files.database.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert files.token.read_text() == guarded.token + "\n"
