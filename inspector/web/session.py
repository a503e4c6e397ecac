"""One browser's session: a UI in a process of its own, which costs only that browser.

textual-serve's `AppService` speaks the protocol of both sides, and is used for that. How it starts
and stops a process is not: it runs a shell string in our process group with a copy of the
environment, prints what the UI complains of, and waits for ever for one that does not stop. So
`start`, `run` and `stop` are never called, and one private name is used: `_stdin`, which only they
set, and which everything that sends to the UI reads.
"""

import asyncio
import json
import logging
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService

from inspector.domain.plaintext import one_line
from inspector.tasks import Tasks
from inspector.web.downloads import Downloads
from inspector.web.limits import GONE, IDLE, MISTAKEN, QUIT, SLOW, STOPPED, Farewell, WebLimits

_log = logging.getLogger(__name__)

# What a UI may know of our environment: where things are, and how it is to look. No more, for the
# rest may hold secrets, and a UI needs none.
_INHERITED = (
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "NO_COLOR", "PYTHONPATH", "PYTHONHOME",
    "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR",
)  # fmt: skip
_PRELUDE = b"__GANGLION__\n"
_HEAD_BYTES = 5
_COMPLAINT_BYTES = 8192
# The Escape key as kitty's keyboard protocol spells it, which needs no look at what follows.
_ESCAPE = "\x1b[27u"
# Leaving by `q`, and by Ctrl+C.
_LEFT = (0, 130)


class Ui(NamedTuple):
    """How a UI is started: a command, and a line that it is told first on standard input."""

    command: tuple[str, ...]
    told: bytes


class Size(NamedTuple):
    """Of a terminal, in cells; what a browser asks for is kept within reason."""

    width: int = 80
    height: int = 24

    @classmethod
    def within_reason(cls, width: int, height: int) -> "Size":
        return cls(max(20, min(width, 1000)), max(5, min(height, 400)))


class BrowserSession(AppService):
    """From the opened websocket to the end of the process; `serve` is called once.

    `abort` cuts the connection to a browser that does not take what it is sent. Output waits for
    the browser: when its buffers are full the UI is not read any more and stands, for `stall`
    seconds at most.
    """

    def __init__(
        self,
        ui: Ui,
        websocket: web.WebSocketResponse,
        abort: Callable[[], None],
        downloads: Downloads,
        limits: WebLimits,
    ) -> None:
        super().__init__(
            "",
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=_nothing,  # the process's end ends the session, and its exit code says how
            download_manager=downloads,
        )
        self._ui = ui
        self._websocket = websocket
        self._abort = abort
        self._limits = limits
        self._downloads = downloads
        self._tasks = Tasks("web-session")
        self._farewell: asyncio.Future[Farewell] = asyncio.get_running_loop().create_future()
        self._complaint = b""

    def leave(self, farewell: Farewell) -> None:
        """Begin to end it; the first reason counts."""
        if not self._farewell.done():
            self._farewell.set_result(farewell)

    @property
    def leaving(self) -> bool:
        return self._farewell.done()

    async def serve(self, size: Size) -> Farewell:
        """Run until the user, the UI or a bound ends it; then nothing of it is left."""
        try:
            process = await self._started(size)
        except OSError as error:
            self._fail(f"it did not start: {error.strerror}")
            await self._take_leave()
            return self._farewell.result()
        self._tasks.start(self._read_complaint(process), "complaint")
        self._tasks.start(self._output(process), "output")
        self._tasks.start(self._input(), "input")
        try:
            return await self._farewell
        finally:
            self.leave(STOPPED)
            leaving = self._tasks.start(self._take_leave(), "leave")
            await self._end(process)
            await self._downloads.cancel_app_downloads(self.app_service_id)
            await asyncio.wait({leaving})
            await self._tasks.stop()

    async def _started(self, size: Size) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._ui.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=ui_environment(size),
            start_new_session=True,  # Ctrl+C is ours: the sessions are ended in order
        )
        assert process.stdin is not None
        process.stdin.write(self._ui.told + b"\n")
        self._stdin = process.stdin
        return process

    async def _output(self, process: Process) -> None:
        """Pass on what the UI shows; when it shows no more, say how it ended."""
        assert process.stdout is not None
        why = ""
        try:
            async with asyncio.timeout(self._limits.start):
                await process.stdout.readuntil(_PRELUDE)
            while True:
                head = await process.stdout.readexactly(_HEAD_BYTES)
                size = int.from_bytes(head[1:], "big")
                if size > self._limits.packet:
                    why = "it sent too much at once"
                    return
                await self._pass_on(head[:1], await process.stdout.readexactly(size))
        except TimeoutError:
            why = "it did not start"
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            code = await process.wait()
            if code in _LEFT:
                self.leave(QUIT)
            why = self._first_complaint() or f"exit code {code}"
        finally:
            self._fail(why)

    def _fail(self, why: str) -> None:
        if not self._farewell.done():
            _log.warning("the UI of a browser ended: %s", why)
            self.leave(Farewell.failed(why))

    async def _pass_on(self, kind: bytes, payload: bytes) -> None:
        if self._farewell.done():
            return  # it is read to its end all the same: a UI that cannot write cannot stop
        try:
            async with asyncio.timeout(self._limits.stall):
                if kind == b"D":
                    await self.on_data(payload)
                elif kind == b"M":
                    await self.on_meta(payload)
                elif kind == b"P":
                    await self.on_packed(payload)
        except TimeoutError:
            self.leave(SLOW)
        except ConnectionError:
            self.leave(GONE)

    async def _input(self) -> None:
        """Take what the browser sends, until it goes or says nothing for too long."""
        idle, loop = self._limits.idle, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(idle) as deadline:
                async for message in self._websocket:
                    if message.type is WSMsgType.ERROR:
                        break
                    if message.type is not WSMsgType.TEXT or not await self._take(message.data):
                        self.leave(MISTAKEN)
                        return
                    deadline.reschedule(loop.time() + idle)
            self.leave(GONE)
        except TimeoutError:
            self.leave(IDLE)
        except ConnectionError:
            self.leave(GONE)

    async def _take(self, text: str) -> bool:
        """Do what one message says; whether it was understood."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return False
        match message:
            case ["stdin", str() as keys]:
                # A key comes as one message, so this is Escape; in the UI's stream of bytes it
                # would be the beginning of whatever key follows soon.
                keys = _ESCAPE if keys == "\x1b" else keys
                await self.send_bytes(keys.encode("utf-8", "replace"))
            case ["resize", {"width": int() as width, "height": int() as height}]:
                await self.set_terminal_size(*Size.within_reason(width, height))
            case ["ping", str() as said]:
                await self._websocket.send_str(json.dumps(["pong", said]))
            case ["focus"]:
                await self.focus()
            case ["blur"]:
                await self.blur()
            case _:
                return False
        return True

    async def _take_leave(self) -> None:
        code, reason = self._farewell.result()
        try:
            async with asyncio.timeout(self._limits.close):
                await self._websocket.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            self._abort()

    async def _end(self, process: Process) -> None:
        """Ask the UI to stop, and kill it when it does not."""
        try:
            async with asyncio.timeout(self._limits.stop):
                await self.send_meta({"type": "quit"})
                self.stdin.close()
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _read_complaint(self, process: Process) -> None:
        assert process.stderr is not None
        while data := await process.stderr.read(_COMPLAINT_BYTES):
            self._complaint += data[: _COMPLAINT_BYTES - len(self._complaint)]

    def _first_complaint(self) -> str:
        lines = self._complaint.decode("utf-8", "replace").splitlines()
        return one_line(lines[0].removeprefix("inspector: "), 200) if lines else ""


def ui_environment(size: Size) -> dict[str, str]:
    """The whole environment of a UI process."""
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "LANG": "C.UTF-8",  # a browser shows any character, whatever our own terminal does
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "COLUMNS": str(size.width),
        "ROWS": str(size.height),
    }


async def _nothing() -> None:
    pass
