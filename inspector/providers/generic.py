"""Anybody's webhook: JSON with an event-like key, a form, or bytes. Takes every request."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from inspector.domain.delivery import Request
from inspector.domain.envelope import Check, Envelope, EventDoc, Field, Signature, Verdict
from inspector.providers import wellknown
from inspector.providers.fields import fields
from inspector.providers.forms import multipart, urlencoded
from inspector.providers.parts import Parts, scalar_text, shown, tidy
from inspector.providers.schemes import SCHEMES, SIGNATURE_WORDS, Scheme

NAME = "generic"
_FORM = "application/x-www-form-urlencoded"
# What a weak key must hold to be taken for an event name.
_NAME_LIKE = re.compile(r"[\w.:/-]{1,64}")
_NO_CATALOGUE: Mapping[str, EventDoc] = MappingProxyType({})
_BLANKS = b" \t\r\n"
_UNSIGNED = "No header that is known to carry a signature."
_NO_SIGNATURE = "There is nothing to check: whoever knows the address can send this."
_NOT_CHECKED = "inspector checks PacSpace's signatures alone; this one is for your app to check"


class Generic:
    """The provider `generic`: stateless, so one instance serves everybody."""

    name: str = NAME
    catalogue: Mapping[str, EventDoc] = _NO_CATALOGUE

    def recognise(self, request: Request) -> bool:
        return True

    def decode(self, request: Request) -> Envelope:
        return self.envelope(Parts(request))

    def verify(self, request: Request, secrets: Sequence[str], at: int) -> Signature:
        return self.signature(Parts(request), secrets, at)

    def explain(self, request: Request, secrets: Sequence[str], at: int) -> tuple[Check, ...]:
        parts = Parts(request)
        found = _signature(parts)
        if found is None:
            return Check("header", False, _UNSIGNED), Check("explanation", None, _NO_SIGNATURE)
        return tuple(_explained(parts, *found))

    def sign(self, request: Request, secret: str, at: int) -> Request:
        raise ValueError("the signature scheme of this sender is not known, so nothing can sign it")

    def describe(self, request: Request) -> tuple[Field, ...]:
        data, _ = _read(Parts(request), [])
        return () if data is None else fields(data)

    def sample(
        self,
        event: str,
        *,
        at: int,
        event_id: str,
        envelope: str = "docs",
        data: Any = None,
    ) -> Request:
        raise ValueError(f"unknown event {shown(event)}: see `inspector events`")

    def knows(self, parts: Parts) -> bool:
        return True

    def event(self, parts: Parts) -> str | None:
        return _event(parts, _read(parts, [])[1], [])

    def envelope(self, parts: Parts) -> Envelope:
        notes: list[str] = []
        data, main = _read(parts, notes)
        if main and isinstance(data, list):
            notes.append(f"A batch of {len(data)}; the event is that of the first.")
        return Envelope(
            NAME,
            _event(parts, main, notes),
            _text(parts, wellknown.ID_HEADERS, main, wellknown.ID_KEYS, "event id", notes),
            _text(parts, wellknown.TIME_HEADERS, main, wellknown.TIME_KEYS, "event time", notes),
            None,
            data,
            tuple(notes),
        )

    def signature(self, parts: Parts, secrets: Sequence[str], at: int) -> Signature:
        """`unchecked` where a header looks like a signature, else `unsigned`."""
        if found := _signature(parts):
            name, scheme = found
            by = f" ({scheme.sender})" if scheme else ""
            reason = f"The header {name[:64]}{by} is there, but its scheme is not checked."
            return Signature(Verdict.UNCHECKED, reason)
        return Signature(Verdict.UNSIGNED, _UNSIGNED)


GENERIC = Generic()


def _read(parts: Parts, notes: list[str]) -> tuple[Any, dict[str, Any]]:
    """(data, the JSON object that names the event, empty without one).

    Data is parsed JSON, a form's fields, descriptions of a multipart's parts, or None.
    """
    kind = parts.content_type
    if kind.startswith("multipart/"):
        return multipart(parts.plain_body() or b"", parts.headers["content-type"]), {}
    if _looks_like_json(parts, kind):
        value, ok, problem = parts.json
        if problem and (ok or "json" in kind):
            notes.append(f"The body {problem}.")
        if ok:
            return value, _main(value)
    return urlencoded(parts.plain_body() or b"") if kind == _FORM else None, {}


def _looks_like_json(parts: Parts, kind: str) -> bool:
    """By its type, or by its first character: many send JSON under no type or another one."""
    if not parts.request.body:
        return False
    if "json" in kind or parts.encoding:
        return True
    return parts.request.body[:64].lstrip(b"\xef\xbb\xbf" + _BLANKS)[:1] in (b"{", b"[")


def _main(data: Any) -> dict[str, Any]:
    """The object that names the event: the body, or the first of a batch."""
    if isinstance(data, list) and data:
        data = data[0]
    return data if isinstance(data, dict) else {}


def _event(parts: Parts, main: dict[str, Any], notes: list[str]) -> str | None:
    found = _from_headers(parts, wellknown.EVENT_HEADERS)
    if found is None:
        found = _event_key(main)
    return None if found is None else tidy(found, "event name", notes)


def _event_key(main: dict[str, Any]) -> str | None:
    for key in wellknown.EVENT_KEYS:
        value = main.get(key)
        if isinstance(value, dict) and key == "event":
            # Slack and others put an object there, whose own type is the telling one.
            value = value.get("type") or value.get("name")
        if isinstance(value, str) and value.strip():
            return value
    for key in wellknown.WEAK_EVENT_KEYS:
        value = main.get(key)
        if isinstance(value, str) and _NAME_LIKE.fullmatch(value):
            return value
    return None


def _signature(parts: Parts) -> tuple[str, Scheme | None] | None:
    """The first header that looks like a signature, as it was sent, and whose scheme it is."""
    for name, _ in parts.request.headers:
        key = name.lower()
        scheme = SCHEMES.get(key)
        if scheme or any(word in key for word in SIGNATURE_WORDS):
            return name, scheme
    return None


def _explained(parts: Parts, name: str, scheme: Scheme | None) -> Iterator[Check]:
    """What is known of a signature that is not checked."""
    value = parts.headers[name.lower()]
    if scheme is None:
        yield Check("header", True, f"{shown(name)} looks like a signature by its name.")
        yield Check("scheme", None, "Its scheme is not known here.")
        yield Check("explanation", None, f"{_NOT_CHECKED}: its scheme is not known here.")
        return
    yield Check("header", True, f"{shown(name)} is a header of {scheme.sender}.")
    yield Check("scheme", None, f"By its documentation it is {scheme.made}.")
    if scheme.fits(value):
        yield Check("form", True, "The value has that form.")
    else:
        yield Check("form", False, f"The value, of {len(value)} characters, has another form.")
    for other in scheme.beside:
        there = other in parts.headers
        said = f"{other} is {'there' if there else 'missing'}; it is part of what is signed."
        yield Check(other, there, said)
    yield Check("explanation", None, f"{_NOT_CHECKED}: that takes {scheme.needs}.")


def _text(
    parts: Parts,
    headers: tuple[str, ...],
    main: dict[str, Any],
    keys: tuple[str, ...],
    what: str,
    notes: list[str],
) -> str | None:
    found = _from_headers(parts, headers)
    if found is None:
        found = next((text for key in keys if (text := scalar_text(main.get(key)))), None)
    return None if found is None else tidy(found, what, notes)


def _from_headers(parts: Parts, names: tuple[str, ...]) -> str | None:
    for name in names:
        if name in parts.headers and (text := parts.text(name)):
            return text
    return None
