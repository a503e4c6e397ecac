"""Form bodies as data for the eye: urlencoded fields and descriptions of multipart parts."""

import re
from typing import Any
from urllib.parse import parse_qsl

# Unquoting takes 0.2 s a MiB at worst; what is larger than this is a file, not a form.
MAX_FORM = 256 * 1024
MAX_FIELDS = 1000
MAX_PARTS = 100
# The head of a part is a few header lines; a part without one is not searched to its end.
_MAX_HEAD = 8 * 1024
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))', re.IGNORECASE)
_PARAMETER = re.compile(r'(?:^|[;\s])(name|filename)="([^"]{0,255})"', re.IGNORECASE)


def urlencoded(body: bytes) -> dict[str, Any] | None:
    """Field name to text, or to a list of texts where it repeats; None beyond the bounds."""
    if len(body) > MAX_FORM:
        return None
    text = body.decode(errors="replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields


def multipart(body: bytes, content_type: str) -> list[dict[str, Any]] | None:
    """Each part's `name`, `filename`, `content_type` and `size` in bytes, at most `MAX_PARTS`.

    `content_type` is the whole header value. None without a boundary, or where it does not occur.
    """
    match = _BOUNDARY.search(content_type)
    if match is None:
        return None
    boundary = (match[1] or match[2]).encode("latin-1", "replace")
    pieces = body.split(b"--" + boundary, MAX_PARTS + 1)
    if len(pieces) < 2:
        return None
    # The last piece is the epilogue ("--" and a line break), or what exceeds the bound.
    return [_part(piece) for piece in pieces[1 : MAX_PARTS + 1] if not piece.startswith(b"--")]


def _part(piece: bytes) -> dict[str, Any]:
    end = piece.find(b"\r\n\r\n", 0, _MAX_HEAD)
    head = piece[: max(end, 0)].decode(errors="replace")
    lines = {}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        lines[name.strip().lower()] = value.strip()
    found = _PARAMETER.findall(lines.get("content-disposition", ""))
    disposition = {name.lower(): value for name, value in found}
    return {
        "name": disposition.get("name"),
        "filename": disposition.get("filename"),
        "content_type": lines.get("content-type"),
        "size": len(piece[end + 4 :].removesuffix(b"\r\n")) if end >= 0 else len(piece),
    }
