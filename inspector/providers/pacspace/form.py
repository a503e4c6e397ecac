"""The form of a signature header: what is wrong with it, and the HMACs that it may mean."""

import base64
import re
from collections.abc import Iterator

_MAX_CLAIMS = 8
_HEX = re.compile(r"[0-9a-fA-F]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_LABEL = re.compile(r"(?:v\d+|sha\d+|hmac|t)\s*[=:]\s*", re.IGNORECASE)
_DIGITS = 64
# Bytes of a digest, by which its hash is known: SHA-1, SHA-256, SHA-384, SHA-512.
HASHES = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}


def claims(signature: str) -> list[str]:
    """The parts of the header that count, as the SDK splits them."""
    return [part for raw in signature.split(",") if (part := raw.strip()).startswith("v1=")]


def flaw(signature: str) -> str:
    """What is wrong with the form of a signature header, as "is ...", or empty if any part fits."""
    flaws = [_part_flaw(part.strip()) for part in signature.split(",", _MAX_CLAIMS)]
    return "" if "" in flaws else flaws[0]


def digests(signature: str) -> Iterator[bytes]:
    """The HMAC that each part of the header may mean, in whatever spelling."""
    for part in signature.split(",", _MAX_CLAIMS)[:_MAX_CLAIMS]:
        found = _plain(_LABEL.sub("", part.strip(), count=1))
        if len(found) in HASHES:
            yield found


def _part_flaw(part: str) -> str:
    digest = _LABEL.sub("", part, count=1)
    label = part[: len(part) - len(digest)]
    name = HASHES.get(len(_plain(digest)), "")
    if _HEX.fullmatch(digest) and len(digest) == _DIGITS:
        if label == "":
            return "bare hex without v1= in front"
        if label != "v1=":
            return f"labelled {label.strip()} instead of v1="
        return "" if digest == digest.lower() else "upper-case hex"
    if name == "sha256":
        return "base64 instead of hex"
    if name:
        return f"as long as one of SHA-{name[3:]}, not of SHA-256"
    if label == "v1=":
        return f"not hex of 64 digits ({len(digest)} characters after v1=)"
    return "not of the form v1=<hex>"


def _plain(digest: str) -> bytes:
    """The bytes of hex, of base64, or of hex in base64; empty for anything else."""
    if len(digest) > 4 * _DIGITS or not digest.isascii():
        return b""
    if _HEX.fullmatch(digest) and len(digest) // 2 in HASHES and len(digest) % 2 == 0:
        return bytes.fromhex(digest)
    if not _BASE64.fullmatch(digest):
        return b""
    # Many leave the padding out; too much of it does no harm.
    try:
        plain = base64.b64decode(digest + "==", altchars=b"-_" if set("-_") & set(digest) else None)
    except ValueError:
        return b""
    inner = plain.decode("latin-1")
    return bytes.fromhex(inner) if _HEX.fullmatch(inner) and len(inner) == _DIGITS else plain
