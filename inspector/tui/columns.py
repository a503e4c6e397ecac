"""Which columns of the list fit into a width: those that the user chose, or those that matter."""

from dataclasses import dataclass
from functools import lru_cache

from inspector.domain.preferences import Column

CURSOR, FLAGS = 2, 2
"""What stands before all columns, and before the main one."""

_FIXED: dict[Column, int] = {"id": 7, "time": 8, "signature": 1, "state": 19, "size": 6, "mark": 8}
_SHARES: dict[Column, int] = {"event": 7, "event_id": 4, "request": 7, "note": 7}
_ALL: tuple[Column, ...] = (
    "id", "time", "event", "event_id", "request", "signature", "state", "size",
)  # fmt: skip
# What goes first where there is not room for all, and what a column must have to stay.
_DISPENSABLE: tuple[Column, ...] = ("request", "event_id", "size", "time")
_LEAST: dict[Column, int] = {"event": 12, "event_id": 9, "request": 30}
_WORDS_FROM, _WORDS = 96, 11


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns in order with their widths in screen cells, for a line of `width`.

    A blank stands behind each but the last. `main` is the one with the flags before it and with
    the count of the event's deliveries in it: the event, or else the first that can be wide.
    """

    width: int
    places: tuple[tuple[Column, int], ...]
    main: Column | None

    def spread(self) -> "Columns":
        """The same with the state in the place of the event id and the request.

        For a state with a long reason; where the user has put other columns there, as it is.
        """
        names = [name for name, _ in self.places]
        if "event_id" not in names or "state" not in names:
            return self
        start, end = names.index("event_id"), names.index("state") + 1
        between = self.places[start:end]
        if not {name for name, _ in between} <= {"event_id", "request", "signature", "state"}:
            return self
        kept = tuple(place for place in between if place[0] == "signature")
        room = sum(width + 1 for name, width in between if name != "signature") - 1
        places = (*self.places[:start], *kept, ("state", room), *self.places[end:])
        return Columns(self.width, places, self.main)

    @classmethod
    @lru_cache(maxsize=64)
    def fitting(cls, width: int, chosen: tuple[Column, ...] = ()) -> "Columns":
        """Of `chosen` all, so that a narrow window cuts the last; else those that there is room
        for."""
        if chosen:
            return cls._of(width, chosen)
        names = _ALL
        for name in (*_DISPENSABLE, None):
            columns = cls._of(width, names)
            wide = dict(columns.places)
            if name is None or all(wide[each] >= _LEAST[each] for each in wide if each in _LEAST):
                break
            names = tuple(each for each in names if each != name)
        return columns

    @classmethod
    def _of(cls, width: int, names: tuple[Column, ...]) -> "Columns":
        fixed = dict(_FIXED)
        if width >= _WORDS_FROM:
            fixed["signature"] = _WORDS
        flexible = [name for name in names if name in _SHARES]
        main: Column | None = "event" if "event" in names else next(iter(flexible), None)
        rest = width - CURSOR - (FLAGS + 1 if main else 0) - (len(names) - 1)
        rest -= sum(fixed[name] for name in names if name in fixed)
        shares = sum(_SHARES[name] for name in flexible)
        places: list[tuple[Column, int]] = []
        for name in names:
            if name in fixed:
                places.append((name, fixed[name]))
            else:
                # What rounding leaves goes to the last one.
                part = max(rest * _SHARES[name] // shares, 6)
                rest, shares = rest - part, shares - _SHARES[name]
                places.append((name, part))
        return cls(width, tuple(places), main)
