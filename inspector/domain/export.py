"""The one JSON shape of a whole delivery: for NDJSON, the API and exports."""

from base64 import b64encode
from contextlib import suppress
from typing import Any

from inspector.domain.attempt import Attempt, Response
from inspector.domain.delivery import Delivery, Request, iso
from inspector.domain.exchange import Exchange
from inspector.domain.facts import Shadowed
from inspector.domain.gap import gap_json, is_gap
from inspector.domain.headers import Headers


def delivery_json(
    delivery: Delivery, request: Request | None, *, body: bool, raw: bytes = b""
) -> dict[str, Any]:
    """The summary with `headers`, and with `body_b64` and (for UTF-8) `body_text` when asked.

    Without a `request` (a refusal of what no parser understood) the headers are empty, and the
    body is `raw`: what came of it.
    """
    item = delivery.to_json()
    item["headers"] = [list(pair) for pair in request.headers] if request else []
    if body:
        item |= body_json(request.body if request else raw)
    return item


def body_json(body: bytes) -> dict[str, str]:
    """`body_b64`, and `body_text` when the bytes are UTF-8."""
    item = {"body_b64": b64encode(body).decode("ascii")}
    with suppress(UnicodeDecodeError):
        item["body_text"] = body.decode("utf-8")
    return item


def attempt_json(attempt: Attempt, response: tuple[Headers, bytes] | None) -> dict[str, Any]:
    """The attempt's summary, and of a response its `headers` and its (capped) body."""
    item = attempt.to_json()
    if response is not None:
        item["headers"] = [list(pair) for pair in response[0]]
        item |= body_json(response[1])
    return item


def shadow_json(fact: Shadowed) -> dict[str, Any]:
    """What the app of another consumer said, of a response with its `headers` and capped body."""
    outcome = fact.outcome
    item = {"consumer": fact.consumer, "at": iso(fact.at), "duration_ms": fact.duration_ms}
    if isinstance(outcome, Response):
        item |= {"status": outcome.status, "failure": None, "body_size": outcome.body_size}
        item["headers"] = [list(pair) for pair in outcome.headers]
        return item | body_json(outcome.body)
    failure = {"kind": outcome.kind, "reason": outcome.reason}
    return item | {"status": None, "failure": failure, "body_size": None}


def exported_line(exchange: Exchange) -> dict[str, Any]:
    """One line of an NDJSON export: the whole delivery, with its attempts in place of their count,
    and with `shadows`.

    `redacted` names the headers whose values are masked, where there are any. A gap has a shape of
    its own.
    """
    delivery, request, attempts, shadows, redacted = exchange
    if is_gap(delivery):
        return {"v": 1, "kind": "gap", **gap_json(delivery)}
    line: dict[str, Any] = {"v": 1, "kind": "delivery"}
    line |= delivery_json(delivery, request, body=True)
    line["attempts"] = [
        attempt_json(one, (headers, body) if one.status is not None else None)
        for one, headers, body in attempts
    ]
    line["shadows"] = [shadow_json(one) for one in shadows]
    return line | ({"redacted": list(redacted)} if redacted else {})
