"""Case for the letters A to Z only: Python and SQLite disagree on all others."""

_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {upper: lower for lower, upper in _UPPER.items()}


def lowered(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)


def uppered(text: str) -> str:
    return text.upper() if text.isascii() else text.translate(_UPPER)
