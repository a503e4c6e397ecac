"""Who sent a request that came through a proxy."""

from ipaddress import ip_address

from inspector.domain.headers import Headers, values

_LONGEST = 64


def sender_of(headers: Headers, otherwise: str) -> str:
    """The last address in `X-Forwarded-For`, which the proxy next to us wrote; `otherwise` where
    there is none. What stands before it is anybody's word."""
    told = values(headers, "x-forwarded-for")
    last = told[-1].rpartition(",")[2].strip() if told else ""
    return last if _is_address(last) else otherwise


def _is_address(text: str) -> bool:
    """Whether it is an IP address, perhaps with a port."""
    if not text or len(text) > _LONGEST:
        return False
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        ip_address(host)
    except ValueError:
        return False
    return not port or (port.isascii() and port.isdecimal())
