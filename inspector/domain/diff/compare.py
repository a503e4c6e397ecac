"""Two sides compared: the first line, the headers, the bodies."""

from collections.abc import Iterator, Sequence
from itertools import islice

from inspector.domain.diff.align import aligned
from inspector.domain.diff.bodies import bodies
from inspector.domain.diff.model import MAX_DIFFERENCES, Difference, Found, Part, Side, found
from inspector.domain.diff.rules import DEFAULT_IGNORE, ruled
from inspector.domain.headers import Headers


def compare(
    left: Side, right: Side, ignore: Sequence[str] = DEFAULT_IGNORE
) -> tuple[Difference, ...]:
    """Every difference in order: of the first line, the headers by name, the body.

    Bodies are compared without their content codings: JSON by its structure, as it was sent (`1`
    and `1.0` differ), forms by field, text by line, anything else by size and digest. Bodies that
    differ in their bytes alone are told as one difference. Never raises, and takes no more than
    linear time. All `differences` are there, those that `ignore` passes over named by its rule.
    """
    if left[1:] == right[1:]:
        return ()
    flip = left[1:] > right[1:]
    told: list[Difference] = []
    if left.start != right.start:
        told.append(found("", left.start, right.start).told("start"))
    parts: list[tuple[Part, Iterator[Found]]] = [
        ("header", _headers(left.headers, right.headers, flip)),
        ("body", bodies(left, right, flip=flip)),
    ]
    for part, differences in parts:
        room = MAX_DIFFERENCES - len(told)
        told += [one.told(part) for one in islice(differences, room)]
        if len(told) == MAX_DIFFERENCES and next(differences, None):
            told[-1] = Difference(part, "", "changed", *["there are more differences"] * 2)
            break
    return ruled(told, ignore)


def _headers(left: Headers, right: Headers, flip: bool) -> Iterator[Found]:
    """By name in any case, in the order of their first place; a second of a name is `Name#2`."""
    ours, theirs = _by_name(left), _by_name(right)
    for name in {**ours, **theirs}:
        one, other = ours.get(name, []), theirs.get(name, [])
        if one == other:
            continue
        keys = [*map(hash, one)], [*map(hash, other)]
        for i, j in aligned(*keys, lambda *_: 1, flip=flip):
            if i is None:
                assert j is not None
                yield found(_numbered(other, j), None, other[j][1])
            elif j is None:
                yield found(_numbered(one, i), one[i][1], None)
            elif one[i] != other[j]:
                paths = _numbered(one, i), _numbered(other, j)
                if one[i][0] == other[j][0]:
                    yield Found("changed", *paths, one[i][1], other[j][1])
                else:
                    yield Found("changed", *paths, ": ".join(one[i]), ": ".join(other[j]))


def _by_name(headers: Headers) -> dict[str, list[tuple[str, str]]]:
    out: dict[str, list[tuple[str, str]]] = {}
    for pair in headers:
        out.setdefault(pair[0].lower(), []).append(pair)
    return out


def _numbered(pairs: list[tuple[str, str]], at: int) -> str:
    return f"{pairs[at][0]}#{at + 1}" if at else pairs[at][0]
