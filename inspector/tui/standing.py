"""How the list stands, in a few words: the place in it, what is new, selected and searched for."""

from inspector.tui.actions import Keys
from inspector.tui.feed import Feed
from inspector.tui.session import Session


def standing(session: Session, keys: Keys) -> list[str]:
    """Parts for the status line; what matters most comes first."""
    parts = [_place(session.feed)]
    if session.search is not None:
        parts.append(searched(session, keys))
    again = session.feed.redelivered
    if again.count:
        times = session.feed.times(again.first)
        parts.append(f"{again.count:,} redelivered, the latest #{again.first} x{times}")
    if session.selection:
        parts.append(f"{len(session.selection):,} selected")
    return parts


def searched(session: Session, keys: Keys) -> str:
    """How far the search is, and what to do about it; nothing when there is none."""
    search = session.search
    if search is None:
        return ""
    part, found = f"{search.part * 100:.0f} %", f"{session.feed.total:,} found"
    if search.stopped:
        return f"INCOMPLETE: stopped at {part}, {found}, {keys.first('list.oldest')} goes on"
    return f"searching… {part}, {found}, {keys.first('back')} stops"


def _place(feed: Feed) -> str:
    row = feed.cursor_row
    where = "0" if row is None else f"{row + 1:,}"
    more = "+" if feed.trimmed or not feed.complete else ""
    text = f"{where}/{len(feed):,}{more}"
    if folded := feed.total - len(feed):
        text += f" ({folded:,} folded)"
    if feed.follow:
        return f"{text} following"
    return f"{text} {feed.new:,} new" if feed.new else text
