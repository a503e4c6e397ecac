"""Lines of styled text for the detail: wrapping and the small pieces that all tabs are made of."""

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, get_character_cell_size

from inspector.domain.plaintext import visible
from inspector.tui.rows import Cell

Line = tuple[Cell, ...]

# How far back a break looks for a blank.
_REACH = 24


def heading(text: str) -> Line:
    return ((visible(text), "heading"),)


def pair(name: str, value: str, style: str = "value", width: int = 14) -> Line:
    """A name in a column of `width`, and its value."""
    return ((f"{visible(name):<{width}} ", "name"), (visible(value), style))


def plain(text: str, style: str = "") -> Line:
    return ((visible(text), style),)


def counted(number: int, noun: str) -> str:
    """`1 key`, `12 keys`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """The lines broken to at most `width` screen cells.

    A line that begins with a name goes on under its value, any other under its own indent.
    """
    for line in lines:
        if sum(cell_len(text) for text, _ in line) <= width:
            yield line
        else:
            yield from _broken(line, max(width, 2))


def marked(line: Line, pattern: re.Pattern[str], chosen: int) -> Line:
    """The line with its matches marked, and the one that begins at `chosen` differently."""
    text = "".join(part for part, _ in line)
    out: list[Cell] = []
    at = 0
    for match in pattern.finditer(text):
        out.extend(_slice(line, at, match.start()))
        out.append((match[0], "match-chosen" if match.start() == chosen else "match"))
        at = match.end()
    return (*out, *_slice(line, at, len(text))) if out else line


def _broken(line: Line, width: int) -> Iterator[Line]:
    text = "".join(part for part, _ in line)
    # One cell a character, as nearly always: nothing has to be measured.
    narrow = text.isascii()
    indent = len(text) - len(text.lstrip(" ")) + 2
    if line[0][1] == "name":
        indent = cell_len(line[0][0])
    if indent > width // 2 or width < 8:
        indent = 2 if width > 8 else 0
    start, room = 0, width
    while start < len(text):
        end = _break(text, start, room, narrow)
        piece = tuple(_slice(line, start, end))
        yield piece if start == 0 else ((" " * indent, ""), *piece)
        start, room = end, width - indent


def _break(text: str, start: int, room: int, narrow: bool) -> int:
    """Where a piece that begins at `start` ends: after a blank near the edge, or at the edge."""
    end, used = (min(start + room, len(text)) if narrow else start), 0
    while not narrow and end < len(text):
        used += get_character_cell_size(text[end])
        if used > room:
            break
        end += 1
    if end == len(text):
        return end
    blank = text.rfind(" ", max(start + 1, end - _REACH), end)
    return blank + 1 if blank > start else max(end, start + 1)


def _slice(line: Line, start: int, end: int) -> Iterator[Cell]:
    at = 0
    for text, style in line:
        low, high = max(start - at, 0), min(end - at, len(text))
        if low < high:
            yield text[low:high], style
        at += len(text)
