"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def store_options(function: F) -> F:
    """`--db PATH` and `--json`, accepted by every command."""
    function = click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=_here_or_before,
        help="Print JSON, one object a line.",
    )(function)
    return click.option(
        "--db",
        type=click.Path(path_type=Path, readable=False),
        help="The store (default: in your data directory).",
    )(function)


def _here_or_before(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """`inspector relay --json status` means the same as the flag at the end."""
    outer = ctx.parent
    while outer is not None and not value:
        value = bool(outer.params.get(param.name or ""))
        outer = outer.parent
    return value


def secret_option(function: F) -> F:
    return click.option(
        "--secret",
        multiple=True,
        metavar="SECRET",
        help="Signing secret; repeatable, current one first (INSPECTOR_SECRET).",
    )(function)


def given_before(ctx: click.Context) -> Path | None:
    """`inspector relay --db PATH endpoint ...` means the same as the option at the end."""
    outer: click.Context | None = ctx
    while outer is not None:
        if isinstance(found := outer.params.get("db"), Path):
            return found
        outer = outer.parent
    return None
