"""What is wrong is said at its place, within the width."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector.tui.pointing import pointed


def test_right_of_the_caret_left_of_it_or_below() -> None:
    assert pointed("bad key", 3, 40) == "   ^ bad key"
    assert pointed("bad key", 36, 40) == " " * 28 + "bad key ^"
    assert pointed("a longer one that needs two lines", 15, 24) == (
        " " * 15 + "^\n a longer one that\n needs two lines"
    )


def test_a_place_that_is_not_on_the_screen_has_no_caret() -> None:
    assert pointed("bad key", 90, 40) == pointed("bad key", -3, 40) == "bad key"


@given(
    message=st.text(
        st.characters(categories=["L", "N", "P"], exclude_characters="^") | st.just(" "),
        max_size=200,
    ),
    at=st.integers(-5, 150),
    width=st.integers(12, 120),
)
def test_it_stays_within_the_width_and_points_at_the_place(
    message: str, at: int, width: int
) -> None:
    lines = pointed(message, at, width).split("\n")
    if 0 <= at < width:
        assert cell_len(lines[0].partition("^")[0]) == at
    if message.isascii():
        assert all(len(line) <= width for line in lines)
    said = "".join(lines).replace("^", "")
    assert "".join(message.split()) == "".join(said.split())
