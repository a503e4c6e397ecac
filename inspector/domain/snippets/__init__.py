"""A request as something to paste: a command for curl or HTTPie, a Python program, raw bytes.

Each carries the method, the raw request target, the end-to-end headers in order and the body, byte
for byte; `Host` and the framing are the tool's, as they are ours when we forward. What a tool
cannot send is left out and said in the snippet. Nothing from outside can act on the terminal or
in the shell that a snippet is pasted into.
"""

from inspector.domain.delivery import Request
from inspector.domain.snippets.carried import octets
from inspector.domain.snippets.for_curl import curl
from inspector.domain.snippets.for_httpie import httpie
from inspector.domain.snippets.for_python import python

__all__ = ["curl", "httpie", "python", "raw"]


def raw(request: Request) -> bytes:
    """The request as it was captured: request line, header lines, an empty line, the body."""
    lines = [f"{request.method} {request.target} HTTP/{request.http_version}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return b"".join(octets(line) + b"\r\n" for line in lines) + b"\r\n" + request.body
