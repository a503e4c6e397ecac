"""`inspector reindex`: derive everything anew from the stored facts."""

from pathlib import Path

import click

from inspector.cli.opened import existing
from inspector.cli.options import secret_option, store_options
from inspector.cli.printing import print_item, print_row
from inspector.cli.rereading import by_ourselves, through
from inspector.cli.running import Api, running
from inspector.errors import UsageError
from inspector.settings import load


@click.command("reindex")
@secret_option
@store_options
def command(secret: tuple[str, ...], db: Path | None, as_json: bool) -> None:
    """Decode and verify every stored delivery again, with the secrets of now."""
    settings = load({"db": db, "secret": secret})
    listener = running(existing(settings))
    if listener and secret:
        raise UsageError(
            "the running listener verifies, with its own secrets", "leave out --secret, or stop it"
        )
    count = (through(Api(listener)) if listener else by_ourselves(settings)).deliveries
    if as_json:
        print_item("reindexed", {"deliveries": count})
    else:
        print_row(f"{count} {'delivery' if count == 1 else 'deliveries'} indexed anew")
