"""`inspector status`: how the store and its listener fare."""

import platform
from pathlib import Path
from typing import Any

import click

from inspector import __version__
from inspector.cli.compact import human_size
from inspector.cli.opened import existing, opened
from inspector.cli.options import store_options
from inspector.cli.printing import print_item, print_row
from inspector.cli.running import Api, running
from inspector.cli.tunnel_lines import relay_lines
from inspector.domain.plaintext import visible
from inspector.settings import Settings, load
from inspector.store.reading import versions


@click.command("status")
@store_options
def command(db: Path | None, as_json: bool) -> None:
    """The ledger, the targets, the index's lag, the versions."""
    settings = load({"db": db})
    files = existing(settings)
    listener = running(files)
    item = Api(listener).get("status") if listener else _of_store(settings)
    item = {
        **item,
        "listening": listener is not None,
        "versions": {
            "inspector": item["version"],
            "python": platform.python_version(),
            **versions(files),
        },
    }
    if as_json:
        print_item("status", item)
        return
    for name, value in _lines(item):
        print_row(visible(f"{name:<12}{value}"))


def _of_store(settings: Settings) -> dict[str, Any]:
    """What the listener would say of its store, as far as it is known without one."""
    files = existing(settings)
    with opened(settings) as reader:
        waiting = reader.waiting_counts()
        waiting.pop("", None)
        last_seq = reader.journal.last_seq()
        return {
            "version": __version__,
            "pid": None,
            "url": "",
            "control": "",
            "token_file": str(files.token),
            "db": str(files.database),
            "targets": [],
            "breakpoint": "",
            "not_configured": waiting,
            "ledger": reader.ledger().to_json(),
            "index_lag": {"facts": max(0, last_seq - reader.position())},
            "store": {"ok": True, "error": "", "bytes": reader.journal.live_bytes()},
            "subscribers": 0,
            "last_seq": last_seq,
            "relay": None,
        }


def _lines(item: dict[str, Any]) -> list[tuple[str, str]]:
    listening = f"process {item['pid']} at {item['url']}" if item["listening"] else "none"
    ledger = dict(item["ledger"])
    balanced = "" if ledger.pop("balanced") else "  DOES NOT BALANCE"
    received = ledger.pop("received")
    gaps = ledger.pop("gaps", 0)
    places = ", ".join(f"{count} {place}" for place, count in ledger.items() if count)
    lines = [
        ("listener", listening),
        ("store", f"{item['db']}, {human_size(item['store']['bytes'])}"),
        ("received", f"{received}{f' = {places}' if places else ''}{balanced}"),
        ("index lag", f"{item['index_lag']['facts']} facts"),
    ]
    if gaps:
        lines.insert(3, ("gaps", f"{gaps}: never came from the relay; `inspector list state:gap`"))
    if item["store"]["error"]:
        lines.append(("error", f"the store cannot commit: {item['store']['error']}"))
    lines += [("target", _target(target)) for target in item["targets"]]
    if item.get("relay"):
        lines += relay_lines(item["relay"])
    if item["breakpoint"]:
        lines.append(("breakpoint", f"what matches is held: {item['breakpoint']}"))
    away = "not configured now" if item["listening"] else "no listener"
    lines += [
        ("waiting", f"{count} for {url} ({away})") for url, count in item["not_configured"].items()
    ]
    versions = ", ".join(f"{name} {version}" for name, version in item["versions"].items())
    return [*lines, ("versions", versions)]


def _target(target: dict[str, Any]) -> str:
    parts = [f"{target['target']}: {target['waiting']} waiting"]
    if target["retry_in"] is not None:
        parts.append(f"next try in {target['retry_in']:.1f} s")
    if target["last_failure"]:
        parts.append(str(target["last_failure"]))
    return ", ".join(parts)
