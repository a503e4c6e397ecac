"""How one delivery looks as a line: cells of text, each with the name of a style.

Pure: the widget turns the names into colours. No colour is the only signal: verdicts have a badge
and states a word. Everything that came from outside passes `one_line` first.
"""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.domain.plaintext import one_line

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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID, _TIME, _STATE, _SIZE, _SIGNATURE = 7, 8, 20, 6, 11
_WORDS_FROM, _TARGET_FROM = 96, 150
_DAY = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in screen cells for a line of `width`; 0 leaves a column out."""

    width: int
    event: int
    event_id: int
    target: int
    signature: int

    @classmethod
    @lru_cache(maxsize=64)
    def fitting(cls, width: int) -> "Columns":
        signature = _SIGNATURE if width >= _WORDS_FROM else 1
        # Marker, flag and the blank before each of the six fixed columns and the event.
        rest = width - (1 + _ID + 1 + _TIME + 1 + 1 + 1 + 1 + signature + 1 + _STATE + 1 + _SIZE)
        rest = max(rest, 8)
        target = rest // 3 if width >= _TARGET_FROM else 0
        rest -= target and target + 1
        event_id = (rest - 1) * 2 // 5 if rest >= 24 else 0
        return cls(width, rest - (event_id and event_id + 1), event_id, target, signature)


def titles(width: int) -> list[Cell]:
    """The line above the list."""
    columns = Columns.fitting(width)
    parts = [
        " " + fit("id", _ID, right=True),
        fit("time", _TIME),
        " " + fit(" event", columns.event + 1),
    ]
    if columns.event_id:
        parts.append(fit("event id", columns.event_id))
    if columns.target:
        parts.append(fit("request", columns.target))
    parts.append(fit("signature" if columns.signature > 1 else "s", columns.signature))
    parts += [fit("state", _STATE), fit("size", _SIZE, right=True)]
    return [(set_cell_size(" ".join(parts), width), "titles")]


def render_row(
    delivery: Delivery, width: int, now: int, tz: tzinfo | None, selected: bool
) -> list[Cell]:
    """A line of exactly `width` cells.

    `now` in microseconds decides between time and date, shown in `tz` (None: the machine's).
    """
    columns = Columns.fitting(width)
    dim = "dim" if delivery.state in (State.FILTERED, State.REFUSED) else ""
    cells: list[Cell] = [
        (">" if selected else " ", "cursor"),
        (fit(str(delivery.id), _ID, right=True) + " ", "id"),
        (fit(clock(delivery.received_at, now, tz), _TIME) + " ", "time"),
        (_flag(delivery), "flag"),
        (" " + fit(_event(delivery), columns.event) + " ", dim or event_style(delivery.event)),
    ]
    if columns.event_id:
        text = one_line(delivery.event_id or "", columns.event_id)
        cells.append((fit(text, columns.event_id) + " ", dim or "event-id"))
    if columns.target:
        text = f"{delivery.method} {delivery.request_target}"
        cells.append((fit(one_line(text, columns.target), columns.target) + " ", "dim"))
    badge = BADGES[delivery.verdict]
    if columns.signature > 1:
        badge = f"{badge} {delivery.verdict}"
    cells.append((fit(badge, columns.signature) + " ", dim or f"sig-{delivery.verdict}"))
    cells.append((fit(state_text(delivery), _STATE) + " ", dim or state_style(delivery)))
    cells.append((fit(size_text(delivery.body_size), _SIZE, right=True), "size"))
    return _cut(cells, width)


def placeholder(delivery_id: int, width: int, selected: bool) -> list[Cell]:
    """The line of a delivery whose summary is still on the way."""
    marker = ">" if selected else " "
    text = f"{marker}{fit(str(delivery_id), _ID, right=True)} …"
    return [(set_cell_size(text, width), "dim")]


def clock(at: int, now: int, tz: tzinfo | None) -> str:
    """Eight cells: the time of day, or the date when it is more than a day from `now`."""
    moment = (_EPOCH + timedelta(microseconds=at)).astimezone(tz)
    return moment.strftime("%H:%M:%S" if abs(now - at) < _DAY else "%y-%m-%d")


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


def state_text(delivery: Delivery) -> str:
    """The attempts folded into one state, with the latest status and its milliseconds."""
    parts = [str(delivery.state)]
    if delivery.state in (State.FILTERED, State.REFUSED):
        if delivery.state is State.REFUSED and delivery.answered is not None:
            parts.append(str(delivery.answered))
        parts.append(delivery.state_reason)
    elif delivery.last_failure is not None:
        parts.append(delivery.last_failure)
    elif delivery.last_status is not None:
        parts.append(str(delivery.last_status))
        if delivery.last_duration_ms is not None:
            parts.append(duration_text(delivery.last_duration_ms))
    return one_line(" ".join(parts), _STATE + 1)


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


def _event(delivery: Delivery) -> str:
    if delivery.event is not None:
        return one_line(delivery.event, 200)
    return one_line(f"{delivery.method} {delivery.request_target}", 200)


def _flag(delivery: Delivery) -> str:
    if delivery.mark:
        return "*"
    if delivery.replay_of is not None:
        return "e"
    return "=" if delivery.duplicate_of is not None else " "


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
