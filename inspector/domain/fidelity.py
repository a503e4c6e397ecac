"""What became of a request on its way, in words: everything in which it is not what was sent."""

import hashlib
import json
from collections.abc import Collection, Iterator
from typing import NamedTuple

from inspector.domain import codings
from inspector.domain.delivery import Request
from inspector.domain.headers import HOP_BY_HOP, Headers, first, values

# What an app gets besides, and what is its own connection's; the README says so.
_OF_THE_APP = HOP_BY_HOP | {"host", "expect", "inspector-delivery", "inspector-attempt"}
# What proxies say of themselves and of the sender; nobody signs it.
OF_PROXIES = frozenset(
    {
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
        "x-request-id",
    }
)
_SHOWN = 48
_COMMAS = (",", ", ", ";", "; ")
# A body that unpacks to more is not unpacked.
_UNPACKED = 64 << 20
# JSON beyond it is not read only to tell how it differs.
_READ = 1 << 20


class Arrived(NamedTuple):
    """A request as one place saw it; `sha256` is of a body that is not at hand, `size` of any."""

    method: str
    target: str
    headers: Headers
    body: bytes | None
    size: int
    sha256: str = ""

    @classmethod
    def of(cls, request: Request) -> "Arrived":
        size = len(request.body)
        return cls(request.method, request.target, request.headers, request.body, size)

    def has(self, body: bytes) -> bool:
        """Whether this is its body."""
        if len(body) != self.size:
            return False
        if self.body is not None:
            return body == self.body
        return hashlib.sha256(body).hexdigest() == self.sha256


def unjudged_at_the_app(sent: Request) -> frozenset[str]:
    """The headers, in lower case, that may be others at the app: those of its own connection."""
    named = ",".join(values(sent.headers, "connection")).split(",")
    # Where no length was sent, one is given.
    length = () if first(sent.headers, "content-length") else ("content-length",)
    return _OF_THE_APP | {name.strip().lower() for name in named if name.strip()} | {*length}


def differences(sent: Request, arrived: Arrived, unjudged: Collection[str] = ()) -> list[str]:
    """Everything that is not what was sent, a line each; none for a request that is the same.

    `unjudged` are headers, in lower case, that do not count. The lines are plain ASCII.
    """
    return [
        *_first_line(sent, arrived),
        *_headers(_judged(sent.headers, unjudged), _judged(arrived.headers, unjudged)),
        *_body(sent, arrived),
    ]


def _judged(headers: Headers, unjudged: Collection[str]) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in unjudged)


def _first_line(sent: Request, arrived: Arrived) -> Iterator[str]:
    if arrived.method != sent.method:
        yield f"the method {_bare(sent.method)} arrived as {_bare(arrived.method)}"
    if arrived.target != sent.target:
        yield f"the path and query {_shown(sent.target)} arrived as {_shown(arrived.target)}"


def _headers(sent: Headers, arrived: Headers) -> Iterator[str]:
    before, after = _by_name(sent), _by_name(arrived)
    for name, pairs in before.items():
        if name in after:
            yield from _same_name(pairs, after[name])
        else:
            times = f" ({len(pairs)} times)" if len(pairs) > 1 else ""
            yield f"the header {_bare(pairs[0][0])}{times} did not arrive"
    for name, pairs in after.items():
        if name not in before:
            yield from (f"the header {_bare(key)} was added: {_shown(text)}" for key, text in pairs)
    order, now = [name.lower() for name, _ in sent], [name.lower() for name, _ in arrived]
    if order != now and sorted(order) == sorted(now):
        yield "the headers arrived in another order"


def _by_name(headers: Headers) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append((name, value))
    return found


def _same_name(sent: list[tuple[str, str]], arrived: list[tuple[str, str]]) -> Iterator[str]:
    name = _bare(sent[0][0])
    texts, others = [value for _, value in sent], [value for _, value in arrived]
    if texts == others:
        spelt, now = [key for key, _ in sent], [key for key, _ in arrived]
        if spelt != now:
            yield f"the header {_listed(spelt)} arrived as {_listed(now)}"
    elif len(arrived) == 1 and others[0] in {comma.join(texts) for comma in _COMMAS}:
        yield f"the {len(sent)} headers {name} were joined into one"
    elif len(arrived) != len(sent):
        yield f"of {len(sent)} headers {name} {len(arrived)} arrived: {_shown('; '.join(others))}"
    elif sorted(texts) == sorted(others):
        yield f"the {len(sent)} headers {name} arrived in another order"
    else:
        for text, other in zip(texts, others, strict=True):
            if text != other:
                yield f"the header {name} arrived as {_shown(other)}, not {_shown(text)}"


def _body(sent: Request, arrived: Arrived) -> Iterator[str]:
    if arrived.has(sent.body):
        return
    sizes = f"{arrived.size:,} bytes in place of {len(sent.body):,}"
    yield f"{_what_happened(sent.body, arrived)}: {sizes}"


def _what_happened(sent: bytes, arrived: Arrived) -> str:
    unpacked = _unpacked(sent)
    if unpacked is not None and arrived.has(unpacked):
        return "the body was decompressed"
    got = arrived.body
    if not arrived.size:
        return "the body was lost"
    if got is None:
        return "the body is another one"
    packed = _unpacked(got)
    if packed is not None and packed == sent:
        return "the body was compressed"
    if packed is not None and packed == unpacked:
        return "the body was compressed anew"
    if sent.startswith(got):
        return "the body was cut off"
    if got.startswith(sent):
        return "something was put behind the body"
    if _same_json(sent, got):
        return "the JSON was written anew"
    return f"the body differs from byte {_first_difference(sent, got):,} on"


def _unpacked(body: bytes) -> bytes | None:
    """What a gzip body holds; None where it is none."""
    if not body.startswith(b"\x1f\x8b"):
        return None
    plain = codings.gzip(body, _UNPACKED)
    return None if plain.flaw else plain.data


def _same_json(sent: bytes, arrived: bytes) -> bool:
    if len(sent) > _READ or len(arrived) > _READ:
        return False
    try:
        return bool(json.loads(sent) == json.loads(arrived))
    except (ValueError, RecursionError):
        return False


def _first_difference(sent: bytes, arrived: bytes) -> int:
    """The place of the first byte that is another one; by halves, since comparing is quick."""
    low, high = 0, min(len(sent), len(arrived))
    while high - low > 1:
        middle = (low + high) // 2
        if sent[low:middle] == arrived[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _listed(names: list[str]) -> str:
    return ", ".join(map(_bare, names))


def _bare(name: str) -> str:
    """A name of a header or a method, in ASCII, at most so long."""
    return ascii(name[:_SHOWN])[1:-1]


def _shown(text: str) -> str:
    """A value in quotes, each byte outside ASCII as `\\xff`; the end of a long one is left out."""
    return ascii(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!a}..."
