"""Samples as `trigger` sends them: changed, then signed, rightly or wrongly on purpose."""

from difflib import get_close_matches
from fnmatch import fnmatchcase

from inspector.domain.delivery import Request
from inspector.domain.trigger import STALE_SECONDS, TriggerRequest, changed
from inspector.errors import NotFoundError, UsageError
from inspector.providers import PROVIDERS, find_event

_NOBODYS_SECRET = "whsec_not_the_secret_of_anyone"


def build(asked: TriggerRequest, *, at: int, event_id: str, secret: str | None) -> Request:
    """The request of a sample; unsigned when there is no secret to sign it with.

    `at` is microseconds since the epoch. Raises `NotFoundError` for an unknown event and
    `UsageError` for an unknown envelope, a path that leads nowhere, or what is not JSON.
    """
    provider = find_event(asked.event)
    if provider is None:
        known = [event for each in PROVIDERS for event in each.catalogue]
        close = get_close_matches(asked.event, known, 1)
        hint = f"did you mean {close[0]}?" if close else "see `inspector events` for the catalogue"
        if several := [event for event in known if fnmatchcase(event, asked.event)]:
            hint = f"one at a time: {', '.join(several[:3])}{', ...' if several[3:] else ''}"
        raise NotFoundError(f"{asked.event!r} is in no catalogue", hint)
    try:
        sample = provider.sample(
            asked.event,
            at=at,
            event_id=asked.event_id or event_id,
            envelope=asked.envelope,
            data=asked.data,
        )
        sample = changed(sample._replace(target=asked.path), asked.changes)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the sample cannot be made: {error}") from error
    signer = _NOBODYS_SECRET if asked.bad_signature else secret
    if signer is None:
        return sample
    return provider.sign(sample, signer, at - STALE_SECONDS * 1_000_000 if asked.stale else at)
