"""`inspector doctor`: every hop examined, and hard requests sent round."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.options import secret_option, store_options
from inspector.cli.stopping import INTERRUPTED, Stopping
from inspector.domain.routes import parse_target
from inspector.errors import UsageError
from inspector.settings import Settings, load

if TYPE_CHECKING:
    from inspector.cli.findings import Printed
    from inspector.doctor.model import Subject

# An expectation is not met, as the contract has it.
_NOT_WELL = 6


@click.command("doctor")
@click.argument("target", required=False)
@click.option("--relay", metavar="URL", help="Examine the way through it, too (its capture URL).")
@click.option("--insecure", "--skip-verify", is_flag=True, help="Accept any certificate of TARGET.")
@click.option(
    "--echo",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve an app that tells what it got, in place of yours (0: any free port).",
)
@secret_option
@store_options
def command(target: str | None, echo: int | None, as_json: bool, **flags: Any) -> int:
    """Examine every hop of a delivery's way; with TARGET, a port or a URL, your app too.

    A listener of the doctor's own, with a store that is thrown away, takes the hardest requests
    there are, and what arrives is compared with what was sent. Exits 0 only when all holds, else 6.
    TARGET gets webhooks as it would from a listener, signed with the secret that is known.
    """
    if echo is not None and (target or flags["relay"]):
        raise UsageError("--echo takes the app's place", "leave TARGET and --relay out")
    app = parse_target(target) if target else None
    settings = load(flags)
    if echo is not None:
        return _echoed(settings, echo, as_json)
    if settings.relay:
        from inspector.tunnel.address import parse_relay

        parse_relay(settings.relay)
    # Their imports are dear, and `--help` needs none of them.
    from inspector.cli.findings import AsJson, AsText
    from inspector.cli.foreground import configure_log, run_loop
    from inspector.doctor.model import Subject

    terminal, encoding = sys.stdout.isatty(), sys.stdout.encoding or "ascii"
    printed: Printed = AsJson() if as_json else AsText(encoding, os.environ, terminal=terminal)
    subject = Subject(
        settings,
        app,
        dict(os.environ),
        terminal,
        encoding,
        printed.progress,
    )
    configure_log()
    return run_loop(_examined(subject, printed))


def _echoed(settings: Settings, port: int, as_json: bool) -> int:
    from inspector.cli.echoing import echo
    from inspector.cli.foreground import run_loop

    return run_loop(echo(settings.host, port, as_json=as_json))


async def _examined(subject: "Subject", printed: "Printed") -> int:
    from inspector.doctor.run import examine

    task = asyncio.current_task()
    assert task is not None
    stopping = Stopping(task.cancel)
    stopping.handle_signals(stopping.insist)
    try:
        await examine(subject, printed.tell)
    except asyncio.CancelledError:
        if not stopping.wanted:
            raise
        printed.interrupted()
        sys.stdout.flush()
        # A thread that hangs, asking for an address say, would keep the process from its end.
        os._exit(INTERRUPTED)
    return 0 if printed.end() else _NOT_WELL
