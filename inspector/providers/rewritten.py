"""A body as others would have written it: what may have been signed in place of what was sent.

Each function yields (how, body), where `how` completes "the body was signed ...". A sender signs
what it holds and sends what its HTTP client makes of it; a proxy between may write it anew.
"""

import json
import unicodedata
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from inspector.domain.content import decoded

Rewritten = Iterator[tuple[str, bytes]]

_BOM = b"\xef\xbb\xbf"
# What gzip's header says of the system (RFC 1952): Unix, Windows, a Mac, and Python 3.13 anywhere.
_SYSTEMS = (b"\x03", b"\x0a", b"\x13", b"\xff")
_LARGEST_WHOLE = 1e21
# No JSON text holds it raw, so that one slow layout gives every indentation by replacement.
_STEP = "\x01"
_INDENTS = (("by 2", "  "), ("by 4", "    "), ("by tabs", "\t"))
# How many times as large as the body an indented one may be, and bytes that are allowed anyway.
_MOST_INDENTED = 16
_MOST_INDENTED_ANYWAY = 4096
_GO_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
# Where a program is given an object, or nothing, in place of the text.
_WORDS = ("undefined", "null", "None", "[object Object]")


def last_breaks(body: bytes, *, thorough: bool) -> Rewritten:
    """The line break at the end, and blanks around."""
    bare = body.rstrip(b"\r\n")
    if bare != body:
        yield "without the line break at its end", bare
    yield "with a line break at its end", body + b"\n"
    if not thorough:
        return
    yield "with CRLF at its end", body + b"\r\n"
    trimmed = body.strip()
    if trimmed not in (bare, body):
        yield "without the blanks around it", trimmed


def line_ends(body: bytes) -> Rewritten:
    """Each kind of line break for the other."""
    lines = body.replace(b"\r\n", b"\n")
    if lines != body:
        yield "with LF for CRLF", lines
    if b"\n" in lines and lines.replace(b"\n", b"\r\n") != body:
        yield "with CRLF for LF", lines.replace(b"\n", b"\r\n")


def marks(body: bytes, *, thorough: bool) -> Rewritten:
    """The byte order mark."""
    if body.startswith(_BOM):
        yield "without its byte order mark", body.removeprefix(_BOM)
    elif thorough:
        yield "with a byte order mark in front", _BOM + body


def codings(body: bytes, encoding: str, most: int, *, thorough: bool) -> Rewritten:
    """Before compression, where that is `most` bytes or less, or after it, and through base64."""
    named = encoding or ("gzip" if body.startswith(b"\x1f\x8b") else "")
    if named:
        plain = decoded(body, named, most)
        if plain is not None and plain != body:
            yield "decoded, before it was compressed", plain
    elif thorough:
        # As zlib writes them with its usual levels and no time: Node and Python.
        for level in (6, 9):
            packed = _packed(body, level, 31)
            for system in _SYSTEMS:
                yield "compressed with gzip", packed[:9] + system + packed[10:]
        yield "compressed with deflate", _packed(body, 6, 15)
    if thorough:
        yield "in base64", b64encode(body)
        with suppress(ValueError):
            yield "decoded from base64", b64decode(body, validate=True)


def _packed(body: bytes, level: int, wbits: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, wbits)
    return packer.compress(body) + packer.flush()


def charsets(body: bytes) -> Rewritten:
    """The same text in another character set, or spoiled on the way through one."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield "with Latin-1 written as UTF-8", body.decode("latin-1").encode()
        yield "with Windows-1252 written as UTF-8", body.decode("cp1252", "replace").encode()
        yield "with U+FFFD for what is not UTF-8", body.decode(errors="replace").encode()
        return
    if not body.isascii():
        yield "in Latin-1", text.encode("latin-1", "replace")
        yield "in Windows-1252", text.encode("cp1252", "replace")
        yield "with ? for what is not ASCII", text.encode("ascii", "replace")
        yield "with UTF-8 read as Latin-1", body.decode("latin-1").encode()
        yield "with UTF-8 read as Windows-1252", body.decode("cp1252", "replace").encode()
        yield "with composed characters (NFC)", unicodedata.normalize("NFC", text).encode()
        yield "with decomposed characters (NFD)", unicodedata.normalize("NFD", text).encode()
    for name in ("UTF-16LE", "UTF-16BE", "UTF-16"):
        yield f"in {name}", text.encode(name)


def words(body: bytes, value: Any, *, thorough: bool) -> Rewritten:
    """What programs put where a text was meant: nothing, a word, or their own notation."""
    yield "as if it were empty", b""
    if not thorough:
        return
    for word in _WORDS:
        yield f"as the word {word}", word.encode()
    yield "as Python shows bytes, b'...'", repr(body).encode()
    if isinstance(value, dict | list):
        yield "as Python shows a dict, {'...'}", _encoded(str(value))


def indentable(body: bytes, value: Any) -> bool:
    """Whether the value stays of the body's order of size when it is indented.

    A hostile body of a megabyte, deeply nested, becomes hundreds of them.
    """
    room = _MOST_INDENTED * len(body) + _MOST_INDENTED_ANYWAY
    level, depth = [value], 0
    while level and room > 0:
        inside = [each for each in level if isinstance(each, dict | list)]
        depth += 1
        room -= sum(len(each) + 1 for each in inside) * depth * len(_INDENTS[1][1])
        level = [child for each in inside for child in _children(each)]
    return room > 0


def layouts(body: bytes, value: Any, *, thorough: bool) -> Rewritten:
    """JSON written again from its value; indented where it is `indentable`.

    `thorough` adds a line break at its end, sorted keys, whole numbers as JavaScript has them, and
    the escapes of PHP and of Go.
    """
    variants: list[tuple[str, Any, bool]] = [("", value, False)]
    if thorough:
        variants.append((", with sorted keys", value, True))
        whole = _whole(value)
        if repr(whole) != repr(value):
            variants.append((", with whole numbers as JavaScript writes them", whole, False))
    indents = _INDENTS if indentable(body, value) else ()
    for suffix, each, ordered in variants:
        for how, text in _laid_out(each, indents, ordered=ordered):
            yield from _ended(f"as the same JSON, {how}{suffix}", text, thorough)
    if thorough:
        for how, text in _escaped(value, indented=bool(indents)):
            yield from _ended(f"as the same JSON, {how}", text, thorough)
        with suppress(UnicodeDecodeError):
            yield "as one quoted JSON text", json.dumps(body.decode()).encode()
    if isinstance(value, str):
        yield "as the JSON text inside its quotes", _encoded(value)


def _ended(how: str, text: str, thorough: bool) -> Rewritten:
    body = _encoded(text)
    yield how, body
    if thorough:
        yield f"{how} and a line break at its end", body + b"\n"


def _children(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _laid_out(
    value: Any, indents: Sequence[tuple[str, str]], *, ordered: bool
) -> Iterator[tuple[str, str]]:
    for kind, ascii_only in (("", False), (", escaped to ASCII", True)):
        compact = _compact(value, ascii_only=ascii_only, ordered=ordered)
        yield f"compact{kind}", compact
        spaced = json.dumps(value, ensure_ascii=ascii_only, sort_keys=ordered)
        yield f"with Python's separators{kind}", spaced
        if indents:
            indented = json.dumps(value, indent=_STEP, ensure_ascii=ascii_only, sort_keys=ordered)
            for how, step in indents:
                yield f"indented {how}{kind}", indented.replace(_STEP, step)
        if compact.isascii():
            return


def _escaped(value: Any, *, indented: bool) -> Iterator[tuple[str, str]]:
    """Escapes that no JSON needs and two languages write by default."""
    ascii_only = _compact(value, ascii_only=True)
    if "/" in ascii_only:
        yield "as PHP does, with escaped slashes", ascii_only.replace("/", "\\/")
        unescaped = _compact(value).replace("/", "\\/")
        yield "as PHP does, with escaped slashes and Unicode as it is", unescaped
        if indented:
            pretty = json.dumps(value, indent=4).replace("/", "\\/")
            yield "as PHP does, with escaped slashes and indented", pretty
    for suffix, ordered in (("", False), (" and sorted keys", True)):
        text = _compact(value, ordered=ordered)
        escaped = text.translate(_GO_ESCAPES)
        if escaped != text:
            yield f"as Go does, with escaped <, > and &{suffix}", escaped


def _compact(value: Any, *, ascii_only: bool = False, ordered: bool = False) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only, sort_keys=ordered)


def _whole(value: Any) -> Any:
    """The value with 1.0 as 1; what came of a parser with a bounded depth."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_whole(child) for child in value]
    return value


def _encoded(text: str) -> bytes:
    # A JSON text may escape a lone surrogate; no guess may raise for it.
    return text.encode("utf-8", "surrogatepass")
