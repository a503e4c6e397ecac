"""Why a signature does not match: its form, and the mistakes that would explain the value sent.

Only words come from here. A verdict is `invalid` before this module is asked.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Sequence

# Every guess costs an HMAC over the body: large ones and many secrets are not worth it.
_MAX_BODY = 256 * 1024
_MAX_KEYS = 4
_MAX_CLAIMS = 8
_PREFIX = b"whsec_"
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=")
_LABEL = re.compile(r"(?:v\d+|sha256|hmac|t)\s*[=:]\s*", re.IGNORECASE)


def mismatch(
    signature: str, timestamp: bytes, body: bytes, keys: Sequence[tuple[int, bytes]], aged: str
) -> str:
    """One or two sentences on a signature header that matches none of the numbered keys."""
    wrong = flaw(signature)
    secrets = "the secret" if len(keys) == 1 else f"any of {len(keys)} secrets"
    if len(body) <= _MAX_BODY and (cause := _cause(signature, timestamp, body, keys, wrong)):
        return f"Does not match {secrets}: {cause}."
    if wrong:
        return f"The signature is {wrong}; lower-case hex after v1= is expected."
    return (
        f"Does not match {secrets} (timestamp {aged} at capture): either it was signed with another"
        " endpoint's secret, or the body or the timestamp was changed on the way."
    )


def flaw(signature: str) -> str:
    """What is wrong with the form of a signature header, as "is ...", or empty if any part fits."""
    flaws = [_part_flaw(part.strip()) for part in signature.split(",", _MAX_CLAIMS)]
    return "" if "" in flaws else flaws[0]


def _part_flaw(part: str) -> str:
    digest = _LABEL.sub("", part, count=1)
    label = part[: len(part) - len(digest)]
    if _HEX.fullmatch(digest):
        if label == "":
            return "bare hex without v1= in front"
        if label != "v1=":
            return f"labelled {label.strip()} instead of v1="
        return "" if digest == digest.lower() else "upper-case hex"
    if _BASE64.fullmatch(digest):
        return "base64 instead of hex"
    if label == "v1=":
        return f"not hex of 64 digits ({len(digest)} characters after v1=)"
    return "not of the form v1=<hex>"


def _cause(
    signature: str, timestamp: bytes, body: bytes, keys: Sequence[tuple[int, bytes]], wrong: str
) -> str:
    digests = list(_digests(signature))
    for number, key in keys[:_MAX_KEYS]:
        which = "the secret" if len(keys) == 1 else f"secret {number}"
        for cause, guess_key, message in _guesses(key, timestamp, body, which, wrong):
            guess = hmac.digest(guess_key, message, "sha256")
            if any(hmac.compare_digest(guess, digest) for digest in digests):
                return cause
    return ""


def _digests(signature: str) -> Iterator[bytes]:
    """The 32 bytes that each part of the header may mean, in whatever spelling."""
    for part in signature.split(",", _MAX_CLAIMS)[:_MAX_CLAIMS]:
        digest = _LABEL.sub("", part.strip(), count=1)
        if _HEX.fullmatch(digest):
            yield bytes.fromhex(digest)
        elif _BASE64.fullmatch(digest):
            yield base64.b64decode(digest, altchars=b"-_" if set("-_") & set(digest) else None)


def _guesses(
    key: bytes, timestamp: bytes, body: bytes, which: str, wrong: str
) -> Iterator[tuple[str, bytes, bytes]]:
    """(cause, key, message) of each known mistake, the likeliest first."""
    signed = timestamp + b"." + body
    yield f"the HMAC is right by {which}, but written as {wrong or 'no v1= value'}", key, signed
    if key != key.strip():
        yield f"{which} has blanks around it, which must go", key.strip(), signed
    if key.startswith(_PREFIX):
        bare = key.removeprefix(_PREFIX)
        yield f"{which} was used without its whsec_, which is part of it", bare, signed
        if plain := _from_base64(bare):
            yield f"{which} was decoded from base64, but the text itself is the key", plain, signed
    else:
        yield f"{which} lacks the whsec_ in front", _PREFIX + key, signed
    yield f"by {which} the body alone was signed, without the timestamp", key, body
    for what, number in _other_units(timestamp):
        yield f"by {which} {what} were signed, not the header as sent", key, number + b"." + body
    for what, other in _other_bodies(body):
        yield f"by {which} the body was signed {what}", key, timestamp + b"." + other


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _other_units(timestamp: bytes) -> Iterator[tuple[str, bytes]]:
    if timestamp.isdigit():
        yield "milliseconds", timestamp + b"000"
        yield "seconds", timestamp[:-3]


def _other_bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    if (stripped := body.rstrip(b"\r\n")) != body:
        yield "without the line break at its end", stripped
    else:
        yield "with a line break at its end", body + b"\n"
    if b"\r\n" in body:
        yield "with LF for CRLF", body.replace(b"\r\n", b"\n")
    elif b"\n" in body:
        yield "with CRLF for LF", body.replace(b"\n", b"\r\n")
