"""What must not be told, cut out of what others say: a server may repeat a token in its message."""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from urllib.parse import quote, unquote

from inspector.domain.plaintext import one_line
from inspector.domain.redact import MASK

# In a message so many characters in a row of a secret are enough to be cut out, and a shorter one
# counts whole; below the least it is no secret, and every other word would have it.
_PIECE = 8
_LEAST = 4
_READ = 4096
_LONGEST = 300
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# By their looks, whoever's they are.
_KNOWN = re.compile(
    r"whsec_[^\s\"'<>,;]*|pk_(?:live|test)_[^\s\"'<>,;]*|itun_[\w-]*"
    r"|eyJ[\w-]+\.[\w.-]*|bearer\s+[^\s\"'<>,;]{16,}",
    re.IGNORECASE,
)


class Hiding:
    """The secrets of one account, and texts without them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return f"Hiding({len(self._secrets)})"

    def add(self, secret: str) -> None:
        """Hide this one too, however it is percent-encoded."""
        spelled = (secret, quote(secret, safe=""), unquote(secret))
        self._secrets.update(_upper(each) for each in spelled if len(each) >= _LEAST)

    def cut(self, text: str) -> str:
        """A field of an answer, with a mask for every secret that is in it as a whole."""
        hidden, read = bytearray(len(text)), _upper(text)
        for secret in self._secrets:
            if len(secret) >= _PIECE:
                _mark(hidden, read, secret)
        return _masked(hidden, text)

    def line(self, text: str, limit: int = _LONGEST) -> str:
        """The same as one harmless line."""
        return one_line(self.cut(text), limit)

    def message(self, text: str) -> str:
        """What a server says, as one harmless line; pieces of secrets are masked as well."""
        text = text[:_READ]
        hidden, read = bytearray(len(text)), _upper(text)
        for secret in self._secrets:
            size = min(len(secret), _PIECE)
            for start in range(len(secret) - size + 1):
                _mark(hidden, read, secret[start : start + size])
        return one_line(_masked(hidden, text), _LONGEST)


def _upper(text: str) -> str:
    """The same with capitals in its percent escapes, which may be written in either case."""
    return _ESCAPE.sub(lambda match: match[0].upper(), text)


def _mark(hidden: bytearray, text: str, piece: str) -> None:
    at = text.find(piece)
    while at >= 0:
        hidden[at : at + len(piece)] = b"\1" * len(piece)
        at = text.find(piece, at + 1)


def _masked(hidden: bytearray, text: str) -> str:
    """The text with a mask for each run of hidden characters, and for what looks like a secret."""
    for found in _KNOWN.finditer(text):
        hidden[found.start() : found.end()] = b"\1" * (found.end() - found.start())
    if not any(hidden):
        return text
    runs = groupby(zip(text, hidden, strict=True), key=itemgetter(1))
    return "".join(MASK if out else "".join(each for each, _ in run) for out, run in runs)
