"""JSON laid out for the eye from its own text: numbers, order, duplicates and escapes as sent."""

import re
from dataclasses import dataclass, field
from enum import Enum, auto

# Deeper levels stay at this depth, so that a body of brackets does not become a triangle.
_MAX_INDENT = 40
_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<mark>[{}\[\],:])|(?P<open>")'
    r'|(?P<bare>[^ \t\r\n"{}\[\],:]+)',
    re.DOTALL,
)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"')
_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NEARLY = ("NaN", "Infinity", "-Infinity")
_CLOSES = {"}": "{", "]": "["}


@dataclass(frozen=True, slots=True)
class Layout:
    """`lines` of indented JSON. `flaw`: what is not JSON in it, though its shape could be followed.

    `broken` is where and why it could not be followed at all; `complete` says that its end was
    reached.
    """

    lines: list[str]
    flaw: str
    broken: str
    complete: bool


def laid_out(text: str, max_lines: int, *, cut: bool = False) -> Layout:
    """Indent JSON text without parsing its values; never raises, and stops after `max_lines`.

    `cut`: the text is the beginning of a longer one, so that its last word may be incomplete.
    """
    writer = _Writer()
    for match in _TOKEN.finditer(text):
        if cut and match["bare"] and match.end() == len(text):
            writer.take_rest(match[0])
        elif not writer.take(match) or len(writer.lines) >= max_lines:
            break
    complete = writer.expected is _Expected.END
    writer.end_line()
    return Layout(writer.lines, writer.flaw, writer.broken, complete)


class _Expected(Enum):
    VALUE = auto()  # at the start, and after a colon
    FIRST = auto()  # after an opening bracket: an item or the closing bracket
    NEXT = auto()  # after a comma: an item
    COLON = auto()
    AFTER = auto()  # after an item: a comma or the closing bracket
    END = auto()


@dataclass(slots=True)
class _Writer:
    lines: list[str] = field(default_factory=list)
    flaw: str = ""
    broken: str = ""
    expected: _Expected = _Expected.VALUE
    _stack: list[str] = field(default_factory=list)
    _line: list[str] = field(default_factory=list)
    _indent: int = 0

    def take_rest(self, token: str) -> None:
        """Add what was cut in two; nothing follows it."""
        if self.expected is _Expected.FIRST:
            self.end_line()
        self._line.append(token)

    def take(self, match: re.Match[str]) -> bool:
        """Add one token; False if it cannot stand here."""
        token = match[0]
        if match["open"]:
            # An unfinished string is the rest of the text, with all that looks like JSON in it.
            self._line.append(match.string[match.start() :])
            return False
        if token in _CLOSES:
            fits = self._closed(token)
        elif match["mark"] and token in ",:":
            fits = self._separated(token)
        else:
            fits = self._item(match)
        if not fits:
            self.broken = f"an unexpected {token[:20]} at character {match.start() + 1}"
        return fits

    def end_line(self) -> None:
        if self._line:
            self.lines.append("  " * min(self._indent, _MAX_INDENT) + "".join(self._line))
        self._line = []
        self._indent = len(self._stack)

    def _closed(self, token: str) -> bool:
        fits = self.expected in (_Expected.FIRST, _Expected.AFTER)
        if not fits or self._stack[-1] != _CLOSES[token]:
            return False
        self._stack.pop()
        if self.expected is _Expected.AFTER:
            self.end_line()
        self._line.append(token)
        self._item_ended()
        return True

    def _separated(self, token: str) -> bool:
        if token == ":" and self.expected is _Expected.COLON:
            self._line.append(": ")
            self.expected = _Expected.VALUE
            return True
        if token == "," and self.expected is _Expected.AFTER:
            self._line.append(",")
            self.end_line()
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
        self._line.append(token)
        if match["mark"]:
            self._stack.append(token)
            self.expected = _Expected.FIRST
        elif keyed:
            self.expected = _Expected.COLON
        else:
            self._item_ended()
        return True

    def _item_ended(self) -> None:
        self.expected = _Expected.AFTER if self._stack else _Expected.END
