"""A browser's cookies as tools export them (the Netscape file), and those that one address gets."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from inspector.domain.base import Base
from inspector.errors import ConfigurationError

_LARGEST = 4 << 20
_HTTP_ONLY = "#HttpOnly_"
_FIELDS = 7
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What RFC 6265 lets a value be made of, and what browsers send besides.
_VALUE = re.compile(r"[\x20-\x3a\x3c-\x7e]*")
_EXPIRY = re.compile(r"(-?\d{1,18})(?:\.\d*)?")
_EXPORT = "log in at {url} in a browser, and export its cookies as cookies.txt anew"


@dataclass(frozen=True, slots=True)
class Cookie:
    """`expires` is in seconds since the epoch; 0 lasts as long as the browser's session."""

    domain: str
    subdomains: bool
    path: str
    secure: bool
    expires: int
    name: str
    value: str = field(repr=False)

    def fits(self, base: Base, path: str) -> bool:
        """Whether that address gets it, were it still valid."""
        return self.fits_host(base.host) and self._fits_path(path) and base.secure >= self.secure

    def expired(self, now: float) -> bool:
        return self.expires != 0 and self.expires <= now

    @property
    def sendable(self) -> bool:
        """Whether a header can hold it."""
        return bool(_NAME.fullmatch(self.name) and _VALUE.fullmatch(self.value))

    def fits_host(self, host: str) -> bool:
        """Whether it is that host's; an address has no subdomains."""
        if host == self.domain:
            return True
        return self.subdomains and host.endswith(f".{self.domain}") and not _is_address(host)

    def _fits_path(self, path: str) -> bool:
        own = self.path.rstrip("/")
        return path == own or path.startswith(f"{own}/")


class CookieFile(NamedTuple):
    """What a file says; `bad` are the numbers of the lines that say nothing."""

    path: Path
    cookies: tuple[Cookie, ...]
    bad: tuple[int, ...]

    def header(self, base: Base, path: str, now: float) -> str:
        """The Cookie header for one path (from the host on) of that API; "" for none.

        More exact paths come first, as browsers send them.
        """
        fit = {
            (each.name, each.domain, each.path): each
            for each in self.cookies
            if each.fits(base, path) and not each.expired(now) and each.sendable
        }
        ordered = sorted(fit.values(), key=lambda each: -len(each.path))
        return "; ".join(f"{each.name}={each.value}" for each in ordered)

    def require(self, base: Base, path: str, now: float) -> None:
        """Raise `ConfigurationError` saying why there is no cookie for that address."""
        if self.header(base, path, now):
            return
        hint = _EXPORT.format(url=base.url)
        fit = [each for each in self.cookies if each.fits(base, path)]
        if any(each.expired(now) for each in fit):
            raise ConfigurationError(f"the cookies for {base.host} in {self.path} expired", hint)
        if fit:
            raise ConfigurationError(
                f"the cookies for {base.host} in {self.path} hold what cannot be sent", hint
            )
        if self.bad and not self.cookies:
            raise ConfigurationError(
                f"{self.path} is no cookie file: line {self.bad[0]} has not seven fields with "
                "tabs between them",
                hint,
            )
        raise ConfigurationError(f"there is no cookie for {base.host} in {self.path}", hint)


def read_cookies(path: Path) -> CookieFile:
    """Raises `ConfigurationError` for what cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the cookies in {path}: {error.strerror or error}",
            "name the file that the browser's cookies were exported to",
        ) from error
    if len(data) > _LARGEST:
        raise ConfigurationError(
            f"{path} is too large for a cookie file", "export the cookies of this site alone"
        )
    return parse_cookies(path, data)


def parse_cookies(path: Path, data: bytes) -> CookieFile:
    """Read a file's lines: comments and empty ones are passed over, others told by their number."""
    cookies: list[Cookie] = []
    bad: list[int] = []
    # A byte a character: a cookie's value is sent as it stands, or not at all.
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    for number, line in enumerate(text.split("\n"), 1):
        told = line.rstrip("\r").removeprefix(_HTTP_ONLY)
        if not told.strip() or told.startswith("#"):
            continue
        cookie = _cookie(told)
        if cookie is None:
            bad.append(number)
        else:
            cookies.append(cookie)
    return CookieFile(path, tuple(cookies), tuple(bad))


def _cookie(line: str) -> Cookie | None:
    fields = line.split("\t")
    if len(fields) == _FIELDS - 1:  # an empty value, whose tab an editor took away
        fields.append("")
    if len(fields) != _FIELDS:
        return None
    domain, subdomains, path, secure, expiry, name, value = fields
    host = domain.strip().lower().removeprefix(".")
    flags = {"TRUE": True, "FALSE": False}
    wide, safe = flags.get(subdomains.upper()), flags.get(secure.upper())
    when = _EXPIRY.fullmatch(expiry.strip() or "0")
    if not host or wide is None or safe is None or when is None or not path.startswith("/"):
        return None
    if not name and not value:
        return None
    return Cookie(host, wide, path, safe, int(when[1]), name, value)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
