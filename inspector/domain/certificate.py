"""What a server's certificate says of itself, read from its bytes, whoever trusts it or not.

The standard library reads a certificate only once it has found it good.
"""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_UTC_TIME, _GENERAL_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_COMMON_NAME, _ORGANIZATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
# Text strings of ASN.1 that are not UTF-8.
_ENCODINGS = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}


class Certificate(NamedTuple):
    """`begins` and `ends` are microseconds since the epoch; `names` are hosts and addresses."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: int
    ends: int

    @property
    def self_issued(self) -> bool:
        return self.subject == self.issuer


class _Item(NamedTuple):
    tag: int
    content: bytes


def read_certificate(der: bytes) -> Certificate:
    """Raises `ValueError` for what is no certificate."""
    try:
        (whole,) = _items(der)
        body = [*_items(_first(whole).content)]
        if body[0].tag == _VERSION:
            del body[0]
        _, _, issuer, validity, subject, _, *more = body
        begins, ends = (_moment(item) for item in _items(validity.content))
        names = [name for item in more if item.tag == _EXTENSIONS for name in _names(item)]
        return Certificate(
            _name(subject.content), _name(issuer.content), tuple(names), begins, ends
        )
    except (IndexError, OverflowError) as error:
        raise ValueError("no certificate") from error


def _items(data: bytes) -> Iterator[_Item]:
    """What stands one behind the other; nothing of it may be missing."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("a length that cannot be read")
            length = int.from_bytes(data[at : at + count])
            at += count
        if at + length > len(data):
            raise ValueError("it is cut off")
        yield _Item(tag, data[at : at + length])
        at += length


def _first(around: _Item) -> _Item:
    item = next(_items(around.content), None)
    if item is None:
        raise ValueError("it is empty")
    return item


def _name(content: bytes) -> str:
    """The common name, else the organisation, else the first that there is."""
    found: dict[bytes, str] = {}
    for part in _items(content):
        for pair in _items(part.content):
            kind, value = _items(pair.content)
            text = value.content.decode(_ENCODINGS.get(value.tag, "utf-8"), "replace")
            found.setdefault(kind.content, text)
    first = next(iter(found.values()), "")
    return found.get(_COMMON_NAME) or found.get(_ORGANIZATION) or first


def _moment(item: _Item) -> int:
    text = item.content.decode("ascii")
    if item.tag == _UTC_TIME:
        # Two digits of a year: those from 50 on are of the last century (RFC 5280 4.1.2.5.1).
        text = ("19" if text[:2] >= "50" else "20") + text
    elif item.tag != _GENERAL_TIME:
        raise ValueError("a time that is none")
    moment = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000


def _names(extensions: _Item) -> Iterator[str]:
    for extension in _items(_first(extensions).content):
        kind, *_, value = _items(extension.content)
        if kind.content != _ALTERNATIVE_NAMES:
            continue
        for name in _items(_first(value).content):
            if name.tag == _DNS_NAME:
                yield name.content.decode("ascii", "replace")
            elif name.tag == _IP_ADDRESS and len(name.content) in (4, 16):
                yield str(ipaddress.ip_address(name.content))


def is_for(certificate: Certificate, host: str) -> bool:
    """Whether a client that asks for this host or address takes it (RFC 6125)."""
    wanted = host.strip("[]").rstrip(".").lower()
    try:
        address = str(ipaddress.ip_address(wanted))
    except ValueError:
        return any(_matches(name.lower(), wanted) for name in certificate.names)
    return address in certificate.names


def _matches(name: str, host: str) -> bool:
    first, _, rest = host.partition(".")
    return name == host or (bool(first and "." in rest) and name == f"*.{rest}")
