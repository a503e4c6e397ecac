"""What the tabs of the detail say: lines of plain text, built without Textual."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from inspector.client.models import AttemptDetail, DeliveryDetail
from inspector.domain.bodyview import BodyView, Mode, view
from inspector.domain.delivery import Delivery, iso
from inspector.domain.headers import Headers
from inspector.domain.plaintext import visible
from inspector.domain.redact import is_secret
from inspector.providers import by_name
from inspector.tui.actions import Keys
from inspector.tui.lines import Line, heading, pair, plain
from inspector.tui.rows import BADGES, duration_text, size_text

TABS = ("Envelope", "Headers", "Body", "Signature", "Attempts")
MODES: tuple[Mode, ...] = ("pretty", "raw", "hex")

_VALUE = 2000
# Larger bodies would hold the screen up while they are parsed.
_DESCRIBED = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of the delivery, and how the user wants to see it."""

    detail: DeliveryDetail
    attempts: tuple[AttemptDetail, ...]
    mode: Mode = "pretty"
    reveal: bool = False
    keys: Keys = field(default_factory=Keys)

    @property
    def delivery(self) -> Delivery:
        return self.detail.delivery


def envelope(shown: Shown) -> Iterator[Line]:
    """The decoded fields, documented and unknown ones told apart, then the facts of the capture."""
    delivery, request = shown.delivery, shown.detail.request
    provider = by_name(delivery.provider)
    yield heading(delivery.event or f"{delivery.method} {delivery.request_target}")
    doc = provider.catalogue.get(delivery.event or "")
    if doc is not None:
        yield plain(f"{doc.summary} [{doc.source}]", "doc")
    elif delivery.event is not None and provider.catalogue:
        yield plain("This event is in no catalogue that is known here.", "doc")
    for note in delivery.notes:
        yield plain(f"! {note}", "warning")
    yield ()
    if len(request.body) > _DESCRIBED:
        yield plain(f"No fields are shown of bodies above {size_text(_DESCRIBED)}.", "doc")
        yield ()
    elif shown.detail.has_body:
        for field in provider.describe(request):
            yield from _field(field.path, field.value, field.doc, field.grade)
        yield ()
    elif delivery.body_size:
        yield plain(_not_loaded(shown), "warning")
        yield ()
    yield from _facts(delivery)


def headers(shown: Shown) -> Iterator[Line]:
    """The request line and the headers as they came: in order, with case and duplicates."""
    request = shown.detail.request
    yield heading(f"{request.method} {request.target} HTTP/{request.http_version}")
    yield from header_lines(request.headers, shown)


def body(shown: Shown) -> Iterator[Line]:
    """The body in the chosen mode, with what is odd about it first."""
    delivery, request = shown.delivery, shown.detail.request
    if not shown.detail.has_body and delivery.body_size:
        yield plain(_not_loaded(shown), "warning")
        return
    yield from _body_lines(request.body, request.headers, shown)
    yield ()
    yield pair("sha256", delivery.body_sha256, "dim", 8)


def signature(shown: Shown) -> Iterator[Line]:
    """The verdict, why, and what came with it."""
    delivery = shown.delivery
    yield heading(f"{BADGES[delivery.verdict]} {delivery.verdict}")
    yield plain(delivery.reason)
    for note in delivery.notes:
        yield plain(f"! {note}", "warning")
    signing = [pair for pair in shown.detail.request.headers if _about_signature(pair[0])]
    if signing:
        yield ()
        yield from header_lines(tuple(signing), replace(shown, reveal=True))


def attempts(shown: Shown) -> Iterator[Line]:
    """Each sending with its outcome, newest first, and what the sender was answered."""
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
        yield from _attempt(one, shown)


BUILDERS: tuple[Callable[[Shown], Iterator[Line]], ...] = (
    envelope,
    headers,
    body,
    signature,
    attempts,
)


def header_lines(pairs: Headers, shown: Shown) -> Iterator[Line]:
    """Each header on a line of its own; values of secret ones are masked until revealed."""
    masked = False
    for name, value in pairs:
        if is_secret(name) and not shown.reveal:
            masked = True
            yield ((f"{visible(name)}: ", "name"), (f"•••• ({len(value)} characters)", "dim"))
        else:
            yield ((f"{visible(name)}: ", "name"), (visible(value), "value"))
    if masked:
        yield plain(f"{shown.keys.first('reveal')} shows the masked values", "doc")


def _field(path: str, value: Any, doc: str, grade: str) -> Iterator[Line]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > _VALUE:
        text = text[:_VALUE] + "…"
    style = "value" if grade != "unknown" else "unknown"
    yield ((visible(path), "name"), (" = ", "dim"), (visible(text), style))
    remark = {"documented": "", "unknown": "not documented"}.get(grade, grade)
    if doc or remark:
        yield plain("    " + (f"{doc} [{remark}]" if doc and remark else doc or remark), "doc")


def _facts(delivery: Delivery) -> Iterator[Line]:
    yield pair("id", str(delivery.id))
    optional = {
        "event id": delivery.event_id,
        "event time": delivery.event_time,
        "duplicate of": delivery.duplicate_of and f"#{delivery.duplicate_of}",
        "edited from": delivery.replay_of and f"#{delivery.replay_of}",
    }
    for name, value in optional.items():
        if value:
            yield pair(name, str(value))
    yield pair("provider", delivery.provider)
    yield pair("received", iso(delivery.received_at))
    yield pair("from", delivery.remote)
    yield pair("request", f"{delivery.method} {delivery.request_target}")
    kind = f", {delivery.content_type}" if delivery.content_type else ""
    yield pair("body", f"{size_text(delivery.body_size)}{kind}")
    yield pair("state", f"{delivery.state} {delivery.state_reason}".strip(), "state")


def _attempt(one: AttemptDetail, shown: Shown) -> Iterator[Line]:
    attempt = one.attempt
    took = "" if attempt.duration_ms is None else f" in {duration_text(attempt.duration_ms)}"
    how = f"{attempt.trigger}, re-signed" if attempt.resigned else str(attempt.trigger)
    yield heading(f"attempt {attempt.number} to {attempt.target} ({how})")
    yield pair("started", iso(attempt.started_at))
    if attempt.failure is not None:
        yield pair("failed", f"{attempt.failure.kind}: {attempt.failure.reason}{took}", "error")
    elif attempt.status is not None:
        style = "good" if attempt.status < 400 else "error"
        yield pair("answer", f"{attempt.status}{took}", style)
        yield from header_lines(one.headers, shown)
        yield ()
        yield from _body_lines(one.body, one.headers, shown)
        if attempt.body_size is not None and attempt.body_size > len(one.body):
            yield plain(f"{size_text(attempt.body_size)} in all; the start is kept", "doc")
    else:
        yield pair("answer", "under way", "dim")


def _body_lines(data: bytes, of: Headers, shown: Shown) -> Iterator[Line]:
    seen: BodyView = view(data, of, shown.mode)
    if seen.kind == "empty":
        yield plain("no body", "dim")
        return
    switch = f"  {shown.keys.first('body-mode')} switches"
    yield ((f"{seen.kind}, {shown.mode}, {size_text(len(data))}", "dim"), (switch, "doc"))
    if seen.note:
        yield plain(f"! {seen.note}", "warning")
    # The lines are harmless already.
    for line in seen.lines:
        yield ((line, "body"),)
    if seen.truncated:
        yield plain("… the rest is not shown", "warning")


def _about_signature(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in ("signature", "timestamp", "event"))


def _not_loaded(shown: Shown) -> str:
    size, key = size_text(shown.delivery.body_size), shown.keys.first("load-body")
    return f"A body of {size} is not loaded by itself: {key} fetches it."
