"""PacSpace's signature: HMAC-SHA256 over the timestamp header, a full stop and the raw body.

The verdicts agree with `pacspace_sdk.webhooks.Webhooks` 0.7.0, whose clock is the time of capture
here. What that SDK refuses besides (an empty body, an array) is a note of the envelope.
"""

import hmac
from collections.abc import Sequence

from inspector.domain.delivery import Request
from inspector.domain.envelope import Signature, Verdict
from inspector.domain.headers import replaced
from inspector.providers.pacspace import why
from inspector.providers.pacspace.form import claims, flaw
from inspector.providers.parts import Parts, shown

SIGNATURE_HEADER = "X-PacSpace-Signature"
TIMESTAMP_HEADER = "X-PacSpace-Timestamp"
SIGNATURE = SIGNATURE_HEADER.lower()
TIMESTAMP = TIMESTAMP_HEADER.lower()
# Seconds, past and future alike: 300 passes, 301 does not.
TOLERANCE = 300
# From here on the SDK takes a timestamp for milliseconds.
MILLISECONDS_FROM = 1_000_000_000_000
_CENTURY = 100 * 365 * 86400


def sign(request: Request, secret: str, at: int) -> Request:
    """The request with a fresh timestamp in Unix seconds and one `v1=` value over it.

    Raises `ValueError` without a secret.
    """
    if not secret:
        raise ValueError("signing needs the endpoint's secret")
    timestamp = str(at // 1_000_000)
    value = signature_value(secret.encode(), timestamp.encode(), request.body)
    changes = ((SIGNATURE_HEADER, value), (TIMESTAMP_HEADER, timestamp))
    return Request(
        request.method,
        request.target,
        request.http_version,
        replaced(request.headers, changes),
        request.body,
    )


def verify(parts: Parts, secrets: Sequence[str], at: int) -> Signature:
    """The verdict on a capture at `at` (microseconds), with what was tried; secrets by position."""
    signature = parts.headers.get(SIGNATURE, "")
    if not signature:
        state = "empty" if SIGNATURE in parts.headers else "missing"
        return Signature(Verdict.UNSIGNED, f"The header {SIGNATURE_HEADER} is {state}.")
    timestamp = parts.headers.get(TIMESTAMP, "")
    moment = seconds(timestamp)
    keys = numbered(secrets)
    if not keys:
        return Signature(Verdict.UNCHECKED, _unchecked(signature, timestamp, moment))
    if moment is None:
        return Signature(Verdict.INVALID, bad_timestamp(timestamp))
    age = at // 1_000_000 - moment
    stamp = timestamp.encode()
    sent = claims(signature)
    for number, key in keys:
        if place := matching(sent, signature_value(key, stamp, parts.request.body)):
            return _matched(_which(number, len(secrets), place, len(sent)), age)
    reason = why.mismatch(parts, signature, stamp, keys, len(secrets), age_text(age))
    return Signature(Verdict.INVALID, reason)


def matching(sent: Sequence[str], expected: str) -> int:
    """The place, from 1, of the value that is the expected one; 0 if none is."""
    for place, claim in enumerate(sent, 1):
        if claim.isascii() and hmac.compare_digest(expected, claim):
            return place
    return 0


def signature_value(key: bytes, timestamp: bytes, body: bytes) -> str:
    """`v1=` and the lower-case hex HMAC-SHA256 of timestamp, full stop and body."""
    mac = hmac.new(key, timestamp + b".", "sha256")
    mac.update(body)
    return "v1=" + mac.hexdigest()


def seconds(timestamp: str) -> int | None:
    """Unix seconds of a timestamp header as the SDK reads it, by Python's `int`; None if it fails.

    Blanks around it, `+`, `_` between digits and a minus are taken, as there.
    """
    if not timestamp.isascii():
        return None
    try:
        number = int(timestamp)
    except ValueError:
        return None
    return number // 1000 if abs(number) >= MILLISECONDS_FROM else number


def age_text(age: int) -> str:
    """`12 s old`, `7 days old`, `5 min ahead`: how far a timestamp is from the capture."""
    size, side = abs(age), "old" if age >= 0 else "ahead"
    if size > _CENTURY:
        return f"over 100 years {side}"
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * length:
            return f"{size // length} {unit} {side}"
    return f"{size} s {side}"


def numbered(secrets: Sequence[str]) -> list[tuple[int, bytes]]:
    """The secrets as keys, by their place from 1."""
    # An empty secret would make everybody's signature right; the SDK refuses to start with one.
    # What is not UTF-8 in a setting must not make verifying raise; it then just does not match.
    named = enumerate(secrets, 1)
    return [(n, secret.encode("utf-8", "surrogatepass")) for n, secret in named if secret]


def _matched(which: str, age: int) -> Signature:
    aged = age_text(age)
    if abs(age) <= TOLERANCE:
        return Signature(Verdict.VALID, f"Matches {which}; the timestamp was {aged} at capture.")
    advice = (
        "re-sign it before sending it again" if age > 0 else "check the clocks of both machines"
    )
    reason = f"Matches {which}, but the timestamp was {aged} at capture ({TOLERANCE} s allowed)"
    return Signature(Verdict.STALE, f"{reason}: {advice}.")


def _which(number: int, secrets: int, place: int, claims: int) -> str:
    which = "the secret" if secrets == 1 else f"secret {number} of {secrets}"
    return which if claims == 1 else f"{which} with signature {place} of {claims}"


def bad_timestamp(timestamp: str) -> str:
    """Why a timestamp header cannot be read."""
    if not timestamp:
        return f"The header {TIMESTAMP_HEADER} is missing or empty; it is part of what is signed."
    return (
        f"{TIMESTAMP_HEADER} is {shown(timestamp)}, not a whole number of Unix seconds or"
        " milliseconds; the signature was not compared."
    )


def _unchecked(signature: str, timestamp: str, moment: int | None) -> str:
    reason = "Signed, but no secret is known: give it with --secret or INSPECTOR_SECRET."
    if moment is None:
        reason += f" {bad_timestamp(timestamp)}"
    if wrong := flaw(signature):
        reason += f" The signature is {wrong}."
    return reason
