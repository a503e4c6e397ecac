"""Which webhook an address has already, and whether its secret is known."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from inspector.account.dashboard import Listed
from inspector.domain.base import DEFAULT_PORTS, Base
from inspector.errors import UsageError
from inspector.providers.pacspace.management import Webhook

_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)


class SecretSource(StrEnum):
    """Where the secret of a webhook is known from."""

    KEPT = "kept"
    GIVEN = "given"  # the user's own is taken to be it
    UNKNOWN = "unknown"


class Existing(NamedTuple):
    """A webhook that is there; with `remembered` only what was made here says so, no list does."""

    webhook: Webhook
    secret: SecretSource
    remembered: bool = False


def find(url: str, listed: Listed, kept: Sequence[Webhook], *, given: bool) -> Existing | None:
    """The webhook of that URL to go on with, None where one is to be made.

    `kept` are those whose secret is kept here, `given` is whether the user gives one. Of several
    the first one is taken whose secret is kept, if possible one that is enabled. Where the list
    may have more of them, one made before counts as there: none is doubled without being told to.
    """
    ids = {each.id for each in kept}
    there = [each for each in listed.webhooks if same_place(each.url, url)]
    if there:
        best = min(there, key=lambda each: (each.id not in ids, each.enabled is False))
        if best.id in ids:
            return Existing(best, SecretSource.KEPT)
        return Existing(best, SecretSource.GIVEN if given else SecretSource.UNKNOWN)
    if listed.flaw:
        for each in kept:
            if same_place(each.url, url):
                return Existing(each, SecretSource.KEPT, remembered=True)
    return None


def checked_url(text: str, base: Base) -> str:
    """The URL that a webhook of that API may send to; raises `ValueError` saying how it is
    to be, and `UsageError` where PacSpace would not take it."""
    try:
        parts = urlsplit(text)
        fine = bool(_URL.fullmatch(text) and parts.hostname and parts.port != 0)
    except ValueError:
        fine = False
    if not fine or parts.fragment or "@" in parts.netloc:
        raise ValueError("write it as https://HOST/PATH")
    if parts.scheme != "https" and not base.local:
        raise UsageError(
            "PacSpace sends to https:// only", "give the https address, of a relay for example"
        )
    return text


def same_place(one: str, other: str) -> bool:
    """Whether two URLs are the same place, however their host is spelled."""
    return _place(one) == _place(other)


def _place(url: str) -> tuple[object, ...]:
    try:
        parts = urlsplit(url.strip())
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return (url,)
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/"), parts.query
