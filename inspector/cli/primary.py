"""`inspector primary`: of all that are connected to the relay, this listener's app answers."""

from pathlib import Path

import click

from inspector.cli.opened import existing
from inspector.cli.options import store_options
from inspector.cli.printing import print_item, print_row, tell
from inspector.cli.running import Api, running
from inspector.errors import UnreachableError
from inspector.settings import load

# More than is under way in a steady flow.
_FAR_BEHIND = 1000


@click.command("primary")
@store_options
def command(db: Path | None, as_json: bool) -> None:
    """Have the app of the running listener answer the relay's senders, in place of another
    one's. It does so until another listener takes that, and also when it comes back after a lost
    connection."""
    settings = load({"db": db})
    listener = running(existing(settings))
    if listener is None:
        raise UnreachableError(
            f"no listener runs on {settings.db}",
            "start one with `inspector serve --relay URL --primary`",
        )
    item = Api(listener).post("primary", {})
    if as_json:
        print_item("primary", item)
        return
    print_row("this app answers now")
    if item["lag"] > _FAR_BEHIND:
        tell(f"it is {item['lag']} deliveries behind: senders wait until it has caught up")
    if item["ack"] == "stored":
        tell(f"{item['endpoint']} answers `stored`: its senders do not wait for an app")
