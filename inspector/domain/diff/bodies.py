"""What differs between two bodies: JSON by structure, forms by field, text by line, else all."""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import unquote_plus

from inspector.domain.content import decoded
from inspector.domain.diff.align import aligned
from inspector.domain.diff.model import Found, Side, found, same_end, same_start
from inspector.domain.diff.named import by_name
from inspector.domain.diff.structure import differing
from inspector.domain.diff.tree import Node, read
from inspector.domain.headers import first

# Text of more lines is compared as a whole.
_MAX_LINES = 100_000
_LOOKED_AT = 200
_FORM = "application/x-www-form-urlencoded"


class _Body(NamedTuple):
    """A body without its content codings; `text` is None where it is binary."""

    data: bytes
    text: str | None
    media: str

    @property
    def shown(self) -> str:
        return _summary(self.data) if self.text is None else self.text


def bodies(left: Side, right: Side, *, flip: bool) -> Iterator[Found]:
    """The differences of two bodies; of such that differ in their bytes alone one that says so."""
    if left.body == right.body:
        return
    one, other = _body(left), _body(right)
    if one.data != other.data and not (one.data and other.data):
        yield found("", one.shown if one.data else None, other.shown if other.data else None)
        return
    what, differences = _compared(one, other, flip)
    nothing = True
    for difference in differences:
        nothing = False
        yield difference
    if nothing:
        same = f"the same {what} in "
        yield found("", same + _summary(left.body), same + _summary(right.body))


def _compared(one: _Body, other: _Body, flip: bool) -> tuple[str, Iterator[Found]]:
    if one.data == other.data:
        return "content", iter(())
    if one.text is None or other.text is None:
        return "content", iter([found("", _summary(one.data), _summary(other.data))])
    trees = _tree(one), _tree(other)
    if trees[0] is not None and trees[1] is not None:
        return "JSON", differing(trees[0], trees[1], one.text, other.text, flip=flip)
    fields = max(one.text.count("&"), other.text.count("&"))
    if one.media == other.media == _FORM and fields <= _MAX_LINES:
        return "form", _fields(one.text, other.text, flip)
    start, left_end, right_end = _differing_lines(one.text, other.text)
    ours, theirs = one.text[start:left_end], other.text[start:right_end]
    if max(ours.count("\n"), theirs.count("\n")) > _MAX_LINES:
        return "text", iter([found("", _summary(one.data), _summary(other.data))])
    number = one.text.count("\n", 0, start) + 1
    return "text", _lines(_split(ours), _split(theirs), number, flip)


def _differing_lines(left: str, right: str) -> tuple[int, int, int]:
    """(start of both, end of left's, end of right's) of what is between equal lines."""
    start = left.rfind("\n", 0, same_start(left, right)) + 1
    same = same_end(left, right, min(len(left), len(right)) - start)
    line_break = left.find("\n", len(left) - same)
    if same == 0 or line_break < 0:
        return start, len(left), len(right)
    kept = len(left) - line_break - 1
    return start, len(left) - kept, len(right) - kept


def _summary(data: bytes) -> str:
    return f"{len(data)} bytes, sha256 {sha256(data).hexdigest()[:16]}…"


def _body(side: Side) -> _Body:
    media = (first(side.headers, "content-type") or "").partition(";")[0].strip().lower()
    plain = decoded(side.body, first(side.headers, "content-encoding") or "")
    data = side.body if plain is None else plain
    return _Body(data, _text(data, media), media)


def _text(data: bytes, media: str) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        textual = media.startswith("text/") or media.endswith(("json", "xml", "urlencoded"))
        return data.decode("latin-1") if textual else None


def _tree(body: _Body) -> Node | None:
    text = body.text or ""
    if not body.media.endswith("json") and text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return None
    return read(text)


def _split(text: str) -> list[str]:
    """The lines with their line breaks."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _fields(left: str, right: str, flip: bool) -> Iterator[Found]:
    """By the names that the fields have; values are decoded where that tells them apart."""
    ours, theirs = ([_field(field) for field in text.split("&")] for text in (left, right))
    for one in by_name(tuple(ours), tuple(theirs), str, flip=flip):
        values = unquote_plus(one.left), unquote_plus(one.right)
        yield one if values[0] == values[1] else one._replace(left=values[0], right=values[1])


def _field(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return unquote_plus(name), value


def _lines(left: list[str], right: list[str], number: int, flip: bool) -> Iterator[Found]:
    def similar(i: int, j: int) -> int:
        one, other = left[i][:_LOOKED_AT], right[j][:_LOOKED_AT]
        return 1 + 100 * (one.split()[:1] == other.split()[:1]) + 50 * (one[-10:] == other[-10:])

    for i, j in aligned([*map(hash, left)], [*map(hash, right)], similar, flip=flip):
        if i is None:
            assert j is not None
            yield found(f"line {number + j}", None, right[j].removesuffix("\n"))
        elif j is None:
            yield found(f"line {number + i}", left[i].removesuffix("\n"), None)
        elif left[i] != right[j]:
            texts = left[i], right[j]
            bare = left[i].removesuffix("\n"), right[j].removesuffix("\n")
            shown = texts if bare[0] == bare[1] else bare
            yield Found("changed", f"line {number + i}", f"line {number + j}", *shown)
