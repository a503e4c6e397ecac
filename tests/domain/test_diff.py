"""What differs between two deliveries or responses."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.diff import Difference, Side, compare
from tests.store.strategies import bodies, headers

JSON = (("Content-Type", "application/json"),)

values = st.recursive(
    st.sampled_from([None, True, 0, 1, 1.5, "", "a", "b"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.dictionaries(st.sampled_from("abc"), inner)
    ),
    max_leaves=20,
)
json_bodies = values.map(lambda value: json.dumps(value).encode())
words = st.lists(st.sampled_from(["a", "b", "c: 1", "\n", "\r\n", "&", "="])).map("".join)
anything = st.one_of(json_bodies, words.map(str.encode), bodies)
sides = st.builds(Side, st.just(""), st.sampled_from(["GET /", "POST /"]), headers, anything)


def of_json(value: Any) -> Side:
    return Side("", "POST / HTTP/1.1", JSON, json.dumps(value).encode())


def mirrored(one: Difference) -> Difference:
    kind = {"added": "removed", "removed": "added"}.get(one.kind, one.kind)
    return one._replace(path="", kind=kind, left=one.right, right=one.left)  # type: ignore[arg-type]


@settings(max_examples=300)
@given(sides)
def test_nothing_differs_from_itself(side: Side) -> None:
    assert compare(side, side._replace(title="other")) == ()


@settings(max_examples=500)
@given(sides, sides)
def test_swapped_sides_give_the_mirror(left: Side, right: Side) -> None:
    ours = sorted(one._replace(path="") for one in compare(left, right, ()))
    theirs = sorted(mirrored(one) for one in compare(right, left, ()))
    assert ours == theirs
    assert bool(ours) == (left != right)


def test_an_inserted_item_is_one_difference() -> None:
    items = [{"id": n, "name": "x"} for n in range(9)]
    changed = [*items[:3], {"id": 99, "name": "y"}, *items[3:]]
    told = compare(of_json({"items": items}), of_json({"items": changed}))
    assert told == (Difference("body", "items.3", "added", "", '{"id": 99, "name": "y"}'),)


def test_numbers_differ_as_they_were_sent() -> None:
    left, right = (Side("", "", (), body) for body in (b'{"n": 1, "m": 1}', b'{"n": 1.0, "m": 1}'))
    assert compare(left, right) == (Difference("body", "n", "changed", "1", "1.0"),)
