"""What differs between two lists of named values: headers, and the fields of forms."""

from collections.abc import Callable, Iterator

from inspector.domain.diff.align import aligned
from inspector.domain.diff.model import Found, found
from inspector.domain.headers import Headers

_Pairs = list[tuple[str, str]]


def by_name(
    left: Headers, right: Headers, same_name: Callable[[str], str], *, flip: bool
) -> Iterator[Found]:
    """By name, in the order of its first place; a second of a name is `Name#2`.

    Names are the same where `same_name` gives the same. Both names are shown where their spelling
    alone differs.
    """
    ours, theirs = _grouped(left, same_name), _grouped(right, same_name)
    for name in {**ours, **theirs}:
        one, other = ours.get(name, []), theirs.get(name, [])
        if one != other:
            yield from _values(one, other, flip)


def _values(one: _Pairs, other: _Pairs, flip: bool) -> Iterator[Found]:
    for i, j in aligned([*map(hash, one)], [*map(hash, other)], lambda *_: 1, flip=flip):
        if i is None:
            assert j is not None
            yield found(_numbered(other, j), None, other[j][1])
        elif j is None:
            yield found(_numbered(one, i), one[i][1], None)
        elif one[i] != other[j]:
            paths = _numbered(one, i), _numbered(other, j)
            spelled = one[i][0] != other[j][0]
            texts = (": ".join(pair) if spelled else pair[1] for pair in (one[i], other[j]))
            yield Found("changed", *paths, *texts)


def _grouped(pairs: Headers, same_name: Callable[[str], str]) -> dict[str, _Pairs]:
    out: dict[str, _Pairs] = {}
    for pair in pairs:
        out.setdefault(same_name(pair[0]), []).append(pair)
    return out


def _numbered(pairs: _Pairs, at: int) -> str:
    return f"{pairs[at][0]}#{at + 1}" if at else pairs[at][0]
