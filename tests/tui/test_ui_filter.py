"""The filter bar by keys: completion, history, views, errors."""

import re
from pathlib import Path

import pytest
from textual.events import Key
from textual.keys import _character_to_key
from textual.widgets import Input

from inspector.domain.preferences import Preferences
from inspector.domain.query import KEYS
from inspector.tui.saved import Saved
from inspector.tui.screens.views import ViewsScreen
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_delivery
from tests.helpers.ui import Ui, ui

DELIVERIES = [
    make_delivery(1),
    make_delivery(2, event="delta.failed"),
    make_delivery(3, event="customer.created"),
]


def bar(shown: Ui) -> str:
    return shown.text.split("\n")[0].strip()


def listed(shown: Ui) -> list[str]:
    return [one.label for one in shown.main.filter_bar.offered]


async def test_what_may_follow_is_listed_and_tab_takes_it() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.until(lambda: bool(shown.main.session.counts.events))
        await shown.press("slash", *"si")
        assert listed(shown) == ["sig", "size"]
        lines = shown.text.split("\n")
        assert "sig" in lines[1]
        assert "verdict of the signature" in lines[1]
        await shown.press("tab")
        assert bar(shown) == "sig:"
        assert "unchecked" in listed(shown)
        await shown.press("right", "enter")
        await shown.until(lambda: shown.main.session.filter.text == "sig:valid")
        assert listed(shown) == []
        assert shown.main.pane == "list"


async def test_event_types_paths_and_headers_that_were_seen() -> None:
    async with fake_listener(*DELIVERIES) as listener:
        listener.contents[1] = Content(
            headers=(("X-Custom", "1"),), body=b'{"data":{"delta":{"amount":5}}}'
        )
        async with ui(listener) as shown:
            await shown.press("f")
            await shown.until(lambda: bool(shown.main.session.seen.data))
            await shown.press(*"amou", "tab", "1", "space", *"x-cus", "tab")
            assert bar(shown) == "data.delta.amount:1 header.x-custom:"
            await shown.press("asterisk", "space", *"fail", "tab")
            assert bar(shown) == "data.delta.amount:1 header.x-custom:* event:delta.failed"


async def test_the_arrows_put_a_line_into_the_text_and_escape_gives_it_back() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("slash", *"state:")
        await shown.press("down", "down")
        states = listed(shown)
        assert bar(shown) == f"state:{states[1]}"
        assert f">{states[1]}" in shown.text
        await shown.press("up", "up")
        assert bar(shown) == "state:"
        await shown.press("up")
        assert bar(shown) == f"state:{states[-1]}"
        await shown.press("escape")
        assert bar(shown) == "state:"
        assert listed(shown) == []
        await shown.press("escape")
        assert shown.main.pane == "list"
        assert shown.main.focused is shown.main.list
        assert shown.main.session.filter.text == ""


async def test_enter_applies_what_stands_there_whatever_is_offered() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("slash", *"event", "enter")
        await shown.until(lambda: shown.main.session.filter.text == "event")
        await shown.press("slash", "ctrl+u", *"state:k", "down", "enter")
        await shown.until(lambda: shown.main.session.filter.text == "state:kept")


async def test_tab_lists_all_keys_where_nothing_is_typed() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener, (80, 24)) as shown:
        await shown.press("slash", "tab")
        assert listed(shown) == [*KEYS]
        await shown.until_shown(f"1/{len(KEYS)}")
        await shown.press(*["down"] * 10)
        await shown.until_shown(f">{list(KEYS)[9]}")
        assert shown.main.focused is not shown.main.list
        assert len(shown.text.split("\n")) == 24


async def test_a_click_takes_a_line() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("slash", *"sig:")
        await shown.pilot.click("#completions", offset=(3, 1))
        assert bar(shown) == f"sig:{['valid', 'invalid'][1]}"
        await shown.press("enter")
        await shown.until(lambda: shown.main.session.filter.text == "sig:invalid")


async def test_moving_the_cursor_looks_at_the_word_there() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("slash", *"st")
        assert listed(shown)
        await shown.press("left")
        assert listed(shown) == []
        await shown.press("right")
        assert bar(shown) == "st"


async def test_the_history_is_kept_and_walked_through(tmp_path: Path) -> None:
    saved = Saved(tmp_path, tmp_path)
    async with fake_listener(*DELIVERIES) as listener:
        async with ui(listener, saved=saved) as shown:
            for text in ("state:failed", "sig:valid", "state:failed"):
                await shown.filter(text)
                await shown.until(lambda: bool(shown.main.session.filter.text))
                await shown.press("escape")
        async with ui(listener, saved=Saved(tmp_path, tmp_path)) as shown:
            await shown.press("slash", *"zz", "up")
            assert bar(shown) == "state:failed"
            await shown.press("up", "up")
            assert bar(shown) == "sig:valid"
            await shown.press("down", "down")
            assert bar(shown) == "zz"
            await shown.press("up", "enter")
            await shown.until(lambda: shown.main.session.filter.text == "state:failed")


async def test_a_filter_is_saved_as_a_view_and_chosen_again(tmp_path: Path) -> None:
    saved = Saved(tmp_path, tmp_path)
    wanted = Preferences(views={"customers": "event:customer.*"})
    async with (
        fake_listener(*DELIVERIES) as listener,
        ui(listener, saved=saved, preferences=wanted) as shown,
    ):
        feed = shown.main.session.feed
        await shown.press("S")
        await shown.until_said("there is no filter to save")
        await shown.filter("event:delta.failed")
        await shown.until(lambda: feed.complete and len(feed) == 1)
        await shown.press("S", "enter")
        await shown.until_shown("a name is missing")
        await shown.press(*"bad", "enter")
        await shown.until_said('saved as the view "bad"; V lists them')
        assert saved.views() == {"bad": "event:delta.failed"}
        await shown.until(lambda: re.search(r"^ +bad ", shown.text, re.MULTILINE) is not None)
        await shown.press("V", "j", "enter")
        await shown.until(lambda: shown.main.session.filter.text == "event:customer.*")
        await shown.press("slash", "ctrl+u", *"bad", "tab", "enter")
        await shown.until(lambda: shown.main.session.filter.text == "event:delta.failed")
        await shown.press("ctrl+p", *"view: cust")
        await shown.until_shown("View: customers")
        await shown.press("enter", "enter")
        await shown.until(lambda: shown.main.session.filter.text == "event:customer.*")


async def test_views_are_deleted_but_not_those_of_the_configuration(tmp_path: Path) -> None:
    saved = Saved(tmp_path, tmp_path)
    saved.save_view("a", "state:failed")
    wanted = Preferences(views={"b": "sig:valid"})
    async with (
        fake_listener(*DELIVERIES) as listener,
        ui(listener, (80, 24), saved=saved, preferences=wanted) as shown,
    ):
        await shown.press("V", "down", "d")
        await shown.until_shown("is in the configuration")
        await shown.press("up", "d", "enter")
        assert saved.views() == {"a": "state:failed"}
        await shown.press("delete")
        await shown.until_shown('Delete the view "a"?')
        await shown.press("d")
        await shown.until_shown('deleted "a"')
        assert saved.views() == {}
        assert isinstance(shown.app.screen, ViewsScreen)
        await shown.press("escape")
        assert not isinstance(shown.app.screen, ViewsScreen)


async def test_without_views_it_is_said_how_to_make_one() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("V")
        await shown.until_said("there are no views yet: S saves the filter as one")


async def test_a_damaged_file_of_views_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "views.toml").write_text("a = ")
    async with (
        fake_listener(*DELIVERIES) as listener,
        ui(listener, saved=Saved(tmp_path, tmp_path)) as shown,
    ):
        await shown.until_said("cannot read")
        await shown.filter("sig:valid")
        await shown.press("S", *"x", "enter")
        await shown.until(lambda: len([one for one in shown.said if "cannot read" in one]) == 2)


@pytest.mark.parametrize("pane", ["list", "sidebar", "lines"])
async def test_the_keys_of_the_filter_in_each_pane(pane: str) -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        line = shown.main.query_one("#filter", Input)
        shown.main.focus_pane(pane)
        await shown.press("f", "f")
        assert (line.has_focus, line.value) == (True, "f")
        await shown.press("escape", "escape")
        shown.main.focus_pane(pane)
        await shown.press("slash")
        # In the detail the slash is for searching in it.
        assert line.has_focus is (pane != "lines")


async def test_an_error_is_said_in_full_at_80_columns() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener, (80, 24)) as shown:
        await shown.filter('event:delta.* state:failed path:"/hooks" nonsense:1')
        await shown.until_shown('put it in "quotes"')
        lines = shown.text.split("\n")
        assert lines[1].index("^") == lines[0].index("nonsense")
        assert 'unknown key "nonsense"' in " ".join(lines[:5])
        await shown.press("escape")
        assert "nonsense" not in shown.text


async def test_keys_act_in_the_order_in_which_they_were_pressed() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        keys = ["slash", *"zz", "ctrl+u", *"sig:v", "tab", "space", *"sta", "tab", "k", "tab"]
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 else key
            char = " " if key == "space" else key if len(key) == 1 else None
            shown.app.post_message(Key(name, "/" if key == "slash" else char))
        await shown.until(lambda: bar(shown) == "sig:valid status:k")
        await shown.press("ctrl+u", *"state:k", "tab", "enter")
        await shown.until(lambda: shown.main.session.filter.text == "state:kept")


async def test_lines_that_are_pasted_are_one_line() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.filter("state:failed\r\n\nsig:valid\n")
        await shown.until(lambda: shown.main.session.filter.text == "state:failed sig:valid")
