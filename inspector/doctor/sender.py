"""Sending the exact bytes of a request, whatever a client would rather have made of them."""

import asyncio
import ssl
from time import perf_counter

from inspector.domain.attempt import Failure, FailureKind, Outcome
from inspector.domain.routes import Target
from inspector.domain.torture import Case
from inspector.forward.connection import connect
from inspector.forward.message import Message
from inspector.forward.target import Sent


async def send_exactly(
    target: Target,
    case: Case,
    *,
    prefix: str = "",
    tls: ssl.SSLContext | None = None,
    timeout: float,
) -> Sent:
    """Send a case over a connection of its own, to a path behind `prefix`.

    Never raises for what the network or the server does.
    """
    begun = perf_counter()
    outcome: Outcome | None = None
    try:
        async with asyncio.timeout(timeout):
            reached = await connect(target, tls)
            if isinstance(reached, Failure):
                outcome = reached
            else:
                message = Message(case.request.method, case.head(prefix), case.body())
                try:
                    outcome = await reached.exchange(message)
                finally:
                    reached.abort()
    except TimeoutError:
        reason = f"{target.authority} gave no answer within {timeout:g} s"
        outcome = Failure(FailureKind.TIMEOUT, reason)
    assert outcome is not None
    return Sent(outcome, (perf_counter() - begun) * 1000)
