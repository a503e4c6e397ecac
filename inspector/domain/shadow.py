"""What the apps of other consumers said to a delivery, beside the one that answers. Pure."""

from inspector.domain.attempt import Failure, Outcome, Response

BODY_BYTES = 16 << 10
"""What is kept of a body, and of all headers together."""
CONSUMER_LENGTH = 128
_REASON_LENGTH = 500


def capped(outcome: Outcome) -> Outcome:
    """The outcome as it is kept: of a long one the beginning."""
    if isinstance(outcome, Failure):
        return Failure(outcome.kind, outcome.reason[:_REASON_LENGTH])
    headers = []
    room = BODY_BYTES
    for name, value in outcome.headers:
        room -= len(name) + len(value)
        if room < 0:
            break
        headers.append((name, value))
    return Response(
        outcome.status,
        outcome.reason[:_REASON_LENGTH],
        tuple(headers),
        outcome.body[:BODY_BYTES],
        max(outcome.body_size, len(outcome.body)),
    )
