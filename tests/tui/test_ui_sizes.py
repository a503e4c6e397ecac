"""The screen at any size: whole lines, nothing over another, and the keys that matter."""

import pytest

from inspector.domain.preferences import Preferences
from inspector.tui.actions import ACTIONS, Where
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.teams import team_of_three
from tests.helpers.ui import Ui, ui

VIEWS = Preferences(views={"a": "state:failed"})


def whole(shown: Ui) -> bool:
    """Whether each line of the screen is as wide as the screen."""
    size = shown.app.size
    lines = shown.app.screen._compositor.render_strips(size)
    return [line.cell_length for line in lines] == [size.width] * size.height


def bar(shown: Ui) -> str:
    """The footer."""
    return shown.text.split("\n")[-1]


@pytest.mark.parametrize("size", [(80, 24), (240, 70), (40, 10), (20, 5), (3, 2)])
async def test_every_screen_at_every_size(size: tuple[int, int]) -> None:
    async with (
        fake_listener(
            *(make_delivery(one) for one in range(1, 90)),
            listener=FakeListener(relay=team_of_three(filter="path:/a")),
        ) as listener,
        ui(listener, size, preferences=VIEWS) as shown,
    ):
        for keys in (
            ["j", "enter", "3", "4", "5", "6"],
            ["tab", "down", "tab"],
            ["f", *"s:", "enter", "ctrl+u", "tab", "down", "escape", "escape"],
            ["question_mark", "pagedown", "escape"],
            ["V", "escape"],
            ["t", *"fail", "escape"],
            ["T", "pagedown", "escape"],
            ["ctrl+p", "escape"],
        ):
            for key in keys:
                await shown.press(key)
                assert whole(shown), key
        await listener.stop()
        await shown.until(lambda: not shown.main.session.connected)
        assert whole(shown)


@pytest.mark.parametrize("size", [(20, 5), (20, 6), (20, 3), (120, 8)])
async def test_the_smallest_window_has_rows_of_the_list(size: tuple[int, int]) -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 9))) as listener,
        ui(listener, size) as shown,
    ):
        await shown.until_shown(">      8 ")
        await shown.until_shown("       7 ")
        await shown.pilot.resize_terminal(120, 40)
        await shown.until_shown("q Quit")


async def test_it_follows_the_window() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 90))) as listener,
        ui(listener, (120, 40)) as shown,
    ):
        await shown.press("j", "j")
        for size in ((40, 10), (240, 70), (80, 24), (120, 40)):
            await shown.pilot.resize_terminal(*size)
            await shown.pilot.pause()
            assert whole(shown)
            await shown.until_shown(">     87")


async def test_a_sidebar_that_grows_out_of_the_window_has_a_scrollbar_of_one_column() -> None:
    async with fake_listener() as listener, ui(listener, (120, 24)) as shown:
        sidebar = shown.main.query_one("#sidebar")
        before = sidebar.scrollable_content_region.size
        await listener.add(*(make_delivery(one, event=f"e{one}.x") for one in range(1, 40)))
        await shown.until(lambda: sidebar.show_vertical_scrollbar)
        await shown.until_shown("e16.x")
        assert sidebar.scrollable_content_region.size == (before.width - 1, before.height)


async def test_narrow_the_most_wanted_keys_stay() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (40, 10)) as shown:
        for text in ("f Filter", "r Re-send", "? Help", "q Quit"):
            assert text in bar(shown)


async def test_narrow_the_search_keeps_the_keys() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (80, 24)) as shown:
        await shown.press("enter", "slash", *"e2t")
        await shown.until_shown(" e2t")
        assert shown.main.session.reading.sought == "e2t"


async def test_the_footer_goes_by_the_focus_and_can_be_clicked() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (160, 40)) as shown:
        assert "Enter Open" in bar(shown)
        await shown.press("enter")
        assert "Enter Open" not in bar(shown)
        assert "/ Search" in bar(shown)
        shown.main.focus_pane("sidebar")
        await shown.pilot.pause()
        assert "Enter Choose" in bar(shown)
        await shown.press("f")
        assert "Tab Complete" in bar(shown)
        assert "Re-send" not in bar(shown)
        await shown.press(*"state:failed")
        await shown.pilot.click("#keys", offset=(bar(shown).index("Apply"), 0))
        await shown.until(lambda: shown.main.session.filter.text == "state:failed")
        await shown.pilot.click("#keys", offset=(bar(shown).index("Help"), 0))
        await shown.until_shown("Keys: list, where you are")


@pytest.mark.parametrize(
    ("pane", "where"),
    [("list", Where.LIST), ("lines", Where.DETAIL), ("sidebar", Where.SIDEBAR)],
)
async def test_help_begins_with_the_pane_that_has_the_focus(pane: str, where: Where) -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (120, 40)) as shown:
        shown.main.focus_pane(pane)
        await shown.press("question_mark")
        await shown.until_shown(f"Keys: {where}, where you are")
        first = next(action for action in ACTIONS if action.where is where)
        lines = shown.text.split("\n")
        title = next(at for at, line in enumerate(lines) if "where you are" in line)
        assert first.label in lines[title + 1]
