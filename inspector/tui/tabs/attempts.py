"""Each sending of the delivery with what came of it, and what the sender was answered.

Below them what the apps of other consumers said, whose answers the sender did not get.
"""

from collections.abc import Iterator

from inspector.client.models import AttemptDetail, SentRequest
from inspector.domain.attempt import Attempt, Failure, Response
from inspector.domain.delivery import iso
from inspector.domain.facts import Shadowed
from inspector.domain.headers import Headers
from inspector.domain.plaintext import one_line, visible
from inspector.tui.document import Entry, Part, Section
from inspector.tui.lines import Line, counted, pair, plain
from inspector.tui.rows import Cell, duration_text, size_text
from inspector.tui.tabs.pieces import body_lines, fact, header_lines
from inspector.tui.tabs.shown import Shown

_NAME, _SHADOW = "attempt ", "shadow "
_CONSUMER, _REASON, _TOLD = 100, 1000, 300


def parts(shown: Shown) -> Iterator[Part]:
    """The attempts newest first; each one folds, and all but the newest begin so.

    Then what was answered elsewhere, folded too.
    """
    delivery = shown.delivery
    answered = "nothing yet" if delivery.answered is None else str(delivery.answered)
    yield pair("the sender got", answered)
    yield pair("state", f"{delivery.state} {delivery.state_reason}".strip(), "state")
    if shown.shadows:
        # They stand far below, under what the app here said.
        told = ", ".join(f"{one.consumer} {_said(one)}" for one in shown.shadows)
        yield pair("elsewhere", one_line(told, _TOLD))
    if not shown.attempts:
        yield ()
        key = shown.keys.first("resend")
        yield plain(f"No attempt was made. {key} sends it to its targets.", "doc")
    for place, one in enumerate(reversed(shown.attempts)):
        yield ()
        name = f"{_NAME}{one.attempt.id}"
        head = Entry(_head(one.attempt), "target", one.attempt.target)
        yield Section(name, head, _attempt(one, shown, name), closed=place > 0)
    if shown.shadows:
        yield ()
    for other in shown.shadows:
        yield _elsewhere(other, shown)


def attempt_of(section: str) -> int | None:
    """The id of the attempt that a section of this tab is about."""
    number = section.removeprefix(_NAME).partition(" ")[0]
    return int(number) if section.startswith(_NAME) and number.isdigit() else None


def _head(attempt: Attempt) -> Line:
    how = f"{attempt.trigger}, re-signed" if attempt.resigned else str(attempt.trigger)
    title = visible(f"attempt {attempt.number} to {attempt.target} ({how})")
    return ((title, "heading"), ("  ", ""), _outcome(attempt))


def _outcome(attempt: Attempt) -> Cell:
    """How it ended, in a word or two."""
    said = attempt.failure or attempt.status
    return ("under way", "dim") if said is None else _ended(said, attempt.duration_ms)


def _ended(said: int | Failure, took: float | None) -> Cell:
    """A status or a failure."""
    if isinstance(said, Failure):
        return f"{visible(said.kind)}{_took(took)}", "error"
    return f"{said}{_took(took)}", "good" if said < 400 else "error"


def _took(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f" in {duration_text(milliseconds)}"


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
        yield _failed(attempt.failure, attempt.duration_ms)
    elif attempt.status is not None:
        answer = pair("answer", *_outcome(attempt))
        entry = Entry(answer, "status", str(attempt.status))
        received = _received(one.body, one.headers, attempt.body_size, shown)
        yield Section(f"{name} response", entry, received)
    else:
        yield pair("answer", "under way", "dim")


def _failed(failure: Failure, took: float | None) -> Entry:
    said = f"{failure.kind}: {one_line(failure.reason, _REASON)}{_took(took)}"
    return Entry(pair("failed", said, "error"), "failure", failure.reason)


def _said(shadow: Shadowed) -> str:
    outcome = shadow.outcome
    return str(outcome.status if isinstance(outcome, Response) else outcome.kind)


def _elsewhere(shadow: Shadowed, shown: Shown) -> Section:
    outcome = shadow.outcome
    said = outcome.status if isinstance(outcome, Response) else outcome
    ended = _ended(said, shadow.duration_ms)
    title = f"answered elsewhere: {one_line(shadow.consumer, _CONSUMER)}"
    head = Entry(((title, "heading"), ("  ", ""), ended), "consumer", shadow.consumer)
    return Section(f"{_SHADOW}{shadow.consumer}", head, _shadow(shadow, ended, shown), closed=True)


def _shadow(shadow: Shadowed, ended: Cell, shown: Shown) -> Iterator[Part]:
    outcome = shadow.outcome
    yield fact("ended", iso(shadow.at))
    if isinstance(outcome, Response):
        yield Entry(pair("answer", *ended), "status", str(outcome.status))
        yield from _received(outcome.body, outcome.headers, outcome.body_size, shown)
    else:
        yield _failed(outcome, shadow.duration_ms)


def _sent(sent: SentRequest, shown: Shown) -> Iterator[Part]:
    """What the target got: the head as it was sent, and the body as it was captured."""
    yield from header_lines(sent.headers, shown)
    size, key = size_text(shown.delivery.body_size), shown.keys.first("tab.3")
    yield plain(f"and the body as it was captured, {size}: {key} shows it", "doc")


def _received(body: bytes, headers: Headers, size: int | None, shown: Shown) -> Iterator[Part]:
    """The answer's headers and what is kept of its body, of `size` bytes in all."""
    yield from header_lines(headers, shown)
    yield ()
    yield from body_lines(body, headers, shown)
    if size is not None and size > len(body):
        yield plain(f"{size_text(size)} in all; the start is kept", "doc")
