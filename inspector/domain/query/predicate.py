"""A query as a function of one delivery: the meaning that the SQL form must select alike."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Protocol

from inspector.domain.delivery import Delivery
from inspector.domain.headers import Headers, values
from inspector.domain.query.case import lowered
from inspector.domain.query.keys import FLAGS, KEYS, Kind
from inspector.domain.query.nodes import (
    And,
    Between,
    Comparison,
    Condition,
    Node,
    Not,
    Pattern,
    Query,
    Test,
    Text,
    Wild,
    regex,
)
from inspector.domain.query.terms import json_number

_ANYTHING = Pattern((Wild.MANY,))


class Candidate(Protocol):
    """What a query looks at. Headers, body and data may be loaded when they are first asked for.

    `data` is the envelope's data as parsed JSON, or None.
    """

    @property
    def delivery(self) -> Delivery: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def body(self) -> bytes: ...
    @property
    def data(self) -> Any: ...


Predicate = Callable[[Candidate, int], bool]


def matches(query: Query, subject: Candidate, now: int) -> bool:
    """Whether the query asks for this delivery at `now`, in microseconds since the epoch."""
    return _of_query(query)(subject, now)


@lru_cache(maxsize=64)
def _of_query(query: Query) -> Predicate:
    return predicate(query.root)


def predicate(node: Node) -> Predicate:
    """The node as a function of a subject and the present."""
    if isinstance(node, Text):
        return _free_text(node.needle)
    if isinstance(node, Condition):
        return _condition(node)
    if isinstance(node, Not):
        inner = predicate(node.part)
        return lambda subject, now: not inner(subject, now)
    parts = [predicate(part) for part in node.parts]
    if isinstance(node, And):
        return lambda subject, now: all(part(subject, now) for part in parts)
    return lambda subject, now: any(part(subject, now) for part in parts)


def _condition(node: Condition) -> Predicate:
    kind, column, tests = KEYS[node.key].kind, KEYS[node.key].column, node.tests
    if kind is Kind.FLAG:
        columns = [FLAGS[str(test)] for test in tests]
        return lambda subject, _: any(
            getattr(subject.delivery, c) not in (None, "") for c in columns
        )
    if kind is Kind.AGE:
        return lambda subject, now: _any(tests, now - subject.delivery.received_at)
    if kind is Kind.PATH:
        return lambda subject, _: _any(tests, subject.delivery.request_target.partition("?")[0])
    if kind is Kind.HEADER:
        name = node.path[0]
        return lambda subject, _: any(_scalar(tests, v) for v in values(subject.headers, name))
    if kind is Kind.DATA:
        path = node.path
        return lambda subject, _: any(_scalar(tests, leaf) for leaf in _leaves(subject.data, path))
    return lambda subject, _: _any(tests, getattr(subject.delivery, column))


def _any(tests: Iterable[Test], value: Any) -> bool:
    """Whether a column's value passes one of the tests; a missing value passes none."""
    if value is None:
        return False
    return any(
        bool(regex(test, False).fullmatch(value))
        if isinstance(test, Pattern)
        else test.holds(value)
        for test in tests
    )


def _scalar(tests: Iterable[Test], value: Any) -> bool:
    """The same for a value of content, where text and numbers pass for each other."""
    number = _number(value)
    text = _text(value)
    for test in tests:
        if isinstance(test, Comparison | Between):
            if number is not None and test.holds(number):
                return True
        elif test == _ANYTHING or (text is not None and regex(test, True).fullmatch(text)):
            return True
    return False


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return json_number(value) if isinstance(value, str) else None


def _text(value: Any) -> str | None:
    """The text of a scalar as JSON spells it, or None for what is no scalar."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        return None
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python turns into text
        return None


def _leaves(data: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What stands at the end of a path: a list itself, and everything in it, in any nesting."""
    found = [] if data is None else [data]
    for step in path:
        found = [child for value in found for child in _children(value, step)]
    while found:
        value = found.pop()
        yield value
        if isinstance(value, list):
            found.extend(value)


def _children(value: Any, step: str) -> list[Any]:
    """The values one step further: a list is entered by number, or by name through each element."""
    out: list[Any] = []
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            wanted = lowered(step)
            out.extend(v for key, v in current.items() if lowered(key) == wanted)
        elif isinstance(current, list):
            if step.isascii() and step.isdigit():
                out.extend(current[int(step) :][:1] if len(step) < 10 else [])
            else:
                pending.extend(current)
    return out


def _free_text(needle: str) -> Predicate:
    wanted = lowered(needle)
    # In UTF-8 a needle is found among the bytes exactly where it is found in the decoded text,
    # unless it holds the sign that decoding puts in place of broken bytes.
    encoded = None if "\ufffd" in wanted else wanted.encode()

    def found(subject: Candidate, _: int) -> bool:
        delivery = subject.delivery
        for text in (delivery.request_target, delivery.event, delivery.event_id):
            if text is not None and wanted in lowered(text):
                return True
        if any(wanted in lowered(f"{name}: {value}") for name, value in subject.headers):
            return True
        if encoded is not None:
            return encoded in subject.body.lower()
        return wanted in lowered(subject.body.decode(errors="replace"))

    return found
