"""`inspector subscribe`: webhooks at PacSpace, whose secrets are kept for this store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from inspector.cli.options import store_options
from inspector.errors import UsageError
from inspector.settings import Settings, load

F = TypeVar("F", bound=Callable[..., Any])


def _account_options(function: F) -> F:
    """Who we are there, and where that is."""
    function = click.option(
        "--cookies",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Cookies of the dashboard, as cookies.txt (or PACSPACE_TOKEN).",
    )(function)
    return click.option("--dashboard-url", metavar="URL", help="Another address of the API.")(
        function
    )


@click.group("subscribe", invoke_without_command=True)
@click.option("--url", metavar="URL", help="Where it sends to (the relay's capture URL).")
@click.option("--description", default="", metavar="TEXT", help="What the dashboard shows.")
@click.option(
    "--event", "events", multiple=True, metavar="NAME",
    help="Say which events you want; only with PACSPACE_TOKEN. Repeatable.",
)  # fmt: skip
@_account_options
@click.option("--relay", metavar="URL", help="The capture URL of a relay's endpoint.")
@click.option("--again", is_flag=True, help="Make one even if there is one of that URL.")
@click.option("--serve", is_flag=True, help="Go on as `inspector serve`.")
@click.option(
    "-f", "--forward-to", multiple=True, metavar="[GLOB=]URL", help="With --serve: to this app."
)
@store_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    url: str | None,
    description: str,
    events: tuple[str, ...],
    cookies: Path | None,
    again: bool,
    serve: bool,
    as_json: bool,
    **flags: Any,
) -> int | None:
    """Make a webhook at PacSpace and keep its secret, so that what it sends is verified at once.

    The secret is printed this once. Where there is a webhook of that URL already, none is made.

    \b
    inspector subscribe --cookies cookies.txt --relay https://relay.example.com/in/SLUG --serve
    inspector subscribe list
    inspector subscribe show wh_...
    """
    if ctx.invoked_subcommand is not None:
        return None
    if flags["forward_to"] and not serve:
        raise UsageError("--forward-to is for serving", "add --serve")
    settings = load(flags)
    from inspector.cli.subscribing import Wanted, subscribe

    wanted = Wanted(url or "", description, events, again=again, serve=serve)
    subscribe(settings, cookies, wanted, as_json=as_json)
    if not serve:
        return None
    from inspector.cli.serve import serve as go_on

    return go_on(settings, output="json" if as_json else None)


@command.command("list")
@_account_options
@store_options
@click.pass_context
def list_(
    ctx: click.Context, /, cookies: Path | None, as_json: bool, db: Path | None, **flags: Any
) -> None:
    """The webhooks of the account, and whether their secrets are known here."""
    from inspector.cli.subscribing import list_webhooks

    settings, cookies = _given(ctx, cookies, db, flags)
    list_webhooks(settings, cookies, as_json=as_json)


@command.command("show")
@click.argument("webhook", metavar="ID")
@_account_options
@store_options
@click.pass_context
def show(
    ctx: click.Context,
    /,
    webhook: str,
    cookies: Path | None,
    as_json: bool,
    db: Path | None,
    **flags: Any,
) -> None:
    """What PacSpace says of one webhook; its secret is never shown again."""
    from inspector.cli.subscribing import show_webhook

    settings, cookies = _given(ctx, cookies, db, flags)
    show_webhook(settings, cookies, webhook, as_json=as_json)


def _given(
    ctx: click.Context, cookies: Path | None, db: Path | None, flags: dict[str, Any]
) -> tuple[Settings, Path | None]:
    """`inspector subscribe --cookies FILE list` means the same as the option at the end."""
    before = ctx.parent.params if ctx.parent is not None else {}
    told = {"db": db, **flags}
    told = {name: before.get(name) if value is None else value for name, value in told.items()}
    return load(told), cookies or before.get("cookies")
