"""What a consumer asks of its relay: a query that a request's line and headers decide. Pure.

The relay decodes nothing, so of the query language it knows four keys; `event` is the header
`EVENT_HEADER` there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, cast

from inspector.domain.headers import Headers, first
from inspector.domain.query import Candidate, QueryError, parse
from inspector.domain.query.nodes import And, Node, Not, Or, Pattern, Test, Text, Wild
from inspector.domain.query.predicate import Predicate, predicate
from inspector.errors import UsageError

EVENT_HEADER = "X-Webhook-Event"
# A filter is judged in the loop that serves every endpoint: without these bounds one that is made
# for the purpose takes a third of a second for one long path, with them a few milliseconds.
MOST_CHARACTERS = 1024
MOST_VALUES = 64
# What stands behind a `*` is looked for at every place of a value.
MOST_SEARCHED = 64
# Of a request it looks at so much: characters of the target, and of the headers together, where
# each counts for so many more. One that does not fit is passed over.
MOST_OF_TARGET = 4096
MOST_OF_HEADERS = 16384
_A_HEADER = 128
_KEYS = frozenset({"path", "method", "event", "header.NAME"})
_HINT = (
    "a relay's filter knows path, method, event and header.NAME; --events and the filter of the "
    "UI look at the rest here, and what they leave out stays visible"
)


class _Line(NamedTuple):
    """What a query sees of a delivery's summary."""

    method: str
    request_target: str
    event: str | None


class _Head(NamedTuple):
    """A request at the relay as a query's subject."""

    delivery: _Line
    headers: Headers


@dataclass(frozen=True, slots=True)
class RelayFilter:
    """`text` as it was given; `parse_relay_filter` makes it."""

    text: str
    _holds: Predicate = field(repr=False, compare=False)

    def takes(self, method: str, target: str, headers: Headers) -> bool:
        """Whether a request is asked for; what is not is passed over."""
        headers = _first_of(headers)
        line = _Line(method, target[:MOST_OF_TARGET], first(headers, EVENT_HEADER))
        head = _Head(line, headers)
        return self._holds(cast(Candidate, head), 0)


@lru_cache(64)
def parse_relay_filter(text: str) -> RelayFilter | None:
    """Read a filter; an empty one is none. Raises `UsageError`."""
    text = text.strip()
    if not text:
        return None
    if len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"a relay's filter has at most {MOST_CHARACTERS} characters", "use globs, as in delta.*"
        )
    try:
        query = parse(text)
    except QueryError as error:
        where = f"{error.message} (character {error.column + 1})"
        raise UsageError(f"the relay's filter: {where}", error.hint or _HINT) from error
    tests = list(_tests(query.root))
    if len(tests) > MOST_VALUES:
        raise UsageError(
            f"a relay's filter asks for at most {MOST_VALUES} values", "use globs, as in delta.*"
        )
    if sum(map(_searched, tests)) > MOST_SEARCHED:
        raise UsageError(
            f"a relay's filter has at most {MOST_SEARCHED} characters behind its *",
            "let its globs say how a value begins, as in delta.*",
        )
    return RelayFilter(text, predicate(query.root))


def _first_of(headers: Headers) -> Headers:
    """Of the headers those that a filter looks at."""
    room = MOST_OF_HEADERS
    found: list[tuple[str, str]] = []
    for pair in headers:
        size = _A_HEADER + len(pair[0]) + len(pair[1])
        if size <= room:
            room -= size
            found.append(pair)
        elif room < _A_HEADER:
            break
    return tuple(found)


def _searched(test: Test) -> int:
    """How many characters are looked for everywhere in a value."""
    if not isinstance(test, Pattern) or Wild.MANY not in test.pieces:
        return 0
    behind = test.pieces[test.pieces.index(Wild.MANY) + 1 :]
    return sum(1 if isinstance(piece, Wild) else len(piece) for piece in behind)


def _tests(node: Node) -> Iterator[Test]:
    """What it asks values for; raises `UsageError` where no relay can tell."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from _tests(part)
    elif isinstance(node, Not):
        yield from _tests(node.part)
    elif isinstance(node, Text):
        raise UsageError("a relay's filter cannot look for free text", _HINT)
    elif node.key not in _KEYS:
        name = node.key.partition(".")[0]
        raise UsageError(f'a relay\'s filter cannot ask for "{name}"', _HINT)
    else:
        yield from node.tests
