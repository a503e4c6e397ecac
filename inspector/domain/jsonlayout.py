"""JSON text as lines for the eye, each of which knows what it stands for."""

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from inspector.domain.jsontoken import TOKEN
from inspector.domain.lazylines import LazyLines

# Nobody reads more steps of a path than these, the last ones.
_MAX_STEPS = 64
_OPENS = ("{", "[")
_EMPTY = re.compile(r"\{[ \t\r\n]*\}|\[[ \t\r\n]*\]")

Step = str | int
"""A key of an object, or the place of an item in an array."""


@dataclass(slots=True)
class Spans:
    """What each line stands for, 25 bytes a line: offsets into the text, and other lines.

    `partners` is the closing line of an opening one and the other way round, else the line itself;
    `parents` the line that opens the container around, or -1; `places` the number of the item in
    that container.
    """

    starts: "array[int]" = field(default_factory=lambda: array("i"))
    values: "array[int]" = field(default_factory=lambda: array("i"))
    ends: "array[int]" = field(default_factory=lambda: array("i"))
    partners: "array[int]" = field(default_factory=lambda: array("i"))
    parents: "array[int]" = field(default_factory=lambda: array("i"))
    places: "array[int]" = field(default_factory=lambda: array("i"))
    indents: "array[int]" = field(default_factory=lambda: array("B"))


class Layout(LazyLines):
    """The text as indented lines, each made when it is asked for.

    `flaw`: what is not JSON in it, though its shape could be followed. `broken` is where and why
    it could not be followed at all; `complete` says that its end was reached. A line belongs to
    one value: the lines of the brackets around it to the whole container.
    """

    def __init__(
        self, text: str, spans: Spans, flaw: str = "", broken: str = "", complete: bool = False
    ) -> None:
        self.text = text
        self.flaw = flaw
        self.broken = broken
        self.complete = complete
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans.starts)

    def line(self, index: int, limit: int | None = None) -> str:
        """One line; `limit` is how many characters of the text are looked at."""
        start, end = self._spans.starts[index], self._spans.ends[index]
        part = self.text[start : end if limit is None else min(end, start + limit)]
        return "  " * self._spans.indents[index] + "".join(_spaced(part))

    def source(self, index: int) -> str:
        """The line as it was sent, with whatever blanks are in it."""
        return self.text[self._spans.starts[index] : self._spans.ends[index]]

    def length(self, index: int) -> int:
        """How many characters `source` has."""
        return self._spans.ends[index] - self._spans.starts[index]

    def value(self, index: int) -> str:
        """The value that the line belongs to, as it was sent; of an unfinished one what came."""
        spans, opening = self._spans, self.opening(index)
        start, closing = spans.values[opening], spans.partners[opening]
        if closing > opening:
            ended = spans.partners[closing] == opening
            return self.text[start : spans.starts[closing] + 1 if ended else None]
        # A container that opens and closes in one line is empty, or the text ends there.
        match = _EMPTY.match(self.text, start) or TOKEN.match(self.text, start)
        if match is None or match[0] in _OPENS or match[0] == '"':
            return self.text[start:]
        return match[0]

    def steps(self, index: int, limit: int | None = None) -> tuple[Step, ...]:
        """The way to the value from the root, or its last `limit` steps; empty for the root."""
        spans, out = self._spans, list[Step]()
        line = self.opening(index)
        while (parent := spans.parents[line]) >= 0 and (limit is None or len(out) < limit):
            start = spans.starts[line]
            out.append(self._key(start) if spans.values[line] > start else spans.places[line])
            line = parent
        return tuple(reversed(out))

    def path(self, index: int) -> str:
        """The way to the value as a query has it: `data.delta.amount`, `data.items.0`."""
        steps = self.steps(index, _MAX_STEPS)
        return ("…." if len(steps) == _MAX_STEPS else "") + ".".join(map(str, steps))

    def opening(self, index: int) -> int:
        """The line where the value begins."""
        return min(index, self._spans.partners[index])

    def closing(self, index: int) -> int:
        """The line where the value ends."""
        return max(index, self._spans.partners[index])

    def parent(self, index: int) -> int:
        """The line that opens the container around the value, or -1."""
        return self._spans.parents[self.opening(index)]

    def count(self, index: int) -> int:
        """How many items a container has, as far as they came."""
        opening, closing = self.opening(index), self.closing(index)
        if closing == opening:
            return 0
        ended = self._spans.partners[closing] == opening
        last = self.opening(closing - 1 if ended else closing)
        # The last line may stand deeper where the end did not come.
        while self._spans.parents[last] > opening:
            last = self._spans.parents[last]
        return self._spans.places[last] + 1

    def bracket(self, index: int) -> str:
        """What the value begins with where it is a container, else nothing."""
        start = self._spans.values[self.opening(index)]
        found = self.text[start : start + 1]
        return found if found in _OPENS else ""

    def _key(self, start: int) -> str:
        match = TOKEN.match(self.text, start)
        assert match is not None
        try:
            return str(json.loads(match[0], strict=False))
        except ValueError:
            return match[0]


def _spaced(part: str) -> Iterator[str]:
    for match in TOKEN.finditer(part):
        if match["open"]:
            # A string that does not end here is the rest.
            yield part[match.start() :]
            return
        yield ": " if match[0] == ":" else match[0]
