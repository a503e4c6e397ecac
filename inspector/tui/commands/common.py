"""What several groups of commands ask of the session."""

from inspector.domain.delivery import Delivery
from inspector.tui.session import Session


def at_cursor(session: Session) -> Delivery | None:
    """The delivery under the cursor; None without one, and while it is loading."""
    cursor = session.feed.cursor_id
    return None if cursor is None else session.feed.get(cursor)


def offered_targets(session: Session) -> list[str]:
    """Targets to choose from: named lately, configured, tried for the delivery in the detail."""
    configured = session.status.targets if session.status else ()
    tried = [one.attempt.target for one in session.inspection.attempts]
    found = [*session.acts.targets, *(one.target for one in configured), *reversed(tried)]
    return list(dict.fromkeys(found))
