"""`inspector trigger`: a signed sample of any event."""

import asyncio
from pathlib import Path
from typing import Any

import click

from inspector.cli.opened import known_secrets
from inspector.cli.options import secret_option, store_options
from inspector.cli.running import Api, running
from inspector.cli.samples import Sample, as_sent, asked_for
from inspector.cli.triggering import by_ourselves, straight, through
from inspector.client.discovery import Listener
from inspector.errors import UsageError
from inspector.settings import Settings, load
from inspector.store.files import StoreFiles


@click.command("trigger")
@click.argument("event")
@click.option("--data", metavar="JSON|@FILE", help="The payload instead of the sample's.")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Change one value.")
@click.option("--path", default="/", help="Where to, with its query (/).")
@click.option("--count", type=click.IntRange(1), default=1, help="Send so many (1).")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="At most so many a second.")
@click.option("--to", metavar="URL", help="Send straight there and show its answer.")
@click.option("--envelope", type=click.Choice(["docs", "sdk"]), default="docs", help="Whose shape.")
@click.option("--bad-signature", is_flag=True, help="Sign with a secret that nobody has.")
@click.option("--stale", is_flag=True, help="Sign with a timestamp a week old.")
@click.option("--dry-run", is_flag=True, help="Print the request instead of sending it.")
@secret_option
@store_options
def command(
    event: str,
    data: str | None,
    sets: tuple[str, ...],
    secret: tuple[str, ...],
    db: Path | None,
    dry_run: bool,
    **options: Any,
) -> int:
    """Send yourself a sample of EVENT, signed; see `inspector events`.

    \b
    inspector trigger delta.verified --set data.delta.amount=-1
    inspector trigger delta.failed --count 100 --rate 20
    inspector trigger delta.verified --to http://localhost:3000/hooks
    """
    settings = load({"db": db, "secret": secret})
    how = {name: options.pop(name) for name in ("path", "envelope", "bad_signature", "stale")}
    asked = asked_for(event, data, sets, **how)
    to = options["to"]
    listener = None if dry_run or to else running(StoreFiles(settings.db))
    # A running listener signs by itself.
    secrets = () if listener else settings.secrets() or known_secrets(settings)
    # Made here once in any case: a mistake in it is told before anything is sent.
    sample = Sample(asked, next(iter(secrets), None))
    made = sample.make()
    if dry_run:
        as_sent(made, as_json=options["as_json"])
        return 0
    return _send(sample, settings, listener, bool(secret), **options)


def _send(
    sample: Sample,
    settings: Settings,
    listener: Listener | None,
    own_secret: bool,
    *,
    to: str | None,
    count: int,
    rate: float | None,
    as_json: bool,
) -> int:
    if to is not None:
        sample.introduce(signed_here=True)
        return asyncio.run(straight(sample, settings, to, count, rate, as_json=as_json))
    if listener is None:
        sample.introduce(signed_here=True)
        return by_ourselves(sample, settings, count, rate, as_json=as_json)
    if own_secret:
        raise UsageError(
            "the running listener signs, with its own secret",
            f"send it as a stranger would: --to {listener.url}",
        )
    sample.introduce(signed_here=False)
    return through(Api(listener), sample, count, rate, as_json=as_json)
