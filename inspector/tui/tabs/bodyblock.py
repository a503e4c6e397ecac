"""The lines of a body as a block of a document: coloured, folded and copied where they are JSON."""

import re
from collections.abc import Iterator

from inspector.domain.bodyview import OpenBody, harmless
from inspector.tui.lines import Line, counted
from inspector.tui.rows import Cell

# What is seen of one line; more of it than several screens helps nobody.
WIDEST = 8192
_TOKENS = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*+")(?P<colon>:?)|(?P<number>-?\d[\d.eE+-]*)|(?P<literal>[a-z]{4,5})'
)
_ESCAPED = re.compile(r'[\\"]')


class BodyBlock:
    """The body's lines, made harmless when they are seen."""

    def __init__(self, body: OpenBody) -> None:
        self._lines = body.lines
        self._layout = body.layout
        self._form = body.kind == "form"

    def __len__(self) -> int:
        return len(self._lines)

    def cells(self, index: int) -> Line:
        if self._layout is None:
            return ((harmless(self._lines[index], WIDEST), "body"),)
        line = self._layout.line(index, WIDEST)
        left = self._layout.length(index) - WIDEST
        more = ((f"… {left:,} more characters", "dim"),) if left > 0 else ()
        return (*_coloured(harmless(line, WIDEST)), *more)

    def path(self, index: int) -> str:
        if self._layout is not None:
            return self._layout.path(index)
        return self._lines[index].partition(" = ")[0] if self._form else ""

    def value(self, index: int) -> str:
        if self._layout is not None:
            return _copied(self._layout.value(index))
        line = self._lines[index]
        return line.partition(" = ")[2] if self._form else line

    def folded(self, index: int) -> Line:
        layout = self._layout
        if layout is None:
            return self.cells(index)
        count = layout.count(index)
        what = "key" if layout.bracket(index) == "{" else "item"
        closing = layout.line(layout.closing(index), WIDEST).strip()
        end = closing if closing[:1] in ("}", "]") else ""
        said = f"… {counted(count, what)}"
        return (*self.cells(index), (said, "dim"), (end, "body"))

    def closing(self, index: int) -> int:
        layout = self._layout
        if layout is None or layout.opening(index) != index:
            return index
        return layout.closing(index)

    def parent(self, index: int) -> int:
        layout = self._layout
        if layout is None:
            return -1
        opening = layout.opening(index)
        return opening if opening != index else layout.parent(index)

    def may_hold(self, word: str, index: int) -> bool:
        if self._layout is None:
            return True
        if self._layout.length(index) > WIDEST:
            return True
        source = self._layout.source(index)
        plain = source.isascii() and source.isprintable()
        return not plain or word in source.lower()


def _copied(value: str) -> str:
    """A JSON value as it is copied: a text without its quotes, unless it would be another then."""
    if value[:1] == '"' and len(value) > 1 and not _ESCAPED.search(value, 1, len(value) - 1):
        return value[1:-1]
    return value


def _coloured(line: str) -> Iterator[Cell]:
    at = 0
    for match in _TOKENS.finditer(line):
        if at < match.start():
            yield line[at : match.start()], "body"
        if match["string"]:
            yield match["string"], "name" if match["colon"] else "string"
            if match["colon"]:
                yield ":", "body"
        else:
            yield match[0], "number" if match["number"] else "literal"
        at = match.end()
    if at < len(line):
        yield line[at:], "body"
