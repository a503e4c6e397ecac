"""What was asked, what was measured, and whether it holds."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MIB = 1 << 20
_WORDS = {True: "PASS", False: "short", None: "-"}


@dataclass(frozen=True, slots=True)
class Figure:
    """`holds` is None for what was skipped, or is told without being asked."""

    name: str
    asked: str
    measured: str
    holds: bool | None
    skipped: bool = False

    def line(self) -> str:
        return f"{_WORDS[self.holds]:5} {self.name:18} {self.measured}  [asked: {self.asked}]"


def spread(values: Sequence[float], unit: str = "", digits: int = 2) -> str:
    """The median, and the range where there are several: `0.71 x (0.68 to 0.75, 3 rounds)`."""
    middle = f"{statistics.median(values):,.{digits}f}{unit}"
    if len(values) == 1:
        return middle
    low, high = f"{min(values):,.{digits}f}", f"{max(values):,.{digits}f}"
    return f"{middle} ({low} to {high}, {len(values)} rounds)"


def at_least(
    name: str,
    values: Sequence[float],
    limit: float,
    unit: str = "",
    *,
    aim: float | None = None,
    note: str = "",
) -> Figure:
    """The median must reach `limit`, better `aim`; `note` says what the numbers came from."""
    asked = f"at least {limit:,g}{unit}" + (f", aim {aim:g}" if aim else "")
    return _figure(name, asked, values, unit, note, statistics.median(values) >= limit)


def at_most(
    name: str, values: Sequence[float], limit: float, unit: str = "", *, note: str = ""
) -> Figure:
    """The median must not exceed `limit`."""
    holds = statistics.median(values) <= limit
    return _figure(name, f"at most {limit:g}{unit}", values, unit, note, holds)


def skipped(name: str, asked: str, why: str) -> Figure:
    return Figure(name, asked, f"SKIPPED: {why}", None, skipped=True)


def told(name: str, values: Sequence[float], unit: str = "", *, note: str = "") -> Figure:
    """A figure that nobody asked a limit for."""
    return _figure(name, "nothing", values, unit, note, None)


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Run by run, because the runs of a round share the machine's mood."""
    return [a / b for a, b in zip(above, below, strict=True)]


def _figure(
    name: str, asked: str, values: Sequence[float], unit: str, note: str, holds: bool | None
) -> Figure:
    digits = 2 if abs(statistics.median(values)) < 100 else 0
    measured = spread(values, unit, digits) + (f"; {note}" if note else "")
    return Figure(name, asked, measured, holds)
