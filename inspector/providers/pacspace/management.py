"""PacSpace's API for webhooks: the requests of both generations, and what their answers say.

The facts come from the documentation of both and from the SDK. Of a list's pages only the answer
is documented, so that they are asked for by its own words, `page` and `limit`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from inspector.errors import UsageError

_WEBHOOKS = "/dashboard/webhooks"
_DELIVERIES = "/api/v1/balance/webhooks"
_JSON = ("Content-Type", "application/json")
_CSRF = ("X-Pacspace-CSRF", "1")
_LONGEST_ID = 300
_LONGEST_SECRET = 1024
BALANCE = "https://app.pacspace.io"
"""Where the SDK asks for deliveries to be sent again."""


class Generation(NamedTuple):
    """One of the two dashboard APIs; `csrf` is whether it wants its header on what changes."""

    number: int
    base: str
    csrf: bool


FIRST = Generation(1, "https://balance-api.pacspace.io", csrf=False)
SECOND = Generation(2, "https://app.pacspace.io", csrf=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, without what authorises it; `path` stands below the base, percent-encoded."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What came back; header names are lower-case, the body is without its content coding."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class RefusalKind(StrEnum):
    """What an answer that is not the expected one means."""

    INVALID = "invalid"  # 400, 422
    FORBIDDEN = "forbidden"  # 401, 403
    MISSING = "missing"  # 404
    CONFLICT = "conflict"  # 409
    LIMITED = "limited"  # 429
    MOVED = "moved"  # 3xx
    BROKEN = "broken"  # 5xx
    OTHER = "other"
    UNREADABLE = "unreadable"  # a success whose body is another than the documented ones


class Refusal(NamedTuple):
    """`message` is the provider's own text, not made harmless; `retry_after` is in seconds."""

    kind: RefusalKind
    status: int
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as the provider describes it; what it does not say is None.

    `secret` is there only in the answer to its creation. All texts are as they came.
    """

    id: str
    url: str
    enabled: bool | None = None
    created_at: str | None = None
    description: str | None = None
    events: tuple[str, ...] | None = None
    secret: str | None = field(default=None, repr=False)
    success_count: int | None = None
    failure_count: int | None = None
    last_triggered: str | None = None


class WebhookPage(NamedTuple):
    """A part of the list: page `number` of `pages`; `odd` entries could not be read."""

    webhooks: tuple[Webhook, ...]
    number: int
    pages: int
    limit: int | None
    odd: int


def create(
    generation: Generation, url: str, *, description: str = "", events: Sequence[str] = ()
) -> Call:
    body: dict[str, Any] = {"url": url}
    body |= {"description": description} if description else {}
    body |= {"events": list(events)} if events else {}
    headers = (_JSON, _CSRF) if generation.csrf else (_JSON,)
    return Call("POST", _WEBHOOKS, headers, json.dumps(body).encode())


def listing(page: int = 1, limit: int | None = None) -> Call:
    """The first page is asked for without saying so."""
    if page == 1:
        return Call("GET", _WEBHOOKS)
    asked = {"page": page} if limit is None else {"page": page, "limit": limit}
    return Call("GET", f"{_WEBHOOKS}?{urlencode(asked)}")


def show(webhook_id: str) -> Call:
    """Raises `UsageError` for what cannot be an id."""
    return Call("GET", f"{_WEBHOOKS}/{segment(webhook_id)}")


def retry(event_id: str) -> Call:
    """Raises `UsageError` for what cannot be an id."""
    return Call("POST", f"{_DELIVERIES}/{segment(event_id)}/retry", (_JSON,), b"{}")


def segment(text: str) -> str:
    """An id as one step of a path, whatever is in it; raises `UsageError` where none can be made.

    A step of dots alone would be taken as a way up, even percent-encoded.
    """
    if not 0 < len(text) <= _LONGEST_ID or not text.isprintable() or not text.strip("."):
        # It is not repeated: a token that was pasted by mistake looks like this, too.
        raise UsageError(
            "the id given cannot be one", "give it as PacSpace shows it: wh_... or evt_..."
        )
    return quote(text, safe="")


def read_created(answer: ApiAnswer, url: str, now: int) -> Webhook | Refusal:
    """The new webhook with its secret; it is of `url` if it does not say otherwise.

    `now`, here and below, is in microseconds.
    """
    if refused := refusal(answer, now):
        return refused
    item = _unwrapped(_json(answer.body))
    secret = item.get("secret") if isinstance(item, dict) else None
    webhook = _webhook({"url": url, **item}) if isinstance(item, dict) else None
    if webhook is None or not isinstance(secret, str) or not _usable(secret):
        return Refusal(RefusalKind.UNREADABLE, answer.status, "")
    return replace(webhook, secret=secret)


def read_webhook(answer: ApiAnswer, now: int) -> Webhook | Refusal:
    """A webhook that is there already; no secret is taken from it."""
    if refused := refusal(answer, now):
        return refused
    webhook = _webhook(_unwrapped(_json(answer.body)))
    return webhook or Refusal(RefusalKind.UNREADABLE, answer.status, "")


def read_page(answer: ApiAnswer, now: int) -> WebhookPage | Refusal:
    """One page of the list; a list without pages is one."""
    if refused := refusal(answer, now):
        return refused
    found = _unwrapped(_json(answer.body))
    pagination: Any = None
    if isinstance(found, dict):
        pagination, found = found.get("pagination"), found.get("webhooks")
    if not isinstance(found, list):
        return Refusal(RefusalKind.UNREADABLE, answer.status, "")
    read = [_webhook(each) for each in found]
    webhooks = tuple(each for each in read if each is not None)
    told = pagination if isinstance(pagination, dict) else {}
    number, pages = _count(told.get("page")) or 1, _count(told.get("totalPages")) or 1
    return WebhookPage(
        webhooks, number, pages, _count(told.get("limit")), len(read) - len(webhooks)
    )


def refusal(answer: ApiAnswer, now: int) -> Refusal | None:
    """What the answer says is wrong, or None for a success.

    A wrapper may say so as well, whatever the status is.
    """
    if 200 <= answer.status < 300:
        item = _json(answer.body)
        if not isinstance(item, dict):
            return None
        status = _count(item.get("statusCode")) or 0
        if status < 400 and item.get("success") is not False:
            return None
        return Refusal(_kind(status), answer.status, _message(item), _retry_after(answer, now))
    kind = _kind(answer.status)
    message = "" if kind is RefusalKind.MOVED else _message(_json(answer.body))
    return Refusal(kind, answer.status, message, _retry_after(answer, now))


def _kind(status: int) -> RefusalKind:
    known = {
        400: RefusalKind.INVALID,
        401: RefusalKind.FORBIDDEN,
        403: RefusalKind.FORBIDDEN,
        404: RefusalKind.MISSING,
        409: RefusalKind.CONFLICT,
        422: RefusalKind.INVALID,
        429: RefusalKind.LIMITED,
    }
    of_hundreds = {3: RefusalKind.MOVED, 5: RefusalKind.BROKEN}
    return known.get(status) or of_hundreds.get(status // 100, RefusalKind.OTHER)


def _message(item: Any) -> str:
    """The text in `{error: {message}}`, `{message}` or `{error}`, each a text or a list of them."""
    if not isinstance(item, dict):
        return ""
    nested = item.get("error")
    places = [nested.get("message")] if isinstance(nested, dict) else []
    places += [item.get("message")]
    places += [nested.get("code")] if isinstance(nested, dict) else [nested]
    for place in places:
        texts = place if isinstance(place, list) else [place]
        if told := "; ".join(text for text in texts if isinstance(text, str) and text.strip()):
            return told
    return ""


def _retry_after(answer: ApiAnswer, now: int) -> float | None:
    """Seconds, from the header (a number or a date, which the server's own clock measures), or
    else from the body, where the SDK looks for `retryAfterSeconds`."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    if (moment := _http_date(text)) is not None:
        here = _http_date(answer.headers.get("date", ""))
        return max(0.0, moment - (now / 1_000_000 if here is None else here))
    item = _json(answer.body)
    if isinstance(item, dict):
        nested = item.get("error")
        for place in (nested, item):
            told = place.get("retryAfterSeconds") if isinstance(place, dict) else None
            if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < 1e9:
                return float(told)
    return None


def _http_date(text: str) -> float | None:
    # Only an answer that says when to come again needs it, and its import is dear.
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    aware: datetime = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _unwrapped(item: Any) -> Any:
    """What is in `{statusCode, data}` or `{success, data}`, or what is bare."""
    if isinstance(item, dict) and "id" not in item and isinstance(item.get("data"), dict | list):
        return item["data"]
    return item


def _webhook(item: Any) -> Webhook | None:
    if not isinstance(item, dict):
        return None
    id_, url = _text(item.get("id")), _text(item.get("url"))
    if id_ is None or url is None or not id_.isprintable() or len(id_) > _LONGEST_ID:
        return None
    enabled = item.get("enabled", item.get("active"))
    events = item.get("events")
    return Webhook(
        id=id_,
        url=url,
        enabled=enabled if isinstance(enabled, bool) else None,
        created_at=_text(item.get("createdAt")),
        description=_text(item.get("description")),
        events=(
            tuple(each for each in events if isinstance(each, str))
            if isinstance(events, list)
            else None
        ),
        success_count=_count(item.get("successCount")),
        failure_count=_count(item.get("failureCount")),
        last_triggered=_text(item.get("lastTriggered")),
    )


def _usable(secret: str) -> bool:
    """Whether it can be printed and kept in one line."""
    return 0 < len(secret) <= _LONGEST_SECRET and secret.isprintable() and " " not in secret


def _text(value: Any) -> str | None:
    """A text, or a number as one; half a character, which JSON can say, is replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
    return value if whole else None
