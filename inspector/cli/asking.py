"""Queries and ids as arguments of a command."""

import re
from collections.abc import Sequence
from typing import NoReturn

import click

from inspector.domain.plaintext import one_line
from inspector.domain.query import Query, QueryError, parse
from inspector.errors import NotFoundError, UsageError
from inspector.store.reader import Reader

_HINT = "write `not x` or `!x` for a negation, or put -- before the query"
_ID = re.compile(r"#?(\d+)", re.ASCII)
_RANGE = re.compile(r"(\d+)\.\.(\d+)", re.ASCII)
# Larger numbers are no ids, and SQLite cannot hold them.
_DIGITS = 18
_PAGE = 10_000


class QueryCommand(click.Command):
    """A command whose arguments are a query; a condition taken for an option is explained."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        before = args[: args.index("--")] if "--" in args else args
        for argument in before:
            # click would read -not as -n with the value ot.
            if argument == "-not" or re.match(r"-[A-Za-z_]{2,}[A-Za-z_.-]*:", argument):
                raise UsageError(f"{one_line(argument, 80)!r} is not an option", _HINT)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            near = error.possibilities
            hint = f"did you mean {near[0]}?" if near else _HINT
            raise UsageError(f"there is no option {error.option_name}", hint) from error


def query_of(words: Sequence[str]) -> Query:
    """The query that the words make; raises `UsageError` that points at the column at fault."""
    text = " ".join(words)
    try:
        return parse(text)
    except QueryError as error:
        at = one_line(text[error.column :], 40)
        where = f"at column {error.column + 1} of the query"
        shown = f"{where}: {at}" if at else where
        raise UsageError(f"{error.message}, {shown}", error.hint) from error


def one_id(reader: Reader, text: str) -> int:
    """The id of an existing delivery as a user writes it: `12`, `#12` or `latest`."""
    if text == "latest":
        latest = reader.latest()
        if latest is None:
            raise NotFoundError("there is no delivery yet", "send one, or see `inspector trigger`")
        return latest
    if not (match := _ID.fullmatch(text)):
        raise UsageError(f"{one_line(text, 40)!r} is not an id", "write a number, or latest")
    if len(match[1]) > _DIGITS or reader.delivery(int(match[1])) is None:
        _unknown(match[1])
    return int(match[1])


def chosen_ids(reader: Reader, words: Sequence[str], now: int) -> list[int]:
    """The existing deliveries that ids, ranges and `latest`, or else a query, name: oldest first.

    Raises `NotFoundError` for an unknown id, or when nothing matches at all.
    """
    if not any(word.strip() for word in words):
        raise UsageError("name ids or a query", "`id:>0` is every delivery")
    named = [bool(w == "latest" or _ID.fullmatch(w) or _RANGE.fullmatch(w)) for w in words]
    if any(named) and not all(named):
        raise UsageError("ids and a query do not mix", "write id:12 or id:100..120 in the query")
    found: set[int] = set()
    if any(named):
        for word in words:
            if _RANGE.fullmatch(word):
                found |= _matching(reader, query_of([f"id:{word}"]), now)
            else:
                found.add(one_id(reader, word))
    else:
        found = _matching(reader, query_of(words), now)
    if not found:
        raise NotFoundError(
            f"no delivery matches {one_line(' '.join(words), 80)}", "see `inspector list`"
        )
    return sorted(found)


def _matching(reader: Reader, query: Query, now: int) -> set[int]:
    found: set[int] = set()
    before: int | None = None
    while page := reader.ids(query, now, before=before, limit=_PAGE):
        found.update(page)
        before = page[-1]
    return found


def _unknown(text: str) -> NoReturn:
    raise NotFoundError(
        f"there is no delivery {one_line(text, 40)}",
        "it may have been pruned; see `inspector list`",
    )
