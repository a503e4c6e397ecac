"""The screen in ASCII alone, for terminals that have nothing else.

The look is drawn as ever; at the very end each other character becomes a readable one as wide.
"""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from inspector.domain.preferences import Preferences

_PLAIN = {
    "✓": "+", "✔": "+", "✗": "x", "✘": "x", "×": "x",
    "●": "*", "•": "*", "◉": "*", "◆": "*", "★": "*", "○": "o", "◦": "o", "☐": "o", "☒": "x",
    "…": "~", "·": ".", "–": "-", "—": "-", "−": "-",
    "‘": "'", "’": "'", "“": '"', "”": '"', "‹": "<", "›": ">", "«": "<", "»": ">",
    "≤": "<", "≥": ">", "≠": "!", "≈": "~",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "↔": "-", "↕": "|", "↳": ">", "⇒": ">", "⏎": "/",
    "▶": ">", "▸": ">", "►": ">", "◀": "<", "◂": "<", "▲": "^", "▴": "^", "▼": "v", "▾": "v",
    "\xa0": " ", "␊": "/", "⠀": " ",
    # Sparklines and scrollbars: the fuller, the darker.
    "▁": "_", "▂": ".", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#", "█": "#",
    "▀": "-", "▔": "-", "░": ".", "▒": ":", "▓": "#",
    "▉": "#", "▊": "#", "▋": "|", "▌": "|", "▍": "|", "▎": "|", "▏": "|", "▐": "|", "▕": "|",
    "╱": "/", "╲": "\\", "╳": "X",
}  # fmt: skip
# Terminals that show no more than the character set of their time.
_OLD_TERMINALS = ("linux", "dumb", "vt", "ansi", "cons25", "sun")


class AsciiFilter(LineFilter):
    """Put after all other filters; widths stay, so that nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        del background
        return [
            segment
            if segment.text.isascii()
            else Segment(ascii_text(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def resolved(preferences: Preferences, environment: Mapping[str, str]) -> Preferences:
    """The same with `glyphs` decided, where it is `auto`, by the terminal and the locale."""
    if preferences.glyphs != "auto":
        return preferences
    old = environment.get("TERM", "").lower().startswith(_OLD_TERMINALS)
    locale = next((v for n in ("LC_ALL", "LC_CTYPE", "LANG") if (v := environment.get(n))), "")
    # With no locale at all Python has set one for UTF-8, or the system has no such thing.
    narrow = bool(locale) and "utf" not in locale.lower()
    return preferences.model_copy(update={"glyphs": "ascii" if old or narrow else "unicode"})


@lru_cache(maxsize=4096)
def ascii_text(text: str) -> str:
    """As many screen cells of ASCII. What was sent and has no likeness becomes `?`."""
    out = "".join(char if char.isascii() else _likeness(char) for char in text)
    width = cell_len(text)
    # Characters that are drawn as one are as wide as that one.
    return out if len(out) == width else set_cell_size(out, width)


@lru_cache(maxsize=4096)
def _likeness(char: str) -> str:
    if (plain := _PLAIN.get(char)) is not None:
        return plain
    width = get_character_cell_size(char)
    if "\u2500" <= char <= "\u257f":
        return _line(unicodedata.name(char))
    if "\u2580" <= char <= "\u259f":
        return "+"
    if "\u2800" <= char <= "\u28ff":
        return ":"
    return "?" * width


def _line(name: str) -> str:
    """Of a box drawing by its name."""
    words = set(name.replace("-", " ").split())
    across = words & {"HORIZONTAL", "LEFT", "RIGHT"}
    down = words & {"VERTICAL", "UP", "DOWN"}
    if across and down:
        return "+"
    strong = words & {"DOUBLE", "HEAVY"} and "DASH" not in words
    if down:
        return "#" if strong else "|"
    return "=" if strong else "-"
