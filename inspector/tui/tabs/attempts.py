"""Each sending of the delivery with what came of it, and what the sender was answered."""

from collections.abc import Iterator

from inspector.client.models import AttemptDetail, SentRequest
from inspector.domain.attempt import Attempt
from inspector.domain.delivery import iso
from inspector.domain.plaintext import visible
from inspector.tui.document import Entry, Part, Section
from inspector.tui.lines import Line, counted, pair, plain
from inspector.tui.rows import duration_text, size_text
from inspector.tui.tabs.pieces import body_lines, fact, header_lines
from inspector.tui.tabs.shown import Shown

_NAME = "attempt "


def parts(shown: Shown) -> Iterator[Part]:
    """The attempts newest first; each one folds, and all but the newest begin so."""
    delivery = shown.delivery
    answered = "nothing yet" if delivery.answered is None else str(delivery.answered)
    yield pair("the sender got", answered)
    yield pair("state", f"{delivery.state} {delivery.state_reason}".strip(), "state")
    if not shown.attempts:
        yield ()
        key = shown.keys.first("resend")
        yield plain(f"No attempt was made. {key} sends it to its targets.", "doc")
    for place, one in enumerate(reversed(shown.attempts)):
        yield ()
        name = f"{_NAME}{one.attempt.id}"
        head = Entry(_head(one.attempt), "target", one.attempt.target)
        yield Section(name, head, _attempt(one, shown, name), closed=place > 0)


def attempt_of(section: str) -> int | None:
    """The id of the attempt that a section of this tab is about."""
    number = section.removeprefix(_NAME).partition(" ")[0]
    return int(number) if section.startswith(_NAME) and number.isdigit() else None


def _head(attempt: Attempt) -> Line:
    how = f"{attempt.trigger}, re-signed" if attempt.resigned else str(attempt.trigger)
    title = visible(f"attempt {attempt.number} to {attempt.target} ({how})")
    return ((title, "heading"), ("  ", ""), _outcome(attempt))


def _outcome(attempt: Attempt) -> tuple[str, str]:
    """How it ended, in a word or two."""
    took = _took(attempt)
    if attempt.failure is not None:
        return f"{visible(attempt.failure.kind)}{took}", "error"
    if attempt.status is None:
        return "under way", "dim"
    return f"{attempt.status}{took}", "good" if attempt.status < 400 else "error"


def _took(attempt: Attempt) -> str:
    return "" if attempt.duration_ms is None else f" in {duration_text(attempt.duration_ms)}"


def _attempt(one: AttemptDetail, shown: Shown, name: str) -> Iterator[Part]:
    attempt = one.attempt
    yield fact("started", iso(attempt.started_at))
    if one.request is not None:
        sent = one.request
        head = pair("sent", f"{sent.method} {sent.request_target}", "value")
        line = (*head, (f"  {counted(len(sent.headers), 'header')}", "dim"))
        entry = Entry(line, "request target", sent.request_target)
        yield Section(f"{name} request", entry, _sent(sent, shown), closed=True)
    if attempt.failure is not None:
        said = f"{attempt.failure.kind}: {attempt.failure.reason}{_took(attempt)}"
        yield Entry(pair("failed", said, "error"), "failure", attempt.failure.reason)
    elif attempt.status is not None:
        answer = pair("answer", *_outcome(attempt))
        entry = Entry(answer, "status", str(attempt.status))
        yield Section(f"{name} response", entry, _received(one, shown))
    else:
        yield pair("answer", "under way", "dim")


def _sent(sent: SentRequest, shown: Shown) -> Iterator[Part]:
    """What the target got: the head as it was sent, and the body as it was captured."""
    yield from header_lines(sent.headers, shown)
    size, key = size_text(shown.delivery.body_size), shown.keys.first("tab.3")
    yield plain(f"and the body as it was captured, {size}: {key} shows it", "doc")


def _received(one: AttemptDetail, shown: Shown) -> Iterator[Part]:
    yield from header_lines(one.headers, shown)
    yield ()
    yield from body_lines(one.body, one.headers, shown)
    size = one.attempt.body_size
    if size is not None and size > len(one.body):
        yield plain(f"{size_text(size)} in all; the start is kept", "doc")
