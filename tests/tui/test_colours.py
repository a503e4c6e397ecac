"""Every text can be read in every theme, and nothing is said by colour alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.color import Color
from textual.screen import ModalScreen
from textual.theme import BUILTIN_THEMES

from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict
from inspector.domain.preferences import Preferences
from inspector.tui.contrast import LEAST, ratio, readable
from inspector.tui.widgets.cells import STYLES, CellView
from inspector.tui.widgets.lines_view import LinesView
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.teams import team_of_three
from tests.helpers.ui import Ui, ui

# What WCAG asks of large text, and of everything that is not text.
WEAK = 3.0
EVENTS = ("delta.verified", "customer.created", "a.b", "record.c", "issues", "zz.q")
# The first shows most of what there is: seen in all themes, the others in those that differ most.
SCREENS: list[tuple[list[str], list[str]]] = [
    (["f", *"sta"], ["escape", "escape"]),
    (["f", *"x:", "enter"], ["escape"]),
    (["shift+tab", "down"], ["escape"]),
    (["question_mark"], ["escape"]),
    (["V"], ["escape"]),
    (["enter", "5"], ["escape"]),
    (["m", *"todo"], ["escape"]),
    (["e"], ["escape"]),
    (["y"], ["escape"]),
    (["T"], ["escape"]),
]
FEW = ("textual-light", "solarized-dark", "gruvbox")
OPAQUE = st.tuples(*[st.integers(0, 255)] * 3).map(lambda parts: Color(*parts))
THEMES = sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi)


@given(color=OPAQUE, background=OPAQUE, alpha=st.floats(0, 1))
def test_a_colour_is_moved_until_it_can_be_read(
    color: Color, background: Color, alpha: float
) -> None:
    found = readable(color.with_alpha(alpha), background)
    assert ratio(found, background) >= LEAST - 0.1
    if ratio(color, background) >= LEAST:
        assert readable(color, background) == color


def test_the_terminal_s_own_colours_are_left_alone() -> None:
    own = Color(0, 0, 0, ansi=4)
    assert readable(own, Color(0, 0, 0)) is own


def hard_to_read(shown: Ui) -> set[tuple[float, str]]:
    """Text on the screen (on the topmost one) with too little contrast."""
    top = shown.app.screen
    region = top.children[0].region if isinstance(top, ModalScreen) else top.region
    lines = top._compositor.render_strips(shown.app.size)[region.y : region.bottom]
    found = set()
    for line in lines:
        for text, style, _ in line.crop(region.x, region.right):
            if style is None or not any(char.isalnum() for char in text):
                continue
            if contrast_of(style) < WEAK:
                found.add((round(contrast_of(style), 1), text))
    return found


async def test_every_screen_can_be_read_in_every_theme() -> None:
    states, verdicts = list(State), list(Verdict)
    deliveries = [
        make_delivery(
            one,
            state=states[one % len(states)],
            verdict=verdicts[one % len(verdicts)],
            event=EVENTS[one % len(EVENTS)],
        )
        for one in range(1, 30)
    ]
    wanted = Preferences(views={"a": "state:failed"})
    async with (
        fake_listener(*deliveries, listener=FakeListener(relay=team_of_three())) as listener,
        ui(listener, (140, 44), preferences=wanted) as shown,
    ):
        await shown.until_shown("data.delta.amount = 5")
        for number, (before, after) in enumerate(SCREENS):
            await shown.press(*before)
            for theme in FEW if number else THEMES:
                shown.app.theme = theme
                await shown.pilot.pause()
                assert hard_to_read(shown) == set(), (theme, before)
                if number == 0:
                    for view in (shown.main.list, shown.main.query_one("#lines", LinesView)):
                        check_cells(view)
            await shown.press(*after)


def check_cells(view: CellView) -> None:
    """Every name of a cell, on every line that it may stand in."""
    for name in ("", "selected", "selected-focus"):
        under = view.base(name) if name else view.under
        for cell in STYLES:
            assert contrast_of(view._style(cell, under)) >= LEAST - 0.1, (name, cell)


def contrast_of(style: Style) -> float:
    assert style.color is not None
    assert style.bgcolor is not None
    return ratio(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))


@pytest.fixture
def no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def styles_of(shown: Ui, text: str) -> list[Style]:
    """The styles of the pieces of the screen that have this text."""
    lines = shown.app.screen._compositor.render_strips(shown.app.size)
    return [style for line in lines for one, style, _ in line if text in one and style is not None]


@pytest.mark.usefixtures("no_color")
@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_without_colours_every_signal_is_a_sign_or_a_word(theme: str) -> None:
    deliveries = [make_delivery(1), make_delivery(2, verdict=Verdict.INVALID)]
    async with (
        fake_listener(*deliveries) as listener,
        ui(listener, (140, 40), preferences=Preferences(theme=theme)) as shown,
    ):
        await shown.until_shown("data.delta.amount = 5")
        # The cursor, the tab, the pane with the focus.
        assert any(style.reverse for style in styles_of(shown, "✗ invalid"))
        assert not any(style.reverse for style in styles_of(shown, "✓ valid"))
        assert ">      2 " in shown.text
        assert all(style.reverse for style in styles_of(shown, " 1 Envelope "))
        assert not any(style.reverse for style in styles_of(shown, " 2 Headers "))
        assert all(style.underline for style in styles_of(shown, "id time"))
        assert "═" not in shown.text
        await shown.press("enter")
        assert "═" in shown.text
        await shown.press("tab", "down")
        assert "║" in shown.text
        assert any(style.reverse for style in styles_of(shown, "failed"))
        assert not any(style.reverse for style in styles_of(shown, "waiting"))
        # An error, and what is offered.
        await shown.press("f", *"stat:1", "enter")
        await shown.until_shown('^ unknown key "stat"')
        await shown.press("ctrl+u", *"sig:", "down")
        assert all(style.reverse for style in styles_of(shown, ">valid"))


async def test_what_went_wrong_is_marked_by_a_sign() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        shown.main.say("it is done")
        shown.main.say("it is not", "warning")
        shown.main.say("it broke", "error")
        await shown.until(lambda: shown.said == ["it is done", "! it is not", "! it broke"])
