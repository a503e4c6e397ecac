"""What differs between two JSON trees: members by key, items by what is in them."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inspector.domain.diff.align import aligned
from inspector.domain.diff.model import Found, Kind
from inspector.domain.diff.tree import Branch, Node, digest

# More of a branch is not shown, however it was indented.
_SHOWN = 8000
_STEP = 100
# Nor more of a path: up to 5000 of them are told.
_PATH = 2000
_INDENT = re.compile(r"[ \t\r]*\n\s*")
_MEMBERS = 64


class _Trail(NamedTuple):
    """The way to a place: joined only where a difference is told, for most places have none."""

    before: "_Trail | None"
    step: str

    def path(self) -> str:
        steps: list[str] = []
        at: _Trail | None = self
        while at is not None:
            short = at.step if len(at.step) <= _STEP else at.step[: _STEP - 1] + "…"
            steps.append(short)
            at = at.before
        path = ".".join(reversed(steps))
        return path if len(path) <= _PATH else f"{path[: _PATH // 2]}…{path[-_PATH // 2 :]}"


class _Pair(NamedTuple):
    """Two nodes that stand for each other and differ; None: there is none, or it is the root.

    The trails differ after a shift.
    """

    left_trail: _Trail | None
    right_trail: _Trail | None
    left: Node | None
    right: Node | None

    def paths(self) -> tuple[str, str]:
        left, right = self.left_trail, self.right_trail
        ours = left.path() if left else ""
        return ours, ours if left is right else right.path() if right else ""


def differing(
    left: Node, right: Node, left_text: str, right_text: str, *, flip: bool
) -> Iterator[Found]:
    """The differences of two trees of these texts, in the order of left's keys."""
    pairs = [_Pair(None, None, left, right)] if digest(left) != digest(right) else []
    while pairs:
        here = pairs.pop()
        one, other = here.left, here.right
        if one is None or other is None:
            kind: Kind = "added" if one is None else "removed"
            yield Found(kind, *here.paths(), _sent(one, left_text), _sent(other, right_text))
        elif isinstance(one, str) or isinstance(other, str) or one.is_object != other.is_object:
            yield Found("changed", *here.paths(), _sent(one, left_text), _sent(other, right_text))
        else:
            inside = _members(here, one, other) if one.is_object else _items(here, one, other, flip)
            pairs += inside[::-1]


def _members(here: _Pair, left: Branch, right: Branch) -> list[_Pair]:
    left_keys, right_keys = left.keys or (), right.keys or ()
    ours = dict(zip(left_keys, left.items, strict=True))
    theirs = dict(zip(right_keys, right.items, strict=True))
    keys = [*left_keys, *(key for key in right_keys if key not in ours)]
    return [
        _below(here, key, key, one, other)
        for key in keys
        if _differ(one := ours.get(key), other := theirs.get(key))
    ]


def _items(here: _Pair, left: Branch, right: Branch, flip: bool) -> list[_Pair]:
    alike = _Alike(left.items, right.items)
    ours, theirs = [*map(digest, left.items)], [*map(digest, right.items)]
    return [
        _below(
            here,
            str(i if i is not None else j),
            str(j if j is not None else i),
            None if i is None else left.items[i],
            None if j is None else right.items[j],
        )
        for i, j in aligned(ours, theirs, alike, flip=flip)
        if i is None or j is None or ours[i] != theirs[j]
    ]


def _differ(one: Node | None, other: Node | None) -> bool:
    return one is None or other is None or digest(one) != digest(other)


def _below(
    here: _Pair, left_step: str, right_step: str, left: Node | None, right: Node | None
) -> _Pair:
    trail = _Trail(here.left_trail, left_step)
    if left_step == right_step and here.left_trail is here.right_trail:
        return _Pair(trail, trail, left, right)
    return _Pair(trail, _Trail(here.right_trail, right_step), left, right)


class _Alike:
    """How much items of two arrays are alike: by the members that objects share."""

    def __init__(self, left: Sequence[Node], right: Sequence[Node]) -> None:
        self._items = (left, right)
        self._members: dict[tuple[int, int], frozenset[tuple[str, int]]] = {}

    def __call__(self, i: int, j: int) -> int:
        ours, theirs = self._of(0, i), self._of(1, j)
        most = max(len(ours), len(theirs))
        return 1 + 399 * len(ours & theirs) // most if most else 1

    def _of(self, side: int, at: int) -> frozenset[tuple[str, int]]:
        known = self._members.get((side, at))
        if known is None:
            item = self._items[side][at]
            known = frozenset()
            if isinstance(item, Branch) and item.keys:
                pairs = zip(item.keys, map(digest, item.items[:_MEMBERS]), strict=False)
                known = frozenset(pairs)
            self._members[side, at] = known
        return known


def _sent(node: Node | None, text: str) -> str:
    """A value as it was sent, on one line unless a string in it is not."""
    if node is None or isinstance(node, str):
        return node or ""
    end = min(node.end, node.start + _SHOWN)
    return _INDENT.sub(" ", text[node.start : end]) + ("…" if end < node.end else "")
