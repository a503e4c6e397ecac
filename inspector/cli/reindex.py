"""`inspector reindex`: derive everything anew from the stored facts."""

import time
from pathlib import Path

import click

from inspector.cli.opened import existing, opened
from inspector.cli.options import secret_option, store_options
from inspector.cli.printing import Progress, print_item, print_row
from inspector.cli.running import Api, running
from inspector.errors import UsageError
from inspector.settings import Settings, load
from inspector.store.reading import catch_up, locked

_LOOK_SECONDS = 0.1


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
    count = _through(Api(listener)) if listener else _by_ourselves(settings)
    if as_json:
        print_item("reindexed", {"deliveries": count})
    else:
        print_row(f"{count} deliveries indexed anew")


def _through(api: Api) -> int:
    """Have the listener do it, and wait until its index has reached the journal's end."""
    api.post("reindex", {})
    # A fresh read waits for the new index; the lag alone could still be that of the old one.
    api.get("events")
    with Progress("indexing fact") as progress:
        while lag := (status := api.get("status"))["index_lag"]["facts"]:
            progress.show(status["last_seq"] - lag, status["last_seq"])
            time.sleep(_LOOK_SECONDS)
    ledger = status["ledger"]
    return int(ledger["received"] - ledger["pruned"] - ledger["unindexed"])


def _by_ourselves(settings: Settings) -> int:
    files = existing(settings)
    with locked(files, "reindex"), Progress("indexing fact") as progress:
        catch_up(files, settings.secret, anew=True, progress=progress.show)
    with opened(settings) as reader:
        return sum(reader.ledger().states.values())
