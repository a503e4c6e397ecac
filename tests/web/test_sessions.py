"""A session lasts as long as its browser and its UI, costs nobody else, and leaves nothing."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from typing import Any

import pytest

from inspector.web.limits import FULL, IDLE, MISTAKEN, QUIT, SLOW, STOPPED, Farewell
from inspector.web.session import BrowserSession
from tests.e2e.conftest import alive, until
from tests.helpers.wire import PATIENCE, Wire
from tests.web.conftest import Browser, Web, web
from tests.web.test_door import UPGRADE


async def pid_of(browser: Browser) -> int:
    assert (await browser.shown()).startswith("told ")
    await browser.press("pid")
    return int(json.loads(await browser.shown())["pid"])


async def until_left(served: Web, count: int = 0) -> None:
    await until(lambda: len(served.server) == count)


async def test_keys_go_in_and_the_screen_comes_out() -> None:
    async with web("what to show") as served, served.browser() as browser:
        assert await browser.shown() == "told what to show"
        await browser.press("jé\ud800")
        assert await browser.shown() == "took jé?"
        await browser.press("\x1b")
        assert await browser.shown() == "took \x1b[27u"
        await browser.press("\x1b[A")
        assert await browser.shown() == "took \x1b[A"
        await browser.say("resize", {"width": 120, "height": 40})
        assert json.loads(await browser.shown()) == {"type": "resize", "width": 120, "height": 40}
        await browser.say("focus")
        assert json.loads(await browser.shown()) == {"type": "focus"}
        await browser.say("blur")
        assert json.loads(await browser.shown()) == {"type": "blur"}
        await browser.say("ping", "17")
        assert json.loads(await browser.shown()) == ["pong", "17"]


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("?width=100&height=30", ("100", "30")),
        ("", ("80", "24")),
        ("?width=x&height=", ("80", "24")),
        ("?width=999999999&height=-5", ("1000", "5")),
    ],
)
async def test_the_size_is_kept_within_reason(query: str, size: tuple[str, str]) -> None:
    async with web() as served, served.browser(query) as browser:
        await browser.shown()
        await browser.press("environment")
        environment = json.loads(await browser.shown())["environment"]
        assert (environment["COLUMNS"], environment["ROWS"]) == size
        await browser.say("resize", {"width": 10**12, "height": 0})
        told = json.loads(await browser.shown())
        assert (told["width"], told["height"]) == (1000, 5)


async def test_a_ui_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_SECRET", "whsec_hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("NO_COLOR", "1")
    async with web() as served, served.browser() as browser:
        await browser.shown()
        await browser.press("environment")
        told = json.loads(await browser.shown())
    assert "hush" not in json.dumps(told)
    assert told["environment"]["NO_COLOR"] == "1"
    assert set(told["environment"]) <= {
        "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "NO_COLOR", "PYTHONPATH", "PYTHONHOME",
        "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR",
        "LANG", "TEXTUAL_DRIVER", "TEXTUAL_COLOR_SYSTEM", "COLUMNS", "ROWS", "LC_CTYPE",
    }  # fmt: skip


async def test_quitting_ends_that_session_only() -> None:
    async with web() as served, served.browser() as stays, served.browser() as goes:
        pid = await pid_of(goes)
        await goes.press("quit")
        assert await goes.closed() == QUIT
        await until(lambda: not alive(pid))
        await stays.shown()
        await stays.press("x")
        assert await stays.shown() == "took x"
        await until_left(served, 1)


async def test_a_tab_that_closes_ends_its_ui() -> None:
    async with web() as served:
        async with served.browser() as browser:
            pid = await pid_of(browser)
        await until(lambda: not alive(pid))
        await until_left(served)


async def test_a_connection_that_is_cut_ends_its_ui() -> None:
    async with web() as served, served.browser() as browser:
        pid = await pid_of(browser)
        browser.wire.transport.abort()
        await until(lambda: not alive(pid))
        await until_left(served)


async def test_a_ui_that_does_not_stop_is_killed() -> None:
    async with web(stop=0.2) as served:
        async with served.browser() as browser:
            pid = await pid_of(browser)
            await browser.press("deaf")
            assert await browser.shown() == "deaf"
        await until(lambda: not alive(pid))
        await until_left(served)


async def test_stopping_the_server_ends_all() -> None:
    async with web() as served, served.browser() as one, served.browser() as other:
        pids = [await pid_of(one), await pid_of(other)]
        stopping = asyncio.ensure_future(served.server.stop())
        assert await one.closed() == STOPPED
        assert await other.closed() == STOPPED
        await stopping
        assert not any(map(alive, pids))


async def test_there_are_so_many_sessions_and_no_more() -> None:
    async with web(sessions=2) as served:
        async with served.browser() as one, served.browser() as other:
            await one.shown()
            await other.shown()
            async with served.browser() as third:
                assert await third.closed() == FULL
            assert len(served.server) == 2
        await until_left(served)
        async with served.browser() as fourth:
            assert await fourth.shown() == "told hello"


@pytest.mark.parametrize(
    "said",
    ["", "{", "[]", "{}", "1", '"stdin"', '["stdin"]', '["stdin", 1]', '["stdin", "a", "b"]',
     '["resize", {}]', '["resize", {"width": "1", "height": 2}]', '["resize", {"width": 1.5}]',
     '["ping"]', '["what"]', "[" * 100_000, '["ping", ["x"]]', b"\x00\xff", b'["stdin", "x"]'],
)  # fmt: skip
async def test_what_is_not_understood_ends_the_session(said: str | bytes) -> None:
    async with web() as served, served.browser() as browser:
        await browser.shown()
        await browser.wire.send(said)
        assert await browser.closed() == MISTAKEN
        await until_left(served)


async def test_messages_are_bounded() -> None:
    async with web(message=1000) as served, served.browser() as browser:
        await browser.shown()
        await browser.press("x" * 900)
        assert await browser.shown() == "took " + "x" * 900
        await browser.press("x" * 1001)
        code, _ = await browser.closed()
        assert code == 1009
        await until_left(served)


async def test_a_browser_that_does_nothing_is_let_go() -> None:
    async with web(idle=0.3) as served, served.browser() as browser:
        assert await browser.closed() == IDLE
        await until_left(served)


async def test_keys_keep_a_session_open() -> None:
    async with web(idle=1.5) as served, served.browser() as browser:
        await browser.shown()
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < began + 2.5:
            await browser.press("x")
            assert await browser.shown() == "took x"
        assert len(served.server) == 1


async def test_a_browser_that_leaves_pings_unanswered_is_gone() -> None:
    async with web(heartbeat=0.2) as served, await Wire.to(served.port) as wire:
        head = [f"GET /ws HTTP/1.1\r\nHost: {served.host}", f"Cookie: {served.cookie}"]
        head += [f"Origin: http://{served.host}", *UPGRADE, "", ""]
        await wire.send("\r\n".join(head).encode())
        await until_left(served, 1)
        await until_left(served)
        assert (await wire.rest()).startswith(b"HTTP/1.1 101 ")


async def test_a_head_that_does_not_come_is_not_waited_for() -> None:
    async with web(head=0.2) as served:
        for start in (b"", b"GET / HTTP/1.1\r\nHost:"):
            async with await Wire.to(served.port) as wire:
                await wire.send(start)
                assert await wire.rest() == b""


async def test_a_slow_browser_costs_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not read; its UI stands and is ended, while another one's answers at once."""
    reasons: list[Farewell] = []
    leave = BrowserSession.leave

    def noted(session: BrowserSession, farewell: Farewell) -> None:
        reasons.append(farewell)
        leave(session, farewell)

    monkeypatch.setattr(BrowserSession, "leave", noted)
    async with web(stall=0.5, close=0.2, stop=0.5) as served, served.browser() as quick:
        await quick.shown()
        async with await Wire.to(served.port) as wire:
            head = [f"GET /ws HTTP/1.1\r\nHost: {served.host}", f"Cookie: {served.cookie}"]
            head += [f"Origin: http://{served.host}", *UPGRADE, "", ""]
            flood = b'["stdin", "flood"]'
            # A masked frame with the mask 0000.
            frame = bytes([0x81, 0x80 | len(flood), 0, 0, 0, 0]) + flood
            wire.reader._transport.pause_reading()  # type: ignore[attr-defined]
            await wire.send("\r\n".join(head).encode(), frame)
            await until_left(served, 2)
            while len(served.server) == 2:
                await quick.press("x")
                assert await quick.shown() == "took x"
            assert reasons[0] == SLOW


async def test_a_ui_that_fails_says_why() -> None:
    async with web() as served, served.browser() as browser:
        await browser.shown()
        await browser.press("fail")
        code, reason = await browser.closed()
        assert code == 1011
        assert reason == "The UI has failed: the token is ␛[31mrefused"
        await until_left(served)


@pytest.mark.parametrize(
    ("told", "limits", "reason"),
    [
        ("stillborn", {}, "The UI has failed: it cannot be"),
        ("mute", {"start": 0.3, "stop": 0.2}, "The UI has failed: it did not start"),
    ],
)
async def test_a_ui_that_does_not_start(told: str, limits: dict[str, Any], reason: str) -> None:
    async with web(told, **limits) as served, served.browser() as browser:
        assert await browser.closed() == (1011, reason)
        await until_left(served)


async def test_a_ui_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.web.conftest.FAKE_UI", ("/nowhere/python",))
    async with web() as served, served.browser() as browser:
        reason = "The UI has failed: it did not start: No such file or directory"
        assert await browser.closed() == (1011, reason)
        await until_left(served)


async def test_a_page_that_is_loaded_again_finds_its_place() -> None:
    """Its session counts no more, though its UI has still to stop."""
    async with web(sessions=1, stop=PATIENCE) as served:
        async with served.browser() as browser:
            pid = await pid_of(browser)
            await browser.press("deaf")
            assert await browser.shown() == "deaf"
        async with served.browser() as again:
            assert await again.shown() == "told hello"
            assert len(served.server) == 2
            # But there is a bound to that, too.
            async with served.browser() as more:
                assert await more.closed() == FULL
        os.kill(pid, signal.SIGKILL)


async def test_a_ui_that_sends_too_much_at_once() -> None:
    async with web(stop=0.3) as served, served.browser() as browser:
        await browser.shown()
        await browser.press("huge")
        assert await browser.closed() == (1011, "The UI has failed: it sent too much at once")
        await until_left(served)


async def test_a_file_is_saved_and_never_shown() -> None:
    async with web() as served, served.browser() as browser:
        head, body = await downloaded(served, browser, "file")
        assert b"first " in body
        assert b"second" in body
        assert body.endswith(b"\r\n0\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert "Content-Type: application/octet-stream" in lines
        assert "Content-Disposition: attachment; filename*=UTF-8''a%20%22b%22%0D%0A.html" in lines
        assert "Content-Security-Policy: sandbox; default-src 'none'" in lines
        # It is there once.
        assert (await served.get("/download/k1")).status == 404
        assert (await served.get("/download/other")).status == 404


async def test_a_file_goes_with_its_session() -> None:
    async with web() as served:
        async with served.browser() as browser:
            await browser.shown()
            await browser.press("file")
            await browser.shown()
        await until_left(served)
        assert (await served.get("/download/k1")).status == 404


@pytest.mark.parametrize("how", ["file that stalls", "file that fails"])
async def test_a_part_of_a_file_is_not_taken_for_the_whole(how: str) -> None:
    async with web(stall=1.0) as served, served.browser() as browser:
        _, body = await downloaded(served, browser, how)
        assert b"first " in body
        assert not body.endswith(b"0\r\n\r\n")


async def downloaded(served: Web, browser: Browser, keys: str) -> tuple[bytes, bytes]:
    """The head and the body, as they came, of the file that the UI offers at these keys."""
    await browser.shown()
    await browser.press(keys)
    assert json.loads(await browser.shown()) == ["deliver_file_start", "k1"]
    async with await Wire.to(served.port) as wire:
        head = f"GET /download/k1 HTTP/1.1\r\nHost: {served.host}\r\nConnection: close\r\n"
        await wire.send(f"{head}Cookie: {served.cookie}\r\n\r\n".encode())
        answer = b""
        with suppress(ConnectionError):
            while piece := await wire.reader.read(1 << 16):
                answer += piece
    first, _, body = answer.partition(b"\r\n\r\n")
    return first, body


async def test_a_session_has_a_process_group_of_its_own() -> None:
    """Ctrl+C on the terminal is the server's: it ends the sessions in order."""
    async with web() as served, served.browser() as browser:
        await browser.shown()
        await browser.press("pid")
        told = json.loads(await browser.shown())
        assert told["session"] == told["pid"]
