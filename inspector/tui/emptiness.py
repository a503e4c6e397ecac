"""What stands in the list's place when it has no rows: why, and what to do now."""

from inspector.domain.plaintext import one_line, visible
from inspector.tui.actions import Keys
from inspector.tui.session import Session
from inspector.tui.standing import searched


def said_of(session: Session, keys: Keys) -> str:
    """Plain text, of several lines."""
    shown = one_line(session.filter.text, 200)
    if session.list_error:
        return f"The list could not be loaded: {visible(session.list_error)}"
    if not session.feed.complete:
        return f"searching for {shown}\n\n{searched(session, keys)}" if shown else "loading …"
    if shown:
        return f"No delivery matches  {shown}\n\n{keys.first('back')} drops the filter."
    status = session.status
    known = "" if status is None else status.relay.url if status.relay else status.url
    return _nothing_yet(visible(known), keys)


def _nothing_yet(url: str, keys: Keys) -> str:
    body = '\'{"event":"hello"}\''
    curl = f"or try\n\n  curl --json {body} {url}/hooks\n\n" if url else ""
    return (
        f"No delivery yet.\n\nLet webhooks come to  {url or 'the capture URL'}\n\n{curl}"
        f"or press {keys.first('trigger')} to send yourself a signed sample."
    )
