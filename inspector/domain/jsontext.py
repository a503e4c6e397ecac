"""JSON laid out for the eye from its own text: numbers, order, duplicates and escapes as sent."""

import re
from array import array
from dataclasses import dataclass, field
from enum import Enum, auto

from inspector.domain.jsonlayout import Layout, Spans
from inspector.domain.jsontoken import LITERAL, NEARLY, SCALAR, TOKEN

__all__ = ["Layout", "laid_out"]

# Deeper levels stay at this depth, so that a body of brackets does not become a triangle.
_MAX_INDENT = 40
_BLANKS = r"[ \t\r\n]*+"
_TEXT = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*+"'
_STRING = re.compile(_TEXT)
# A whole line of most JSON: a value without brackets, with its key or without, and its comma.
_REST = rf"({_TEXT}|(?:{SCALAR})(?=[ \t\r\n,}}\]])){_BLANKS}(,?)"
_ITEM = re.compile(f"{_BLANKS}()" + _REST)
_MEMBER = re.compile(f"{_BLANKS}({_TEXT}{_BLANKS}:{_BLANKS})" + _REST)
_CLOSES = {"}": "{", "]": "["}


def laid_out(text: str, max_lines: int, *, cut: bool = False) -> Layout:
    """Indent JSON text without parsing its values; never raises, and stops after `max_lines`.

    `cut`: the text is the beginning of a longer one, so that its last word may be incomplete.
    """
    writer = _Writer()
    at = 0
    while len(writer.spans.starts) < max_lines:
        if (whole := writer.whole_line(text, at)) is not None:
            at = whole
            continue
        match = TOKEN.search(text, at)
        if match is None:
            break
        at = match.end()
        if cut and match["bare"] and at == len(text):
            writer.take_rest(match)
        elif not writer.take(match):
            break
    complete = writer.expected is _Expected.END
    writer.end()
    return Layout(text, writer.spans, writer.flaw, writer.broken, complete)


class _Expected(Enum):
    VALUE = auto()  # at the start, and after a colon
    FIRST = auto()  # after an opening bracket: an item or the closing bracket
    NEXT = auto()  # after a comma: an item
    COLON = auto()
    AFTER = auto()  # after an item: a comma or the closing bracket
    END = auto()


@dataclass(slots=True)
class _Writer:
    spans: Spans = field(default_factory=Spans)
    flaw: str = ""
    broken: str = ""
    expected: _Expected = _Expected.VALUE
    # The open containers: bracket, the line that opens it, and the number of its next item.
    _stack: list[str] = field(default_factory=list)
    # As numbers of four bytes, because a hostile body opens millions.
    _opened: "array[int]" = field(default_factory=lambda: array("i"))
    _places: "array[int]" = field(default_factory=lambda: array("i", [0]))
    # The line being written: where it begins (-1: nothing yet), its value, its last token.
    _start: int = -1
    _value: int = 0
    _end: int = 0
    _partner: int = -1
    _parent: int = -1
    _place: int = 0
    _indent: int = 0

    def whole_line(self, text: str, at: int) -> int | None:
        """Add the line that begins here, if it is of the plain sort, and say where it ends.

        What `take` does for each of its tokens, in half of the time.
        """
        if self.expected is not _Expected.NEXT and self.expected is not _Expected.FIRST:
            return None
        match = (_MEMBER if self._stack[-1] == "{" else _ITEM).match(text, at)
        if match is None:
            return None
        self.end_line()
        start = match.start(1)
        spans = self.spans
        spans.partners.append(len(spans.starts))
        spans.starts.append(start)
        spans.values.append(match.start(2))
        spans.ends.append(match.end() if match[3] else match.end(2))
        spans.parents.append(self._opened[-1])
        spans.places.append(self._places[-1])
        spans.indents.append(min(self._indent, _MAX_INDENT))
        if match[3]:
            self._places[-1] += 1
            self.expected = _Expected.NEXT
        else:
            self.expected = _Expected.AFTER
        return match.end()

    def take_rest(self, match: re.Match[str]) -> None:
        """Add what was cut in two; nothing follows it."""
        if self.expected is _Expected.FIRST:
            self.end_line()
        self._add(match.start(), match.end())

    def take(self, match: re.Match[str]) -> bool:
        """Add one token; False if it cannot stand here."""
        kind, first = match.lastgroup, match.string[match.start()]
        if kind == "open":
            # An unfinished string is the rest of the text, with all that looks like JSON in it.
            self._add(match.start(), len(match.string))
            return False
        if first in _CLOSES:
            fits = self._closed(match)
        elif kind == "mark" and first in ",:":
            fits = self._separated(match)
        else:
            fits = self._item(match, kind, first)
        if not fits:
            shown = match.string[match.start() : min(match.end(), match.start() + 20)]
            self.broken = f"an unexpected {shown} at character {match.start() + 1}"
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

    def _item(self, match: re.Match[str], kind: str | None, first: str) -> bool:
        """An opening bracket, a string or another scalar, as a key or as a value.

        A string is never copied: it may be nearly all of a large body.
        """
        began = self.expected
        if began not in (_Expected.VALUE, _Expected.FIRST, _Expected.NEXT):
            return False
        keyed = began is not _Expected.VALUE and self._stack[-1] == "{"
        if keyed and kind != "string":
            return False
        if kind == "bare" and not LITERAL.fullmatch(match[0]):
            if match[0] not in NEARLY:
                return False
            self.flaw = self.flaw or f"{match[0]} is not a JSON value"
        if kind == "string" and not _STRING.fullmatch(match.string, match.start(), match.end()):
            where = f"in the string at character {match.start() + 1}"
            self.flaw = self.flaw or f"a raw control character or a wrong escape {where}"
        if began is _Expected.FIRST:
            self.end_line()
        self._add(match.start(), match.end())
        if not keyed:
            self._value = match.start()
        if kind == "mark":
            self._stack.append(first)
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
