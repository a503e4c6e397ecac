"""The UI in a real Chromium: what its user sees, presses and copies.

One browser and one demo serve all tests; each closes the tabs that it opened.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.conftest import children_of, until
from tests.helpers.chromium import Browser, Page, chromium
from tests.helpers.listener import ListenerProcess, post
from tests.web.conftest import web

_SAVED_SECONDS = 10.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Demo:
    """`serve --web --demo`, and a browser that has followed its link."""

    def __init__(self, listener: ListenerProcess, browser: Browser) -> None:
        self.listener = listener
        self.browser = browser

    @property
    def link(self) -> str:
        """The first link, which is used up; the cookie lets the browser in."""
        return str(self.listener.ready["web"])

    @property
    def host(self) -> str:
        return self.link.split("/")[2]

    def uis(self) -> int:
        """How many UIs run besides the listener and its indexer."""
        return len(children_of(self.listener.command_pid)) - 2

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Page]:
        """A tab that shows the UI."""
        page = await self.browser.open(self.link)
        try:
            await page.until_shown("checkpoint.verified")
            yield page
        finally:
            await self.browser.close_pages()
            await until(lambda: self.uis() == 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    listener = ListenerProcess(folder / "store.db", "--web", "--web-port", "0", "--demo")
    async with chromium(folder) as browser, listener:
        yield Demo(listener, browser)


async def test_keys_and_screen(demo: Demo, tmp_path: Path) -> None:
    async with demo.tab() as page:
        # Nothing was clicked: the terminal has the focus by itself.
        await page.keys("j", "4")
        await page.until_shown("X-PacSpace-Signature")
        await page.keys("R", "5")
        await page.until_shown("re-signed")
        await page.keys("f", "event:delta.stored", "Enter")
        await page.until_shown("1/1 ")
        await asyncio.to_thread(post, demo.listener.url, b'{"event":"delta.stored","data":"live"}')
        await page.until_shown("2/2 ")
        await page.screenshot(tmp_path / "screen.png")
        # The page is what it says, and asked nobody else for anything.
        assert page.hosts == {demo.host}
        assert page.complaints == []


async def test_the_mouse_and_the_palette(demo: Demo) -> None:
    async with demo.tab() as page:
        await page.click("receipt.generated")
        await page.until_shown("1/1 ")
        await page.keys("Control+p")
        await page.until_shown("Search")
        await page.keys("Escape")
        assert page.complaints == []


async def test_the_window_decides_the_size(demo: Demo) -> None:
    async with demo.tab() as page:
        await page.until_shown("bad signature ")
        await page.resize(720, 400)
        # Narrow and low: the sidebar makes place, and all fits.
        await page.until("window.theTerminal.cols < 90 && window.theTerminal.rows < 24")
        await page.until("!window.theScreen().includes('bad signature ')")
        await page.resize(1280, 800)
        await page.until_shown("bad signature ")
        assert page.complaints == []


async def test_copying_goes_to_the_clipboard(demo: Demo) -> None:
    async with demo.tab() as page:
        await page.click("evt_demo_22")
        await page.keys("y")
        await page.until_shown("Copy of #")
        await page.keys("e")
        await page.until_shown("copied event id evt_demo_22")
        assert await page.clipboard() == "evt_demo_22"
        # The whole request, as a command.
        await page.keys("y")
        await page.until_shown("Copy of #")
        await page.keys("c")
        await page.until_shown("copied curl")
        assert (await page.clipboard()).startswith("curl ")
        reading = "navigator.clipboard.constructor.prototype.readText.call(navigator.clipboard)"
        assert await page.run(f"{reading}.then(() => 'in', () => 'out')") == "out"
        # Asking for it is what the policy forbids.
        assert all("permissions policy" in one for one in page.complaints), page.complaints


async def test_a_copy_that_the_browser_refuses_needs_a_click(demo: Demo, tmp_path: Path) -> None:
    async with demo.tab() as page:
        await page.reload(
            "navigator.clipboard.__proto__.writeText = () => Promise.reject(new Error('no'))"
        )
        await page.until_shown("checkpoint.verified")
        await page.click("evt_demo_21")
        await page.keys("y")
        await page.until_shown("Copy of #")
        await page.keys("e")
        await page.until_said("The browser did not let inspector copy.")
        await page.screenshot(tmp_path / "screen.png")
        await page.keys("Enter")  # on the button, which has the focus
        assert await page.clipboard() == "evt_demo_21"
        # The keys are the terminal's again.
        await page.keys("/", "event:receipt.generated", "Enter")
        await page.until_shown("1/1 ")
        assert page.complaints == []


async def test_quitting_says_how_to_go_on(demo: Demo) -> None:
    async with demo.tab() as page:
        await page.keys("q")
        await page.until_said("You have left this session.")
        await until(lambda: demo.uis() == 0)
        await page.keys("Enter")  # on the button, which has the focus
        await page.until("document.body?.classList.contains('-closed') === false")
        await page.until_shown("checkpoint.verified")
        assert demo.uis() == 1
        assert page.complaints == []


async def test_a_tab_that_closes_ends_its_ui(demo: Demo) -> None:
    async with demo.tab() as page:
        other = await demo.browser.open(demo.link)  # the cookie lets it in
        await other.until_shown("checkpoint.verified")
        assert demo.uis() == 2
        await other.close()
        await until(lambda: demo.uis() == 1)
        await page.click("evt_demo_22")
        await page.keys("4")
        await page.until_shown("X-PacSpace-Signature")


async def test_another_browser_needs_another_link(demo: Demo) -> None:
    async with demo.tab():
        stranger = await demo.browser.open(demo.link, apart=True)
        await stranger.until_said("This link has been used")
        await stranger.go(demo.link.partition("?")[0])
        await stranger.until_said("This page is closed.")
        assert demo.uis() == 1
        links = await asyncio.to_thread(demo.listener.wait_for, 1, kind="web")
        await stranger.go(links[-1]["url"])
        await stranger.until_shown("checkpoint.verified")
        assert demo.uis() == 2


async def test_a_fifth_tab_is_told(demo: Demo) -> None:
    async with demo.tab() as first:
        pages = [await demo.browser.open(demo.link) for _ in range(3)]
        for page in pages:
            await page.until_shown("checkpoint.verified")
        fifth = await demo.browser.open(demo.link)
        await fifth.until_said("close another tab first")
        # One of the four may be loaded again all the same.
        await first.reload()
        await first.until_shown("checkpoint.verified")
        await pages.pop().close()
        await until(lambda: demo.uis() == 3)
        await fifth.keys("Enter")
        await fifth.until("!document.body.classList.contains('-closed')")
        await fifth.until_shown("checkpoint.verified")


async def test_another_page_of_this_machine_gets_nothing(demo: Demo) -> None:
    """A page on another port is the same site: the browser sends our cookie with its requests."""
    async with demo.tab():
        # The capture port answers any request, as a page of a developer's own app would.
        hostile = await demo.browser.open(f"{demo.listener.url}/hostile")
        await hostile.until("document.readyState === 'complete' && location.port")
        url = f"http://{demo.host}"
        for script in (
            f"fetch('{url}/', {{credentials: 'include'}}).then(() => 'in', () => 'out')",
            f"fetch('{url}/', {{credentials: 'include', mode: 'no-cors'}})"
            ".then(() => 'in', () => 'out')",
            f"new Promise((done) => {{ const socket = new WebSocket('ws://{demo.host}/ws');"
            "socket.onopen = () => done('in'); socket.onerror = () => done('out'); })",
            "new Promise((done) => { const script = document.createElement('script');"
            f"script.src = '{url}/static/page.js'; script.onload = () => done('in');"
            "script.onerror = () => done('out'); document.head.append(script); })",
        ):
            assert await hostile.run(script) == "out", script
        assert demo.uis() == 1


async def test_a_file_is_saved(demo: Demo, tmp_path: Path) -> None:
    async with web() as served:
        await demo.browser.save_to(tmp_path)
        page = await demo.browser.open(served.links[-1])
        await page.until_shown('"focus"')

        def saved() -> bool:
            # Under another name, or with another ending, until it is whole.
            return b"first second" in [path.read_bytes() for path in tmp_path.iterdir()]

        # A page may open a window only within seconds of a key, which a busy machine may miss.
        for _ in range(3):
            await page.keys("x")
            await page.until_shown("took x")
            await page.paste("file")
            with suppress(TimeoutError):
                async with asyncio.timeout(_SAVED_SECONDS):
                    await until(saved)
            if saved():
                break
        assert saved()
        await page.close()


async def test_the_end_of_inspector_is_told(demo: Demo) -> None:
    """The last one, because it ends the demo."""
    page = await demo.browser.open(demo.link)
    await page.until_shown("checkpoint.verified")
    await asyncio.to_thread(demo.listener.stop)
    await page.until_said("inspector has stopped.")
    await page.close()
