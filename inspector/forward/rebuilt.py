"""What a target was sent, told afterwards: composed once more as it was then. Pure."""

from collections.abc import Callable

from inspector.domain.attempt import Attempt, Failure
from inspector.domain.delivery import Delivery, Request
from inspector.domain.headers import Headers, decode_head
from inspector.domain.routes import parse_target
from inspector.errors import UsageError
from inspector.forward.message import compose, ours
from inspector.providers import by_name

FRESH = "(fresh)"
# Any secret and time do for learning which headers a signature stands in.
_SOME_SECRET = "unknown"
_SOME_TIME = 0

Rebuild = Callable[[Request, Delivery, Attempt], Request | None]
"""The request that an attempt sent for a captured one, both without their bodies."""


def rebuild_with(overrides: Headers, keep_host: bool) -> Rebuild:
    """As the listener sends with these headers of the user's own; None: nothing was written.

    What a re-signed attempt had for a signature was not kept: its values are `FRESH`.
    """

    def rebuild(captured: Request, delivery: Delivery, attempt: Attempt) -> Request | None:
        request = _fresh(captured, delivery.provider) if attempt.resigned else captured
        try:
            target = parse_target(attempt.target)
        except UsageError:
            return None
        message = compose(
            # Of the body the length alone is asked; zeros that nobody reads take no memory.
            request._replace(body=bytes(delivery.body_size)),
            target,
            extra=ours(attempt.delivery_id, attempt.number),
            overrides=overrides,
            keep_host=keep_host,
        )
        if isinstance(message, Failure):
            return None
        method, sent_target, version, headers = decode_head(message.head[:-2])
        return Request(method, sent_target, version, headers, b"")

    return rebuild


def _fresh(captured: Request, provider: str) -> Request:
    try:
        signed = by_name(provider).sign(captured, _SOME_SECRET, _SOME_TIME)
    except ValueError:
        return captured
    before = set(captured.headers)
    headers = ((n, v if (n, v) in before else FRESH) for n, v in signed.headers)
    return captured._replace(headers=tuple(headers))
