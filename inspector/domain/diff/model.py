"""What is compared, and what a difference is."""

from typing import Literal, NamedTuple

from inspector.domain.headers import Headers

Part = Literal["start", "header", "body"]
Kind = Literal["added", "removed", "changed"]

# More differences than that help nobody; the last one says that there are more.
MAX_DIFFERENCES = 5000
# Characters of a value that is shown, and those before the first one that differs.
_SHOWN = 2000
_BEFORE = 60


class Side(NamedTuple):
    """One of two that are compared. `start` is its request line or status line."""

    title: str
    start: str
    headers: Headers
    body: bytes


class Difference(NamedTuple):
    """One difference, from `left` to `right`, each as it was sent; "" on the side without it.

    `path` is a header's name, a JSON path like `data.items.0.id` (of `right`; of `left` where it
    was removed), a field of a form or `line 12`, and "" for the body as a whole. A repeated name
    has its number behind it: `a#2`. `left` and `right` may be cut (`…`), and are not made harmless.
    `ignored_by` is the first rule that passes over it, or "".
    """

    part: Part
    path: str
    kind: Kind
    left: str
    right: str
    ignored_by: str = ""


class Found(NamedTuple):
    """A difference before rules and cuts; the paths differ where items of an array have moved."""

    kind: Kind
    left_path: str
    right_path: str
    left: str
    right: str

    def told(self, part: Part) -> Difference:
        path = self.left_path if self.kind == "removed" else self.right_path
        return Difference(part, path, self.kind, *cut(self.left, self.right))


def found(path: str, left: str | None, right: str | None) -> Found:
    """A difference at the same place on both sides; None is for what is not there."""
    kind: Kind = "added" if left is None else "removed" if right is None else "changed"
    return Found(kind, path, path, left or "", right or "")


def cut(left: str, right: str) -> tuple[str, str]:
    """Both values no longer than can be shown, around the first character that differs."""
    if len(left) <= _SHOWN and len(right) <= _SHOWN:
        return left, right
    start = max(same_start(left, right) - _BEFORE, 0)
    return _window(left, start), _window(right, start)


def same_start(left: str, right: str) -> int:
    """How many characters both begin with, found by comparing ever smaller pieces."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def same_end(left: str, right: str, most: int) -> int:
    """How many characters, at most `most`, both end with."""
    low, high = 0, most
    ours, theirs = len(left), len(right)
    while low < high:
        middle = (low + high + 1) // 2
        if left[ours - middle : ours - low] == right[theirs - middle : theirs - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _window(text: str, start: int) -> str:
    end = start + _SHOWN
    return ("…" if start else "") + text[start:end] + ("…" if len(text) > end else "")
