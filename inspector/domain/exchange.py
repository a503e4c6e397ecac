"""A delivery with all that came of it, as an export holds it."""

from dataclasses import replace
from typing import NamedTuple

from inspector.domain.attempt import Attempt, Response
from inspector.domain.delivery import Delivery, Request
from inspector.domain.facts import Shadowed
from inspector.domain.headers import Headers
from inspector.domain.redact import masked


class Exchange(NamedTuple):
    """A delivery with its request, its attempts, each with its response's headers and body, and
    what the apps of other consumers said (`shadows`).

    `redacted` names the headers whose values are masked in it.
    """

    delivery: Delivery
    request: Request
    attempts: tuple[tuple[Attempt, Headers, bytes], ...] = ()
    shadows: tuple[Shadowed, ...] = ()
    redacted: tuple[str, ...] = ()


def redact(exchange: Exchange) -> Exchange:
    """The exchange with the values of secret headers masked."""
    names: dict[str, None] = {}

    def shown(headers: Headers) -> Headers:
        headers, found = masked(headers)
        names.update(dict.fromkeys(found))
        return headers

    def heard(shadow: Shadowed) -> Shadowed:
        outcome = shadow.outcome
        if not isinstance(outcome, Response):
            return shadow
        return replace(shadow, outcome=outcome._replace(headers=shown(outcome.headers)))

    delivery, request, attempts, shadows, _ = exchange
    return Exchange(
        delivery,
        request._replace(headers=shown(request.headers)),
        tuple((attempt, shown(headers), body) for attempt, headers, body in attempts),
        tuple(map(heard, shadows)),
        tuple(names),
    )
