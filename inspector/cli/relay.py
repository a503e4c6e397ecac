"""`inspector relay`: capture on a public host for developers who connect from anywhere."""

from pathlib import Path
from typing import Any

import click

from inspector.cli.endpoints import command as endpoint_command
from inspector.cli.options import store_options
from inspector.cli.relay_status import command as status_command
from inspector.settings import load_relay


@click.group("relay", invoke_without_command=True)
@click.option("--host", help="Address to listen on (0.0.0.0).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (8400; 0: any free one).")
@click.option("--public-url", metavar="URL", help="Where senders reach it: https://HOST.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate chain, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its key, PEM.")
@click.option("--trust-proxy", is_flag=True, help="Senders' addresses are in X-Forwarded-For.")
@click.option("--keep", metavar="AGE", help="How long deliveries stay (30d; 0: for ever).")
@click.option("--health-host", help="Address of health checks and metrics (127.0.0.1).")
@click.option("--health-port", type=click.IntRange(0, 65535), help="Their port (8402; 0: any).")
@store_options
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **flags: Any) -> int | None:
    """Capture for named endpoints on a public host, and pass all of it on to whoever developers
    run `inspector serve --relay` as.

    \b
    inspector relay endpoint add NAME    make an endpoint: its capture URL and its token
    inspector relay                      capture for all of them
    inspector relay status               who is connected, and what waits for them
    """
    if ctx.invoked_subcommand is not None:
        return None
    settings = load_relay(flags)
    from inspector.cli.foreground import configure_log, run_loop
    from inspector.cli.relaying import Relaying

    configure_log()

    async def relay() -> int:
        return await Relaying(settings, as_json=as_json).run()

    return run_loop(relay())


command.add_command(endpoint_command)
command.add_command(status_command)
