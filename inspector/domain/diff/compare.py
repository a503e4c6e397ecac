"""Two sides compared: the first line, the headers, the bodies."""

from collections.abc import Iterator, Sequence
from itertools import islice

from inspector.domain.diff.bodies import bodies
from inspector.domain.diff.model import MAX_DIFFERENCES, Difference, Found, Part, Side, found
from inspector.domain.diff.named import by_name
from inspector.domain.diff.rules import DEFAULT_IGNORE, ruled
from inspector.domain.headers import Headers


def compare(
    left: Side, right: Side, ignore: Sequence[str] = DEFAULT_IGNORE
) -> tuple[Difference, ...]:
    """Every difference in order: of the first line, the headers by name, the body.

    Bodies are compared without their content codings: JSON by its structure, as it was sent (`1`
    and `1.0` differ), forms by field, text by line, anything else by size and digest. Bodies that
    differ in their bytes alone are told as one difference, and so is another order of headers.
    Never raises; takes seconds at most, whatever is compared. Differences that `ignore` passes
    over are there too, with the rule in `ignored_by`.
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
    nothing = True
    for difference in by_name(left, right, str.lower, flip=flip):
        nothing = False
        yield difference
    if nothing and left != right:
        orders = (", ".join(name for name, _ in side) for side in (left, right))
        yield found("", *(f"the same headers in the order {order}" for order in orders))
