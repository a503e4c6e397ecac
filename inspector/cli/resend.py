"""`inspector resend`: stored deliveries go to the app again."""

import asyncio
from pathlib import Path

import click

from inspector.cli.asking import QueryCommand, chosen_ids
from inspector.cli.opened import existing, opened
from inspector.cli.options import secret_option, store_options
from inspector.cli.resending import Report, by_ourselves, through
from inspector.cli.running import Api, running
from inspector.clock import wall_clock
from inspector.errors import UsageError
from inspector.settings import load


@click.command("resend", cls=QueryCommand)
@click.argument("what", nargs=-1, required=True, metavar="ID...|QUERY")
@click.option("--to", metavar="URL", help="Send there instead, beside the delivery's own targets.")
@click.option("--re-sign", is_flag=True, help="Sign anew, with a fresh timestamp.")
@secret_option
@store_options
def command(
    what: tuple[str, ...],
    to: str | None,
    re_sign: bool,
    secret: tuple[str, ...],
    db: Path | None,
    as_json: bool,
) -> int:
    """Send deliveries again, oldest first: by id, range, latest, or query.

    \b
    inspector resend latest --re-sign
    inspector resend 12 100..120
    inspector resend state:failed
    """
    settings = load({"db": db, "secret": secret})
    with opened(settings) as reader:
        ids = chosen_ids(reader, what, wall_clock())
    listener = running(existing(settings))
    if listener and secret:
        raise UsageError(
            "the running listener signs, with its own secret", "leave out --secret, or stop it"
        )
    with Report(len(ids), as_json=as_json) as report:
        if listener:
            through(Api(listener), ids, to=to, re_sign=re_sign, report=report)
        else:
            asyncio.run(by_ourselves(settings, ids, to=to, re_sign=re_sign, report=report))
    return report.exit_code
