"""A delivery written out for people, every byte from outside made harmless."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from inspector.cli.compact import human_size
from inspector.domain.attempt import Attempt, Failure
from inspector.domain.bodyview import view
from inspector.domain.delivery import Delivery, Request, iso
from inspector.domain.envelope import Check
from inspector.domain.facts import Shadowed
from inspector.domain.gap import REMEDIES, WHAT, told
from inspector.domain.headers import Headers
from inspector.domain.plaintext import one_line, visible
from inspector.providers import by_name

Made = tuple[Attempt, tuple[Headers, bytes] | None]

_VALUE_WIDTH = 80
_MARKS = {True: "ok", False: "no", None: "?"}


def sheet(
    delivery: Delivery,
    request: Request,
    attempts: Iterable[Made],
    checks: Iterable[Check] = (),
    shadows: Iterable[Shadowed] = (),
) -> Iterator[str]:
    """The lines: request, signature with its `checks`, envelope, body, attempts, `shadows`.

    `request` has no method where no parser understood it; its body is then what came of it.
    """
    yield from _summary(delivery, checks)
    if request.method:
        yield ""
        yield visible(f"{request.method} {request.target} HTTP/{request.http_version}")
        yield from _headers(request.headers)
        yield from _envelope(delivery, request)
    yield from _body("body" if request.method else "what came", request.body, request.headers)
    for attempt, response in attempts:
        yield from _attempt(attempt, response)
    for shadow in shadows:
        yield from _shadow(shadow)


def gap_sheet(gap: Delivery) -> Iterator[str]:
    """The lines of a gap: what is missing, why, and what can be done."""
    yield f"#{gap.id}  gap: {told(gap)}"
    yield _pair("missing", f"{gap.gap_count or 0:,}")
    yield _pair("from", f"#{gap.gap_first} of endpoint {gap.endpoint} at {gap.origin_relay}")
    yield _pair("to", f"#{gap.origin_id}")
    yield _pair("why", gap.state_reason)
    yield _pair("noticed", iso(gap.received_at))
    if gap.note:
        yield _pair("note", gap.note)
    yield from ("", WHAT, *(f"- {each}" for each in REMEDIES))


def _summary(delivery: Delivery, checks: Iterable[Check]) -> Iterator[str]:
    yield f"#{delivery.id}  {one_line(delivery.event or 'no event', 120)}"
    yield _pair("received", f"{iso(delivery.received_at)} from {delivery.remote or 'unknown'}")
    if delivery.origin_relay:
        yield _pair("origin", f"#{delivery.origin_id} at {delivery.origin_relay}")
    yield _pair("signature", f"{delivery.verdict}: {delivery.reason}")
    for check in checks:
        yield visible(f"  {_MARKS[check.ok]:<3} {check.name:<16} {check.said}")
    reason = f" ({delivery.state_reason})" if delivery.state_reason else ""
    yield _pair("state", delivery.state + reason)
    if delivery.answered is not None:
        yield _pair("answered", str(delivery.answered))
    yield _pair("size", f"{human_size(delivery.body_size)}, SHA-256 {delivery.body_sha256}")
    if delivery.event_id:
        yield _pair("event id", delivery.event_id)
    if delivery.event_time:
        yield _pair("event time", delivery.event_time)
    if delivery.duplicate_of:
        yield _pair("duplicate", f"of #{delivery.duplicate_of}")
    if delivery.replay_of:
        yield _pair("replay", f"of #{delivery.replay_of}")
    for note in delivery.notes:
        yield _pair("note", note)


def _pair(name: str, value: str) -> str:
    return f"{name:<12}{visible(value)}"


def _headers(headers: Headers) -> Iterator[str]:
    for name, value in headers:
        yield visible(f"{name}: {value}")


def _envelope(delivery: Delivery, request: Request) -> Iterator[str]:
    fields = by_name(delivery.provider).describe(request)
    if not fields:
        return
    yield ""
    yield f"envelope ({delivery.provider})"
    width = min(max(len(field.path) for field in fields), 40)
    for field in fields:
        doc = f"  {field.doc}" if field.doc else ""
        grade = "" if field.grade in ("documented", "unknown") else f" [{field.grade}]"
        yield visible(f"  {field.path:<{width}}  {_value(field.value)}{doc}{grade}")


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, _VALUE_WIDTH)


def _body(title: str, body: bytes, headers: Headers) -> Iterator[str]:
    shown = view(body, headers)
    yield ""
    note = f" ({shown.note})" if shown.note else ""
    yield visible(f"{title}: {shown.kind}, {human_size(len(body))}{note}")
    for line in shown.lines:
        yield f"  {line}"
    if shown.truncated:
        yield "  … there is more; `--body` writes all of it"


def _attempt(attempt: Attempt, response: tuple[Headers, bytes] | None) -> Iterator[str]:
    yield ""
    signed = ", signed anew" if attempt.resigned else ""
    yield visible(
        f"attempt {attempt.number} to {attempt.target} at {iso(attempt.started_at)} "
        f"({attempt.trigger}{signed})"
    )
    took = "" if attempt.duration_ms is None else f" in {attempt.duration_ms:.0f} ms"
    if attempt.failure:
        yield f"  no answer: {visible(attempt.failure.reason)}"
    elif attempt.status is None:
        yield "  under way"
    else:
        yield f"  {attempt.status}{took}, {human_size(attempt.body_size or 0)}"
    if response is not None:
        yield from _response(*response)


def _shadow(shadow: Shadowed) -> Iterator[str]:
    yield ""
    yield f"answered elsewhere: {one_line(shadow.consumer, 128)} at {iso(shadow.at)}"
    outcome = shadow.outcome
    if isinstance(outcome, Failure):
        yield f"  no answer: {visible(outcome.reason)}"
        return
    yield f"  {outcome.status} in {shadow.duration_ms:.0f} ms, {human_size(outcome.body_size)}"
    yield from _response(outcome.headers, outcome.body)
    if outcome.body_size > len(outcome.body):
        yield f"    … the first {human_size(len(outcome.body))} are kept"


def _response(headers: Headers, body: bytes) -> Iterator[str]:
    yield from (f"  {line}" for line in _headers(headers))
    yield from (f"    {line}" for line in view(body, headers).lines)
