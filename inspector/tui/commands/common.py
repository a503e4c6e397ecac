"""What several groups of commands ask of the session."""

from typing import TYPE_CHECKING

from inspector.client.models import TunnelStatus
from inspector.domain.delivery import Delivery
from inspector.domain.gap import is_gap, nothing_to
from inspector.tui.session import Session

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen


def at_cursor(session: Session) -> Delivery | None:
    """The delivery under the cursor; None without one, and while it is loading."""
    cursor = session.feed.cursor_id
    return None if cursor is None else session.feed.get(cursor)


def at_gap(screen: "MainScreen", do: str) -> bool:
    """Whether the cursor is on a gap, with which that cannot be done: it is said so."""
    delivery = at_cursor(screen.session)
    if delivery is None or not is_gap(delivery):
        return False
    screen.say(f"#{delivery.id}: {nothing_to(do)}", "warning")
    return True


def drop_selection(screen: "MainScreen") -> None:
    """Select nothing any more, and say how much that was."""
    selection = screen.session.selection
    dropped = len(selection)
    selection.clear()
    screen.list.refresh()
    screen.refresh_place()
    screen.say(f"{dropped:,} deselected")


def relay_in_use(screen: "MainScreen") -> TunnelStatus | None:
    """The tunnel; without one it is said how to have one."""
    status = screen.session.status
    if status is None:
        screen.say("the listener has not told yet what it does", "warning")
    elif status.relay is None:
        screen.say("no relay is in use: start with `inspector serve --relay URL`", "warning")
    return status.relay if status else None


def offered_targets(session: Session) -> list[str]:
    """Targets to choose from: named lately, configured, tried for the delivery in the detail."""
    configured = session.status.targets if session.status else ()
    tried = [one.attempt.target for one in session.inspection.attempts]
    found = [*session.acts.targets, *(one.target for one in configured), *reversed(tried)]
    return list(dict.fromkeys(found))
