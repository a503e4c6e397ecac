"""The screen in ASCII alone: as wide, readable, and only where it is wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual._border import BORDER_CHARS
from textual.color import Color

from inspector.domain.preferences import Preferences
from inspector.tui.glyphs import AsciiFilter, ascii_text, resolved
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import ui


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("● connected", "* connected"),
        ("✓ ✗ ~ - ?", "+ x ~ - ?"),
        ("checkpoint.veri…", "checkpoint.veri~"),
        ("┌─┬┐│├┼┤╭╮╰╯└┘", "+-++|+++++++++"),
        ("═║╔━┃┏╌", "=#+=#+-"),
        ("▁▂▃▄▅▆▇█", "_.--==##"),
        ("← → ↑ ↓ ▶ ▼", "< > ^ v > v"),
        ("‹U+202E› ␊", "<U+202E> /"),
        ("Zürich 東京", "Z?rich ????"),
        ("cafe\u0301", "cafe"),
        ("plain", "plain"),
    ],
)
def test_what_it_looks_like(text: str, expected: str) -> None:
    assert ascii_text(text) == expected


@given(st.text(max_size=40))
def test_it_is_ascii_and_as_wide(text: str) -> None:
    shown = ascii_text(text)
    assert shown.isascii()
    assert cell_len(shown) == cell_len(text)


def test_every_border_has_a_likeness() -> None:
    for chars in BORDER_CHARS.values():
        for row in chars:
            assert "?" not in ascii_text("".join(row))


def test_a_filter_keeps_styles_and_leaves_ascii_alone() -> None:
    bold = Style(bold=True)
    plain, other = Segment("a", bold), Segment("✓", bold)
    out = AsciiFilter().apply([plain, other], Color(0, 0, 0))
    assert out == [plain, Segment("+", bold)]
    assert out[0] is plain


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "unicode"),
        ({"LANG": "en_US.UTF-8"}, "unicode"),
        ({"LANG": "en_US.utf8", "TERM": "xterm-256color"}, "unicode"),
        ({"LC_CTYPE": "UTF-8"}, "unicode"),
        ({"LANG": "C"}, "ascii"),
        ({"LANG": "de_DE@euro"}, "ascii"),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "ascii"),
        ({"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, "unicode"),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, "ascii"),
        ({"LANG": "en_US.UTF-8", "TERM": "vt220"}, "ascii"),
    ],
)
def test_by_itself_it_goes_by_the_terminal_and_the_locale(
    environment: dict[str, str], expected: str
) -> None:
    assert resolved(Preferences(), environment).glyphs == expected
    for chosen in ("ascii", "unicode"):
        asked = Preferences.merged([("x", {"glyphs": chosen})])
        assert resolved(asked, environment).glyphs == chosen


@pytest.mark.parametrize("size", [(80, 24), (170, 50)])
async def test_a_whole_screen_in_ascii(size: tuple[int, int]) -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 90))) as listener,
        ui(listener, size, preferences=Preferences(glyphs="ascii")) as shown,
    ):
        await shown.until_shown("* connected")
        assert shown.text.isascii()
        assert {len(line) for line in shown.text.split("\n")} == {size[0]}
        for keys in (["question_mark"], ["escape", "V"], ["f", *"sta"], ["escape", "escape", "t"]):
            await shown.press(*keys)
            assert shown.text.isascii(), keys
