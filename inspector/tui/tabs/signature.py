"""The verdict on the signature, and what it was decided on."""

from collections.abc import Iterator
from dataclasses import replace

from inspector.tui.document import Part
from inspector.tui.lines import heading, plain
from inspector.tui.rows import BADGES
from inspector.tui.tabs.pieces import header_lines, notes
from inspector.tui.tabs.shown import Shown


def parts(shown: Shown) -> Iterator[Part]:
    """The verdict, why, and what came with it."""
    delivery, headers = shown.delivery, shown.detail.request.headers
    yield heading(f"{BADGES[delivery.verdict]} {delivery.verdict}")
    yield plain(delivery.reason)
    yield from notes(delivery.notes)
    signing = tuple(one for one in headers if _about_signature(one[0]))
    if signing:
        yield ()
        yield from header_lines(signing, replace(shown, reveal=True), among=headers)


def _about_signature(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in ("signature", "timestamp", "event"))
