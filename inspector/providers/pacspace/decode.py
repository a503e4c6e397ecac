"""PacSpace's two envelopes, that of the documentation and that of the SDK, read into one.

Which of them is really sent is not public, and the SDK enforces neither: every key may be missing.
"""

from typing import Any

from inspector.domain.envelope import Envelope
from inspector.providers.pacspace.catalogue import CATALOGUE
from inspector.providers.pacspace.signature import (
    SIGNATURE,
    SIGNATURE_HEADER,
    TIMESTAMP,
    TIMESTAMP_HEADER,
)
from inspector.providers.parts import Parts, scalar_text, shown, tidy

NAME = "pacspace"
EVENT_HEADER = "X-Webhook-Event"
ID_HEADER = "X-Event-ID"
EVENT = EVENT_HEADER.lower()
EVENT_ID = ID_HEADER.lower()
_SINGLE = {
    SIGNATURE: SIGNATURE_HEADER,
    TIMESTAMP: TIMESTAMP_HEADER,
    EVENT: EVENT_HEADER,
    EVENT_ID: ID_HEADER,
}


def knows(parts: Parts) -> bool:
    """By a signature or timestamp header, else by a catalogue event in header or body."""
    headers = parts.headers
    if SIGNATURE in headers or TIMESTAMP in headers:
        return True
    # The body is parsed last: most requests that are not ours have no reason to be.
    return parts.text(EVENT) in CATALOGUE or _body_text(_body(parts).get("event")) in CATALOGUE


def event_name(parts: Parts) -> str | None:
    """The event type as `envelope` finds it."""
    return _event(parts, _body(parts), [])


def envelope(parts: Parts) -> Envelope:
    notes: list[str] = []
    body = _body(parts)
    event = _event(parts, body, notes)
    event_id = _event_id(parts, body, notes)
    time = scalar_text(body.get("timestamp")) or scalar_text(body.get("createdAt"))
    tenant = scalar_text(body.get("tenantId"))
    _note_body(parts, body, notes)
    _note_repeats(parts, notes)
    return Envelope(
        NAME,
        event,
        event_id,
        tidy(time, "event time", notes) if time else None,
        tidy(tenant, "tenant", notes) if tenant else None,
        body.get("data"),
        tuple(notes),
    )


def _body(parts: Parts) -> dict[str, Any]:
    value = parts.json.value
    return value if isinstance(value, dict) else {}


def _body_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _event(parts: Parts, body: dict[str, Any], notes: list[str]) -> str | None:
    header = parts.text(EVENT)
    inside = _body_text(body.get("event"))
    if inside is None and body.get("event") is not None:
        notes.append("The body's event is not a text; the header's is used.")
    if inside and header and inside != header:
        notes.append(
            f"The body says event {shown(inside)}, the header {EVENT_HEADER} says {shown(header)};"
            " the body's is used."
        )
    event = inside or header
    if event is None:
        notes.append(f"No event name, neither in the body nor in {EVENT_HEADER}.")
        return None
    event = tidy(event, "event name", notes)
    if event not in CATALOGUE:
        notes.append(f"The event {shown(event)} is in no public catalogue of PacSpace.")
    return event


def _event_id(parts: Parts, body: dict[str, Any], notes: list[str]) -> str | None:
    header = parts.text(EVENT_ID)
    inside = scalar_text(body.get("id"))
    if inside and header and inside != header:
        notes.append(
            f"The header {ID_HEADER} says {shown(header)}, the body's id says {shown(inside)};"
            " the header's is used."
        )
    found = header or inside
    return tidy(found, "event id", notes) if found else None


def _note_body(parts: Parts, body: dict[str, Any], notes: list[str]) -> None:
    """What PacSpace's SDK would refuse or stumble over, whatever the signature says."""
    if not parts.request.body:
        notes.append("The body is empty: the SDK refuses it, even when it is signed.")
        return
    value, ok, problem = parts.json
    if problem:
        notes.append(f"The body {problem}; the SDK may refuse it.")
    if ok and not isinstance(value, dict):
        kind = "an array" if isinstance(value, list) else "a single value"
        notes.append(f"The body is {kind}, not an object: the SDK refuses it.")
    if body.get("data") is not None and not isinstance(body["data"], dict):
        notes.append("The body's data is not an object, as the documentation has it.")
    if parts.encoding:
        notes.append(
            f"The body is encoded ({shown(parts.encoding)}): the signature is about the bytes as"
            " sent, before decoding."
        )


def _note_repeats(parts: Parts, notes: list[str]) -> None:
    for name, spelling in _SINGLE.items():
        if (count := parts.repeats(name)) > 1:
            notes.append(
                f"{spelling} was sent {count} times: the first one counts here, as in the SDK;"
                " a server that joins them may judge otherwise."
            )
