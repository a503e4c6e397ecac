"""Who else is attached to the relay, as lines: each with how far it is and what its app said last.

Names and reasons are other people's words: they are made harmless and cut to their columns.
"""

from collections.abc import Iterator
from datetime import tzinfo
from typing import NamedTuple

from rich.cells import cell_len

from inspector.client.models import LastAttempt, Member, TunnelStatus
from inspector.domain.plaintext import one_line
from inspector.tui.lines import Line, plain
from inspector.tui.rows import Cell, ago, clock, fit

ANSWERS = "●"
"""The sign of the one whose app answers the senders."""

_NAME, _QUERY = 40, 300
_TIME, _TRIED = 8, len("59 min ago")
# Of two columns of text: the names get so much more than what an app said.
_NAMES_SHARE = 0.55
# Below it there is no room for the times.
_ROOMY = 60
_BETWEEN = "  "


class Look(NamedTuple):
    """How the lines are to look: by which clock (microseconds), in which zone, how wide."""

    now: int
    tz: tzinfo | None
    width: int


def who_answers(relay: TunnelStatus) -> str:
    """`you answer`, `bob@pc answers`; nothing where no app is asked, or nobody else is here."""
    if not relay.ack.startswith("app"):
        return ""
    if relay.team:
        if len(relay.team) + relay.team_more == 1:
            return ""
        holder = _holder(relay)
        if holder is not None:
            return "you answer" if holder.you else f"{one_line(holder.consumer, _NAME)} answers"
    elif relay.primary:
        return ""
    return "another one's app answers"


def how_many(relay: TunnelStatus) -> str:
    """`3 here`, this one among them; nothing where it is alone, or that is not known."""
    number = len(relay.team) + relay.team_more
    return f"{number:,} here" if number > 1 else ""


def can_take(relay: TunnelStatus) -> bool:
    """Whether this consumer could become the one whose app answers."""
    holder = _holder(relay)
    return relay.state == "connected" and not (holder is not None and holder.you)


def taken(relay: TunnelStatus) -> str:
    """What is told when this consumer has become the one whose app answers."""
    if relay.ack.startswith("app"):
        return "this app answers the senders now"
    return f"this app is the one to ask now; the relay asks none ({_ack(relay)})"


def team_lines(relay: TunnelStatus | None, look: Look) -> Iterator[Line]:
    """Who answers the senders, then everybody who is attached, the longest first, and the address
    that all of them are sent to."""
    if relay is None:
        yield plain("No relay is in use any more.", "doc")
        return
    yield from _here(relay, look)
    if relay.url:
        yield ()
        yield (("Senders send to  ", "doc"), (one_line(relay.url, _QUERY), "value"))


def _here(relay: TunnelStatus, look: Look) -> Iterator[Line]:
    if relay.state == "unknown":
        yield plain("Who is here is not known: there is no connection to the listener.", "warning")
        return
    if relay.state != "connected":
        yield plain("Who is here is not known: there is no connection to the relay.", "warning")
        return
    if not relay.team:
        yield plain("The relay has not told yet who is here.", "doc")
        return
    yield _told(relay)
    yield ()
    columns = _columns(relay, look.width)
    yield _titles(columns)
    for member in relay.team:
        yield _member(member, columns, look)
    if relay.team_more:
        yield plain(f"  and {relay.team_more:,} more", "doc")
    if relay.filter:
        yield ()
        query = one_line(relay.filter, _QUERY)
        passed = f"  alone; {relay.passed:,} passed over."
        yield (("You ask for  ", "doc"), (query, "value"), (passed, "doc"))


def _holder(relay: TunnelStatus) -> Member | None:
    return next((one for one in relay.team if one.primary), None)


def _ack(relay: TunnelStatus) -> str:
    return f"ack {one_line(relay.ack, 30)}"


def _told(relay: TunnelStatus) -> Line:
    ack = _ack(relay)
    if not relay.ack.startswith("app"):
        return plain(f"The relay answers the senders itself ({ack}): {ANSWERS} would, if apps did.")
    holder = _holder(relay)
    if holder is None:
        return plain(f"Another one, who is not listed, answers the senders ({ack}).")
    who = "You answer" if holder.you else f"{one_line(holder.consumer, _NAME)} answers"
    return plain(f"{ANSWERS} {who} the senders ({ack}).", "heading")


class _Columns(NamedTuple):
    """Widths in cells; `since` and `tried` are 0 where there is no room for times."""

    who: int
    since: int
    behind: int
    tried: int
    said: int


def _columns(relay: TunnelStatus, width: int) -> _Columns:
    behind = max(len("behind"), *(len(f"{one.lag:,}") for one in relay.team))
    since, tried = (_TIME, _TRIED) if width >= _ROOMY else (0, 0)
    taken = sum(each + len(_BETWEEN) for each in (since, behind, tried) if each)
    room = max(width - len(ANSWERS) - 1 - taken - len(_BETWEEN), 4)
    # Names are not given more than the longest of them needs.
    longest = max(cell_len(_name(one, _NAME)) for one in relay.team)
    who = min(max(longest, len("who")), max(round(room * _NAMES_SHARE), 2))
    return _Columns(who, since, behind, tried, room - who)


def _titles(columns: _Columns) -> Line:
    last = fit("last attempt", columns.tried + len(_BETWEEN) + columns.said)
    if not columns.tried:
        last = fit("last attempt", columns.said)
    parts = [
        fit("who", columns.who),
        fit("since", columns.since),
        fit("behind", columns.behind, right=True),
        last,
    ]
    return (("  " + _BETWEEN.join(part for part in parts if part), "titles"),)


def _member(member: Member, columns: _Columns, look: Look) -> Line:
    style = "heading" if member.you else "value"
    since = fit(clock(member.since, look.now, look.tz), columns.since)
    tried, said = _last(member.last_attempt, look.now)
    cells: list[Cell] = [
        (f"{ANSWERS} " if member.primary else "  ", "heading"),
        (fit(_name(member, columns.who), columns.who), style),
        (since, "time"),
        (fit(f"{member.lag:,}", columns.behind, right=True), "warning" if member.lag else "dim"),
        (fit(tried, columns.tried), "time"),
        (fit(said[0], columns.said).rstrip(), said[1]),
    ]
    out = cells[:1]
    for cell in cells[1:]:
        if cell[0]:
            out += [(_BETWEEN, ""), cell] if len(out) > 1 else [cell]
    return tuple(out)


def _name(member: Member, width: int) -> str:
    """The name within so many cells, and whether it is this one's."""
    you = ", you" if member.you and width > len(", you") else ""
    name = one_line(member.consumer, _NAME)
    room = width - len(you)
    return (fit(name, room) if cell_len(name) > room else name) + you


def _last(ended: LastAttempt | None, now: int) -> tuple[str, Cell]:
    """When the last attempt ended, and how."""
    if ended is None:
        return "", ("none yet", "dim")
    when = f"{ago(ended.at, now)} ago"
    if ended.status is None:
        return when, (one_line(ended.failure, 200) or "no answer", "error")
    return when, (str(ended.status), "good" if ended.status < 400 else "error")
