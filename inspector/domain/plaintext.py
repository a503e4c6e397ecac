"""Text from outside made harmless: nothing in it can colour, move, hide or turn what is shown."""

import re

# By Unicode: all of Cc, Cf, Cs, Zl and Zp, and what has no shape of its own: variation selectors,
# the grapheme joiner, Hangul fillers, tags.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_UNSEEN}]")
_HIDDEN_BUT_TABS = re.compile(f"[{_UNSEEN}]".replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
_BREAK = re.compile(r"\r?\n[ \t\r\n]*")
# Blanks around line breaks collapse: a preview reads this many times its own length, no more.
_READ_AHEAD = 8


def visible(text: str, *, keep_layout: bool = False) -> str:
    """The text with every control, bidi, zero-width or otherwise unseen character spelled out.

    `keep_layout` leaves newlines and tabs as they are. The result has no such character and comes
    back unchanged if it is given again; C0 controls become their control pictures (`␀`), others
    `‹U+202E›`.
    """
    if text.isascii() and text.isprintable():
        return text
    return (_HIDDEN_BUT_TABS if keep_layout else _HIDDEN).sub(_spelled, text)


def one_line(text: str, limit: int) -> str:
    """A harmless preview of at most `limit` characters; `␊` stands for a line break.

    The blanks after a line break are left out, and `…` stands for what was cut off.
    """
    start = text[: _READ_AHEAD * max(limit, 0)]
    line = visible(_BREAK.sub("␊", start))
    if len(line) <= limit and len(start) == len(text):
        return line
    return line[: limit - 1] + "…" if limit > 0 else ""


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"‹U+{code:04X}›"
