"""A captured request as the bytes that a target gets. Pure.

Written by ourselves and not by `h11`, which moves `Host` to the front and refuses request targets
with bytes above 0x7f that the capturing parser accepts.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import Request
from inspector.domain.headers import HOP_BY_HOP, Headers, encode_head, first, replaced, values
from inspector.domain.routes import Target, request_target

DELIVERY_HEADER = "Inspector-Delivery"
ATTEMPT_HEADER = "Inspector-Attempt"

# `Expect` goes because the body follows at once; ours are replaced by this attempt's own.
_DROPPED = HOP_BY_HOP | {"expect", DELIVERY_HEADER.lower(), ATTEMPT_HEADER.lower()}
_HEAD = re.compile(rb"[^\s\0]+ [^\s\0]+ HTTP/1\.1\r\n(?:[^\s:\0]+: [^\r\n\0]*\r\n)+\r\n")
_FIRST = re.compile(rb"[^\s\0]+ [^\s\0]+ HTTP/1\.1\r\n")
_NAME = re.compile(r"[^\s:\0]+", re.ASCII)
UNWRITABLE = Failure(
    FailureKind.MALFORMED,
    "not sent: a blank, a line break or another character that HTTP forbids stands in its head",
)


class Message(NamedTuple):
    """One request ready to be written: `head` with its empty line, then `body`."""

    method: str
    head: bytes
    body: bytes


def ours(delivery_id: int, number: int) -> Headers:
    """What every forwarded request carries at its end: which delivery, which try at the target."""
    return ((DELIVERY_HEADER, str(delivery_id)), (ATTEMPT_HEADER, str(number)))


def compose(
    request: Request,
    target: Target,
    *,
    extra: Headers = (),
    overrides: Headers = (),
    keep_host: bool = False,
) -> Message | Failure:
    """What is sent for a captured request, or why it cannot be written (an edited one may not).

    Kept: method, request target, spelling, order and duplicates of headers, body. Hop-by-hop
    headers and `Expect` are dropped, `Host` is the target's unless `keep_host` or an override
    says otherwise, `Content-Length` is right for the body, `extra` stands at the end.
    """
    if not overrides and not keep_host:
        usual = _usual(request, target, extra)
        if usual is not None:
            return usual
    present = {name.lower() for name, _ in request.headers}
    headers = _end_to_end(request.headers, present)
    changes: list[tuple[str, str]] = []
    if first(headers, "host") is None:
        headers = (("Host", target.authority), *headers)
    elif not keep_host:
        changes.append(("Host", target.authority))
    changes += overrides
    if (length := _content_length(request, present)) is not None:
        changes.append(("Content-Length", length))
    if changes:
        headers = replaced(headers, changes)
    headers += extra
    try:
        head = encode_head(request.method, request_target(target, request.target), "1.1", headers)
    except UnicodeEncodeError:
        return UNWRITABLE
    head += b"\r\n"
    # A line break inside a value makes a head that looks right and holds one line too many.
    if head.count(b"\n") != len(headers) + 2 or not _HEAD.fullmatch(head):
        return UNWRITABLE
    return Message(request.method, head, request.body)


def _usual(request: Request, target: Target, extra: Headers) -> Message | None:
    """What `compose` gives, where only `Host` is another; None where more has to be looked at.

    Measured: in half the time. Names are looked at once for all requests that have the same ones.
    """
    headers = request.headers
    places = _places(tuple([name for name, _ in headers]))
    if places is None or headers[places[1]][1] != str(len(request.body)):
        return None
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    lines[places[0]] = f"{headers[places[0]][0]}: {target.authority}\r\n"
    lines += [f"{name}: {value}\r\n" for name, value in extra]
    first_line = f"{request.method} {request_target(target, request.target)} HTTP/1.1\r\n"
    try:
        head = "".join((first_line, *lines, "\r\n")).encode("latin-1")
    except UnicodeEncodeError:
        return None
    breaks = len(lines) + 2
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        return None
    return Message(request.method, head, request.body) if _FIRST.match(head) else None


@lru_cache(32)
def _places(names: tuple[str, ...]) -> tuple[int, int] | None:
    """Where `Host` and `Content-Length` stand, when there is one of each and nothing to drop."""
    lower = [name.lower() for name in names]
    if lower.count("host") != 1 or lower.count("content-length") != 1:
        return None
    if not _DROPPED.isdisjoint(lower) or not all(map(_NAME.fullmatch, names)):
        return None
    return lower.index("host"), lower.index("content-length")


def _end_to_end(headers: Headers, present: set[str]) -> Headers:
    dropped = _DROPPED
    if "connection" in present:
        named = ",".join(values(headers, "connection")).split(",")
        dropped = dropped | {name.strip().lower() for name in named}
    if dropped.isdisjoint(present):
        return headers
    return tuple(pair for pair in headers if pair[0].lower() not in dropped)


def _content_length(request: Request, present: set[str]) -> str | None:
    """The value to send; None for a request that had no body and said so by silence."""
    size = len(request.body)
    if "content-length" not in present:
        return str(size) if size or "transfer-encoding" in present else None
    captured = first(request.headers, "content-length") or ""
    same = captured.isascii() and captured.isdigit() and int(captured[:20]) == size
    return captured if same else str(size)
