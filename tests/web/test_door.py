"""Nobody gets in without the one-time link, and no other page does at all."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.helpers.wire import Answer
from tests.web.conftest import Web, web

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
PATHS = ["/", "/ws", "/ws?width=80&height=24", "/static/textual.js", "/static/page.css", "/static/",
         "/download/k1", "/nothing", "//", "/static/../index.html", "/?x=1"]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shut() -> AsyncIterator[Web]:
    async with web() as served:
        yield served


def tells_nothing(answer: Answer) -> bool:
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "set-cookie" not in answer.headers
    return b"textual" not in answer.body and b"<script" not in answer.body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "given",
    ["", "{name}=", "{name}=wrong", "{name}={short}", "{name}={value}x", "inspector={value}",
     "{value}", "{name}=\xff", "other={name}={value}", '{name}="'],
)  # fmt: skip
async def test_everything_is_closed_without_the_cookie(shut: Web, path: str, given: str) -> None:
    door = shut.server.door
    lines = [f"Origin: http://{shut.host}", *(UPGRADE if path.startswith("/ws") else ())]
    if given:
        value = door.cookie
        text = given.format(name=door.cookie_name, value=value, short=value[:-1])
        lines.append(f"Cookie: {text}")
    answer = await shut.ask(f"GET {path}", *lines)
    assert answer.status == 401
    assert tells_nothing(answer)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])
async def test_other_methods_are_closed_too(shut: Web, method: str) -> None:
    for path in ("/", "/ws", "/static/textual.js"):
        assert (await shut.ask(f"{method} {path}")).status == 401


async def test_the_secret_of_the_link_is_no_cookie(shut: Web) -> None:
    once = shut.links[-1].partition("once=")[2]
    answer = await shut.ask("GET /", f"Cookie: {shut.server.door.cookie_name}={once}")
    assert answer.status == 401
    for path in (f"/?cookie={shut.server.door.cookie}", f"/?once={shut.server.door.cookie}"):
        assert (await shut.ask(f"GET {path}")).status in (401, 403)


async def test_a_link_lets_one_browser_in() -> None:
    async with web() as served:
        link = served.links[-1]
        base, _, once = link.partition("/?once=")
        assert base == f"http://{served.host}"
        assert len(once) >= 43  # 256 random bits
        first = await served.ask(f"GET /?once={once}")
        assert first.status == 303
        assert first.headers["location"] == "/"
        cookie, *attributes = first.headers["set-cookie"].split("; ")
        assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=Strict"}
        assert (await served.ask("GET /", f"Cookie: {cookie}")).status == 200
        again = await served.ask(f"GET /?once={once}")
        assert again.status == 403
        assert tells_nothing(again)
        # Another link has been printed, and it works.
        assert len(served.links) == 2
        assert served.links[1] != link
        other = await served.ask("GET /" + served.links[1].rpartition("/")[2])
        assert other.status == 303
        assert other.headers["set-cookie"] == first.headers["set-cookie"]


@pytest.mark.parametrize("once", ["", "wrong", "%FF", "x" * 4000])
async def test_a_wrong_link_uses_nothing_up(once: str) -> None:
    async with web() as served:
        assert (await served.ask(f"GET /?once={once}")).status == 403
        assert len(served.links) == 1
        assert (await served.ask("GET /" + served.links[0].rpartition("/")[2])).status == 303


async def test_looking_ahead_does_not_use_the_link_up() -> None:
    async with web() as served:
        path = "/" + served.links[0].rpartition("/")[2]
        assert (await served.ask(f"HEAD {path}")).status == 405
        assert (await served.ask(f"GET {path}", "Sec-Purpose: prefetch;prerender")).status == 503
        assert (await served.ask(f"GET {path}")).status == 303


async def test_who_is_in_goes_on_and_the_link_stays() -> None:
    async with web() as served:
        used = "/?once=anything"
        for path in (used, "/" + served.links[0].rpartition("/")[2]):
            answer = await served.get(path)
            assert (answer.status, answer.headers["location"]) == (303, "/")
            assert "set-cookie" not in answer.headers
        assert len(served.links) == 1


async def test_a_stranger_that_followed_a_link_may_go_on(shut: Web) -> None:
    """A browser withholds the new cookie where the link stood on another site's page."""
    lines = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
    answer = await shut.ask("GET /", *lines)
    assert answer.status == 401
    assert b'href="/"' in answer.body


@pytest.mark.parametrize(
    "host",
    ["evil.com", "evil.com:{port}", "localhost.evil.com:{port}", "127.0.0.1.nip.io:{port}", "",
     "0.0.0.0:{port}", "127.0.0.1", "127.0.0.1:1", "localhost", "[::2]:{port}", "127.0.0.2:{port}",
     "x@127.0.0.1:{port}", "127.0.0.1:{port}.evil.com", "127.0.0.1:0{port}", "x\xff"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/ws", "/static/textual.js", "/?once={once}"])
async def test_a_foreign_host_is_refused(shut: Web, host: str, path: str) -> None:
    once = shut.links[-1].partition("once=")[2]
    given = host.format(port=shut.port)
    answer = await shut.get(path.format(once=once), *UPGRADE, host=given)
    assert answer.status == 403
    assert tells_nothing(answer)
    assert "evil" not in str(answer.headers)
    assert shut.links[-1].endswith(once)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
async def test_our_own_hosts(shut: Web, name: str) -> None:
    assert (await shut.get("/", host=f"{name}:{shut.port}")).status == 200


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.com", "http://localhost:{port}", "https://127.0.0.1:{port}",
     "http://127.0.0.1", "http://127.0.0.1:1", "ws://127.0.0.1:{port}", "http://x@127.0.0.1:{port}",
     "http://127.0.0.1:{port}/", "http://127.0.0.1:{port} http://evil.com", "http://[", "file://",
     "http://127.0.0.1:{port}.evil.com", "http://127.0.0.1:{port}?", "HTTP://127.0.0.1:{port}"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/ws", "/static/textual.js", "/?once={once}"])
async def test_a_foreign_origin_is_refused(shut: Web, origin: str, path: str) -> None:
    once = shut.links[-1].partition("once=")[2]
    given = f"Origin: {origin.format(port=shut.port)}"
    answer = await shut.get(path.format(once=once), given, *UPGRADE)
    assert answer.status == 403
    assert tells_nothing(answer)
    assert shut.links[-1].endswith(once)


@pytest.mark.parametrize(
    "lines",
    [
        # A page on another port is the same site, and its requests carry our cookie.
        ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"),
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"),
        ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: websocket"),
        ("Sec-Fetch-Site: whatever",),
    ],
)
async def test_what_another_page_asks_for_is_refused(shut: Web, lines: tuple[str, ...]) -> None:
    answer = await shut.get("/static/textual.js", *lines)
    assert answer.status == 403
    assert tells_nothing(answer)


async def test_a_websocket_says_where_it_is_from(shut: Web) -> None:
    answer = await shut.get("/ws", *UPGRADE)
    assert answer.status == 403
    with pytest.raises(InvalidStatus, match="403"):
        await connect(
            f"ws://{shut.host}/ws",
            origin="http://evil.com",  # type: ignore[arg-type]
            additional_headers={"Cookie": shut.cookie},
            proxy=None,
        )
    assert len(shut.server) == 0


async def test_every_answer_is_armoured(shut: Web) -> None:
    answers = [
        await shut.get("/"),
        await shut.get("/static/textual.js"),
        await shut.get("/nothing"),
        await shut.get("/ws", f"Origin: http://{shut.host}"),
        await shut.ask("GET /"),
        await shut.ask("GET /?once=wrong"),
        await shut.get("/", host="evil.com"),
        await shut.ask("POST /", f"Cookie: {shut.cookie}"),
    ]
    assert [one.status for one in answers] == [200, 200, 404, 400, 401, 403, 403, 405]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; ")
        assert "script-src" not in policy  # so it is 'self' as well
        for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
            assert part in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "clipboard-read=()" in answer.headers["permissions-policy"]
        assert answer.headers["server"] == "inspector"
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_page_asks_nobody_else(shut: Web) -> None:
    for path in ("/", "/static/page.css", "/static/page.js", "/static/xterm.css"):
        answer = await shut.get(path)
        assert answer.status == 200
        for link in (b"http://", b"https://", b'"//', b"(//", b"@import"):
            # xterm.css names its authors' site in a comment.
            assert link not in answer.body or path == "/static/xterm.css"


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/nothing", "/static/../index.html", "/static/%2e%2e/index.html",
     "/static/..%2findex.html", "/static//etc/passwd", "/static/js/textual.js"],
)  # fmt: skip
async def test_only_the_pages_files_are_there(shut: Web, path: str) -> None:
    assert (await shut.get(path)).status == 404


async def test_other_cookies_do_not_matter(shut: Web) -> None:
    """Cookies of every program on this machine come along."""
    for others in ('a="; ', "b=x y; {]=2; ", "inspector-1=x; "):
        assert (await shut.ask("GET /", f"Cookie: {others}{shut.cookie}")).status == 200
