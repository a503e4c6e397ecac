"""How a process in the foreground ends: by a signal, or because nobody hears it any more."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import click

_STORE_CHECK_SECONDS = 1.0


class Stopping:
    """The wish to stop; `on_end` is called when it comes. `interrupted`: by Ctrl+C."""

    def __init__(self, on_end: Callable[[], None] = lambda: None) -> None:
        self.interrupted = False
        self._on_end = on_end
        self._wanted = asyncio.Event()

    @property
    def wanted(self) -> bool:
        return self._wanted.is_set()

    def end(self) -> None:
        """Begin to stop; may be called again."""
        self._wanted.set()
        self._on_end()

    def insist(self) -> None:
        """Begin to stop; called a second time, the process ends at once."""
        if self.wanted:
            os._exit(130)
        self.end()

    def interrupt(self) -> None:
        self.interrupted = True
        self.insist()

    def handle_signals(self, reload: Callable[[], object] | None = None) -> None:
        """Stop on SIGINT and SIGTERM; call `reload` on SIGHUP where it is given."""
        if sys.platform == "win32":
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        loop.add_signal_handler(signal.SIGTERM, self.insist)
        if reload is not None:
            loop.add_signal_handler(signal.SIGHUP, reload)

    async def wait(self, store_error: Callable[[], str]) -> None:
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
