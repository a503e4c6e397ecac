"""What the sidebar offers: the sets people need at once, saved views, and event types by family.

Each entry stands for a filter, which is visible text. Pure: the widget draws it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from heapq import nlargest

from rich.cells import cell_len

from inspector.client.models import Counts
from inspector.domain.plaintext import one_line
from inspector.domain.query import quoted
from inspector.tui.rows import Cell, event_style, fit

MOST = 500
"""Event types that are shown: of very many the most frequent."""
_FEW = 24
# What was refused and what never came has no type either, and is not counted with the deliveries.
_UNTYPED = "not event:* not state:refused,gap"


class SetKind(StrEnum):
    """What an entry is; a blank line and the last one of too many types cannot be chosen."""

    SET = "set"
    VIEW = "view"
    FAMILY = "family"
    TYPE = "type"
    HEADING = "heading"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class SetEntry:
    """A line: what it says, the filter it stands for, and how many there are, where that is known.

    `family` is that of an event type in one, and the name of a family itself.
    """

    kind: SetKind
    label: str
    query: str = ""
    count: int | None = None
    family: str = ""

    @property
    def choosable(self) -> bool:
        """Whether it can be chosen."""
        return self.kind not in (SetKind.HEADING, SetKind.MORE)


def entries(
    counts: Counts, views: Mapping[str, str], opened: Callable[[str, bool], bool]
) -> list[SetEntry]:
    """All lines. `opened` says whether a family shows its types, from whether it does by itself."""
    lines = sets(counts)
    if views:
        lines.append(SetEntry(SetKind.HEADING, "views"))
        lines += [SetEntry(SetKind.VIEW, name, query) for name, query in views.items()]
    types = _by_type(counts)
    untyped = sum(one.count for one in counts.events if one.event is None)
    if types or untyped:
        lines.append(SetEntry(SetKind.HEADING, "event types"))
    lines += _families(types, opened)
    if untyped:
        lines.append(SetEntry(SetKind.TYPE, "without a type", _UNTYPED, untyped))
    if len(types) > MOST:
        lines.append(SetEntry(SetKind.MORE, f"{len(types) - MOST:,} rarer types are not shown"))
    return lines


def sets(counts: Counts) -> list[SetEntry]:
    """The sets that people need at once."""
    states, verdicts = counts.states or {}, counts.verdicts or {}
    bad = verdicts.get("invalid", 0) + verdicts.get("stale", 0)
    named = [
        ("all", "", sum(states.values())),
        ("failed", "state:failed", states.get("failed", 0)),
        ("waiting", "state:waiting", states.get("waiting", 0)),
        ("held", "state:held", states.get("held", 0)),
        ("bad signature", "sig:invalid,stale", bad),
        ("duplicates", "is:duplicate", counts.duplicates),
        ("marked", "is:marked", counts.marked),
        ("refused", "state:refused", states.get("refused", 0)),
    ]
    if gaps := states.get("gap", 0):
        # Without a relay there are none, and no line for them.
        named.append(("gaps", "state:gap", gaps))
    return [SetEntry(SetKind.SET, label, query, count) for label, query, count in named]


def line(entry: SetEntry, width: int, *, cursor: bool, chosen: bool, opened: bool) -> list[Cell]:
    """A line of exactly `width` cells. `chosen`: its filter is the one in force."""
    if entry.kind is SetKind.HEADING:
        return [(fit(f"  {entry.label}", width), "heading")]
    sign = ("▾" if opened else "▸") if entry.kind is SetKind.FAMILY else " "
    inside = "  " if entry.kind is SetKind.TYPE and entry.family else ""
    head = (">" if cursor else " ") + ("•" if chosen else " ") + inside + sign
    count = "" if entry.count is None else f" {entry.count:,} "
    label = fit(one_line(entry.label, 120), max(width - cell_len(head) - len(count), 1))
    style = "dim" if entry.count == 0 or entry.kind is SetKind.MORE else _style(entry)
    if chosen:
        style = "heading"
    return [(head, "cursor"), (label, style), (count, "dim" if entry.count == 0 else "size")]


def sign_at(entry: SetEntry) -> int:
    """The column of the sign that folds a family; -1 for other entries."""
    return 2 if entry.kind is SetKind.FAMILY else -1


def _style(entry: SetEntry) -> str:
    if entry.kind is SetKind.FAMILY or (
        entry.kind is SetKind.TYPE and entry.query.startswith("event:")
    ):
        return event_style(entry.family or entry.label)
    return ""


def _by_type(counts: Counts) -> dict[str, int]:
    named: dict[str, int] = {}
    for one in counts.events:
        if one.event is not None:
            named[one.event] = named.get(one.event, 0) + one.count
    return named


def _families(types: Mapping[str, int], opened: Callable[[str, bool], bool]) -> list[SetEntry]:
    """The types by name; two or more of one family stand below it."""
    most = types.items() if len(types) <= MOST else nlargest(MOST, types.items(), key=_count)
    families: dict[str, list[tuple[str, int]]] = {}
    for name, count in sorted(most):
        families.setdefault(name.partition(".")[0], []).append((name, count))
    lines: list[SetEntry] = []
    for family, members in families.items():
        if len(members) > 1:
            query = f"event:{quoted(f'{family}.')}*"
            if members[0][0] == family:
                query += f",{quoted(family)}"
            total = sum(count for _, count in members)
            lines.append(SetEntry(SetKind.FAMILY, f"{family}.*", query, total, family))
            if not opened(family, len(types) <= _FEW):
                continue
        inside = family if len(members) > 1 else ""
        for name, count in members:
            label = name.removeprefix(f"{family}.") if inside else name
            lines.append(SetEntry(SetKind.TYPE, label, f"event:{quoted(name)}", count, inside))
    return lines


def _count(pair: tuple[str, int]) -> int:
    return pair[1]
