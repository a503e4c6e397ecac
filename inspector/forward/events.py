"""Reading the event that a delivery is routed by, without keeping captures from going on."""

import asyncio

from inspector.domain.delivery import Request
from inspector.domain.headers import first
from inspector.providers import event_name

_LARGE_BODY = 64 << 10


def quick(request: Request) -> bool:
    """Whether its body is read in no time to speak of: small, and packed by no content coding."""
    return len(request.body) < _LARGE_BODY and first(request.headers, "content-encoding") is None


async def event_of(request: Request) -> str | None:
    """The request's event type; in a thread unless it is `quick`."""
    return event_name(request) if quick(request) else await asyncio.to_thread(event_name, request)
