"""Pieces that several tabs are made of: headers, bodies, and values that can be copied."""

from collections import Counter
from collections.abc import Iterable, Iterator

from inspector.domain.bodyview import opened
from inspector.domain.headers import Headers
from inspector.domain.plaintext import visible
from inspector.domain.redact import is_secret, mask
from inspector.tui.document import Entry, Part
from inspector.tui.lines import Line, pair, plain
from inspector.tui.rows import size_text
from inspector.tui.tabs.bodyblock import BodyBlock
from inspector.tui.tabs.shown import Shown


def fact(name: str, value: str, style: str = "value", width: int = 14) -> Entry:
    """A name in a column and its value, which can be copied."""
    return Entry(pair(name, value, style, width), name, value)


def header_lines(headers: Headers, shown: Shown, *, among: Headers | None = None) -> Iterator[Part]:
    """Each header on a line of its own, with its number where its name comes more than once.

    Values of secret ones are masked until revealed. `among` are all headers of the message where
    these are a part of them.
    """
    counts = Counter(name.lower() for name, _ in (headers if among is None else among))
    numbers: Counter[str] = Counter()
    masked = False
    for name, value in headers:
        key = name.lower()
        numbers[key] += 1
        sign = f" ({numbers[key]} of {counts[key]})" if counts[key] > 1 else ""
        cells: Line = ((f"{visible(name)}: ", "name"),)
        if is_secret(name) and not shown.reveal:
            masked = True
            cells = (*cells, (mask(value), "dim"))
            yield Entry((*cells, (sign, "repeated")), f"header.{key}")
        else:
            cells = (*cells, (visible(value), "value"), (sign, "repeated"))
            yield Entry(cells, f"header.{key}", value)
    if masked:
        yield plain(f"{shown.keys.first('reveal')} shows the masked values", "doc")


def body_lines(data: bytes, headers: Headers, shown: Shown) -> Iterator[Part]:
    """A body in one of its modes, with what is odd about it first."""
    body = opened(data, headers, shown.mode)
    if body.kind == "empty":
        yield plain("no body", "dim")
        return
    switch = f"  {shown.keys.first('body-mode')} switches"
    yield ((f"{body.kind}, {shown.mode}, {size_text(len(data))}", "dim"), (switch, "doc"))
    if body.note:
        yield plain(f"! {body.note}", "warning")
    yield BodyBlock(body)
    if body.truncated:
        yield plain("… the rest is neither shown nor searched; an export has it", "warning")


def not_loaded(shown: Shown) -> Line:
    size, key = size_text(shown.delivery.body_size), shown.keys.first("load-body")
    return plain(f"A body of {size} is not loaded by itself: {key} fetches it.", "warning")


def notes(texts: Iterable[str]) -> Iterator[Line]:
    for text in texts:
        yield plain(f"! {text}", "warning")
