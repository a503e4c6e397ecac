"""A window over a document: folding, moving and searching, against all its lines at once."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.bodyview import opened
from inspector.tui.document import Document, Entry, Part, Section
from inspector.tui.finding import Matches, pattern
from inspector.tui.folding import Folding
from inspector.tui.lines import heading, wrapped
from inspector.tui.tabs.bodyblock import BodyBlock
from inspector.tui.viewport import Viewport

JSON = (("Content-Type", "application/json"),)
SAMPLE = {"a": {"b": [1, 2, {"c": None}], "d": {}}, "e": "x" * 50, "f": [[], [3]]}


def block(value: Any) -> BodyBlock:
    return BodyBlock(opened(json.dumps(value).encode(), JSON))


def text(document: Document) -> list[str]:
    return [line for _, line in document.texts(0, len(document))]


def seen(port: Viewport) -> list[str]:
    return ["".join(part for part, _ in row.cells) for row in port.rows()]


def document(value: Any = SAMPLE) -> Document:
    return Document(
        [
            heading("head"),
            Section("one", Entry(heading("first")), [Entry((("x", ""),), "x", "1"), block(value)]),
            (),
            Section("two", Entry(heading("second")), [block(value)]),
            heading("tail"),
        ]
    )


values = st.recursive(
    st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=12,
)


def visible_lines(whole: Document, folded: set[int]) -> list[int]:
    """Brute force: each line that nothing hides."""
    out, line = [], 0
    while line < len(whole):
        out.append(line)
        line = whole.closing(line) + 1 if line in folded else line + 1
    return out


@settings(max_examples=150, deadline=None)
@given(values, st.data())
def test_folding_agrees_with_brute_force_and_unfolding_gives_the_same_lines(
    value: Any, data: st.DataObject
) -> None:
    whole = document(value)
    folding = Folding(whole)
    lines = st.integers(0, len(whole) - 1)
    for line in data.draw(st.lists(lines, max_size=6)):
        folding.fold(line)
    folded = {line for line in range(len(whole)) if folding.folded(line)}
    shown = visible_lines(whole, folded)
    assert len(folding) == len(shown)
    assert [folding.at(place) for place in range(len(shown))] == shown
    assert [folding.place(line) for line in shown] == list(range(len(shown)))
    assert [folding.next(line) for line in shown] == [*shown[1:], None]
    assert [folding.previous(line) for line in shown] == [None, *shown[:-1]]
    for line in range(len(whole)):
        assert folding.shown(line) == max(one for one in shown if one <= line)
    assert visible_lines(whole, {one for key in folding.keys if (one := whole.find(key))}) == shown
    line = data.draw(lines)
    assert folding.reveal(line) is (line not in shown)
    assert folding.shown(line) == line
    for line in folded:
        folding.unfold(line)
    assert len(folding) == len(whole)


def test_what_is_folded_says_what_is_in_it() -> None:
    whole = Document([block(SAMPLE)])
    assert text(whole)[:3] == ["{", '  "a": {', '    "b": [']
    folded = ["".join(part for part, _ in whole.folded(line)) for line in (0, 1, 2)]
    assert folded == ["{… 3 keys}", '  "a": {… 2 keys},', '    "b": [… 3 items],']
    one = Document([block({"a": {"b": 1}})])
    assert "".join(part for part, _ in one.folded(1)) == '  "a": {… 1 key}'
    assert one.closing(1) == 3
    assert one.parent(2) == 1


def test_lines_know_their_path_and_value() -> None:
    whole = document({"a": [1.50, "two", "th\\ree"]})
    found = {whole.path(line): whole.value(line) for line in range(5, 9)}
    assert found == {"a": '[1.5, "two", "th\\\\ree"]', "a.0": "1.5", "a.1": "two",
                     "a.2": '"th\\\\ree"'}  # fmt: skip
    assert (whole.cells(2), whole.path(2), whole.value(2)) == ((("x", ""),), "x", "1")


def test_keys_find_lines_again_in_a_newer_document() -> None:
    before = document()
    extra: list[Part] = [heading("new"), Section("zero", Entry(heading("0")), [block([1])])]
    after = Document(
        [heading("head"), *extra[1:], Section("two", Entry(heading("second")), [block(SAMPLE)])]
    )
    line = next(one for one, line in enumerate(text(before)) if line == "second") + 5
    found = after.find(before.key(line))
    assert found is not None
    assert text(after)[found] == text(before)[line]
    assert after.find(before.key(1)) is None


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(4, 40),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["step", "turn"]), st.sampled_from([-1, 1])),
            st.tuples(st.sampled_from(["scroll"]), st.integers(-9, 9)),
            st.tuples(st.sampled_from(["go", "scroll_to"]), st.integers(-1, 99)),
            st.tuples(st.sampled_from(["first", "last", "fold", "unfold", "toggle"]), st.none()),
            st.tuples(st.just("resize"), st.tuples(st.integers(4, 40), st.integers(1, 12))),
        ),
        max_size=25,
    ),
)
def test_the_window_is_always_full_and_shows_lines_in_order(
    height: int, width: int, acts: list[tuple[str, Any]]
) -> None:
    port = Viewport()
    port.resize(width, height)
    port.show(document(), from_top=True)
    for name, argument in acts:
        before = port.cursor
        if name == "resize":
            port.resize(*argument)
        elif argument is None:
            getattr(port, name)()
        else:
            getattr(port, name)(argument)
        every = [
            (line, number)
            for line in visible_lines(port.document, set(_folded(port)))
            for number in range(len(_wrapped(port, line)))
        ]
        rows = [(row.line, row.number) for row in port.rows()]
        start = every.index((port.top, port.skip))
        assert rows == every[start : start + port.height]
        assert len(rows) == min(port.height, len(every))
        assert port.folding.shown(port.cursor) == port.cursor
        assert 0 <= port.place <= port.extent - port.height
        if name == "step":
            assert abs(port.folding.place(port.cursor) - port.folding.place(before)) <= max(
                1, len(every)
            )
        if name in ("step", "go", "first", "last", "turn", "fold", "toggle"):
            assert any(row.line == port.cursor for row in port.rows()) or name in ("fold", "toggle")


def _folded(port: Viewport) -> list[int]:
    return [line for line in range(len(port.document)) if port.folding.folded(line)]


def _wrapped(port: Viewport, line: int) -> list[Any]:
    folded = port.folding.folded(line)
    cells = port.document.folded(line) if folded else port.document.cells(line)
    return list(wrapped([cells], port.width))


def test_a_line_longer_than_the_window_is_read_by_steps() -> None:
    port = Viewport()
    port.resize(10, 3)
    port.show(Document([((("abcdefgh " * 6), ""),), (("end", ""),)]), from_top=True)
    steps = []
    for _ in range(8):
        steps.append((port.cursor, port.skip))
        port.step(1)
    assert steps[0] == (0, 0)
    assert (0, 1) in steps
    assert port.cursor == 1
    for _ in range(9):
        port.step(-1)
    assert (port.cursor, port.skip) == (0, 0)


def test_stepping_from_out_of_sight_comes_back_into_sight() -> None:
    port = Viewport()
    port.resize(30, 5)
    port.show(document(), from_top=True)
    port.scroll(9)
    port.step(1)
    assert port.cursor == port.top
    port.scroll(-9)
    port.step(-1)
    assert port.cursor == port.rows()[-1].line


def test_an_empty_document_has_one_empty_line() -> None:
    port = Viewport()
    for _ in range(2):
        for act in (port.first, port.last, port.fold, port.unfold, port.toggle):
            act()
        for move in (port.step, port.turn, port.scroll, port.go, port.scroll_to):
            move(1)
        assert seen(port) == [""]
        assert port.extent - port.place == port.height
        port.resize(10, 4)


def test_a_newer_document_keeps_the_place_and_what_is_folded() -> None:
    port = Viewport()
    port.resize(40, 4)
    port.show(document(), from_top=True)
    port.go(4)
    port.fold()
    port.scroll_to(3)
    before = seen(port)
    port.show(document(), from_top=False)
    assert seen(port) == before
    assert port.folding.folded(port.cursor)
    port.show(document(), from_top=True)
    assert (port.top, port.cursor, len(port.folding)) == (0, 0, len(port.document))


@settings(max_examples=100, deadline=None)
@given(values, st.text("ab0", min_size=1, max_size=3) | st.sampled_from(['"', ": ", "],", "HEAD"]))
def test_matches_are_those_of_the_lines_as_they_are_read(value: Any, needle: str) -> None:
    whole = document(value)
    matches = Matches(whole, needle)
    while not matches.done:
        matches.search(3)
    expected = [
        (index, match.start())
        for index, line in enumerate(text(whole))
        for match in pattern(needle).finditer(line)
    ]
    assert list(zip(matches.lines, matches.starts, strict=True)) == expected
    for line in range(len(whole)):
        if expected:
            wanted = [one for one, (at, _) in enumerate(expected) if at >= line]
            assert matches.first_from(line) == (wanted or [0])[0]


def test_matches_are_marked_and_the_chosen_one_differently() -> None:
    port = Viewport()
    port.resize(40, 4)
    port.show(Document([(("one ", "name"), ("two one", ""))]), from_top=True)
    port.seek(pattern("ONE"), (0, 8))
    assert port.rows()[0].cells == (
        ("one", "match"),
        (" ", "name"),
        ("two ", ""),
        ("one", "match-chosen"),
    )
    port.seek(None)
    assert port.rows()[0].cells == (("one ", "name"), ("two one", ""))


@pytest.mark.parametrize("mode", ["pretty", "raw", "hex"])
def test_a_body_of_ten_megabytes_is_moved_through_at_once(mode: Any) -> None:
    body = json.dumps({"items": [{"id": one, "k": "v" * 50} for one in range(2000)]}).encode()
    whole = Document([BodyBlock(opened(body, JSON, mode))])
    port = Viewport()
    port.resize(80, 40)
    port.show(whole, from_top=True)
    port.last()
    assert len(port.rows()) == min(40, len(whole)) or mode == "raw"
    port.first()
    port.turn(1)
    assert len(port._wrapped) < 200
