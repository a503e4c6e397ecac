"""`inspector relay status`: each endpoint, its consumers, and what waits for them."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from inspector import __version__
from inspector.cli.compact import human_size
from inspector.cli.options import given_before, store_options
from inspector.cli.printing import print_item, print_row
from inspector.cli.tunnel_lines import last_attempt
from inspector.client.discovery import read_token
from inspector.domain.plaintext import visible
from inspector.errors import NotFoundError, UnreachableError
from inspector.settings import load_relay
from inspector.store.endpoints import EndpointsFile
from inspector.store.files import StoreFiles
from inspector.store.lock import holder

_PATIENCE = 10.0


@click.command("status")
@store_options
@click.pass_context
def command(ctx: click.Context, /, db: Path | None, as_json: bool) -> None:
    """Endpoints, their consumers, what waits for them and what was turned away."""
    settings = load_relay({"db": db or given_before(ctx)})
    files = StoreFiles(settings.db)
    if not files.database.exists() and not files.endpoints.exists():
        raise NotFoundError(
            f"there is no relay's store at {files.database}",
            "start `inspector relay` first, or name another one with --db PATH",
        )
    note = holder(files.lock)
    item = _of_files(files) if note is None else _asked(note)
    if as_json:
        print_item("status", {**item, "running": note is not None})
        return
    for line in _lines(item, running=note is not None):
        print_row(visible(line))


def _of_files(files: StoreFiles) -> dict[str, Any]:
    """What is known of a relay that does not run."""
    registry = EndpointsFile(files.endpoints).read()
    endpoints = sorted(registry.endpoints, key=lambda each: each.name)
    return {
        "version": __version__,
        "public_url": registry.base,
        "db": str(files.database),
        "endpoints": [
            {"name": each.name, "ack": each.ack, "limits": each.limits.model_dump()}
            for each in endpoints
        ],
    }


def _asked(note: dict[str, Any]) -> dict[str, Any]:
    """What the running relay says of itself; raises `UnreachableError`."""
    where = str(note.get("health") or "")
    if not where:
        raise UnreachableError(
            f"{note.get('command', 'another program')}, process {note.get('pid', 'unknown')}, "
            "has the store and does not say how to ask it",
            "try again in a moment; of a local listener `inspector status` tells",
        )
    parts = urlsplit(where)
    assert parts.hostname is not None
    headers = {"Authorization": f"Bearer {read_token(Path(str(note['token_file'])))}"}
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/status", headers=headers)
        response = connection.getresponse()
        item = json.loads(response.read())
        if response.status != 200 or not isinstance(item, dict):
            raise ValueError(response.status)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnreachableError(
            f"the relay gave no answer at {where}", "see whether it still runs"
        ) from error
    finally:
        connection.close()
    return item


def _lines(item: dict[str, Any], *, running: bool) -> Iterator[str]:
    state = f"process {item['pid']} at {item['public_url']}" if running else "none"
    yield _pair("relay", state)
    yield _pair("store", item["db"])
    if running:
        if not item["store"]["ok"]:
            yield _pair("error", f"the store cannot commit: {item['store']['error']}")
        yield _pair("health", item["health"])
        yield _pair("unknown", f"{item['unknown']} requests to no endpoint's address")
        if guests := item["guests"]:
            yield _pair("guests", f"{guests} of `inspector doctor`, for some minutes")
    yield _pair("versions", f"inspector {item['version']}")
    for endpoint in item["endpoints"]:
        yield ""
        yield endpoint["name"]
        yield from (f"  {line}" for line in (_endpoint(endpoint) if running else ()))


def _endpoint(item: dict[str, Any]) -> Iterator[str]:
    limit = human_size(item["limits"]["max_stored"])
    yield _pair("ack", item["ack"])
    yield _pair("captured", f"{item['captured']} since the start, number {item['last']} the last")
    yield _pair("stored", f"{item['stored']}, {human_size(item['stored_bytes'])} of {limit}")
    yield _pair("pending", f"{item['pending']} are not with every consumer")
    if item["expired"]:
        yield _pair("expired", f"{item['expired']} before every consumer had them")
    for name in ("refused", "limited"):
        if counts := item[name]:
            yield _pair(name, ", ".join(f"{count} {why}" for why, count in counts.items()))
    for consumer in item["consumers"]:
        yield _pair("consumer", _consumer(consumer))


def _consumer(item: dict[str, Any]) -> str:
    where = f"attached from {item['remote']} since {item['since']}" if item["attached"] else "away"
    primary = ", its app answers" if item["primary"] else ""
    attempt = last_attempt(item["last_attempt"])
    return f"{item['consumer']}: {where}, {item['lag']} behind{primary}{attempt}"


def _pair(name: str, value: str) -> str:
    return f"{name:<10}{value}"
