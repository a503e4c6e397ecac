"""`inspector list`: deliveries, newest first."""

from collections.abc import Iterator
from pathlib import Path

import click

from inspector.cli.asking import QueryCommand, query_of
from inspector.cli.compact import delivery_row
from inspector.cli.opened import opened
from inspector.cli.options import store_options
from inspector.cli.printing import print_item, print_row, tell
from inspector.clock import wall_clock
from inspector.domain.delivery import Delivery
from inspector.domain.export import delivery_json
from inspector.domain.gap import gap_json, is_gap
from inspector.domain.plaintext import one_line
from inspector.domain.query import Query
from inspector.settings import load
from inspector.store.reader import Reader

_PAGE = 500


@click.command("list", cls=QueryCommand)
@click.argument("query", nargs=-1)
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many."
)
@store_options
def command(query: tuple[str, ...], limit: int, db: Path | None, as_json: bool) -> None:
    """List deliveries, newest first; QUERY selects some of them.

    \b
    inspector list event:delta.* sig:invalid
    inspector list state:failed not method:GET
    inspector list 'age:<2h "free text"'
    """
    wanted = query_of(query)
    with opened(load({"db": db})) as reader:
        found = 0
        for found, delivery in enumerate(_newest(reader, wanted, limit), 1):  # noqa: B007
            if as_json and is_gap(delivery):
                print_item("gap", gap_json(delivery))
            elif as_json:
                request = reader.journal.request(delivery.id, body=False)
                print_item("delivery", delivery_json(delivery, request, body=False))
            else:
                print_row(delivery_row(delivery.to_json()))
        if not found:
            tell(_nothing(reader, " ".join(query)))


def _nothing(reader: Reader, query: str) -> str:
    if reader.latest() is None:
        return "nothing captured yet; `inspector trigger delta.verified` makes a sample"
    return f"no delivery matches {one_line(query, 80)}"


def _newest(reader: Reader, query: Query, limit: int) -> Iterator[Delivery]:
    """A page at a time, so that a long list takes little memory and begins at once."""
    now = wall_clock()
    before: int | None = None
    while limit > 0 and (page := reader.page(query, now, before=before, limit=min(limit, _PAGE))):
        yield from page
        limit -= len(page)
        before = page[-1].id
