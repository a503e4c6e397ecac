"""The headers as they came."""

from collections.abc import Iterator

from inspector.tui.document import Entry, Part
from inspector.tui.lines import heading
from inspector.tui.tabs.pieces import header_lines
from inspector.tui.tabs.shown import Shown


def parts(shown: Shown) -> Iterator[Part]:
    """The request line and the headers: in order, with case and duplicates."""
    request = shown.detail.request
    line = f"{request.method} {request.target} HTTP/{request.http_version}"
    yield Entry(heading(line), "request target", request.target)
    yield from header_lines(request.headers, shown)
