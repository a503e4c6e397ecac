"""How a process in the foreground ends: by a signal, or because nobody hears it any more."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import click

INTERRUPTED = 130
_STORE_CHECK_SECONDS = 1.0


class Stopping:
    """The wish to stop; `on_end` is called when it comes."""

    def __init__(self, on_end: Callable[[], object] = lambda: None) -> None:
        self._interrupted = False
        self._on_end = on_end
        self._wanted = asyncio.Event()

    @property
    def wanted(self) -> bool:
        return self._wanted.is_set()

    @property
    def exit_code(self) -> int:
        """Of a process that did what it was started for: Ctrl+C is told from all other ends."""
        return INTERRUPTED if self._interrupted else 0

    def end(self) -> None:
        """Begin to stop; may be called again."""
        self._wanted.set()
        self._on_end()

    def insist(self) -> None:
        """Begin to stop; called a second time, the process ends at once."""
        if self.wanted:
            os._exit(INTERRUPTED)
        self.end()

    def _interrupt(self) -> None:
        self._interrupted = True
        self.insist()

    def handle_signals(self, on_hangup: Callable[[], object] | None = None) -> None:
        """Stop on SIGINT and SIGTERM; call `on_hangup` on SIGHUP where it is given."""
        if sys.platform == "win32":
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self.insist)
        if on_hangup is not None:
            loop.add_signal_handler(signal.SIGHUP, on_hangup)

    async def wait(self, store_error: Callable[[], str] = lambda: "") -> None:
        """Until it is time; meanwhile a store that cannot commit is told, once, and its recovery
        too."""
        told = ""
        while not self.wanted:
            try:
                async with asyncio.timeout(_STORE_CHECK_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                error = store_error()
                if error != told:
                    text = f"the store cannot commit: {error}" if error else "the store is back"
                    click.echo(f"inspector: {text}", err=True)
                    told = error


def from_a_thread(what: Callable[[], object]) -> Callable[[], None]:
    """The same for a thread to call: it then happens in this loop, as long as that runs."""
    loop = asyncio.get_running_loop()

    def call() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(what)

    return call
