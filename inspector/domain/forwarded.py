"""Who sent a request that came through a proxy."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from inspector.domain.headers import Headers, values

_LONGEST = 64


def sender_of(headers: Headers, otherwise: str) -> str:
    """The last address in `X-Forwarded-For`, which the proxy next to us wrote; `otherwise` where
    there is none. What stands before it is anybody's word."""
    told = values(headers, "x-forwarded-for")
    last = told[-1].rpartition(",")[2].strip() if told else ""
    return last if address_of(last) is not None else otherwise


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address of a text that is one, perhaps with a port."""
    if not text or len(text) > _LONGEST:
        return None
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address if not port or (port.isascii() and port.isdecimal()) else None
