"""What differs between the delivery and another one, or between two answers."""

from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from typing import get_args

from rich.cells import cell_len

from inspector.domain.diff import Difference, Side, compare
from inspector.domain.diff.model import Part as Where
from inspector.domain.plaintext import visible
from inspector.domain.redact import is_secret, mask
from inspector.tui.document import Entry, Part, Section
from inspector.tui.lines import Line, counted, pair, plain, wrapped
from inspector.tui.rows import Cell, fit
from inspector.tui.tabs.shown import Shown

# From this width on both sides stand beside each other.
WIDE = 96
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_HEADS: dict[Where, str] = {"start": "first line", "header": "headers", "body": "body"}
_HINTS = {"mark": "marks one", "load-body": "fetches it"}
_LONGEST_PATH = 40


def parts(shown: Shown) -> Iterator[Part]:
    """Which two are compared, and each difference, by where it is."""
    compared = shown.compared
    left, right = compared.left, compared.right
    if left is None or right is None:
        hint = _HINTS.get(compared.hint)
        help_ = f": {shown.keys.first(compared.hint)} {hint}." if hint else ""
        yield plain(f"{compared.said}{help_}", "dim")
        yield from _choices(shown)
        return
    yield pair("- left", left.title, "value", 8)
    yield pair("+ right", right.title, "value", 8)
    yield from _choices(shown)
    yield ()
    differences = compare(left, right, shown.ignore)
    seen = [one for one in differences if shown.ignored or not one.ignored_by]
    yield from _summary(differences, shown)
    for where in get_args(Where):
        here = [one for one in seen if one.part == where]
        if here:
            yield ()
            head = ((_HEADS[where], "heading"), (f"  {counted(len(here), 'difference')}", "dim"))
            yield Section(f"diff {where}", Entry(head), _told(here, left, right, shown))


def _choices(shown: Shown) -> Iterator[Line]:
    """What it is compared with, and what else there is."""
    bases, base = shown.compared.bases, shown.compared.base
    if len(bases) > 1 and base in bases:
        at = bases.index(base)
        others = "; ".join([*bases[at + 1 :], *bases[:at]])
        yield plain(f"{shown.keys.first('diff')} compares with {others}", "doc")


def _summary(differences: tuple[Difference, ...], shown: Shown) -> Iterator[Line]:
    rules = Counter(one.ignored_by for one in differences if one.ignored_by)
    passed = sum(rules.values())
    real = len(differences) - passed
    if not differences:
        yield plain("nothing differs, not a byte", "good")
        return
    said = f"{counted(real, 'place')} differ{'s' if real == 1 else ''}" if real else ""
    said = said or "nothing differs"
    if not passed:
        yield plain(said, "value")
        return
    verb = "hides" if shown.ignored else "shows"
    them = "it" if passed == 1 else "them"
    key = shown.keys.first("diff-ignored")
    yield (
        (f"{said} ({counted(passed, 'place')} ignored)", "value" if real else "good"),
        (f"  {key} {verb} {them}", "doc"),
    )


def _told(differences: list[Difference], left: Side, right: Side, shown: Shown) -> Iterator[Entry]:
    names = [_name(one) for one in differences]
    column = min(max(map(cell_len, names)), _LONGEST_PATH, shown.width // 3)
    for one, name in zip(differences, names, strict=True):
        secret = one.part == "header" and is_secret(one.path.partition("#")[0])
        hidden = secret and not shown.reveal
        told = one._replace(left=_masked(one.left), right=_masked(one.right)) if hidden else one
        lines = (
            _beside(told, name, column, shown.width) if shown.width >= WIDE else _below(told, name)
        )
        value = one.left if one.kind == "removed" else one.right
        path = f"header.{one.path.lower()}" if one.part == "header" and one.path else one.path
        for line in lines:
            yield Entry(line, path or _HEADS[one.part], None if hidden else value)
        if hidden:
            yield Entry(plain(f"    {shown.keys.first('reveal')} shows what differs", "doc"))
    del left, right


def _name(one: Difference) -> str:
    return visible(one.path) or ("the whole body" if one.part == "body" else _HEADS[one.part])


def _masked(value: str) -> str:
    return mask(value) if value else ""


def _head(one: Difference, name: str) -> list[Cell]:
    return [
        (f"{_SIGNS[one.kind]} ", f"diff-{one.kind}"),
        (name, "dim" if one.ignored_by else "name"),
    ]


def _rule(one: Difference) -> list[Cell]:
    return [(f"  ignored by {visible(one.ignored_by)}", "doc")] if one.ignored_by else []


def _below(one: Difference, name: str) -> Iterator[Line]:
    """The sides under each other, for a narrow window."""
    yield (*_head(one, name), *_rule(one))
    left, right = _emphasised(one)
    if one.kind != "added":
        yield (("    - ", "diff-removed"), *left)
    if one.kind != "removed":
        yield (("    + ", "diff-added"), *right)


def _beside(one: Difference, name: str, column: int, width: int) -> Iterator[Line]:
    """The sides beside each other, under the path where that is long."""
    room = (width - column - 2 - 2 * 3) // 2
    head = _head(one, name)
    if cell_len(name) > column or one.ignored_by:
        yield (*head, *_rule(one))
        head = [("  ", ""), ("", "")]
    columns = [list(wrapped([side], room)) for side in _emphasised(one)]
    signs = [("-", "diff-removed"), ("+", "diff-added")]
    for number, (left, right) in enumerate(zip_longest(*columns, fillvalue=())):
        if number:
            head, signs = [("  ", ""), ("", "")], [(" ", "")] * 2
        blanks = " " * (room - sum(cell_len(text) for text, _ in left))
        yield (
            *(head[0], (fit(head[1][0], column), head[1][1])),
            *((" ", ""), signs[0] if one.kind != "added" else (" ", ""), (" ", "")),
            *(*left, (blanks, "")),
            *((" ", ""), signs[1] if one.kind != "removed" else (" ", ""), (" ", "")),
            *right,
        )


def _emphasised(one: Difference) -> tuple[Line, Line]:
    """Both values, with what is not the same in them marked where they are alike."""
    styles = ("dim", "dim") if one.ignored_by else ("removed", "added")
    left, right = one.left, one.right
    if one.kind != "changed":
        return ((visible(left), styles[0]),), ((visible(right), styles[1]),)
    start = _common(left, right)
    end = _common(left[start:][::-1], right[start:][::-1])
    if start + end < min(len(left), len(right)) // 3:
        start = end = 0
    return _parted(left, start, end, styles[0]), _parted(right, start, end, styles[1])


def _parted(text: str, start: int, end: int, style: str) -> Line:
    middle = text[start : len(text) - end]
    inner = style if not start and not end else f"{style}-part" if style != "dim" else style
    cells = ((text[:start], style), (middle, inner), (text[len(text) - end :], style))
    return tuple((visible(part), of) for part, of in cells if part)


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
