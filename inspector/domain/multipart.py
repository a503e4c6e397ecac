"""The parts of a multipart body: what each is called, how large it is, and where it lies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

# The head of a part is a few lines; one without an end is not searched for through megabytes.
_MAX_HEAD = 16 * 1024
_MAX_LINES = 50
# Lines that begin like the boundary and go on otherwise: those of parts within parts.
_MAX_STRANGERS = 1000
_PARAMETER = re.compile(
    r';[ \t]*([\w!#$%&\'*+.^`|~-]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*+"|[^;]*)', re.ASCII
)
_EXTENDED = re.compile(r"([\w-]{1,20})'[\w-]*'(.*)", re.ASCII | re.DOTALL)
_BLANKS = b" \t"


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `name` and `filename` are empty where it gives none.

    `headers` are its lines as text. `data` is the beginning of its content, `size` the bytes of
    all of it, `ended` whether the line that ends it came.
    """

    name: str
    filename: str
    content_type: str
    headers: tuple[str, ...]
    data: bytes
    size: int
    ended: bool


def parameters(value: str) -> dict[str, str]:
    """What follows the first semicolon of a header value, by name in lower case."""
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", given[1:-1]) if given[:1] == '"' else given.strip()
        for name, given in _PARAMETER.findall(value[:2000])
    }


def parts(body: bytes, boundary: str, preview: int) -> Iterator[Part]:
    """Each part in order, with at most `preview` bytes of its data; none without a boundary.

    Lines may end with CRLF or with LF alone. The work is in proportion to what is taken.
    """
    if not boundary:
        return
    mark = b"--" + boundary.encode("latin-1", "replace")
    start = _next(body, mark, 0)
    while start is not None and (begin := start[1]) >= 0:
        following = _next(body, mark, begin)
        end = len(body) if following is None else following[0]
        yield _part(body, begin, max(end, begin), preview, ended=following is not None)
        start = following


def _next(body: bytes, mark: bytes, at: int) -> tuple[int, int] | None:
    """(where the part before ends, where the next begins, or -1 after the last); None: no more."""
    for _ in range(_MAX_STRANGERS):
        if (at == 0 or body[at - 1 : at] == b"\n") and body.startswith(mark, at):
            found = at
        else:
            found = body.find(b"\n" + mark, at) + 1
            if not found:
                return None
        after = found + len(mark)
        if body.startswith(b"--", after):
            return _before(body, found), -1
        line = body[after : after + 100].lstrip(_BLANKS)
        if line.startswith((b"\n", b"\r\n")) or after == len(body):
            newline = body.find(b"\n", after)
            return _before(body, found), len(body) if newline < 0 else newline + 1
        at = after
    return None


def _before(body: bytes, found: int) -> int:
    """Where the content before a boundary ends: its line break belongs to the boundary."""
    if found == 0:
        return 0
    return found - 2 if body[found - 2 : found - 1] == b"\r" else found - 1


def _part(body: bytes, begin: int, end: int, preview: int, *, ended: bool) -> Part:
    head, data = _head(body, begin, end)
    rows = [line.removesuffix("\r") for line in head.split("\n", _MAX_LINES)[:_MAX_LINES]]
    lines = tuple(line for line in rows if line.strip())
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in reversed(lines))
    }
    disposition = parameters(fields.get("content-disposition", ""))
    return Part(
        disposition.get("name", ""),
        _extended(disposition.get("filename*", "")) or disposition.get("filename", ""),
        fields.get("content-type", ""),
        lines,
        body[data : min(end, data + preview)],
        end - data,
        ended,
    )


def _head(body: bytes, begin: int, end: int) -> tuple[str, int]:
    """(the header lines, where the content begins); no lines where no blank line ends them."""
    for blank in (b"\r\n", b"\n"):
        if body.startswith(blank, begin):
            return "", min(begin + len(blank), end)
    stop = min(end, begin + _MAX_HEAD)
    ends = [(body.find(gap, begin, stop), len(gap)) for gap in (b"\r\n\r\n", b"\n\n")]
    found = min((pair for pair in ends if pair[0] >= 0), default=None)
    if found is None:
        return "", begin
    return _text(body[begin : found[0]]), found[0] + found[1]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _extended(value: str) -> str:
    """RFC 8187: `UTF-8''na%C3%AFve.txt`."""
    match = _EXTENDED.fullmatch(value)
    if match is None or match[1].lower() not in ("utf-8", "iso-8859-1"):
        return ""
    return unquote_to_bytes(match[2]).decode(match[1], "replace")
