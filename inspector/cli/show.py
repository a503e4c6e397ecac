"""`inspector show`: all that is known of one delivery."""

import sys
from pathlib import Path

import click

from inspector.cli.asking import one_id
from inspector.cli.explaining import explained_by_secrets
from inspector.cli.opened import opened
from inspector.cli.options import store_options
from inspector.cli.printing import print_item, print_row, tell, writing
from inspector.cli.sheet import gap_sheet, sheet
from inspector.domain.delivery import Delivery, Request
from inspector.domain.export import attempt_json, delivery_json, shadow_json
from inspector.domain.gap import gap_json, is_gap, nothing_to
from inspector.domain.plaintext import visible
from inspector.errors import NotFoundError
from inspector.settings import load


@click.command("show")
@click.argument("delivery", metavar="ID|latest")
@click.option("--body", "body_alone", is_flag=True, help="Write the body alone, raw.")
@store_options
def command(delivery: str, body_alone: bool, db: Path | None, as_json: bool) -> None:
    """Show one delivery: request, signature, envelope, body, attempts."""
    settings = load({"db": db})
    with opened(settings) as reader:
        id_ = one_id(reader, delivery)
        found = reader.delivery(id_)
        assert found is not None
        if is_gap(found):
            _show_gap(found, body_alone, as_json)
            return
        request = reader.journal.request(id_)
        raw = b"" if request else reader.journal.raw_refusal(id_)
        responses = reader.journal.responses(id_)
        attempts = [(each, responses.get(each.id)) for each in reader.attempts(id_)]
        shadows = reader.journal.shadows(id_)
    if body_alone:
        _write_body(request.body if request else raw)
        return
    checks = explained_by_secrets(settings, found, request) if request else ()
    if as_json:
        item = delivery_json(found, request, body=True, raw=raw)
        if checks:
            item["signature"] |= {"checks": [check._asdict() for check in checks]}
        # The summary's `attempts` is their number; here they are themselves.
        item["attempts"] = [attempt_json(*each) for each in attempts]
        item["shadows"] = [shadow_json(each) for each in shadows]
        print_item("delivery", item)
    else:
        whole = request or Request("", "", "", (), raw)
        for line in sheet(found, whole, attempts, checks, shadows):
            print_row(line)


def _write_body(body: bytes) -> None:
    """As it is, but to a terminal, which it could script: there what is unseen is spelled out."""
    if not sys.stdout.isatty():
        with writing():
            sys.stdout.buffer.write(body)
            sys.stdout.buffer.flush()
        return
    text = body.decode("utf-8", "backslashreplace")
    print_row(visible(text, keep_layout=True))
    if visible(text, keep_layout=True) != text or text.encode() != body:
        tell("what a terminal must not get is spelled out; `> FILE` takes the bytes as they are")


def _show_gap(gap: Delivery, body_alone: bool, as_json: bool) -> None:
    if body_alone:
        raise NotFoundError(f"#{gap.id}: {nothing_to('write')}", f"see `inspector show {gap.id}`")
    if as_json:
        print_item("gap", gap_json(gap))
    else:
        for line in gap_sheet(gap):
            print_row(line)
