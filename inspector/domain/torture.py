"""Requests that are hard to pass on unchanged: what each of them tries, and its exact bytes."""

import base64
import gzip
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from inspector.domain.delivery import Request
from inspector.domain.headers import Headers, encode_head

# What GitHub sends at most, and what a listener takes unless it is told otherwise.
LARGE = 25 << 20
# Behind which most servers want no more of one header by default is 8 or 16 kB.
_LONG = 15_000
# The first pieces of a chunked body are as small as they can be; the rest goes in larger ones.
_PIECES = (1, 2, 7, 1000, 4096)
_PIECE = 65_536

_PATH = "/hooks"


class Case(NamedTuple):
    """One request of the set. `event`: an app that takes `plain` should take this one, too."""

    name: str
    tries: str
    request: Request
    chunked: bool = False
    event: bool = True

    def head(self, prefix: str = "") -> bytes:
        """The exact bytes of the head, for a sender whose server is found behind `prefix`."""
        method, target, version, headers, _ = self.request
        return encode_head(method, prefix + target, version, headers) + b"\r\n"

    def body(self) -> bytes:
        """The exact bytes behind it."""
        return chunked(self.request.body) if self.chunked else self.request.body


def chunked(body: bytes) -> bytes:
    """The body in chunks of uneven sizes."""
    framed = bytearray()
    view = memoryview(body)
    for piece in _pieces(view):
        framed += b"%x\r\n" % len(piece)
        framed += piece
        framed += b"\r\n"
    return bytes(framed + b"0\r\n\r\n")


def _pieces(view: memoryview) -> Iterator[memoryview]:
    start = 0
    for size in _PIECES:
        if start < len(view):
            yield view[start : start + size]
            start += size
    for at in range(start, len(view), _PIECE):
        yield view[at : at + _PIECE]


def torture_set(plain: Request, *, large: int = LARGE) -> tuple[Case, ...]:
    """The set, made from a plain JSON event with its headers: no host, no signature, no length."""
    return tuple(_cases(_Maker(plain), large))


class _Maker(NamedTuple):
    plain: Request

    def __call__(
        self,
        name: str,
        tries: str,
        *,
        method: str = "POST",
        target: str = _PATH,
        headers: Headers = (),
        body: bytes | None = None,
        kind: str = "",
        framing: str = "length",
        event: bool = True,
    ) -> Case:
        """A case that differs from the plain event in what is given."""
        content = self.plain.body if body is None else body
        own = self.plain.headers
        if kind:
            own = tuple(pair for pair in own if pair[0].lower() != "content-type")
            own += (("Content-Type", kind),)
        framed = {"length": ("Content-Length", str(len(content)))}
        framed["chunked"] = ("Transfer-Encoding", "chunked")
        more = (framed[framing],) if framing in framed else ()
        host = (("Host", "inspector-doctor"),)
        whole = Request(method, target, "1.1", (*host, *own, *headers, *more), content)
        return Case(name, tries, whole, framing == "chunked", event)


def _cases(make: _Maker, large: int) -> Iterator[Case]:
    yield make("plain", "JSON, with its length")
    yield from _of_headers(make)
    yield from _of_targets(make)
    yield from _of_methods(make)
    yield from _of_bodies(make)
    yield make(f"{large / (1 << 20):g} MB", "a body as large as any", body=_large(large))


def _of_headers(make: _Maker) -> Iterator[Case]:
    mixed = (("X-Dup", "2"), ("x-dup", "1"), ("X-Other", "between"), ("X-DUP", "2"))
    yield make("X-Dup, x-dup", "one name three times, in three spellings", headers=mixed)
    latin = (("X-Latin", "caf\xe9 \xff"), ("X-UTF-8", "caf\xc3\xa9"))
    yield make("\\xff", "bytes above 127 in headers", headers=latin)
    odd = (("under_score", "1"), ("X.Dot", "1"), ("X!#$%&'*+^`|~", "1"), ("x-lower", "1"))
    yield make("under_score", "names with _, . and other signs", headers=odd)
    values = (
        ("X-Empty", ""),
        ("X-Blanks", "a  b\tc"),
        ("X-Quoted", 'a="b, c"; d, e'),
        ("Accept-Encoding", "gzip, br"),
        ("Cookie", "a=1; b=2"),
    )
    yield make("values", "empty, blanks inside, quotes, commas", headers=values)
    yield make("long header", "one of 15 kB", headers=(("X-Long", "x" * _LONG),))


def _of_targets(make: _Maker) -> Iterator[Case]:
    long = "&".join(f"key{number}=%20+~{number}" for number in range(250))
    targets = {
        "%2F": ("an encoded slash, in both cases", "/a%2Fb%2f%7E"),
        "//": ("empty steps in the path", "//a//b/"),
        "..": ("steps back in the path", "/a/../b/./c"),
        "odd path": ("what should be encoded, and is not", "/a|b\"{c}[d]^`'\\;,@:*()!$&+="),
        "?a=1&a=2": ("a key twice in the query", "/hooks?a=1&a=2"),
        "?": ("an empty query", "/hooks?"),
        "#": ("what no browser would send", "/hooks#f"),
        "long query": ("one of 4 kB", f"/hooks?{long}"),
    }
    for name, (tries, target) in targets.items():
        yield make(name, tries, target=target, event=False)


def _of_methods(make: _Maker) -> Iterator[Case]:
    yield make("PUT", "another method, with a body", method="PUT", event=False)
    yield make("DELETE", "a body where few expect one", method="DELETE", event=False)
    yield make("PROPFIND", "a method that few know", method="PROPFIND", event=False)
    tries = "neither body nor length"
    yield make("GET", tries, method="GET", body=b"", framing="none", event=False)


def _of_bodies(make: _Maker) -> Iterator[Case]:
    event = make.plain.body
    untidy = b' { "a" : 1.0,"a":1e2 ,\t"n":12345678901234567890,"u":"\\u00E9" }\r\n'
    yield make("untidy JSON", "blanks, a doubled key, 1.0, \\u00E9", body=untidy, event=False)
    form, kind = b"a=1&a=2&b=+%20%2f&c", "application/x-www-form-urlencoded"
    yield make("form", "fields as a page sends them", body=form, kind=kind, event=False)
    every = b"\0" + bytes(range(256)) * 4 + b"\0"
    kind = "application/octet-stream"
    yield make("NUL", "a NUL in the body, and every other byte", body=every, kind=kind, event=False)
    nested = b"\r\n\r\n0\r\n\r\nGET /inner HTTP/1.1\r\nHost: inner\r\n\r\n"
    tries = "a body that reads like a request"
    yield make("request in it", tries, body=nested, kind="text/plain", event=False)
    packed = gzip.compress(event, mtime=0)
    coded = (("Content-Encoding", "gzip"),)
    yield make("gzip", "a compressed body", body=packed, headers=coded)
    tries = "a body that claims to be compressed"
    yield make("no gzip", tries, headers=coded, event=False)
    yield make("chunked", "in pieces, without a length", framing="chunked")
    tries = "both at once"
    yield make("chunked gzip", tries, body=packed, headers=coded, framing="chunked")
    yield make("empty", "a body of length 0", body=b"", event=False)
    yield make("empty chunked", "no piece at all", body=b"", framing="chunked", event=False)


def _large(size: int) -> bytes:
    """A JSON event of so many bytes of which no two parts are alike, so that none can be lost."""
    start, end = b'{"event":"inspector.large","data":{"filler":"', b'"}}'
    room = size - len(start) - len(end)
    filler = base64.b64encode(hashlib.shake_128(b"inspector").digest(room * 3 // 4 + 3))
    return start + filler[:room] + end
