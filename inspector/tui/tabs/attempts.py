"""Each sending of the delivery with what came of it, and what the sender was answered."""

from collections.abc import Iterator

from inspector.client.models import AttemptDetail
from inspector.domain.attempt import Attempt
from inspector.domain.delivery import iso
from inspector.domain.plaintext import visible
from inspector.tui.document import Entry, Part, Section
from inspector.tui.lines import Line, pair, plain
from inspector.tui.rows import duration_text, size_text
from inspector.tui.tabs.pieces import body_lines, fact, header_lines
from inspector.tui.tabs.shown import Shown


def parts(shown: Shown) -> Iterator[Part]:
    """The attempts newest first, each of which folds under its first line."""
    delivery = shown.delivery
    answered = "nothing yet" if delivery.answered is None else str(delivery.answered)
    yield pair("the sender got", answered)
    yield pair("state", f"{delivery.state} {delivery.state_reason}".strip(), "state")
    if not shown.attempts:
        yield ()
        key = shown.keys.first("resend")
        yield plain(f"No attempt was made. {key} sends it to its targets.", "doc")
    for one in reversed(shown.attempts):
        yield ()
        head = Entry(_head(one.attempt), "target", one.attempt.target)
        yield Section(f"attempt {one.attempt.id}", head, _attempt(one, shown))


def _head(attempt: Attempt) -> Line:
    how = f"{attempt.trigger}, re-signed" if attempt.resigned else str(attempt.trigger)
    title = visible(f"attempt {attempt.number} to {attempt.target} ({how})")
    return ((title, "heading"), ("  ", ""), _outcome(attempt))


def _outcome(attempt: Attempt) -> tuple[str, str]:
    """How it ended, in a word or two."""
    if attempt.failure is not None:
        return visible(attempt.failure.kind), "error"
    if attempt.status is None:
        return "under way", "dim"
    return str(attempt.status), "good" if attempt.status < 400 else "error"


def _attempt(one: AttemptDetail, shown: Shown) -> Iterator[Part]:
    attempt = one.attempt
    took = "" if attempt.duration_ms is None else f" in {duration_text(attempt.duration_ms)}"
    yield fact("started", iso(attempt.started_at))
    if attempt.failure is not None:
        yield pair("failed", f"{attempt.failure.kind}: {attempt.failure.reason}{took}", "error")
    elif attempt.status is not None:
        yield pair("answer", f"{attempt.status}{took}", _outcome(attempt)[1])
        yield from header_lines(one.headers, shown)
        yield ()
        yield from body_lines(one.body, one.headers, shown)
        if attempt.body_size is not None and attempt.body_size > len(one.body):
            yield plain(f"{size_text(attempt.body_size)} in all; the start is kept", "doc")
    else:
        yield pair("answer", "under way", "dim")
