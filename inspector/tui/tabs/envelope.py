"""What the provider said: its fields with their documentation, and the facts of the capture."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from inspector.domain.bodyview import opened
from inspector.domain.delivery import Delivery, Request, iso
from inspector.domain.envelope import Field
from inspector.domain.plaintext import visible
from inspector.providers import by_name
from inspector.tui.document import Entry, Part
from inspector.tui.lines import Line, heading, plain
from inspector.tui.rows import size_text
from inspector.tui.tabs.moments import beside
from inspector.tui.tabs.pieces import fact, not_loaded, notes
from inspector.tui.tabs.shown import Shown

# Larger bodies would hold the screen up while they are parsed.
DESCRIBED = 1024 * 1024
_VALUE = 2000
# More fields than that are not described, each of which has one or two lines.
_LINES = 6000
# How sure a field is, as a word and as a sign before its name.
_GRADES = {
    "documented": (" ", ""),
    "sdk": ("s", "only in the SDK"),
    "inferred": ("~", "inferred"),
    "unknown": ("?", "not documented"),
}


def parts(shown: Shown) -> Iterator[Part]:
    """The decoded fields, documented and unknown ones told apart, then the facts of the capture."""
    delivery, request = shown.delivery, shown.detail.request
    provider = by_name(delivery.provider)
    title = heading(delivery.event or f"{delivery.method} {delivery.request_target}")
    yield Entry(title, "event", delivery.event)
    doc = provider.catalogue.get(delivery.event or "")
    if doc is not None:
        yield plain(f"{doc.summary} [{doc.source}]", "doc")
    elif delivery.event is not None and provider.catalogue:
        yield plain("This event is in no catalogue that is known here.", "doc")
    yield from notes(delivery.notes)
    yield ()
    if len(request.body) > DESCRIBED:
        yield plain(f"No fields are shown of bodies above {size_text(DESCRIBED)}.", "doc")
        yield ()
    elif shown.body_missing:
        yield not_loaded(shown)
        yield ()
    elif fields := provider.describe(request):
        sent = _sent_numbers(request)
        known = bool(provider.catalogue)
        for field in fields:
            yield from _field(field, sent, delivery.received_at, known=known)
        yield ()
    yield from _facts(delivery, shown.not_stored)


def _field(field: Field, sent: Mapping[str, str], captured: int, *, known: bool) -> Iterator[Entry]:
    """A value with its documentation; `known`: of its sender something is documented at all."""
    number = isinstance(field.value, int | float) and not isinstance(field.value, bool)
    text = sent.get(field.path, "") if number else ""
    text = text or _text(field.value)
    shown = text if len(text) <= _VALUE else text[:_VALUE] + "…"
    sign, remark = _GRADES.get(field.grade, ("?", field.grade)) if known else (" ", "")
    value: Line = ((visible(shown), "unknown" if sign == "?" else "value"),)
    if when := beside(field.path, field.value, captured):
        value = (*value, (f"  {when}", "doc"))
    cells: Line = ((f"{sign} ", "doc"), (visible(field.path), "name"), (" = ", "dim"), *value)
    yield Entry(cells, field.path, text)
    if field.doc or remark:
        said = f"{field.doc} [{remark}]" if field.doc and remark else field.doc or remark
        yield Entry(plain("      " + said, "doc"), field.path, text)


def _sent_numbers(request: Request) -> dict[str, str]:
    """The scalars of a JSON body by their path, as they were sent: `1.50` is not `1.5`."""
    layout = opened(request.body, request.headers, limit=DESCRIBED, max_lines=_LINES).layout
    if layout is None:
        return {}
    # Of a repeated key the last one counts, as for whoever parses it.
    lines = (one for one in range(len(layout)) if not layout.bracket(one))
    return {layout.path(one): layout.value(one) for one in lines}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _facts(delivery: Delivery, not_stored: str) -> Iterator[Entry]:
    yield fact("id", str(delivery.id))
    optional = {
        "event id": delivery.event_id,
        "event time": delivery.event_time,
        "duplicate of": delivery.duplicate_of and f"#{delivery.duplicate_of}",
        "edited from": delivery.replay_of and f"#{delivery.replay_of}",
        "mark": delivery.mark,
        "note": delivery.note,
    }
    for name, value in optional.items():
        if value:
            yield _optional(name, str(value), delivery.received_at)
    yield fact("provider", delivery.provider)
    yield fact("received", iso(delivery.received_at))
    if delivery.remote:
        yield fact("from", delivery.remote)
    if delivery.origin_relay:
        text = f"#{delivery.origin_id} at {delivery.origin_relay}"
        yield fact("origin", text)._replace(value=str(delivery.origin_id))
    line = f"{delivery.method} {delivery.request_target}"
    yield fact("request", line)._replace(value=delivery.request_target)
    kind = f", {delivery.content_type}" if delivery.content_type else ""
    yield fact("body", f"{not_stored or size_text(delivery.body_size)}{kind}")
    if not not_stored:
        yield fact("sha256", delivery.body_sha256)
    yield fact("state", f"{delivery.state} {delivery.state_reason}".strip(), "state")


def _optional(name: str, value: str, captured: int) -> Entry:
    entry = fact(name, value)
    when = beside("time", value, captured) if name == "event time" else ""
    return entry._replace(cells=(*entry.cells, (f"  {when}", "doc"))) if when else entry
