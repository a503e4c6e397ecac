"""The paths inside a JSON value, as a query writes them: `delta.amount`, `items.0.price`."""

import re
from itertools import islice
from typing import Any

MAX_DEPTH = 8
MAX_PATHS = 500
# What a query would need quotes for is no name to complete; nor is one longer than a line.
_NAME = re.compile(r"[\w$@-]{1,64}")
# Keys looked at, all in all: an object may have a million of them.
_MAX_KEYS = 10_000


def paths(value: Any, *, limit: int = MAX_PATHS) -> tuple[str, ...]:
    """The paths of everything below `value`, at most `limit`, the shallow ones first.

    Of an array only the first item is entered: the others are alike, or too many.
    """
    out: list[str] = []
    keys = 0
    level: list[tuple[str, Any]] = [("", value)]
    for _ in range(MAX_DEPTH):
        below: list[tuple[str, Any]] = []
        for prefix, container in level:
            if isinstance(container, list):
                children = [("0", container[0])] if container else []
            elif isinstance(container, dict):
                children = list(islice(container.items(), max(_MAX_KEYS - keys, 0)))
            else:
                continue
            keys += len(children)
            for name, child in children:
                if not _NAME.fullmatch(name):
                    continue
                path = f"{prefix}.{name}" if prefix else name
                out.append(path)
                if len(out) >= limit:
                    return tuple(out)
                below.append((path, child))
        level = below
    return tuple(out)
