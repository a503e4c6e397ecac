"""What a provider makes of a delivery: its event, its data, and whether it is genuine."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Verdict(StrEnum):
    """Of the signature, by HMAC and timestamp alone."""

    VALID = "valid"
    INVALID = "invalid"
    STALE = "stale"
    UNSIGNED = "unsigned"
    UNCHECKED = "unchecked"


class Signature(NamedTuple):
    """A verdict and a reason that a human can act on."""

    verdict: Verdict
    reason: str


class Check(NamedTuple):
    """One thing that was looked at in a signature, in one sentence.

    `ok` is whether it is as it should be, None where that could not be decided.
    """

    name: str
    ok: bool | None
    said: str


class Envelope(NamedTuple):
    """The decoded delivery. `data` is the event's payload as parsed JSON, or None without any.

    `event_time` is the provider's text, as sent. `notes` say what is odd, one sentence each.
    """

    provider: str
    event: str | None
    event_id: str | None
    event_time: str | None
    tenant: str | None
    data: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an envelope with what its provider documents of it.

    `path` is dotted from the body's root (`data.delta.amount`, `data.items.0`); `grade` is
    `documented`, `sdk`, `inferred`, or `unknown` for a field on no public page.
    """

    path: str
    value: Any
    doc: str
    grade: str


@dataclass(frozen=True, slots=True)
class EventDoc:
    """One catalogue entry: `summary` says when the event fires; `source` names where it stands."""

    event: str
    family: str
    summary: str
    source: str
