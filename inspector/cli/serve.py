"""`inspector serve`: capture, show, forward."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from inspector.cli.options import secret_option, store_options
from inspector.cli.printing import tell
from inspector.domain.plaintext import one_line
from inspector.domain.routes import parse_route
from inspector.errors import UsageError
from inspector.server.policy import parse_policy
from inspector.settings import Settings, load

_OF_A_RELAY = ("backfill", "consumer", "primary", "relay_filter", "take_over")


@click.command()
@click.argument("target", required=False)
@click.option(
    "-f", "-t", "--forward-to", "--target", "forward_to", multiple=True, metavar="[GLOB=]URL",
    help="Forward to this app; repeatable; GLOB= routes some event types.",
)  # fmt: skip
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (8400; 0: any free one).")
@secret_option
@click.option("-e", "--events", multiple=True, metavar="GLOB", help="Forward only these events.")
@click.option("--ack", metavar="POLICY", help="stored, app, or app-or-stored:N.")
@click.option("--status", type=click.IntRange(200, 599), help="Status that stored answers (200).")
@click.option("--timeout", metavar="SECONDS", help="Wait for the app so long (30; 0: for ever).")
@click.option("--retry", metavar="SECONDS", help="Go on trying an app without answer (300).")
@click.option(
    "--max-connections", type=click.IntRange(1, 256), help="To each target (1: in order)."
)
@click.option("--insecure", "--skip-verify", is_flag=True, help="Accept any certificate.")
@click.option("--keep-host", is_flag=True, help="Forward the captured Host header.")
@click.option("-H", "--header", multiple=True, metavar="'NAME: VALUE'", help="Set when forwarding.")
@click.option("--max-body", metavar="SIZE", help="Largest body taken in (25mb).")
@click.option("--keep", metavar="AGE", help="How long deliveries stay (30d; 0: for ever).")
@click.option("--max-size", metavar="SIZE", help="Size of the store (2gb).")
@click.option("--allow-host", multiple=True, metavar="HOST", help="Host name the API answers to.")
@click.option("--relay", metavar="URL", help="Mirror this endpoint of a relay (its capture URL).")
@click.option(
    "--backfill", metavar="HOW", help="At first fetch all, since:AGE, none, or ask (all)."
)
@click.option("--consumer", metavar="NAME", help="Its name at the relay (USER@HOST).")
@click.option(
    "--relay-filter", metavar="QUERY",
    help="Fetch only these: path, method, event, header.NAME.",
)  # fmt: skip
@click.option("--take-over", is_flag=True, help="Take that name from a listener that has it.")
@click.option("--primary", is_flag=True, help="This app answers the relay's senders.")
@click.option("--headless", is_flag=True, help="No UI, even on a terminal.")
@click.option("--web", is_flag=True, help="The UI in a browser, behind a one-time link.")
@click.option("--web-port", type=click.IntRange(0, 65535), help="Its port (8401; 0: any free one).")
@click.option("--demo", is_flag=True, help="A sample app and one signed sample of every event.")
@click.option(
    "-o", "--output", type=click.Choice(["compact", "json", "quiet"]), help="What is printed."
)
@store_options
def command(
    target: str | None,
    headless: bool,
    web: bool,
    demo: bool,
    output: str | None,
    as_json: bool,
    **flags: Any,
) -> int:
    """Capture deliveries; forward them to TARGET, a port or a URL.

    On a terminal the UI opens. Otherwise, or with --headless, rows are printed; with --json one
    object a line, beginning with `ready`. With --web the UI is opened in a browser instead, by the
    link that is printed.
    """
    if flags["web_port"] is not None and not web:
        raise UsageError("--web-port is for the UI in a browser", "add --web")
    if target:
        flags["forward_to"] = (target, *flags["forward_to"])
    settings = load(flags)
    if not settings.relay:
        _refuse_of_a_relay(flags)
    how = "json" if as_json else output
    return serve(settings, output=how, headless=headless, web=web, demo=demo)


def serve(
    settings: Settings,
    *,
    output: str | None = None,
    headless: bool = False,
    web: bool = False,
    demo: bool = False,
) -> int:
    """Serve with these settings until it is stopped; the exit code."""
    if parse_policy(settings.ack).asks_app and not (settings.forward_to or demo):
        raise UsageError(
            f"--ack {settings.ack} passes an app's answer on, and there is no app",
            "name its port or URL: inspector serve 3000",
        )
    _warn_of_typos(settings)
    if settings.relay and settings.backfill == "ask":
        # Before a UI has the screen; its import is dear.
        from inspector.cli.backfilling import settled_backfill

        settings = settled_backfill(settings)
    if web:
        from inspector.cli.web import serve_in_browser

        return serve_in_browser(settings, demo, as_json=output == "json")
    if headless or output or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _foreground(settings, output or "compact", demo)
    from inspector.cli.attached import serve_with_ui

    return serve_with_ui(settings, demo)


def _refuse_of_a_relay(flags: Mapping[str, Any]) -> None:
    """Say which flags mean nothing without a relay."""
    for name in _OF_A_RELAY:
        if flags[name]:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} is for a relay", "add --relay URL")


def _warn_of_typos(settings: Settings) -> None:
    """Say which patterns look like an event that there is, and match none."""
    patterns = [*settings.events, *(parse_route(text).glob for text in settings.forward_to)]
    if not any(patterns):
        return
    # Its import is dear, and most listeners have no pattern.
    from inspector.providers import meant

    for pattern in dict.fromkeys(filter(None, patterns)):
        if near := meant(pattern):
            tell(f"inspector: {one_line(pattern, 80)} matches no known event; did you mean {near}?")


def _foreground(settings: Settings, output: str, demo: bool) -> int:
    from inspector.cli.foreground import Serving, configure_log, run_loop

    configure_log()

    async def serve() -> int:
        return await Serving(settings, output=output, demo=demo).run()

    return run_loop(serve())
