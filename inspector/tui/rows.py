"""How one delivery looks as a line: cells of text, each with the name of a style.

Pure: the widget turns the names into colours. No colour is the only signal: verdicts have a badge
and states a word. Everything that came from outside passes `one_line` first.
"""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.domain.gap import is_gap, told
from inspector.domain.plaintext import one_line
from inspector.domain.preferences import Column
from inspector.tui.columns import CURSOR, FLAGS, Columns

Cell = tuple[str, str]
"""Text and the name of its style."""

BADGES = {
    Verdict.VALID: "✓",
    Verdict.INVALID: "✗",
    Verdict.STALE: "~",
    Verdict.UNSIGNED: "-",
    Verdict.UNCHECKED: "?",
}
FAMILY_STYLES = 6
TIMES = "times"
"""The style of the count of an event's deliveries, which a click unfolds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3600 * _SECOND, 24 * 3600 * _SECOND
_TITLES: dict[Column, str] = {"event_id": "event id"}
_RIGHT = ("id", "size")
# Why a delivery has this state is said by a rule, a refusal or a breakpoint.
_REASONED = (State.FILTERED, State.REFUSED, State.HELD)
# In these a status is of an attempt elsewhere, which changed nothing, in others a failure is.
_UNANSWERED = (State.FAILED, State.WAITING)


class Row(NamedTuple):
    """What a line shows besides its delivery: how it stands in the list.

    `times` is how many deliveries of its event stand in the row and under it, `below` whether it
    stands under the first of them. `time` is the text of its time.
    """

    time: str
    cursor: bool = False
    selected: bool = False
    times: int = 1
    below: bool = False


def titles(columns: Columns) -> list[Cell]:
    """The line above the list."""
    parts: list[str] = []
    for name, width in columns.places:
        title = _TITLES.get(name, name) if width > 1 else name[:1]
        text = fit(title, width, right=name in _RIGHT)
        parts.append(" " * (FLAGS + 1) + text if name == columns.main else text)
    line = " " * CURSOR + " ".join(parts)
    return [(set_cell_size(line, columns.width), "titles")]


def render_row(delivery: Delivery, row: Row, columns: Columns) -> list[Cell]:
    """A line of exactly the columns' width."""
    if is_gap(delivery):
        return _gap(delivery, row, columns)
    if _dim(delivery) and delivery.state_reason:
        columns = columns.spread()
    cells = [_marker(row)]
    last = len(columns.places) - 1
    for place, (name, width) in enumerate(columns.places):
        text, style = _CELLS[name](delivery, row, columns, width)
        if name == columns.main:
            cells.append((f"{flags(delivery)} ", "flag"))
            count = f" x{row.times}" if row.times > 1 else ""
            text = ("  " if row.below else "") + text
            if count and width > len(count) + 2:
                cells.append((fit(text, width - len(count)), style))
                text, style, width = count, TIMES, len(count)
        blank = " " if place < last else ""
        cells.append((fit(text, width, right=name in _RIGHT) + blank, style))
    return _cut(cells, columns.width)


def _gap(delivery: Delivery, row: Row, columns: Columns) -> list[Cell]:
    """What is missing, across all columns but those of the id and the time before it."""
    cells = [_marker(row)]
    room = columns.width - CURSOR - FLAGS - 1
    for name, width in columns.places:
        if name not in ("id", "time"):
            break
        text, style = _CELLS[name](delivery, row, columns, width)
        cells.append((fit(text, width, right=name in _RIGHT) + " ", style))
        room -= width + 1
    cells += [
        (f"{flags(delivery)} ", "flag"),
        (fit(told(delivery), max(room, 0)), "state-gap"),
    ]
    return _cut(cells, columns.width)


def placeholder(delivery_id: int, row: Row, columns: Columns) -> list[Cell]:
    """The line of a delivery whose summary is still on the way."""
    width = dict(columns.places).get("id", 0)
    text = fit(str(delivery_id), width, right=True) if width else ""
    return _cut([_marker(row), (f"{text} …", "dim")], columns.width)


def flags(delivery: Delivery) -> str:
    """Two cells: `*` it is marked, `"` it has a note; `e` it was edited, `=` it came again."""
    own = "*" if delivery.mark else '"' if delivery.note else " "
    again = "=" if delivery.duplicate_of is not None else " "
    return own + ("e" if delivery.replay_of is not None else again)


def clock(at: int, now: int, tz: tzinfo | None) -> str:
    """Eight cells: the time of day, or the date when it is more than a day from `now`."""
    moment = (_EPOCH + timedelta(microseconds=at)).astimezone(tz)
    return moment.strftime("%H:%M:%S" if abs(now - at) < _DAY else "%y-%m-%d")


def ago(at: int, now: int) -> str:
    """At most eight cells: `12 s`, `5 min`, `3 h`, `2 d`; the future is now."""
    age = max(now - at, 0)
    if age < _MINUTE:
        return f"{age // _SECOND} s"
    if age < _HOUR:
        return f"{age // _MINUTE} min"
    return f"{age // _HOUR} h" if age < 2 * _DAY else f"{age // _DAY} d"


def size_text(size: int) -> str:
    """At most six cells, powers of 1024 as everywhere: `913B`, `1.2kB`, `25MB`."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f}{unit}" if unit != "B" and amount < 9.95 else f"{amount:.0f}{unit}"


def duration_text(milliseconds: float) -> str:
    """`8ms`, `1.2s`, `95s`."""
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f}s" if seconds < 9.95 else f"{seconds:.0f}s"


def state_text(delivery: Delivery, width: int) -> str:
    """The attempts folded into one state, with the latest status and its milliseconds."""
    parts = [str(delivery.state)]
    if delivery.state in _REASONED:
        if delivery.state is State.REFUSED and delivery.answered is not None:
            parts.append(str(delivery.answered))
        parts.append(delivery.state_reason)
    elif delivery.state in _UNANSWERED:
        parts.extend(filter(None, [delivery.last_failure]))
    elif delivery.last_status is not None:
        parts.append(str(delivery.last_status))
        if delivery.last_duration_ms is not None:
            parts.append(duration_text(delivery.last_duration_ms))
    return one_line(" ".join(parts), width + 1)


def state_style(delivery: Delivery) -> str:
    """The style of a state; a forwarded one is coloured by what the target answered."""
    if delivery.state is State.FORWARDED and (delivery.last_status or 0) >= 400:
        return "state-error"
    return f"state-{delivery.state}"


def event_style(event: str | None) -> str:
    """One of a few styles, always the same for the family (`delta` of `delta.verified`)."""
    if event is None:
        return "dim"
    family = event.partition(".")[0].encode("utf-8", "replace")
    return f"event-{zlib.crc32(family) % FAMILY_STYLES}"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Text in exactly `width` screen cells, cut with an ellipsis or filled with blanks."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    blanks = " " * (width - length)
    return blanks + text if right else text + blanks


def _marker(row: Row) -> Cell:
    return ("+" if row.selected else " ") + (">" if row.cursor else " "), "cursor"


def _dim(delivery: Delivery) -> bool:
    return delivery.state in (State.FILTERED, State.REFUSED)


def _event(delivery: Delivery, row: Row, columns: Columns, width: int) -> Cell:
    style = "dim" if _dim(delivery) else event_style(delivery.event)
    if delivery.event is None:
        return _request(delivery, row, columns, width)[0], style
    return one_line(delivery.event, width + 1), style


def _event_id(delivery: Delivery, row: Row, columns: Columns, width: int) -> Cell:
    return one_line(delivery.event_id or "", width + 1), "dim" if _dim(delivery) else "event-id"


def _request(delivery: Delivery, row: Row, columns: Columns, width: int) -> Cell:
    return one_line(f"{delivery.method} {delivery.request_target}", width + 1), "dim"


def _request_or_note(delivery: Delivery, row: Row, columns: Columns, width: int) -> Cell:
    """A note stands in the place of the request, unless it has a column of its own."""
    if delivery.note and not any(name == "note" for name, _ in columns.places):
        return _note(delivery, row, columns, width)
    return _request(delivery, row, columns, width)


def _signature(delivery: Delivery, row: Row, columns: Columns, width: int) -> Cell:
    badge = BADGES[delivery.verdict]
    text = f"{badge} {delivery.verdict}" if width > 1 else badge
    return text, "dim" if _dim(delivery) else f"sig-{delivery.verdict}"


def _state(delivery: Delivery, row: Row, columns: Columns, width: int) -> Cell:
    return state_text(delivery, width), "dim" if _dim(delivery) else state_style(delivery)


def _note(delivery: Delivery, row: Row, columns: Columns, width: int) -> Cell:
    return one_line(delivery.note, width + 1), "note"


_CELLS: dict[Column, Callable[[Delivery, Row, Columns, int], Cell]] = {
    "id": lambda delivery, row, columns, width: (str(delivery.id), "id"),
    "time": lambda delivery, row, columns, width: (row.time, "time"),
    "event": _event,
    "event_id": _event_id,
    "request": _request_or_note,
    "signature": _signature,
    "state": _state,
    "size": lambda delivery, row, columns, width: (size_text(delivery.body_size), "size"),
    "mark": lambda delivery, row, columns, width: (one_line(delivery.mark, width + 1), "note"),
    "note": _note,
}


def _cut(cells: list[Cell], width: int) -> list[Cell]:
    """Exactly `width` cells: a window narrower than the fixed columns loses the last ones."""
    out: list[Cell] = []
    left = width
    for text, style in cells:
        length = cell_len(text)
        if length >= left:
            return [*out, (set_cell_size(text, left), style)]
        out.append((text, style))
        left -= length
    return [*out, (" " * left, "")]
