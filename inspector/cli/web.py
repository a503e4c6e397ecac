"""`serve --web`: the listener in a process of its own, the UI in a browser, a server between."""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

import click

from inspector.cli.child import listening
from inspector.cli.foreground import configure_log, run_loop
from inspector.cli.printing import writing
from inspector.cli.stopping import Stopping, from_a_thread
from inspector.errors import InspectorError
from inspector.settings import Settings
from inspector.web.server import WebServer, open_port
from inspector.web.session import Ui

Item = dict[str, Any]

_JOIN_SECONDS = 2.0


def serve_in_browser(settings: Settings, demo: bool, *, as_json: bool) -> int:
    """Start a listener, serve its UI, and stop both; the exit code of the process."""
    configure_log()
    with open_port(settings.web_port) as opened:
        with listening(settings, demo, lines=as_json) as child:
            # While the listener starts: a UI that cannot be is told here, not in each browser.
            from inspector.tui.app import check_ui

            check_ui(settings.ui)
            ready = child.ready()
            ui = Ui((sys.executable, "-P", "-m", "inspector", "_ui"), _told(ready, settings))
            output = _Output(ready, child.output, as_json=as_json)
            serving = _Serving(opened, ui, output)
            code = run_loop(serving.run())
            if serving.listener_ended:
                raise child.failure()
        output.join()
    if output.failure is not None:
        raise output.failure
    return code


def _told(ready: Item, settings: Settings) -> bytes:
    """What a UI is told: where to find the token, not the token."""
    return json.dumps(
        {
            "control": ready["control"],
            "token_file": ready["token_file"],
            "ui": settings.ui.model_dump(mode="json"),
        }
    ).encode()


class _Output:
    """Standard output: what is said here and what the listener prints, whole lines each.

    Neither capture nor a browser waits for our reader: threads write, and the listener drops what
    they do not take in time. They write past `sys.stdout`, whose lock one that still waits at the
    end would hold.
    """

    def __init__(self, ready: Item, lines: IO[bytes], *, as_json: bool) -> None:
        self._ready = ready
        self._lines = lines
        self._as_json = as_json
        self._out = sys.stdout.fileno()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self.failure: InspectorError | None = None

    def start(
        self, link: str, listener_ended: Callable[[], None], unread: Callable[[], None]
    ) -> None:
        """Say what is ready; a thread calls one of both when the listener or our reader ends."""
        ready = self._ready
        if self._as_json:
            self._say(json.dumps({**ready, "web": link}))
        else:
            self._say(f"capturing at {ready['url']}", f"open {link}")
            click.echo(f"stored in {ready['db']}", err=True)
            click.echo("the link works once; when it is used, the next one is printed", err=True)
        self._thread = threading.Thread(
            target=self._pass_on,
            args=(listener_ended, unread),
            name="inspector-output",
            daemon=True,
        )
        self._thread.start()

    def next_link(self, link: str) -> None:
        """A browser is in; this link lets in another one."""
        if self._as_json:
            line = json.dumps({"v": 1, "kind": "web", "url": link})
            threading.Thread(target=self._say_if_we_can, args=(line,), daemon=True).start()
        else:
            click.echo(f"a browser is in; for another one open {link}", err=True)

    def join(self) -> None:
        """Wait until the listener's last line is passed on; a reader that does not read is left."""
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _say(self, *lines: str) -> None:
        with suppress(BrokenPipeError):  # the other thread notices, and ends us
            self._write("".join(f"{line}\n" for line in lines).encode())

    def _say_if_we_can(self, line: str) -> None:
        with suppress(InspectorError):  # the next line of the listener tells of it
            self._say(line)

    def _write(self, data: bytes) -> None:
        with self._turn, writing():
            while data:
                data = data[os.write(self._out, data) :]

    def _pass_on(self, listener_ended: Callable[[], None], unread: Callable[[], None]) -> None:
        try:
            for line in self._lines:
                if self._as_json:
                    self._write(line)
        except BrokenPipeError:
            unread()
        except InspectorError as error:
            self.failure = error
            unread()
        else:
            listener_ended()


class _Serving:
    """The web server from start to stop.

    Ended at once, it leaves nothing behind: the standard input of what it has started closes.
    """

    def __init__(self, opened: socket.socket, ui: Ui, output: _Output) -> None:
        self._opened = opened
        self._ui = ui
        self._output = output
        self._stopping = Stopping()
        self.listener_ended = False

    async def run(self) -> int:
        self._stopping.handle_signals()
        server = WebServer(self._opened, self._ui, self._output.next_link)
        await server.start()
        try:
            self._output.start(
                server.door.link,
                from_a_thread(self._end_with_listener),
                from_a_thread(self._stopping.end),
            )
            await self._stopping.wait()
        finally:
            await server.stop()
        return self._stopping.exit_code

    def _end_with_listener(self) -> None:
        self.listener_ended = not self._stopping.wanted
        self._stopping.end()
