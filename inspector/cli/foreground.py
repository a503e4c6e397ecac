"""Serving in the foreground: signals in, lines out."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.compact import compact_line
from inspector.cli.outlet import Outlet, json_line, stdout
from inspector.cli.parting import held_line
from inspector.cli.stopping import Stopping, from_a_thread
from inspector.cli.tunnel_lines import connection_line
from inspector.demo import Demo
from inspector.runtime import Runtime
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.tunnelling import Tunnel

# How long a relay may be out of reach before a listener that nobody shows gives up its start, and
# how long one that is shown waits for a refusal.
_RELAY_SECONDS = 30.0
_REFUSAL_SECONDS = 3.0
_GARBAGE = 10_000


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run on uvloop where there is one."""
    # What is loaded stays, and deliveries on their way make many objects but hardly a cycle: looked
    # for at every 700th, as is usual, they take a tenth of the time in which one is forwarded.
    gc.freeze()
    gc.set_threshold(_GARBAGE, 50, 50)
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def configure_log(database: Path | None = None) -> None:
    """Warnings of ours go to stderr, or into a file beside the store while a UI has the screen."""
    if database is None:
        logging.basicConfig(level=logging.WARNING, format="inspector: %(message)s")
        return
    path = database.with_name(database.name + "-log")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    handler = logging.StreamHandler(os.fdopen(descriptor, "a", encoding="utf-8"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class Serving:
    """One listener from start to stop; `output` is compact, json or quiet.

    With `alone` nobody shows it: then a relay must be reached before it is ready. Otherwise the
    tunnel is waited for only until the relay would have refused it.
    """

    def __init__(self, settings: Settings, *, output: str, demo: bool, alone: bool = True) -> None:
        self._settings = settings
        self._output = output
        self._alone = alone
        self._demo = Demo() if demo else None
        self._tunnel: Tunnel | None = None
        self._outlet: Outlet | None = None
        self._stopping = Stopping(self._part)
        self._begun = False

    def stop(self) -> None:
        """Begin to stop; called a second time, the process ends at once."""
        self._stopping.insist()

    def _part(self) -> None:
        if self._tunnel is not None:
            self._tunnel.consumer.part()

    def _end_unread(self) -> None:
        if self._outlet is not None and self._outlet.failure is None:
            click.echo("inspector: nobody reads the output any more, so this ends", err=True)
        self._stopping.end()

    async def run(self, *, announce_only: bool = False) -> int:
        """Serve until stopped; `announce_only` prints `ready` and nothing of the deliveries."""
        settings = self._settings
        if self._demo is not None:
            settings = await self._demo.start(settings)
        as_json = self._output == "json"
        try:
            silent = announce_only or self._output == "quiet"
            line = None if silent else json_line if as_json else compact_line
            runtime = Runtime(
                settings,
                with_headers=as_json and not announce_only,
                on_connection=self._ignore if announce_only else self._tell_connection,
            )
            # It listens before there is anything to hear, so that nothing is missed.
            outlet = self._outlet = Outlet(
                runtime.hub, line, stdout(), from_a_thread(self._end_unread), as_json=as_json
            )
            async with runtime:
                self._tunnel = runtime.tunnel
                self._stopping.handle_signals()
                await self._announce(runtime)
                ready = runtime.ready()
                if self._tunnel is not None:
                    await self._await_relay(self._tunnel)
                    self._begun = True
                    ready["relay"] = self._tunnel.consumer.status()
                if not self._stopping.wanted:
                    outlet.start(ready)
                if self._demo is not None:
                    await self._demo.send(runtime.url)
                await self._stopping.wait(runtime.store_error)
            outlet.close(2.0)
        finally:
            if self._demo is not None:
                await self._demo.stop()
        if outlet.failure is not None:
            raise outlet.failure
        return self._stopping.exit_code

    async def _await_relay(self, tunnel: "Tunnel") -> None:
        """Raises what keeps us from beginning; returns as well when we are stopped meanwhile."""
        if self._alone:
            if self._output != "json":
                click.echo(f"mirroring {tunnel.consumer.status()['url']}", err=True)
            await tunnel.consumer.ready(_RELAY_SECONDS)
            if self._output != "json" and not self._stopping.wanted:
                click.echo("ready: a canary came all the way through the relay", err=True)
        else:
            await tunnel.consumer.tried(_REFUSAL_SECONDS)

    def _ignore(self, report: dict[str, Any]) -> None:
        del report

    def _tell_connection(self, report: dict[str, Any]) -> None:
        if self._output == "json" and self._outlet is not None:
            self._outlet.tell({"kind": "connection", **report})
        elif report["state"] == "refused" and not self._begun:
            # It ends the start, and is told as what did.
            return
        elif self._output != "json" and (text := connection_line(report)):
            click.echo(text, err=True)

    async def _announce(self, runtime: Runtime) -> None:
        for target, count in (await runtime.waiting_elsewhere()).items():
            click.echo(f"{count} wait for {target}, which is not configured now", err=True)
        if held := await runtime.held():
            click.echo(held_line(held), err=True)
        if self._output == "json":
            return
        click.echo(f"capturing at {runtime.url}", err=True)
        for target in runtime.targets():
            click.echo(f"forwarding to {target}", err=True)
        click.echo(f"stored in {runtime.files.database}", err=True)
