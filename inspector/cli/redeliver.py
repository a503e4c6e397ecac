"""`inspector redeliver`: ask PacSpace to send events again."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

import click

from inspector.cli import complain
from inspector.cli.options import store_options
from inspector.cli.printing import print_item, print_row, tell
from inspector.domain.base import parse_base
from inspector.errors import InspectorError, NotFoundError, UsageError
from inspector.providers.pacspace.management import BALANCE, segment
from inspector.settings import load


@click.command("redeliver")
@click.argument("events", nargs=-1, required=True, metavar="EVENT_ID...")
@click.option("--balance-url", metavar="URL", help="Another address of the balance API.")
@store_options
def command(
    events: tuple[str, ...], balance_url: str | None, db: Path | None, as_json: bool
) -> int:
    """Ask PacSpace to send events again, with the key of the balance API in PACSPACE_API_KEY.

    The ids are those of X-Event-ID, evt_...; each is asked for once.
    """
    settings = load({"db": db, "balance_url": balance_url})
    for event in events:
        segment(event)
    base = settings.balance_url or BALANCE
    return asyncio.run(_redelivered(dict.fromkeys(events), base, as_json=as_json))


async def _redelivered(events: Iterable[str], base: str, *, as_json: bool) -> int:
    """One after the other; an event that cannot be had keeps no other one from being sent."""
    from inspector.account.balance import Balance
    from inspector.account.client import ApiClient
    from inspector.account.credentials import ApiKey
    from inspector.account.hiding import Hiding

    credential, hiding = ApiKey(os.environ.get("PACSPACE_API_KEY", "").strip()), Hiding()
    code = 0
    async with ApiClient(parse_base(base), credential, hiding, tell=tell) as client:
        balance = Balance(client)
        for event in events:
            failure: InspectorError | None = None
            try:
                await balance.redeliver(event)
            except (NotFoundError, UsageError) as error:
                failure = error
                complain(error)
                code = code or error.exit_code
            if as_json:
                print_item("redelivery", _item(hiding.cut(event), failure))
            elif failure is None:
                print_row(f"{hiding.line(event)}  will be sent again")
    return code


def _item(event: str, failure: InspectorError | None) -> dict[str, object]:
    error = None if failure is None else {"message": failure.message, "hint": failure.hint}
    return {"event_id": event, "ok": failure is None, "error": error}
