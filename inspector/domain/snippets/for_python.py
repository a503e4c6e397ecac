"""A request as a Python program that needs nothing but the standard library."""

import re
from urllib.parse import urlsplit

from inspector.domain.delivery import Request
from inspector.domain.snippets.carried import Carried, carried, octets

# What http.client takes as a request target; others are written to its socket.
_TAKEN = re.compile(r"[\x21-\x7e]+")


def python(request: Request, base: str) -> str:
    """The program: exact in everything, with `Host` and `Content-Length` where they stood."""
    what = carried(request, base)
    parts = urlsplit(what.url)
    kind = "HTTPSConnection" if parts.scheme == "https" else "HTTPConnection"
    port = "" if parts.port is None else f", {parts.port}"
    lines = [f"# left out, because it cannot be sent: {name!a}" for name in what.unsendable]
    lines += ["import http.client", ""]
    if what.body:
        lines += ["body = " + _pieces(what.body.splitlines(keepends=True))]
    lines.append(f"connection = http.client.{kind}({parts.hostname!a}{port})")
    lines += _asked(what) if _TAKEN.fullmatch(what.target) else _written(what)
    lines += ["print(response.status, response.reason)", "print(response.read())"]
    return "\n".join(lines) + "\n"


def _asked(what: Carried) -> list[str]:
    line = f"{what.method!a}, {what.target!a}"
    pairs = [f"{name!a}, {_value(value)}" for name, value in what.lines]
    return [
        f"connection.putrequest({line}, skip_host=True, skip_accept_encoding=True)",
        *[f"connection.putheader({pair})" for pair in pairs],
        f"connection.endheaders({'body' if what.body else ''})",
        "response = connection.getresponse()",
    ]


def _written(what: Carried) -> list[str]:
    """The head in bytes: http.client refuses a target that is not ASCII."""
    head = [octets(f"{what.method} {what.target} HTTP/1.1\r\n")]
    head += [octets(name) + b": " + octets(value) + b"\r\n" for name, value in what.lines]
    return [
        "head = " + _pieces([*head, b"\r\n"]),
        "connection.connect()",
        f"connection.sock.sendall(head{' + body' if what.body else ''})",
        f"response = http.client.HTTPResponse(connection.sock, method={what.method!a})",
        "response.begin()",
    ]


def _value(value: str) -> str:
    data = octets(value)
    return ascii(value) if data.decode("latin-1") == value else repr(data)


def _pieces(pieces: list[bytes]) -> str:
    """A literal of bytes, a line for each piece."""
    if len(pieces) == 1:
        return repr(pieces[0])
    return "\n".join(["(", *[f"    {piece!r}" for piece in pieces], ")"])
