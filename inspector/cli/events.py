"""`inspector events`: the catalogue."""

from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click

from inspector.cli.options import store_options
from inspector.cli.printing import print_item, print_row
from inspector.providers import PROVIDERS


@click.command("events")
@store_options
def command(db: Path | None, as_json: bool) -> None:
    """The catalogue of event types: when each fires, and where that is documented."""
    for provider in PROVIDERS:
        docs = list(provider.catalogue.values())
        if as_json:
            for doc in docs:
                print_item("event", {"provider": provider.name, **asdict(doc)})
            continue
        width = max((len(doc.event) for doc in docs), default=0)
        for number, (family, members) in enumerate(groupby(docs, lambda doc: doc.family)):
            if number:
                print_row("")
            print_row(family)
            for doc in members:
                print_row(f"  {doc.event:<{width}}  {doc.summary} [{doc.source}]")
