"""Times in values, told relative to the capture: `1.2 s before capture`."""

import re
from typing import Any

from inspector.domain.delivery import from_iso

_SECOND = 1_000_000
# The last step of a path that speaks of a time: `verifiedAt`, `block_timestamp`, `startDate`.
_TIME = re.compile(r"(?:[a-z\d]At|_at|[tT]ime|[tT]imestamp|[dD]ate|^at|^ts|[_.]ts|[a-z]On|_on)$")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?")
_NUMBER = re.compile(r"\d{9,13}(?:\.\d{1,9})?")
# Unix seconds from 2001 to 2286, and the same in milliseconds.
_SECONDS = (1e9, 1e10)
_MILLISECONDS = (1e12, 1e13)
_UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))


def moment(path: str, value: Any) -> int | None:
    """Microseconds since the epoch where the value is a time, else None.

    An ISO 8601 time is one wherever it stands; Unix seconds or milliseconds only where the name of
    the field speaks of a time.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value) if not isinstance(value, int) or abs(value) < 10**18 else ""
    if isinstance(value, str) and _ISO.fullmatch(text[:40]):
        try:
            return from_iso(text)
        except (ValueError, OverflowError):
            return None
    if not _NUMBER.fullmatch(text) or not _TIME.search(path.rpartition(".")[2]):
        return None
    number = float(text)
    if _SECONDS[0] <= number < _SECONDS[1]:
        return round(number * _SECOND)
    if _MILLISECONDS[0] <= number < _MILLISECONDS[1]:
        return round(number * 1000)
    return None


def relative(at: int, captured: int) -> str:
    """`1.2 s before capture`, `3 min after capture`, `at capture`."""
    seconds = abs(at - captured) / _SECOND
    if seconds < 0.0005:
        return "at capture"
    return f"{_length(seconds)} {'before' if at < captured else 'after'} capture"


def beside(path: str, value: Any, captured: int) -> str:
    """What stands beside a value: when it was, if it is a time, else nothing."""
    at = moment(path, value)
    return "" if at is None else relative(at, captured)


def _length(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in _UNITS:
        if seconds >= size:
            amount = seconds / size
            return f"{amount:.0f} {unit}" if amount >= 9.95 else f"{amount:.1f} {unit}"
    return f"{seconds:.1f} s"
