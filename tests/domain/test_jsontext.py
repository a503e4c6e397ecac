"""Each line of laid-out JSON knows its value: where it is, what was sent, where it ends."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.bodylines import HexLines, TextLines
from inspector.domain.jsontext import Layout, laid_out

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)
SIGNS = ["{", "}", "[", "]", ",", ":", '"a"', '"b":', "1", "NaN", '"', "\\", " ", "\n", "\0"]
texts = st.lists(st.one_of(st.text(max_size=3), st.sampled_from(SIGNS))).map("".join)


def at(value: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        value = value[step]
    return value


def alike(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)


@settings(max_examples=200, deadline=None)
@given(values, st.sampled_from([None, 1, "\t"]), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_every_line_leads_to_its_value_and_holds_it_as_sent(
    value: Any, indent: int | str | None, separators: tuple[str, str]
) -> None:
    sent = json.dumps(value, indent=indent, separators=separators).replace("Infinity", "1e999")
    whole = json.loads(sent)
    layout = laid_out(sent, 10_000)
    for index in range(len(layout)):
        found = at(whole, layout.steps(index))
        assert alike(json.loads(layout.value(index)), found)
        assert layout.value(index) in sent
        bracket = "{" if isinstance(found, dict) else "[" if isinstance(found, list) else ""
        assert layout.bracket(index) == bracket
        assert layout.count(index) == (len(found) if isinstance(found, dict | list) else 0)


@settings(max_examples=200, deadline=None)
@given(values)
def test_containers_are_closed_where_they_say(value: Any) -> None:
    layout = laid_out(json.dumps(value), 10_000)
    for index, line in enumerate(layout):
        closing = layout.closing(index)
        assert layout.opening(index) <= index <= closing
        assert layout.opening(closing) == layout.opening(index)
        if closing > index:
            assert line.endswith(layout.bracket(index))
            assert layout[closing].strip(" ,") == {"{": "}", "[": "]"}[layout.bracket(index)]
            inside = range(index + 1, closing)
            assert all(layout.steps(one)[: len(layout.steps(index))] == layout.steps(index)
                       for one in inside)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(texts, st.integers(1, 20), st.booleans())
def test_nothing_about_any_text_ever_fails(text: str, max_lines: int, cut: bool) -> None:
    layout = laid_out(text, max_lines, cut=cut)
    assert len(layout) <= max_lines + 1
    for index in range(len(layout)):
        assert layout.opening(index) <= index <= layout.closing(index) < len(layout)
        assert layout.parent(index) < layout.opening(index)
        assert layout.value(index) in text
        assert layout.source(index) in text
        layout.path(index)
        assert layout.count(index) >= 0
        assert layout[index].startswith(layout.line(index, 3)[:1])


def test_an_unfinished_text_holds_what_came() -> None:
    layout = laid_out('[[1],{"a":[2,"b', 100, cut=True)
    assert layout[:] == ["[", "  [", "    1", "  ],", "  {", '    "a": [', "      2,", '      "b']
    assert [layout.closing(one) for one in range(8)] == [7, 3, 2, 3, 7, 7, 6, 7]
    assert layout.value(0) == '[[1],{"a":[2,"b'
    assert layout.value(1) == "[1]"
    assert layout.value(5) == '[2,"b'
    assert (layout.count(0), layout.count(4), layout.count(5)) == (2, 1, 2)
    assert [layout.path(one) for one in (1, 2, 5, 7)] == ["0", "0.0", "1.a", "1.a.1"]
    assert not layout.complete


def test_one_of_two_equal_keys_is_not_the_other() -> None:
    layout = laid_out('{"a":1.50,"a":-0,"b":[ ]}', 100)
    assert [layout.value(one) for one in range(1, 4)] == ["1.50", "-0", "[ ]"]
    assert [layout.path(one) for one in range(5)] == ["", "a", "a", "b", ""]


def test_a_long_line_can_be_read_in_part() -> None:
    layout = laid_out('{"k":"' + "x" * 1000 + '"}', 100)
    assert layout.line(1, 20) == '  "k": "' + "x" * 15


@pytest.mark.uncounted
@pytest.mark.parametrize("text", ["[" * 1_000_000, "[1," * 300_000, '{"a":' * 300_000])
def test_the_deepest_paths_are_short_and_quick(text: str) -> None:
    layout = laid_out(text, 1_000_000, cut=True)
    began = time.process_time()
    last = len(layout) - 1
    assert layout.path(last).startswith("….")
    assert layout.count(0) == 1 + text.startswith("[1,")
    assert time.process_time() - began < 1.0


@given(st.text("a\n\r", max_size=30), st.integers(1, 5), st.integers(1, 8))
def test_text_lines_lose_nothing(text: str, width: int, max_lines: int) -> None:
    lines = TextLines(text, max_lines, width)
    assert len(lines) <= max_lines
    assert all(len(line) <= width for line in lines)
    if lines.complete:
        assert "".join(lines).replace("\r", "") == text.replace("\n", "").replace("\r", "")
    wide = TextLines(text, 100, 100)
    assert wide[:] == [line.removesuffix("\r") for line in text.split("\n")]


@given(st.binary(max_size=70))
def test_hex_lines_are_all_bytes(data: bytes) -> None:
    lines = HexLines(data)
    assert b"".join(bytes.fromhex(line[10:58]) for line in lines) == data
    assert lines[:] == list(lines)


def test_layouts_are_sequences() -> None:
    layout: Layout = laid_out("[1,2]", 10)
    assert layout[1:3] == ["  1,", "  2"]
    assert layout[-1] == "]"
