"""Which items of two sequences belong together, so that an inserted one is one difference."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

# Pairs of items that are looked at in one gap, and in all gaps together: this is what keeps hostile
# sequences from quadratic time. Beyond it items are paired by position.
_GAP = 10_000
_ALL = 1_000_000

Pair = tuple[int | None, int | None]
Similar = Callable[[int, int], int]


def aligned(
    left: Sequence[int], right: Sequence[int], similar: Similar, *, flip: bool
) -> list[Pair]:
    """Pairs of indices in order; None stands where one side has no such item.

    Items are equal when their numbers are. `similar(i, j)` is asked for small gaps only: how much
    left's item i is like right's item j, from 1 to 400. Of equally good pairings one is taken, the
    same one when the sides are swapped and `flip` is the other way round.
    """
    if flip:
        pairs = _aligned(right, left, lambda i, j: similar(j, i))
        return [(j, i) for i, j in pairs]
    return _aligned(left, right, similar)


def _aligned(left: Sequence[int], right: Sequence[int], similar: Similar) -> list[Pair]:
    top = _same(left, right, 0, min(len(left), len(right)), 1)
    end = _same(left, right, 0, min(len(left), len(right)) - top, -1)
    pairs: list[Pair] = [(at, at) for at in range(top)]
    last = (len(left) - end, len(right) - end)
    budget = _ALL
    here = (top, top)
    for anchor in [*_anchors(left, right, top, *last), last]:
        gap = (anchor[0] - here[0]) * (anchor[1] - here[1])
        if gap and gap <= _GAP and gap <= budget:
            budget -= gap
            pairs += _best(left, right, here, anchor, similar)
        else:
            pairs += _by_position(here, anchor)
        if anchor != last:
            pairs.append(anchor)
        here = (anchor[0] + 1, anchor[1] + 1)
    pairs += [(last[0] + at, last[1] + at) for at in range(end)]
    return pairs


def _same(left: Sequence[int], right: Sequence[int], start: int, most: int, step: int) -> int:
    """How many items both begin (or, with step -1, end) with."""
    first = 0 if step > 0 else -1
    for count in range(start, most):
        at = first + step * count
        if left[at] != right[at]:
            return count
    return most


def _anchors(
    left: Sequence[int], right: Sequence[int], top: int, left_end: int, right_end: int
) -> list[tuple[int, int]]:
    """Items that are there once on either side, as far as their order is the same (patience)."""
    once_left, once_right = Counter(left[top:left_end]), Counter(right[top:right_end])
    where = {right[at]: at for at in range(top, right_end) if once_right[right[at]] == 1}
    pairs = [
        (at, where[left[at]])
        for at in range(top, left_end)
        if once_left[left[at]] == 1 and left[at] in where
    ]
    tails: list[int] = []
    tops: list[int] = []
    before: list[int] = []
    for number, (_, at) in enumerate(pairs):
        length = bisect_left(tails, at)
        before.append(tops[length - 1] if length else -1)
        tails[length : length + 1] = [at]
        tops[length : length + 1] = [number]
    chain: list[tuple[int, int]] = []
    number = tops[-1] if tops else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _by_position(start: tuple[int, int], end: tuple[int, int]) -> Iterator[Pair]:
    lefts, rights = range(start[0], end[0]), range(start[1], end[1])
    both = min(len(lefts), len(rights))
    yield from zip(lefts[:both], rights[:both], strict=True)
    yield from ((at, None) for at in lefts[both:])
    yield from ((None, at) for at in rights[both:])


def _best(
    left: Sequence[int],
    right: Sequence[int],
    start: tuple[int, int],
    end: tuple[int, int],
    similar: Similar,
) -> list[Pair]:
    """The pairing whose pairs are most alike in sum; of equally good ones, pairs come early."""
    rows, columns = end[0] - start[0], end[1] - start[1]
    score = [[0] * (columns + 1) for _ in range(rows + 1)]
    alike = [[0] * columns for _ in range(rows)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            at = (start[0] + i, start[1] + j)
            same = left[at[0]] == right[at[1]]
            alike[i][j] = 1000 if same else similar(*at)
            paired = alike[i][j] + score[i + 1][j + 1]
            score[i][j] = max(paired, score[i + 1][j], score[i][j + 1])
    pairs: list[Pair] = []
    i = j = 0
    while i < rows and j < columns:
        if score[i][j] == alike[i][j] + score[i + 1][j + 1]:
            pairs.append((start[0] + i, start[1] + j))
            i, j = i + 1, j + 1
        elif score[i][j] == score[i + 1][j]:
            pairs.append((start[0] + i, None))
            i += 1
        else:
            pairs.append((None, start[1] + j))
            j += 1
    pairs += _by_position((start[0] + i, start[1] + j), end)
    return pairs
