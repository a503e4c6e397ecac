"""Where a delivery goes: targets, routes by event type, and the request target that is sent.

Request targets are Latin-1 text, one character a byte, and are never normalised: `//`, `%2F`,
`..` and a `?` with nothing behind it leave as they came.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import AddressValueError, IPv6Address

from inspector.domain.base import DEFAULT_PORTS
from inspector.domain.headers import HOP_BY_HOP
from inspector.errors import UsageError

_HINT = "write it as 3000, localhost:3000 or http://localhost:3000/path"
_PORT_ONLY = re.compile(r":?(\d+)(?=$|[/?#])", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[A-Za-z0-9._-]+)(?::(.*))?", re.ASCII)
_CREDENTIALS = re.compile(r"(?<=://).*@|^(?!.*://).*@", re.DOTALL)
_WRITABLE = re.compile(r"[\x21-\x7e]+")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_FIXED_HEADERS = HOP_BY_HOP | {"content-length", "expect"}


class PathMode(StrEnum):
    """What a target does with the captured path."""

    CAPTURED = "captured"
    FIXED = "fixed"
    APPENDED = "appended"


@dataclass(frozen=True, slots=True)
class Target:
    """The URL of a local app. `url` is its one spelling: shown, stored, and compared.

    `host` has no brackets; `path` is the fixed path, or what stands before the appended one;
    `query` is the target's own, sent before the captured query.
    """

    url: str
    scheme: str
    host: str
    port: int
    mode: PathMode
    path: str = ""
    query: str = ""

    @property
    def authority(self) -> str:
        """The `Host` header's value: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """Deliveries whose event matches `glob` go to `target`; without a glob all do."""

    glob: str | None
    target: Target


@dataclass(frozen=True, slots=True)
class Decision:
    """The chosen targets' URLs; none: kept, or filtered by the rule named in `filtered_by`."""

    targets: tuple[str, ...]
    filtered_by: str = ""


@dataclass(frozen=True, slots=True)
class Routing:
    """All routes, and the `--events` globs of which an event must match one to be forwarded."""

    routes: tuple[Route, ...] = ()
    events: tuple[str, ...] = ()

    @property
    def needs_event(self) -> bool:
        """Whether `decide` looks at the event at all."""
        return bool(self.events) or any(route.glob is not None for route in self.routes)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every configured target once, in the order given."""
        return tuple({route.target.url: route.target for route in self.routes}.values())

    def decide(self, event: str | None) -> Decision:
        """Where a delivery of that event goes; one without an event matches `*` alone."""
        if not self.routes:
            return Decision(())
        name = event or ""
        if self.events and not any(fnmatchcase(name, glob) for glob in self.events):
            return Decision((), " ".join(f"-e {glob}" for glob in self.events))
        chosen = (
            route.target.url
            for route in self.routes
            if route.glob is None or fnmatchcase(name, route.glob)
        )
        return Decision(tuple(dict.fromkeys(chosen)))


def parse_target(text: str) -> Target:
    """Read a target as people write it: a port, host:port, or an http or https URL.

    A lone `/` counts as no path. Raises `UsageError` with a hint.
    """
    given = text.strip()
    if port_only := _PORT_ONLY.match(given):
        url = f"http://localhost:{port_only[1]}{given[port_only.end() :]}"
    else:
        url = given if _SCHEME.match(given) else f"http://{given}"
    if not _WRITABLE.fullmatch(url):
        raise _not_a_target(text, "percent-encode blanks and characters that are not ASCII")
    scheme, rest = url.split("://", 1)
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise _not_a_target(text, f"the scheme is http or https, not {scheme}")
    end = min((n for n in map(rest.find, "/?#") if n >= 0), default=len(rest))
    host, port = _authority(text, rest[:end], scheme)
    path, question, query = rest[end:].partition("?")
    if "#" in rest:
        raise _not_a_target(text, "leave out the part from # on")
    mode, path = _path(path, bool(query))
    shown = path + "/*" if mode is PathMode.APPENDED else path
    bare = Target("", scheme, host, port, mode, path, query)
    url = f"{scheme}://{bare.authority}{shown}{question if query else ''}{query}"
    return Target(url, scheme, host, port, mode, path, query)


def _path(path: str, has_query: bool) -> tuple[PathMode, str]:
    if path.endswith("/*"):
        return PathMode.APPENDED, path[:-2]
    if path in ("", "/") and not has_query:
        return PathMode.CAPTURED, ""
    return PathMode.FIXED, path or "/"


def _authority(text: str, authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        raise _not_a_target(text, "put the credentials into -H 'Authorization: Basic ...'")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise _not_a_target(text, _HINT)
    host, port = match[1].lower(), match[2]
    if host.startswith("["):
        host = host[1:-1]
        try:
            IPv6Address(host)
        except AddressValueError:
            raise _not_a_target(text, "inside the brackets stands an IPv6 address") from None
    elif port is not None and ":" in port:
        raise _not_a_target(text, "an IPv6 address stands in brackets: http://[::1]:3000")
    if port is None:
        return host, DEFAULT_PORTS[scheme]
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise _not_a_target(text, "a port is a number from 1 to 65535")
    return host, int(port)


def _not_a_target(text: str, hint: str) -> UsageError:
    # Before an @ stands a password.
    shown = _CREDENTIALS.sub("***@", text)
    return UsageError(f"{shown[:200]!r} is not a target", hint)


def request_target(target: Target, captured: str) -> str:
    """The request target to send for a captured one, byte for byte.

    Of an absolute-form target (`http://host/path`) the part behind the host is sent.
    """
    if not captured.startswith("/") and (absolute := _ABSOLUTE.match(captured)):
        captured = captured[absolute.end() :]
        if not captured.startswith("/"):
            captured = "/" + captured
    if target.mode is PathMode.CAPTURED:
        return captured
    path, question, query = captured.partition("?")
    if target.mode is PathMode.FIXED:
        path = target.path
    elif path.startswith("/") or not target.path:
        path = target.path + path
    else:  # `OPTIONS *` has no path to append
        path = target.path
    if target.query:
        return f"{path}?{target.query}&{query}" if query else f"{path}?{target.query}"
    return path + question + query


def parse_route(text: str) -> Route:
    """Read `GLOB=URL` or a bare target, which takes every event. Raises `UsageError`.

    An `=` in the URL's own path or query does not begin a route: a glob holds no `/` and no `:`,
    and one with a `?` needs a URL with a scheme behind it.
    """
    glob, equals, rest = text.strip().partition("=")
    if not equals or "/" in glob or ":" in glob or ("?" in glob and not _SCHEME.match(rest)):
        return Route(None, parse_target(text))
    if not glob:
        raise UsageError(f"{text[:200]!r} names no event type", "write 'delta.*=http://...'")
    return Route(glob, parse_target(rest))


def parse_header(text: str) -> tuple[str, str]:
    """Read the `Name: value` of `-H`. Raises `UsageError`, also for the headers that frame."""
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text[:200]!r} is not a header", "write it as 'Name: value'")
    try:
        match[2].encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(f"{text[:200]!r} is not a header", "headers are Latin-1 text") from None
    if match[1].lower() in _FIXED_HEADERS:
        raise UsageError(
            f"{match[1]} cannot be set", "it belongs to the connection and follows from the body"
        )
    return match[1], match[2]
