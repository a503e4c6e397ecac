"""Paths for completion: what a query can name, bounded whatever was sent."""

from typing import Any

import pytest

from inspector.domain.jsonpaths import MAX_DEPTH, MAX_PATHS, paths


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        (5, ()),
        ("text", ()),
        ([], ()),
        ({}, ()),
        ({"a": 1, "b": {"c": None}}, ("a", "b", "b.c")),
        ({"items": [{"price": 1}, {"other": 2}]}, ("items", "items.0", "items.0.price")),
        ([[1, 2]], ("0", "0.0")),
        ({"a b": 1, "a.b": {"c": 1}, "": 1, 'q"': 1, "a\x1b[1m": 1, "x" * 65: 1, "ok": 1}, ("ok",)),
        ({"größe": 1, "$ref": 1, "@id": 1, "x-y": 1}, ("größe", "$ref", "@id", "x-y")),
    ],
)
def test_paths(value: Any, expected: tuple[str, ...]) -> None:
    assert paths(value) == expected


def test_it_is_bounded() -> None:
    assert len(paths({f"k{n}": n for n in range(100_000)})) == MAX_PATHS
    assert len(paths({f"k k{n}": n for n in range(100_000)})) == 0
    many: Any = {f"k k{n}": n for n in range(10_000)}
    assert paths({"a": many, "b": [1], "c": {"x": 1}}) == ("a", "b", "c", "b.0")
    deep: Any = 1
    for _ in range(150):
        deep = {"a": deep}
    assert len(paths(deep)) == MAX_DEPTH
    assert paths({"a": {"c": 1}, "b": 1}, limit=2) == ("a", "b")
