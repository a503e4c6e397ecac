"""The address of a provider's API: where a token or cookies may be sent, and where they may not."""

import re
from typing import NamedTuple

_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?(/[!-~]*)?", re.I)
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOW = "write https://HOST, with a port or a path behind it where it has one"


class Base(NamedTuple):
    """`host` is lower-case and has no brackets; `path` has no slash at its end."""

    url: str
    scheme: str
    host: str
    path: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def local(self) -> bool:
        """Whether it is on this machine, by its name alone."""
        return on_this_machine(self.host)


def parse_base(text: str) -> Base:
    """Read the address of an API; raises `ValueError` saying how it is to be.

    Without TLS it must be on this machine: what is sent there would give the account away.
    """
    found = _URL.fullmatch(text.strip())
    if found is None or re.search(r"[?#\\]|(^|/)\.\.?(/|$)", found[4] or ""):
        raise ValueError(_HOW)
    scheme, authority, port, path = found.groups()
    if port and not 0 < int(port) < 1 << 16:
        raise ValueError(_HOW)
    scheme, authority, path = scheme.lower(), authority.lower(), (path or "").rstrip("/")
    base = Base(
        f"{scheme}://{authority}{f':{port}' if port else ''}{path}",
        scheme,
        authority.strip("[]"),
        path,
    )
    if not base.secure and not base.local:
        raise ValueError("it must begin with https://, since the account would travel in the clear")
    return base


def on_this_machine(host: str) -> bool:
    """Whether that name or address (without brackets) is a loopback one."""
    if host.lower() == "localhost":
        return True
    # Hardly ever needed, and every command imports this module.
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
