"""A real Chromium without a screen, driven over its debugging websocket.

async with chromium(tmp_path) as browser:
    page = await browser.open(link)
    await page.until_shown("delta.verified")
    await page.keys("j", "4", "Enter", "Control+p", "some text")
    assert "valid" in await page.screen()
    assert not page.complaints
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from inspector.tasks import Tasks

PROGRAM = shutil.which("chromium")
# Generous, because a test machine may be busy; nothing waits so long unless it fails.
PATIENCE = 30.0

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--no-default-browser-check",
    "--disable-dev-shm-usage", "--enable-unsafe-swiftshader", "--metrics-recording-only",
    "--password-store=basic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-port=0",
)  # fmt: skip

# textual.js keeps its terminal to itself: it is taken as it sets the first of its add-ons.
_HOOK = """
Object.defineProperty(Object.prototype, "fitAddon", {
  configurable: true,
  set(value) {
    Object.defineProperty(this, "fitAddon", {value, writable: true, configurable: true});
    window.theTerminal = this.terminal;
  },
});
window.theScreen = () => {
  const terminal = window.theTerminal;
  if (!terminal) return "";
  const buffer = terminal.buffer.active;
  const lines = [];
  for (let row = 0; row < terminal.rows; row++) {
    const line = buffer.getLine(buffer.viewportY + row);
    // A line keeps what stood beyond the edge before the window became narrower.
    lines.push(line ? line.translateToString(false, 0, terminal.cols).trimEnd() : "");
  }
  return lines.join("\\n");
};
window.thePlace = (text) => {
  const rows = window.theScreen().split("\\n");
  const row = rows.findIndex((line) => line.includes(text));
  if (row < 0) {
    for (const button of document.querySelectorAll("button")) {
      const box = button.getBoundingClientRect();
      if (button.innerText === text && box.width) return [box.x + 5, box.y + 5];
    }
    return null;
  }
  const terminal = window.theTerminal;
  const box = terminal.element.querySelector(".xterm-screen").getBoundingClientRect();
  const column = rows[row].indexOf(text) + text.length / 2;
  return [
    box.x + column * box.width / terminal.cols,
    box.y + (row + 0.5) * box.height / terminal.rows,
  ];
};
window.thePage = () => document.body ? document.body.innerText : "";
"""

_KEYS = {
    "Enter": 13, "Escape": 27, "Tab": 9, "Backspace": 8, "Delete": 46, "Home": 36, "End": 35,
    "PageUp": 33, "PageDown": 34, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
    "F1": 112, "F2": 113, "F5": 116,
}  # fmt: skip
_TEXTS = {"Enter": "\r", "Tab": "\t"}
_MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}


class Page:
    """One tab: keys in, text out; it remembers what it asked for and what went wrong in it."""

    def __init__(self, browser: "Browser", target: str, session: str) -> None:
        self._browser = browser
        self._target = target
        self._session = session
        self.requests: list[str] = []
        """Addresses that were asked for, of websockets too."""
        self.complaints: list[str] = []
        """What its console says: errors, and what its policy forbade."""

    @property
    def hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in self.requests}

    async def go(self, url: str) -> None:
        await self.send("Page.navigate", url=url)

    async def reload(self, before: str = "") -> None:
        """Load the page again; `before` is run before its own scripts."""
        await self.send("Page.reload", scriptToEvaluateOnLoad=before)

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of Chromium's protocol to this tab."""
        return await self._browser.send(method, parameters, self._session)

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression, a promise's when it is one."""
        result = await self.send(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=False,
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def screen(self) -> str:
        """What the terminal shows, line by line."""
        return str(await self.run("window.theScreen()"))

    async def text(self) -> str:
        """What the page around the terminal says."""
        return str(await self.run("window.thePage()"))

    async def keys(self, *keys: str) -> None:
        """Press keys: a name (`Enter`), with modifiers (`Control+p`), or text to be typed."""
        for key in keys:
            *modifiers, name = key.split("+") if key.rpartition("+")[0] else [key]
            if name in _KEYS or modifiers:
                await self._press(name, sum(_MODIFIERS[each] for each in modifiers))
            else:
                for character in key:
                    await self._press(character, 0)

    async def _press(self, key: str, modifiers: int) -> None:
        code = _KEYS.get(key, ord(key.upper()) if len(key) == 1 and key.isalnum() else 0)
        text = _TEXTS.get(key, key if len(key) == 1 and not modifiers else "")
        common = {"key": key, "modifiers": modifiers, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def click(self, text: str) -> None:
        """Click on the first place where the terminal, or else the page, shows the text."""
        place = await self.run(f"window.thePlace({json.dumps(text)})")
        assert place, f"{text!r} is not shown:\n{await self.screen()}"
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent",
                type=kind, x=place[0], y=place[1], button="left", clickCount=1,
            )  # fmt: skip

    async def paste(self, text: str) -> None:
        """Paste into the terminal, as the browser's own menu does."""
        await self.run(f"window.theTerminal.paste({json.dumps(text)})")

    async def clipboard(self) -> str:
        """What this browser's clipboard holds, which pages themselves may not look at."""
        made = await self._browser.send("Target.createTarget", {"url": "about:blank"})
        attached = await self._browser.send(
            "Target.attachToTarget", {"targetId": made["targetId"], "flatten": True}
        )
        reader = Page(self._browser, made["targetId"], attached["sessionId"])
        await reader.run("document.body.append(document.createElement('textarea'))")
        await reader.run("document.querySelector('textarea').focus()")
        await reader.send(
            "Input.dispatchKeyEvent", type="keyDown", key="v", modifiers=2, commands=["paste"]
        )
        text = await reader.run("document.querySelector('textarea').value")
        await reader.close()
        return str(text)

    async def until_shown(self, text: str) -> str:
        """Until the terminal shows the text; its screen then."""
        await self.until(f"window.theScreen().includes({json.dumps(text)})")
        return await self.screen()

    async def until_said(self, text: str) -> str:
        """Until the page around the terminal says the text."""
        await self.until(f"window.thePage().includes({json.dumps(text)})")
        return await self.text()

    async def until(self, condition: str) -> None:
        """Until a JavaScript expression is true, also across a change of the page."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    with suppress(ProtocolError, AssertionError):
                        await self.run(_UNTIL % condition)
                        return
        except TimeoutError:
            pytest.fail(
                f"{condition} did not come; the screen:\n{await self.screen()}\n"
                f"the page: {await self.text()}\ncomplaints: {self.complaints}"
            )

    async def resize(self, width: int, height: int) -> None:
        """Change the size of the window, in pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    async def screenshot(self, path: Path) -> None:
        answer = await self.send("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    async def close(self) -> None:
        """Close the tab, as a user does."""
        await self._browser.send("Target.closeTarget", {"targetId": self._target})
        self._browser._pages.pop(self._session, None)

    def _happened(self, method: str, event: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(event["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(event["url"])
            case "Log.entryAdded" if event["entry"]["level"] == "error":
                self.complaints.append(event["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(event["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if event["type"] in ("error", "assert"):
                self.complaints.append(str([arg.get("value") for arg in event["args"]]))


_UNTIL = """
new Promise((resolve) => {
  const timer = setInterval(() => {
    if (%s) { clearInterval(timer); resolve(); }
  }, 30);
})
"""


class ProtocolError(Exception):
    """Chromium did not do what it was asked to."""


class Browser:
    """One Chromium; `open` makes a tab, with the cookies of the others unless it is `apart`."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    async def close_pages(self) -> None:
        """Close every tab that is still open."""
        for page in list(self._pages.values()):
            await page.close()

    async def save_to(self, folder: Path) -> None:
        """Save what is downloaded there, without asking."""
        await self.send(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
        )

    async def open(
        self, url: str, *, size: tuple[int, int] = (1280, 800), apart: bool = False
    ) -> Page:
        more = {}
        if apart:
            more = await self.send("Target.createBrowserContext", {"disposeOnDetach": True})
        made = await self.send("Target.createTarget", {"url": "about:blank", **more})
        attached = await self.send(
            "Target.attachToTarget", {"targetId": made["targetId"], "flatten": True}
        )
        page = Page(self, made["targetId"], attached["sessionId"])
        self._pages[attached["sessionId"]] = page
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.send(f"{domain}.enable")
        await page.send("Page.addScriptToEvaluateOnNewDocument", source=_HOOK)
        await page.resize(*size)
        await page.go(url)
        return page

    async def send(
        self, method: str, parameters: dict[str, Any], session: str = ""
    ) -> dict[str, Any]:
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        message = {"id": number, "method": method, "params": parameters}
        await self._wire.send(json.dumps(message | ({"sessionId": session} if session else {})))
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def read(self) -> None:
        """Hand out what Chromium answers and tells, until it ends."""
        with suppress(ConnectionClosed):
            async for text in self._wire:
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        if (number := message.get("id")) is None:
            if page := self._pages.get(message.get("sessionId", "")):
                page._happened(message["method"], message["params"])
            return
        answer = self._answers.pop(number)
        if answer.done():
            return
        if "error" in message:
            answer.set_exception(ProtocolError(message["error"]))
        else:
            answer.set_result(message["result"])


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Browser]:
    """Start one with a profile of its own in `folder`; skips the test where there is none."""
    if PROGRAM is None:
        pytest.skip("chromium is not installed")
    profile = folder / "chromium"
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *_FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": str(folder)},
        start_new_session=True,
    )
    assert process.stderr is not None
    tasks = Tasks("chromium")
    try:
        async with asyncio.timeout(PATIENCE):
            url = await _debugging_url(process.stderr)
        # What it says besides is not read, and must not fill the pipe.
        tasks.start(process.stderr.read(), "stderr")
        async with connect(url, max_size=None, proxy=None, compression=None) as wire:
            browser = Browser(wire)
            tasks.start(browser.read(), "reader")
            yield browser
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await tasks.stop()


async def _debugging_url(stderr: asyncio.StreamReader) -> str:
    said = b""
    while line := await stderr.readline():
        said += line
        if b"DevTools listening on " in line:
            return line.decode().rpartition(" ")[2].strip()
    raise AssertionError(f"chromium did not start: {said.decode(errors='replace')}")
