"""Lines of the detail: wrapping loses nothing and keeps the width."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector.tui.lines import Line, heading, pair, plain, wrapped


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


@settings(max_examples=150)
@given(
    lines=st.lists(
        st.lists(st.tuples(st.text("ab \u8ba1", max_size=40), st.sampled_from(["", "name"]))),
        max_size=5,
    ),
    width=st.integers(2, 60),
)
def test_wrapping_keeps_the_width_and_every_character(
    lines: list[list[tuple[str, str]]], width: int
) -> None:
    whole = [tuple(line) for line in lines]
    out = list(wrapped(whole, width))
    assert all(sum(cell_len(part) for part, _ in line) <= width for line in out)
    squeezed = text(out).replace("\n", "").replace(" ", "")
    assert squeezed == text(whole).replace("\n", "").replace(" ", "")


def test_values_go_on_under_their_own_column() -> None:
    out = list(wrapped([pair("name", "one two three four", width=6)], 16))
    assert text(out) == "name   one two \n       three \n       four"


def test_what_fits_is_left_alone() -> None:
    lines = [heading("a"), plain("b"), ()]
    assert list(wrapped(lines, 10)) == lines
