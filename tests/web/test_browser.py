"""The UI in a real Chromium: what its user sees, presses and copies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.conftest import children_of, until
from tests.helpers.chromium import Browser, Page, chromium
from tests.helpers.listener import ListenerProcess, post


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[ListenerProcess, Browser]]:
    listener = ListenerProcess(folder / "store.db", "--web", "--web-port", "0", "--demo")
    async with listener, chromium(folder) as browser:
        yield listener, browser


def uis(listener: ListenerProcess) -> int:
    """How many UIs run besides the listener and its indexer."""
    return len(children_of(listener.command_pid)) - 2


async def opened(browser: Browser, link: str, *, apart: bool = False) -> Page:
    page = await browser.open(link, apart=apart)
    await page.until_shown("checkpoint.verified")
    return page


async def test_keys_and_screen(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        page = await opened(browser, listener.ready["web"])
        # Nothing was clicked: the terminal has the focus by itself.
        await page.keys("j", "4")
        await page.until_shown("X-PacSpace-Signature")
        await page.keys("R", "5")
        await page.until_shown("re-signed")
        await page.keys("Escape", "/", "event:delta.stored", "Enter")
        await page.until_shown("1/1 ")
        await asyncio.to_thread(post, listener.url, b'{"event":"delta.stored","data":"live"}')
        await page.until_shown("2/2 ")
        await page.screenshot(tmp_path / "screen.png")
        # The page is what it says, and asked nobody else for anything.
        assert page.hosts == {listener.ready["web"].split("/")[2]}
        assert page.complaints == []


async def test_the_window_decides_the_size(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        page = await opened(browser, listener.ready["web"])
        assert "customer.created        1  ▕" in await page.screen()
        await page.resize(720, 400)
        # Narrow and low: the sidebar makes place, and all fits.
        await page.until("window.theTerminal.cols < 90 && window.theTerminal.rows < 24")
        await page.until("!window.theScreen().includes('customer.created        1')")
        await page.resize(1280, 800)
        await page.until_shown("customer.created        1  ▕")
        assert page.complaints == []


async def test_copying_goes_to_the_clipboard(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        page = await opened(browser, listener.ready["web"])
        await page.keys("j", "y")
        await page.until_shown("opied")
        assert await page.clipboard() == "evt_demo_23"
        assert page.complaints == []


async def test_quitting_says_how_to_go_on(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        page = await opened(browser, listener.ready["web"])
        await page.keys("q")
        await page.until_said("You have left this session.")
        await until(lambda: uis(listener) == 0)
        await page.keys("Enter")  # on the button, which has the focus
        await page.until_shown("checkpoint.verified")
        assert uis(listener) == 1
        assert page.complaints == []


async def test_a_tab_that_closes_ends_its_ui(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        page = await opened(browser, listener.ready["web"])
        other = await opened(browser, listener.ready["web"])  # the cookie lets it in
        assert uis(listener) == 2
        await page.close()
        await until(lambda: uis(listener) == 1)
        await other.keys("j", "4")
        await other.until_shown("X-PacSpace-Signature")


async def test_another_browser_needs_another_link(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        link = listener.ready["web"]
        await opened(browser, link)
        stranger = await browser.open(link, apart=True)
        await stranger.until_said("This link has been used")
        await stranger.go(link.partition("?")[0])
        await stranger.until_said("This page is closed.")
        assert uis(listener) == 1
        (line,) = await asyncio.to_thread(listener.wait_for, 1, kind="web")
        await opened(browser, line["url"], apart=True)
        assert uis(listener) == 2


async def test_a_fifth_tab_is_told(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        pages = [await opened(browser, listener.ready["web"]) for _ in range(4)]
        fifth = await browser.open(listener.ready["web"])
        await fifth.until_said("close another tab first")
        await pages[0].close()
        await until(lambda: uis(listener) == 3)
        await fifth.keys("Enter")
        await fifth.until_shown("checkpoint.verified")


async def test_the_end_of_inspector_is_told(tmp_path: Path) -> None:
    async with demo(tmp_path) as (listener, browser):
        page = await opened(browser, listener.ready["web"])
        await asyncio.to_thread(listener.stop)
        await page.until_said("inspector has stopped.")


async def test_another_page_of_this_machine_gets_nothing(tmp_path: Path) -> None:
    """A page on another port is the same site: the browser sends our cookie with its requests."""
    async with demo(tmp_path) as (listener, browser):
        link = listener.ready["web"]
        await opened(browser, link)
        host = link.split("/")[2]
        # The capture port answers any request, as a page of a developer's own app would.
        hostile = await browser.open(f"{listener.url}/hostile")
        await hostile.until_said("")
        for script in (
            f"fetch('http://{host}/', {{credentials: 'include'}}).then(() => 'in', () => 'out')",
            f"fetch('http://{host}/', {{credentials: 'include', mode: 'no-cors'}})"
            ".then(() => 'in', () => 'out')",
            f"new Promise((done) => {{ const socket = new WebSocket('ws://{host}/ws');"
            "socket.onopen = () => done('in'); socket.onerror = () => done('out'); })",
            "new Promise((done) => { const script = document.createElement('script');"
            f"script.src = 'http://{host}/static/page.js'; script.onload = () => done('in');"
            "script.onerror = () => done('out'); document.head.append(script); })",
        ):
            assert await hostile.run(script) == "out", script
        assert uis(listener) == 1
