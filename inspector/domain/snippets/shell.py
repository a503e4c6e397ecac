"""Words for a shell, safe to paste: POSIX sh, bash and zsh read them alike, and fish too."""

import re
from base64 import b64encode
from collections.abc import Iterable

from inspector.domain.plaintext import one_line, visible

# One argument of a program may be 128 KiB on Linux. `printf` is the shell's own and has no limit.
LONGEST_ARGUMENT = 100_000
_PLAIN = re.compile(r"[A-Za-z0-9_%+,./:@-]+")
# What stands outside the quotes, each character behind a backslash: quotes, and backslashes that
# fish would read as an escape, because another one or the closing quote follows.
_OUTSIDE = re.compile(r"\\*'|\\{2,}|\\+\Z")
# On later lines old bash forgets that a quote is open, and `!` or a leading `^` would bring history
# in; a `~` that begins a line is an escape of ssh's own.
_OUTSIDE_LINES = re.compile(r"\\*['!]|\\{2,}|\\+\Z|(?<=\n)[~^]")
_BASE64_LINE = 76
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _+,./:@=;-")


def text_of(data: bytes) -> str | None:
    """The bytes as text that may stand inside quotes, or None.

    That is UTF-8 without any control or unseen character; a newline is one that may stand there,
    a tab is not, because an interactive shell completes words on it.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if "\t" not in text and visible(text, keep_layout=True) == text else None


def quoted(text: str) -> str:
    """One word that a shell reads as exactly this text, which `text_of` let through."""
    if _PLAIN.fullmatch(text):
        return text
    outside = _OUTSIDE_LINES if "\n" in text else _OUTSIDE
    return "'" + outside.sub(_escaped, text) + "'"


def _escaped(match: re.Match[str]) -> str:
    return "'" + "".join(f"\\{char}" for char in match[0]) + "'"


def word(data: bytes) -> str:
    """One word for these bytes, which hold no NUL and do not end in a line break.

    Bytes that may not stand in a terminal are written by `printf` as octal numbers.
    """
    text = text_of(data)
    if text is not None:
        return quoted(text)
    spelled = "".join(chr(code) if code in _SAFE else f"\\{code:03o}" for code in data)
    if data.startswith(b"-"):  # no option of printf's
        spelled = "\\055" + spelled[1:]
    return f"\"$(printf '{spelled}')\""


def piped(body: bytes) -> str:
    """A command that writes these bytes to its standard output."""
    text = text_of(body)
    if text is not None:
        return f"printf %s {quoted(text)}"
    coded = b64encode(body).decode("ascii")
    lines = [coded[at : at + _BASE64_LINE] for at in range(0, len(coded), _BASE64_LINE)]
    return "printf %s '" + "\n".join(lines) + "' | base64 -d"


def remark(text: str) -> str:
    """A line that does nothing and says something: zsh knows no comments when it is typed into."""
    return f": {quoted(one_line(text, 300))}"


def left_out(tool: str, names: Iterable[str]) -> list[str]:
    """The remark on headers that a tool cannot send, where there are any."""
    listed = ", ".join(dict.fromkeys(names))
    return [remark(f"left out, because {tool} cannot send it: {listed}")] if listed else []
