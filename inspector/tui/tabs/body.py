"""The body: laid out, as it came, or byte by byte."""

from collections.abc import Iterator

from inspector.tui.document import Part
from inspector.tui.lines import plain
from inspector.tui.tabs.pieces import body_lines, fact, not_loaded
from inspector.tui.tabs.shown import Shown


def parts(shown: Shown) -> Iterator[Part]:
    """The body in the chosen mode, with what is odd about it first."""
    request = shown.detail.request
    if shown.body_missing:
        yield not_loaded(shown)
        return
    if shown.not_stored:
        yield plain(f"The body was {shown.not_stored}", "warning")
        return
    yield from body_lines(request.body, request.headers, shown)
    yield ()
    yield fact("sha256", shown.delivery.body_sha256, "dim", 8)
