"""Form bodies as data for the eye: urlencoded fields and descriptions of multipart parts."""

from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from inspector.domain.multipart import Part, parameters, parts

# Unquoting takes 0.2 s a MiB at worst; what is larger than this is a file, not a form.
MAX_FORM = 256 * 1024
MAX_FIELDS = 1000
MAX_PARTS = 100


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

    `content_type` is the whole header value. None without a boundary, or without a part.
    """
    boundary = parameters(content_type).get("boundary", "")
    found = [_described(part) for part in islice(parts(body, boundary, 0), MAX_PARTS)]
    return found or None


def _described(part: Part) -> dict[str, Any]:
    return {
        "name": part.name or None,
        "filename": part.filename or None,
        "content_type": part.content_type or None,
        "size": part.size,
    }
