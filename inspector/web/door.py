"""Who may come in: a browser that followed a one-time link, on a page of our own."""

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

_RANDOM_BYTES = 32
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT = 80


class BrowserDoor:
    """The keys of one web server: a link that works once, and the cookie that it sets.

    Cookies know no ports, so the port is in this one's name: another inspector on this machine
    does not take it for its own.
    """

    def __init__(self, port: int) -> None:
        self._base = f"http://{_NAMES[0]}:{port}"
        self.cookie_name = f"inspector-{port}"
        self.cookie = secrets.token_urlsafe(_RANDOM_BYTES)
        self._once = secrets.token_urlsafe(_RANDOM_BYTES)
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        if port == _HTTP_PORT:
            self._hosts |= {*_NAMES}

    @property
    def link(self) -> str:
        """The link that lets the next browser in."""
        return f"{self._base}/?once={self._once}"

    def admit(self, once: str) -> bool:
        """Whether `once` is the key of the link; it is worth nothing from then on."""
        if not _same(once, self._once):
            return False
        self._once = secrets.token_urlsafe(_RANDOM_BYTES)
        return True

    def knows(self, cookies: Mapping[str, str]) -> bool:
        return _same(cookies.get(self.cookie_name, ""), self.cookie)

    def is_ours(self, host: str) -> bool:
        """Whether a `Host` is this port of this machine, and no name rebound to it."""
        return host.lower() in self._hosts

    def foreign(self, headers: Mapping[str, str]) -> str:
        """Why a request is not of a page of ours, or nothing; its `Host` is ours already.

        A page on another port of this machine is the same site to the browser, which sends our
        cookie along: only `Origin` and `Sec-Fetch-Site` tell it apart. Following a link from
        elsewhere is fine, because who follows it sees the answer and the other page does not.
        """
        origin = headers.get("Origin")
        if origin is not None and not _is_origin(origin, headers.get("Host", "")):
            return "requests of other origins are refused"
        site = headers.get("Sec-Fetch-Site", "none")
        if site in ("none", "same-origin"):
            return ""
        followed = headers.get("Sec-Fetch-Mode") == "navigate"
        if followed and headers.get("Sec-Fetch-Dest") == "document":
            return ""
        return "requests of other sites are refused"


def _same(given: str, ours: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), ours.encode())


def _is_origin(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.netloc == host and origin == f"http://{host}"
