"""JSON laid out for the eye from its own text: numbers, order, duplicates and escapes as sent."""

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import overload

# Deeper levels stay at this depth, so that a body of brackets does not become a triangle.
_MAX_INDENT = 40
# Nobody reads more steps of a path than these, the last ones.
_MAX_STEPS = 64
_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<mark>[{}\[\],:])|(?P<open>")'
    r'|(?P<bare>[^ \t\r\n"{}\[\],:]+)',
    re.DOTALL,
)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"')
_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NEARLY = ("NaN", "Infinity", "-Infinity")
_CLOSES = {"}": "{", "]": "["}
_OPENS = ("{", "[")
_EMPTY = re.compile(r"\{[ \t\r\n]*\}|\[[ \t\r\n]*\]")

Step = str | int
"""A key of an object, or the place of an item in an array."""


@dataclass(slots=True)
class _Spans:
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


class Layout(Sequence[str]):
    """The text as indented lines, each made when it is asked for.

    `flaw`: what is not JSON in it, though its shape could be followed. `broken` is where and why
    it could not be followed at all; `complete` says that its end was reached. A line belongs to
    one value: the lines of the brackets around it to the whole container.
    """

    def __init__(
        self, text: str, spans: _Spans, flaw: str = "", broken: str = "", complete: bool = False
    ) -> None:
        self.text = text
        self.flaw = flaw
        self.broken = broken
        self.complete = complete
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans.starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self.line(one) for one in range(*index.indices(len(self)))]
        return self.line(index)

    def line(self, index: int, limit: int | None = None) -> str:
        """One line; `limit` is how many characters of the text are looked at."""
        start, end = self._spans.starts[index], self._spans.ends[index]
        part = self.text[start : end if limit is None else min(end, start + limit)]
        return "  " * self._spans.indents[index] + "".join(_spaced(part))

    def source(self, index: int) -> str:
        """The line as it was sent, with whatever blanks are in it."""
        return self.text[self._spans.starts[index] : self._spans.ends[index]]

    def value(self, index: int) -> str:
        """The value that the line belongs to, as it was sent; of an unfinished one what came."""
        spans, opening = self._spans, self.opening(index)
        start, closing = spans.values[opening], spans.partners[opening]
        if closing > opening:
            ended = spans.partners[closing] == opening
            return self.text[start : spans.starts[closing] + 1 if ended else None]
        # A container that opens and closes in one line is empty, or the text ends there.
        match = _EMPTY.match(self.text, start) or _TOKEN.match(self.text, start)
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
        match = _TOKEN.match(self.text, start)
        assert match is not None
        try:
            return str(json.loads(match[0], strict=False))
        except ValueError:
            return match[0]


def laid_out(text: str, max_lines: int, *, cut: bool = False) -> Layout:
    """Indent JSON text without parsing its values; never raises, and stops after `max_lines`.

    `cut`: the text is the beginning of a longer one, so that its last word may be incomplete.
    """
    writer = _Writer()
    for match in _TOKEN.finditer(text):
        if cut and match["bare"] and match.end() == len(text):
            writer.take_rest(match)
        elif not writer.take(match) or len(writer.spans.starts) >= max_lines:
            break
    complete = writer.expected is _Expected.END
    writer.end()
    return Layout(text, writer.spans, writer.flaw, writer.broken, complete)


def _spaced(part: str) -> Iterator[str]:
    for match in _TOKEN.finditer(part):
        if match["open"]:
            # A string that does not end here is the rest.
            yield part[match.start() :]
            return
        yield ": " if match[0] == ":" else match[0]


class _Expected(Enum):
    VALUE = auto()  # at the start, and after a colon
    FIRST = auto()  # after an opening bracket: an item or the closing bracket
    NEXT = auto()  # after a comma: an item
    COLON = auto()
    AFTER = auto()  # after an item: a comma or the closing bracket
    END = auto()


@dataclass(slots=True)
class _Writer:
    spans: _Spans = field(default_factory=_Spans)
    flaw: str = ""
    broken: str = ""
    expected: _Expected = _Expected.VALUE
    # The open containers: bracket, the line that opens it, and the number of its next item.
    _stack: list[str] = field(default_factory=list)
    _opened: list[int] = field(default_factory=list)
    _places: list[int] = field(default_factory=lambda: [0])
    # The line being written: where it begins (-1: nothing yet), its value, its last token.
    _start: int = -1
    _value: int = 0
    _end: int = 0
    _partner: int = -1
    _parent: int = -1
    _place: int = 0
    _indent: int = 0

    def take_rest(self, match: re.Match[str]) -> None:
        """Add what was cut in two; nothing follows it."""
        if self.expected is _Expected.FIRST:
            self.end_line()
        self._add(match.start(), match.end())

    def take(self, match: re.Match[str]) -> bool:
        """Add one token; False if it cannot stand here."""
        token = match[0]
        if match["open"]:
            # An unfinished string is the rest of the text, with all that looks like JSON in it.
            self._add(match.start(), len(match.string))
            return False
        if token in _CLOSES:
            fits = self._closed(match)
        elif match["mark"] and token in ",:":
            fits = self._separated(match)
        else:
            fits = self._item(match)
        if not fits:
            self.broken = f"an unexpected {token[:20]} at character {match.start() + 1}"
        return fits

    def end(self) -> None:
        """Nothing more comes: containers that are still open end with the last line."""
        self.end_line()
        last = len(self.spans.starts) - 1
        for line in self._opened:
            if line <= last:
                self.spans.partners[line] = last

    def end_line(self) -> None:
        spans = self.spans
        if self._start >= 0:
            number = len(spans.starts)
            spans.starts.append(self._start)
            spans.values.append(self._value)
            spans.ends.append(self._end)
            spans.partners.append(number if self._partner < 0 else self._partner)
            spans.parents.append(self._parent)
            spans.places.append(self._place)
            spans.indents.append(min(self._indent, _MAX_INDENT))
            if self._partner >= 0:
                spans.partners[self._partner] = number
        self._start = self._partner = -1
        self._indent = len(self._stack)

    def _add(self, start: int, end: int) -> None:
        if self._start < 0:
            self._start = self._value = start
            self._parent = self._opened[-1] if self._opened else -1
            self._place = self._places[-1]
        self._end = end

    def _closed(self, match: re.Match[str]) -> bool:
        fits = self.expected in (_Expected.FIRST, _Expected.AFTER)
        if not fits or self._stack[-1] != _CLOSES[match[0]]:
            return False
        self._stack.pop()
        self._places.pop()
        opened = self._opened.pop()
        if self.expected is _Expected.AFTER:
            self.end_line()
            self._partner = opened
        self._add(match.start(), match.end())
        self._item_ended()
        return True

    def _separated(self, match: re.Match[str]) -> bool:
        if match[0] == ":" and self.expected is _Expected.COLON:
            self._add(match.start(), match.end())
            self.expected = _Expected.VALUE
            return True
        if match[0] == "," and self.expected is _Expected.AFTER:
            self._add(match.start(), match.end())
            self.end_line()
            self._places[-1] += 1
            self.expected = _Expected.NEXT
            return True
        return False

    def _item(self, match: re.Match[str]) -> bool:
        """An opening bracket, a string or another scalar, as a key or as a value."""
        token, began = match[0], self.expected
        if began not in (_Expected.VALUE, _Expected.FIRST, _Expected.NEXT):
            return False
        keyed = began is not _Expected.VALUE and self._stack[-1] == "{"
        if keyed and not match["string"]:
            return False
        if match["bare"] and not _LITERAL.fullmatch(token):
            if token not in _NEARLY:
                return False
            self.flaw = self.flaw or f"{token} is not a JSON value"
        if match["string"] and not _STRING.fullmatch(token):
            where = f"in the string at character {match.start() + 1}"
            self.flaw = self.flaw or f"a raw control character or a wrong escape {where}"
        if began is _Expected.FIRST:
            self.end_line()
        self._add(match.start(), match.end())
        if not keyed:
            self._value = match.start()
        if match["mark"]:
            self._stack.append(token)
            self._opened.append(len(self.spans.starts))
            self._places.append(0)
            self.expected = _Expected.FIRST
        elif keyed:
            self.expected = _Expected.COLON
        else:
            self._item_ended()
        return True

    def _item_ended(self) -> None:
        self.expected = _Expected.AFTER if self._stack else _Expected.END
