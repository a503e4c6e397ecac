"""What a consumer asks of its relay: a query that a request's line and headers decide. Pure.

The relay decodes nothing, so of the query language it knows four keys; `event` is the header
`EVENT_HEADER` there.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, cast

from inspector.domain.headers import Headers, first
from inspector.domain.query import QueryError, Subject, parse
from inspector.domain.query.nodes import And, Node, Not, Or, Text
from inspector.domain.query.predicate import Predicate, predicate
from inspector.errors import UsageError

EVENT_HEADER = "X-Webhook-Event"
# A filter is judged in the loop that serves every endpoint: a long one, made for the purpose,
# could take a second for one long header.
MOST_CHARACTERS = 1024
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
        head = _Head(_Line(method, target, first(headers, EVENT_HEADER)), headers)
        return self._holds(cast(Subject, head), 0)


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
    _check(query.root)
    return RelayFilter(text, predicate(query.root))


def _check(node: Node) -> None:
    if isinstance(node, And | Or):
        for part in node.parts:
            _check(part)
    elif isinstance(node, Not):
        _check(node.part)
    elif isinstance(node, Text):
        raise UsageError("a relay's filter cannot look for free text", _HINT)
    elif node.key not in _KEYS:
        name = node.key.partition(".")[0]
        raise UsageError(f'a relay\'s filter cannot ask for "{name}"', _HINT)
