"""`inspector relay endpoint`: the named capture addresses of a relay, whether it runs or not."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from inspector.cli.options import given_before, store_options
from inspector.cli.printing import print_item, print_row, tell
from inspector.domain.endpoint import NAME, Endpoint
from inspector.domain.plaintext import one_line, visible
from inspector.errors import ConfigurationError, NotFoundError, UsageError, said
from inspector.server.policy import parse_policy
from inspector.settings import RelaySettings, load_relay
from inspector.store.endpoints import EndpointsFile
from inspector.store.files import StoreFiles
from inspector.store.lock import holder
from inspector.store.reading import cursor, is_listeners
from inspector.store.recognition import refuse_foreign
from inspector.values import EXAMPLES, size

_LEAST_STORED = 1 << 20
_SIZES = ("max_body", "max_stored")


def _options(function: Any) -> Any:
    """What an endpoint may be told; each is said only where it is to be another."""
    for option in (
        click.option("--max-connections", type=click.IntRange(1), help="Requests at once (256)."),
        click.option("--max-stored", metavar="SIZE", help="Bytes stored, then 429 (1gb)."),
        click.option("--max-body", metavar="SIZE", help="Largest body taken in (25mb)."),
        click.option(
            "--rate",
            type=click.FloatRange(0, min_open=True),
            help="Requests a second, twice as many at once (500).",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            help="Seconds that app waits for the app (30).",
        ),
        click.option("--status", type=click.IntRange(200, 599), help="What stored answers (200)."),
        click.option("--ack", metavar="POLICY", help="stored, app, or app-or-stored:N."),
    ):
        function = option(function)
    return store_options(function)


@click.group("endpoint")
def command() -> None:
    """Add, list, change and remove named capture addresses; a running relay follows at once."""


@command.command("add")
@click.argument("name")
@_options
@click.pass_context
def add(ctx: click.Context, /, name: str, db: Path | None, as_json: bool, **options: Any) -> None:
    """Make endpoint NAME and print its capture URL and its token, which is never shown again."""
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{name!r} cannot be a name", "use letters, digits, dot, _ and -, at most 64 of them"
        )
    relay = _RelayEndpoints(ctx, db)
    given = _checked(options)
    with _flags_named():
        made, token = relay.file.add(name, given)
    _show_token(relay, made, token, as_json=as_json)
    relay.narrate(f"{name} captures")
    relay.warn(given)


@command.command("list")
@store_options
@click.pass_context
def list_(ctx: click.Context, /, db: Path | None, as_json: bool) -> None:
    """All endpoints with their capture URLs and limits."""
    relay = _RelayEndpoints(ctx, db)
    registry = relay.file.read()
    for endpoint in sorted(registry.endpoints, key=lambda each: each.name):
        if as_json:
            print_item("endpoint", relay.item(endpoint))
        else:
            print_row(f"{endpoint.name}  {relay.url(endpoint)}  {_told(endpoint)}")
    if not registry.endpoints and not as_json:
        tell("no endpoint yet: make one with `inspector relay endpoint add NAME`")


@command.command("set")
@click.argument("name")
@_options
@click.pass_context
def set_(ctx: click.Context, /, name: str, db: Path | None, as_json: bool, **options: Any) -> None:
    """Change what endpoint NAME answers and takes in; consumers stay connected."""
    changes = _checked(options)
    if not changes:
        raise UsageError("nothing to change", "see `inspector relay endpoint set --help`")
    relay = _RelayEndpoints(ctx, db)
    with _flags_named():
        endpoint = relay.file.set(name, changes)
    if as_json:
        print_item("endpoint", relay.item(endpoint))
    else:
        print_row(f"{endpoint.name}  {relay.url(endpoint)}  {_told(endpoint)}")
    relay.warn(changes)


@command.command("rotate")
@click.argument("name")
@store_options
@click.pass_context
def rotate(ctx: click.Context, /, name: str, db: Path | None, as_json: bool) -> None:
    """Give endpoint NAME a new token, print it, and cut off whoever uses the old one.

    The capture URL stays the same.
    """
    relay = _RelayEndpoints(ctx, db)
    endpoint, token = relay.file.rotate(name)
    _show_token(relay, endpoint, token, as_json=as_json)
    relay.narrate("the old token is worth nothing")


@command.command("remove")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@store_options
@click.pass_context
def remove(ctx: click.Context, /, name: str, yes: bool, db: Path | None, as_json: bool) -> None:
    """Remove endpoint NAME with all that is stored for it, and cut its consumers off.

    Its capture URL answers 404 for ever. What consumers have already stays with them.
    """
    relay = _RelayEndpoints(ctx, db)
    endpoint = relay.file.read().named(name)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"{name} and all that is stored for it would be removed", "say so with --yes"
            )
        click.confirm(f"remove {name} and all that is stored for it?", abort=True, err=True)
    relay.file.remove(name)
    if as_json:
        print_item("removed", {"name": name, "url": relay.url(endpoint)})
    else:
        print_row(f"removed {name}")
    relay.narrate("what was stored for it is removed")


@command.command("forget")
@click.argument("name")
@click.argument("consumer")
@store_options
@click.pass_context
def forget(ctx: click.Context, /, name: str, consumer: str, db: Path | None, as_json: bool) -> None:
    """Keep nothing any more at endpoint NAME for CONSUMER, who does not come back.

    What a known consumer has not fetched stays until it is too old, even when that leaves no room
    for more. Should it come back, it is known again and begins with what there is.
    """
    relay = _RelayEndpoints(ctx, db)
    relay.check_known(name, consumer)
    relay.file.part_from(name, consumer)
    if as_json:
        print_item("forgotten", {"name": name, "consumer": consumer})
    else:
        print_row(f"forgot {visible(consumer)}")
    relay.narrate("nothing is kept for it")


class _RelayEndpoints:
    """The endpoints of one relay, and under which address it is reached."""

    def __init__(self, ctx: click.Context, db: Path | None) -> None:
        given = db or given_before(ctx)
        self.settings: RelaySettings = load_relay({"db": given})
        self._files = StoreFiles(self.settings.db)
        refuse_foreign(self._files.database)
        if is_listeners(self._files):
            raise ConfigurationError(
                f"{self._files.database} is a store of `inspector serve`, and no relay's",
                "name the relay's with --db PATH",
            )
        self.file = EndpointsFile(self._files.endpoints)
        port = self.settings.port or RelaySettings.model_fields["port"].default
        known = self.settings.public_url or self.file.read().base
        self.reachable = bool(known)
        self._base = known or f"http://127.0.0.1:{port}"

    def url(self, endpoint: Endpoint) -> str:
        return f"{self._base}/in/{endpoint.slug}"

    def item(self, endpoint: Endpoint) -> dict[str, Any]:
        shown = {"name": endpoint.name, "url": self.url(endpoint)}
        return {
            **shown,
            "ack": endpoint.ack,
            "status": endpoint.status,
            "timeout": endpoint.timeout,
            **endpoint.limits.model_dump(),
        }

    def check_known(self, name: str, consumer: str) -> None:
        """Raise `NotFoundError` for a consumer that never was at the endpoint."""
        if cursor(self._files, f"{self.file.read().named(name).id}/{consumer}") is None:
            raise NotFoundError(
                f"{name} knows no consumer {one_line(consumer, 80)}",
                "see `inspector relay status` for their names",
            )

    def warn(self, options: dict[str, Any]) -> None:
        """Tell of an option that another setting leaves without effect."""
        most = self.settings.max_in_flight
        if (options.get("max_body") or 0) > most:
            tell(
                f"a relay takes no body above {_size(most)}, all that may be in flight, unless its "
                "INSPECTOR_RELAY_MAX_IN_FLIGHT is larger"
            )

    def narrate(self, what: str) -> None:
        running = holder(self._files.lock) is not None
        tell(f"{what} {'now' if running else 'when the relay runs next'}")


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as an endpoint keeps them."""
    given = {name: value for name, value in options.items() if value is not None}
    if "ack" in given:
        parse_policy(given["ack"])
    for name in _SIZES:
        if name in given:
            given[name] = _bytes_of(name, given[name])
    return given


def _bytes_of(name: str, text: str) -> int:
    least = _LEAST_STORED if name == "max_stored" else 1
    try:
        found = size(text)
    except ValueError:
        found = None
    if isinstance(found, int) and found >= least:
        return found
    what = "too little" if isinstance(found, int) else "no size"
    raise UsageError(f"{_flag(name)}: {text[:40]!r} is {what}", EXAMPLES[name])


@contextmanager
def _flags_named() -> Iterator[None]:
    """What an endpoint cannot be told is told of the flag that said it."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{_flag(str(first['loc'][-1]))}: {said(first)}") from error


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _show_token(relay: _RelayEndpoints, endpoint: Endpoint, token: str, *, as_json: bool) -> None:
    if as_json:
        print_item("endpoint", {**relay.item(endpoint), "token": token})
        return
    print_row(f"name   {endpoint.name}")
    print_row(f"url    {relay.url(endpoint)}")
    print_row(f"token  {token}")
    if not relay.reachable:
        tell("the relay has not run yet: from elsewhere, its --public-url stands before /in/")
    tell("the token is shown this once; whoever has it reads what is captured. Use it like this:")
    tell("  export INSPECTOR_RELAY_TOKEN=...")
    tell(f"  inspector serve 3000 --relay {relay.url(endpoint)}")


def _told(endpoint: Endpoint) -> str:
    limits = endpoint.limits
    return "  ".join(
        (
            f"ack {endpoint.ack}",
            f"status {endpoint.status}",
            f"timeout {endpoint.timeout:g} s",
            f"rate {limits.rate:g}/s",
            f"body {_size(limits.max_body)}",
            f"stored {_size(limits.max_stored)}",
            f"connections {limits.max_connections}",
        )
    )


def _size(count: int) -> str:
    from inspector.cli.compact import human_size

    return human_size(count)
