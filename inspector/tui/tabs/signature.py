"""The verdict on the signature, what was checked for it, and what it was decided on."""

from collections.abc import Iterator
from dataclasses import replace

from inspector.domain.envelope import Check
from inspector.domain.plaintext import visible
from inspector.tui.document import Entry, Part
from inspector.tui.lines import Line, heading, plain
from inspector.tui.rows import BADGES
from inspector.tui.tabs.pieces import header_lines, notes
from inspector.tui.tabs.shown import Shown

_SIGNS = {True: ("✓", "good"), False: ("✗", "error"), None: ("?", "dim")}


def parts(shown: Shown) -> Iterator[Part]:
    """The verdict, why, each check, and the headers that it is about as they were sent."""
    delivery, headers = shown.delivery, shown.detail.request.headers
    title = f"{BADGES[delivery.verdict]} {delivery.verdict}"
    yield Entry(heading(title), "verdict", str(delivery.verdict))
    yield Entry(plain(delivery.reason), "reason", delivery.reason)
    yield from notes(delivery.notes)
    yield ()
    yield from _checks(shown)
    signing = tuple(one for one in headers if _about_signature(one[0]))
    if signing:
        yield ()
        yield heading("as sent")
        yield from header_lines(signing, replace(shown, reveal=True), among=headers)


def _checks(shown: Shown) -> Iterator[Part]:
    yield heading("checks")
    explained = shown.explained
    if explained is None:
        yield plain("checking …", "dim")
    elif explained.error:
        yield plain(explained.error, "error")
    elif not explained.checks:
        yield plain("nothing was checked", "dim")
    else:
        for check in explained.checks:
            yield Entry(_check(check), check.name, check.said)


def _check(check: Check) -> Line:
    sign, style = _SIGNS[check.ok]
    return ((f"{sign} ", style), (f"{visible(check.name)}: ", "name"), (visible(check.said), ""))


def _about_signature(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in ("signature", "timestamp", "event"))
