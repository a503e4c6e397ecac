"""Deliveries and their attempts as HAR 1.2, for browsers' network panels and other tools."""

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote_plus

from inspector.domain.content import decoded
from inspector.domain.delivery import Delivery, Request, iso
from inspector.domain.exchange import Exchange
from inspector.domain.headers import Headers, encode_head, first, values
from inspector.domain.redact import MASK
from inspector.domain.routes import parse_target, request_target
from inspector.errors import UsageError

_NOT_IN_A_URI = re.compile(r"""[^!-~]|["<>\\^`{|}]""")


def har(exchanges: Iterable[Exchange], base: str, version: str) -> dict[str, Any]:
    """A HAR 1.2 document: an entry for each attempt, or one for a delivery that has none.

    `base` is what the request targets of deliveries are appended to. A failed attempt has the
    status 0 and its reason in `_error`; a delivery without attempts has the status that the
    sender got. `_delivery` and `_attempt` carry our own summaries. Entries name what is masked in
    them; what the apps of other consumers said has no place in a HAR document.
    """
    entries = [entry for exchange in exchanges for entry in _entries(exchange, base)]
    creator = {"name": "inspector", "version": version}
    return {"log": {"version": "1.2", "creator": creator, "pages": [], "entries": entries}}


def _entries(exchange: Exchange, base: str) -> Iterable[dict[str, Any]]:
    delivery, request, attempts, *_ = exchange
    if not attempts:
        answer = _answer(delivery.answered or 0, (), b"", 0)
        at, url = delivery.received_at, _url(base, request.target)
        yield _entry(delivery, request, url, at, 0.0, answer)
    for attempt, headers, body in attempts:
        answer = _answer(attempt.status or 0, headers, body, attempt.body_size)
        if attempt.failure is not None:
            answer["_error"] = f"{attempt.failure.kind}: {attempt.failure.reason}"
        elif attempt.status is None:
            answer["_error"] = "no answer yet"
        url = _url(attempt.target, request.target)
        took = attempt.duration_ms or 0.0
        entry = _entry(delivery, request, url, attempt.started_at, took, answer)
        if attempt.resigned:
            signed = "signed anew when it was sent: the signature shown is the captured one"
            entry["comment"] = f"{entry['comment']}; {signed}"
        yield entry | {"_attempt": attempt.to_json()}


def _entry(
    delivery: Delivery,
    request: Request,
    url: str,
    started_at: int,
    took: float,
    answer: dict[str, Any],
) -> dict[str, Any]:
    names = [*_masked(request.headers), *answer.pop("_masked")]
    masked = f"; values masked: {', '.join(dict.fromkeys(names))}" if names else ""
    return {
        "startedDateTime": iso(started_at),
        "time": took,
        "request": _request(request, url),
        "response": answer,
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "comment": f"delivery {delivery.id}{masked}",
        "_delivery": delivery.to_json(),
    }


def _request(request: Request, url: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "method": request.method,
        "url": url,
        "httpVersion": f"HTTP/{request.http_version}",
        "cookies": _cookies(values(request.headers, "cookie")),
        "headers": _pairs(request.headers),
        "queryString": _query(request.target),
        "headersSize": _head_size(request),
        "bodySize": len(request.body),
    }
    if request.body:
        media = first(request.headers, "content-type") or ""
        item["postData"] = {"mimeType": media, **_posted(request.body)}
    return item


def _posted(body: bytes) -> dict[str, str]:
    """HAR has no coding for what is posted; `_encoding` is what other tools write and read."""
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        text = b64encode(body).decode("ascii")
        return {"text": text, "_encoding": "base64", "comment": "text is base64"}


def _answer(status: int, headers: Headers, body: bytes, whole: int | None) -> dict[str, Any]:
    size = len(body) if whole is None else whole
    return {
        "status": status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [
            cookie
            for value in values(headers, "set-cookie")
            for cookie in _cookies((value.partition(";")[0],))
        ],
        "headers": _pairs(headers),
        "content": _content(headers, body, size),
        "redirectURL": first(headers, "location") or "",
        "headersSize": -1,
        "bodySize": size,
        "_masked": _masked(headers),
    }


def _content(headers: Headers, body: bytes, size: int) -> dict[str, Any]:
    """The body as its reader sees it: without content codings where they can be undone."""
    plain = decoded(body, first(headers, "content-encoding") or "") if size == len(body) else None
    shown = body if plain is None else plain
    item: dict[str, Any] = {
        "size": size if plain is None else len(plain),
        "mimeType": first(headers, "content-type") or "",
    }
    if plain is not None and plain != body:
        item["compression"] = len(plain) - size
    if size > len(body):
        item["comment"] = f"the first {len(body)} bytes were kept"
    try:
        item["text"] = shown.decode("utf-8")
    except UnicodeDecodeError:
        item |= {"text": b64encode(shown).decode("ascii"), "encoding": "base64"}
    return item


def _pairs(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _cookies(lines: Iterable[str]) -> list[dict[str, str]]:
    pairs = [
        piece.strip().partition("=") for line in lines if line != MASK for piece in line.split(";")
    ]
    return [{"name": name, "value": value} for name, equals, value in pairs if equals]


def _query(target: str) -> list[dict[str, str]]:
    query = target.partition("#")[0].partition("?")[2]
    pairs = [piece.partition("=") for piece in query.split("&") if piece]
    return [{"name": unquote_plus(name), "value": unquote_plus(value)} for name, _, value in pairs]


def _masked(headers: Headers) -> list[str]:
    return [name.lower() for name, value in headers if value == MASK]


def _head_size(request: Request) -> int:
    """Bytes up to the body; -1, which is HAR's "not known", where values are masked."""
    if _masked(request.headers):
        return -1
    head = encode_head(request.method, request.target, request.http_version, request.headers)
    return len(head) + 2


def _url(target: str, captured: str) -> str:
    """The URL that the captured request target has at a target, or at the base.

    A URI is ASCII, which a request target need not be: `_delivery` has it as it came.
    """
    if not captured.startswith("/") and "://" not in captured:
        captured = f"/{captured}"
    try:
        parsed = parse_target(target)
        url = f"{parsed.scheme}://{parsed.authority}{request_target(parsed, captured)}"
    except UsageError:
        url = target + captured
    return _NOT_IN_A_URI.sub(lambda match: quote(match[0].encode("latin-1", "replace")), url)
