"""What every snippet carries of a request, and what it leaves to the tool."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from inspector.domain.delivery import Request
from inspector.domain.headers import HOP_BY_HOP, Headers, first, replaced, values

_DROPPED = HOP_BY_HOP | {"expect"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile("[\0\r\n]")
_NOT_IN_A_TARGET = re.compile(r"[\0-\x20\x7f]")


class Carried(NamedTuple):
    """`url` is the URL of the request at `base`; `target` is what stands in the request line.

    `lines` are all headers as they would be forwarded, `headers` those without `Host` and
    `Content-Length`. `framed`: the request said that it has a body, be it an empty one.
    `unsendable` names headers that nothing can send, because a line break or so stands in them.
    """

    method: str
    base: str
    url: str
    target: str
    lines: Headers
    body: bytes
    framed: bool
    unsendable: tuple[str, ...]

    @property
    def headers(self) -> Headers:
        return tuple(
            pair for pair in self.lines if pair[0].lower() not in ("host", "content-length")
        )


def carried(request: Request, base: str) -> Carried:
    """The end-to-end part of a request, for a tool that sends it to `base`.

    A path in `base` stands before that of the request; an absolute-form target or `*` goes into
    the request line as it is. What may not stand in a target at all is percent-encoded.
    """
    base = base.rstrip("/")
    parts = urlsplit(base)
    target = _NOT_IN_A_TARGET.sub(lambda match: f"%{ord(match[0]):02X}", request.target)
    url = base
    if target.startswith("/"):
        url, target = base + target, parts.path + target
    names = {name.lower() for name, _ in request.headers}
    framed = bool(request.body) or not names.isdisjoint({"content-length", "transfer-encoding"})
    lines, unsendable = _lines(request, parts.netloc.rpartition("@")[2], framed)
    return Carried(request.method, base, url, target, lines, request.body, framed, unsendable)


def octets(text: str) -> bytes:
    """The bytes of a header's text: Latin-1, or UTF-8 for what was never sent (a mask)."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _lines(request: Request, host: str, framed: bool) -> tuple[Headers, tuple[str, ...]]:
    """(the headers as forwarded, the names of those that nothing can send)."""
    named = ",".join(values(request.headers, "connection")).split(",")
    dropped = _DROPPED | {name.strip().lower() for name in named} - {"host", "content-length"}
    kept: list[tuple[str, str]] = []
    unsendable: list[str] = []
    for name, value in request.headers:
        if name.lower() in dropped:
            continue
        if _TOKEN.fullmatch(name) and not _UNSENDABLE.search(value):
            kept.append((name, value))
        else:
            unsendable.append(name)
    changes = [("Host", host)]
    if framed:
        changes.append(("Content-Length", str(len(request.body))))
    if first(tuple(kept), "host") is None:
        kept.insert(0, ("Host", host))
    return replaced(tuple(kept), changes), tuple(unsendable)
