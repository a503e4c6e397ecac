"""A parsed body as a flat list of fields, in order of appearance and bounded."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from inspector.domain.envelope import Field
from inspector.domain.jsonvalue import CUT, replace_surrogates

MAX_FIELDS = 2000
MAX_DEPTH = 32
# A key in a path; thousands of fields under long keys would make megabytes of paths.
MAX_KEY = 80

Path = tuple[str, ...]
# (documentation, grade) of a path.
DocOf = Callable[[Path], tuple[str, str]]


def undocumented(_: Path) -> tuple[str, str]:
    """The documentation of a sender that this tool knows nothing of."""
    return "", "unknown"


def fields(value: Any, doc_of: DocOf = undocumented) -> tuple[Field, ...]:
    """Each scalar and each empty container of a JSON value, with its documentation.

    At most `MAX_FIELDS`, then one more with the path `…`; containers deeper than `MAX_DEPTH` are
    one field each. Texts come without lone surrogates.
    """
    found = list(islice(_walked(value, (), doc_of), MAX_FIELDS + 1))
    if len(found) > MAX_FIELDS:
        found[-1] = Field(CUT, f"more than {MAX_FIELDS} fields; see the body", "", "unknown")
    return tuple(found)


def _walked(value: Any, path: Path, doc_of: DocOf) -> Iterator[Field]:
    if isinstance(value, dict) and value and len(path) < MAX_DEPTH:
        for key, child in value.items():
            yield from _walked(child, (*path, _key(key)), doc_of)
    elif isinstance(value, list) and value and len(path) < MAX_DEPTH:
        for place, child in enumerate(value):
            yield from _walked(child, (*path, str(place)), doc_of)
    else:
        doc, grade = doc_of(path)
        yield Field(".".join(path), _leaf(value), doc, grade)


def _key(key: str) -> str:
    short = key if len(key) <= MAX_KEY else key[: MAX_KEY - 1] + CUT
    return replace_surrogates(short)


def _leaf(value: Any) -> Any:
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, dict | list) and value:
        return CUT
    return value
