"""What must not be told, cut out of what others say: a server may repeat a token in its message."""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from inspector.domain.plaintext import one_line
from inspector.domain.redact import MASK

# Of a longer secret, so many characters in a row are enough to be cut out; a shorter one counts
# whole. Below the least it is no secret, and every other word would have it.
_PIECE = 8
_LEAST = 4
_READ = 4096
_LONGEST = 300
# By their looks, whoever's they are.
_KNOWN = re.compile(
    r"whsec_[^\s\"'<>,;]*|pk_(?:live|test)_[^\s\"'<>,;]*|itun_[\w-]*"
    r"|eyJ[\w-]+\.[\w.-]*|bearer\s+[^\s\"'<>,;]+",
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
        self._secrets.update(each for each in spelled if len(each) >= _LEAST)

    def cut(self, text: str) -> str:
        """The text with a mask for every secret, and for every longer piece of one."""
        hidden = bytearray(len(text))
        for secret in self._secrets:
            size = min(len(secret), _PIECE)
            for start in range(len(secret) - size + 1):
                _mark(hidden, text, secret[start : start + size])
        for found in _KNOWN.finditer(text):
            hidden[found.start() : found.end()] = b"\1" * (found.end() - found.start())
        return re.sub("\0+", MASK, _blanked(text, hidden))

    def line(self, text: str, limit: int = _LONGEST) -> str:
        """The same as one harmless line."""
        return one_line(self.cut(text[:_READ]), limit)


def _mark(hidden: bytearray, text: str, piece: str) -> None:
    at = text.find(piece)
    while at >= 0:
        hidden[at : at + len(piece)] = b"\1" * len(piece)
        at = text.find(piece, at + 1)


def _blanked(text: str, hidden: bytearray) -> str:
    """NUL for each hidden character; one that was there is taken for hidden, which harms nobody."""
    return "".join("\0" if out else character for character, out in zip(text, hidden, strict=True))
