"""Content codings of a body, undone for the eye only: what is signed and sent stays as it came."""

import zlib

# Bytes that one decoded body may grow to, unless the caller says otherwise.
LIMIT = 8 * 1024 * 1024
# More layers than any sender applies; each one is another chance for a bomb.
_MAX_LAYERS = 4
# Each member of a gzip body copies what follows it: many tiny ones would cost quadratic time.
_MAX_MEMBERS = 32
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


def decoded(body: bytes, encoding: str, limit: int = LIMIT) -> bytes | None:
    """The body without its content codings, or None where that cannot be done.

    `encoding` is the Content-Encoding header's value: codings in the order they were applied,
    separated by commas. None for an unknown coding, damaged or unfinished data, and for anything
    that would grow beyond `limit` bytes; an empty or `identity` encoding gives the body itself.
    """
    codings = [coding for part in encoding.split(",") if (coding := part.strip().lower())]
    layers = [coding for coding in codings if coding != "identity"]
    if len(layers) > _MAX_LAYERS:
        return None
    for coding in reversed(layers):
        plain = _undone(body, coding, limit)
        if plain is None:
            return None
        body = plain
    return body


def _undone(body: bytes, coding: str, limit: int) -> bytes | None:
    if coding in ("gzip", "x-gzip"):
        return _gunzip(body, limit)
    if coding == "deflate":
        # RFC 9110 means zlib's format by it; many senders leave that wrapping out.
        stream = _inflate(body, _ZLIB, limit) or _inflate(body, _RAW, limit)
        return stream[0] if stream else None
    return None


def _gunzip(body: bytes, limit: int) -> bytes | None:
    """Every member of a gzip body; zero bytes after the last are padding, as gzip treats them."""
    pieces: list[bytes] = []
    size = 0
    rest = body
    while rest or not pieces:
        if len(pieces) == _MAX_MEMBERS:
            return None
        member = _inflate(rest, _GZIP, limit - size)
        if member is None:
            return None
        pieces.append(member[0])
        size += len(member[0])
        rest = member[1].lstrip(b"\0")
    return b"".join(pieces)


def _inflate(body: bytes, wbits: int, limit: int) -> tuple[bytes, bytes] | None:
    """(plain, what follows the end of the stream), or None if damaged, unfinished or too large."""
    inflater = zlib.decompressobj(wbits)
    try:
        # One byte over the limit tells "too large" from "just fits"; 0 would mean no limit.
        plain = inflater.decompress(body, limit + 1)
    except zlib.error:
        return None
    if len(plain) > limit or not inflater.eof:
        return None
    return plain, inflater.unused_data
