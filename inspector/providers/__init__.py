"""The senders that this tool knows: which of them a request is from, and what they make of it.

Light to import: the listener does so at its start.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from inspector.domain.delivery import Request
from inspector.domain.envelope import Check, Envelope, Signature, Verdict
from inspector.providers.base import Provider
from inspector.providers.generic import GENERIC
from inspector.providers.pacspace import PACSPACE
from inspector.providers.parts import Parts, PartsReader

# The first that recognises a request has it; the generic one takes everything.
PROVIDERS: tuple[Provider, ...] = (PACSPACE, GENERIC)
_READERS: tuple[PartsReader, ...] = (PACSPACE, GENERIC)


def provider_for(request: Request) -> Provider:
    """The first provider that recognises the request; the generic one if no other does."""
    return next((p for p in PROVIDERS if p.recognise(request)), GENERIC)


def by_name(name: str) -> Provider:
    """The provider of that name; the generic one for a name that this version does not know."""
    return next((p for p in PROVIDERS if p.name == name), GENERIC)


def find_event(event: str) -> Provider | None:
    """The provider whose catalogue holds the event, or None."""
    return next((p for p in PROVIDERS if event in p.catalogue), None)


def meant(pattern: str) -> str:
    """The known event nearest to a pattern of the same family that matches none; else nothing."""
    known = [event for each in PROVIDERS for event in each.catalogue]
    family, dot, _ = pattern.partition(".")
    family += dot
    near = [event for event in known if dot and event.startswith(family)]
    if not near or any(fnmatchcase(event, pattern) for event in known):
        return ""
    from difflib import get_close_matches  # hardly ever needed

    return get_close_matches(pattern, near, 1, 0)[0]


def event_name(request: Request) -> str | None:
    """The event type alone, as `read` finds it, for routing on the way; never raises."""
    try:
        parts = Parts(request)
        return _reader(parts).event(parts)
    except Exception:
        # As for `read`: a delivery that cannot be read has no event.
        return None


def read(request: Request, secrets: Sequence[str], at: int) -> tuple[Envelope, Signature]:
    """What the request's provider decodes and verifies, in one reading; never raises.

    `at` is the time of capture in microseconds. The same as `provider_for`, `decode` and `verify`,
    at the cost of one parse.
    """
    try:
        parts = Parts(request)
        reader = _reader(parts)
        return reader.envelope(parts), reader.signature(parts, secrets, at)
    except Exception as error:
        # A fault of ours must not stop the indexer; the delivery stays readable as bytes.
        return _unreadable(error)


def explained(
    request: Request, secrets: Sequence[str], at: int, listed: Verdict | None = None
) -> tuple[Signature, tuple[Check, ...]]:
    """The verdict by these secrets as of the capture `at`, and what was checked for it.

    `listed` is the verdict that the index holds, which may be by other secrets; a difference is
    one more check. Never raises. May take a second: call it in a thread.
    """
    try:
        provider = provider_for(request)
        signature = provider.verify(request, secrets, at)
        checks = provider.explain(request, secrets, at)
    except Exception as error:
        _, signature = _unreadable(error)
        return signature, (Check("inspector", None, signature.reason),)
    if listed is None or listed is signature.verdict:
        return signature, checks
    said = (
        f"The list says {listed}: other secrets were known when this was read."
        " `inspector reindex` reads it again."
    )
    return signature, (*checks, Check("list", None, said))


def _reader(parts: Parts) -> PartsReader:
    return next(r for r in _READERS if r.knows(parts))


def _unreadable(error: Exception) -> tuple[Envelope, Signature]:
    note = f"Reading this delivery failed, a fault of inspector: {type(error).__name__}."
    envelope = Envelope(GENERIC.name, None, None, None, None, None, (note,))
    return envelope, Signature(Verdict.UNCHECKED, note)
