"""Preferences that only the UI can judge, and that they have their effect."""

from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from inspector.domain.preferences import Preferences
from inspector.errors import ConfigurationError
from inspector.tui.actions import ACTIONS
from inspector.tui.actions.keys import is_key
from inspector.tui.preferences import check
from inspector.tui.saved import Saved
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import ui


def problem(**table: object) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        check(Preferences.merged([("x.toml", table)]), BUILTIN_THEMES)
    assert caught.value.message.startswith("x.toml: ui.")
    return caught.value


def test_good_ones_pass() -> None:
    check(Preferences(), BUILTIN_THEMES)
    check(
        Preferences(
            theme="nord",
            keymap={"resend": "f5, ctrl+y", "quit": "Q", "list.down": "down", "tab.1": "!"},
            views={"bad": "sig:invalid or state:failed", "all": ""},
        ),
        BUILTIN_THEMES,
    )


def test_two_actions_may_change_keys() -> None:
    check(Preferences(keymap={"resend": "t", "trigger": "r"}), BUILTIN_THEMES)


def test_an_unknown_theme() -> None:
    error = problem(theme="textual-lite")
    assert "ui.theme: there is no theme 'textual-lite'" in error.message
    assert "did you mean textual-light?" in error.hint


def test_an_unknown_action() -> None:
    error = problem(keymap={"re-send": "x"})
    assert "ui.keymap.re-send: there is no such action" in error.message
    assert "did you mean resend?" in error.hint


@pytest.mark.parametrize("keys", ["", " ", "r,", ",r"])
def test_a_missing_key(keys: str) -> None:
    assert "ui.keymap.resend: a key is missing" in problem(keymap={"resend": keys}).message


def test_a_key_that_there_is_not() -> None:
    for name in ("entr", "ctr+n", "f99"):
        assert (
            f"ui.keymap.resend: there is no key '{name}'"
            in problem(keymap={"resend": f"r,{name}"}).message
        )
    assert all(is_key(key) for action in ACTIONS for key in action.keys)


@pytest.mark.parametrize(
    ("keymap", "key", "other"),
    [
        ({"resend": "t"}, "t", "trigger"),
        ({"resend": "j"}, "j", "list.down"),
        ({"list.down": "?"}, "?", "help"),
        ({"detail.down": "ctrl+c"}, "Ctrl+C", "interrupt"),
        ({"resend": "f6,f5", "trigger": "f5"}, "F5", "trigger"),
    ],
)
def test_a_key_of_two_actions(keymap: dict[str, str], key: str, other: str) -> None:
    error = problem(keymap=keymap)
    assert f"{key} is the key of {other} as well" in error.message
    assert f"give {other} another one" in error.hint


def test_the_same_key_in_two_panes_is_none_of_them() -> None:
    check(Preferences(keymap={"list.down": "f5", "detail.down": "f5"}), BUILTIN_THEMES)


def test_a_view_that_cannot_be_read() -> None:
    error = problem(views={"bad": "stat:1"})
    assert 'ui.views.bad: unknown key "stat", at column 1' in error.message


async def test_the_keymap_and_the_theme_have_their_effect() -> None:
    wanted = Preferences(
        theme="textual-light",
        keymap={"trigger": "f7", "help": "f1", "list.down": "ctrl+n", "filter": "ctrl+f"},
    )
    async with (
        fake_listener(make_delivery(1), make_delivery(2)) as listener,
        ui(listener, preferences=wanted) as shown,
    ):
        assert shown.app.theme == "textual-light"
        await shown.until_shown("F7 Trigger")
        await shown.until_shown("Ctrl+F to filter")
        await shown.press("ctrl+n")
        assert shown.main.session.feed.cursor_id == 1
        await shown.press("t", "j", "question_mark")
        assert shown.app.screen is shown.main
        await shown.press("f1")
        await shown.until_shown("Ctrl+N")
        await shown.press("f1")
        assert shown.app.screen is shown.main
        await shown.press("f7")
        await shown.until_shown("Send a sample")


async def test_what_names_a_key_names_the_one_of_the_keymap() -> None:
    wanted = Preferences(keymap={"trigger": "f7", "back": "f8", "reveal": "f9", "body-mode": "f10"})
    async with fake_listener() as listener, ui(listener, preferences=wanted) as shown:
        await shown.until_shown("or press F7 to send yourself a signed sample")
        await shown.filter("state:failed")
        await shown.until_shown("F8 drops the filter")
        await shown.press("f8")
        await listener.add(make_delivery(1))
        await shown.press("3")
        await shown.until_shown("F10 switches")


async def test_a_theme_chosen_in_the_palette_is_there_the_next_time(tmp_path: Path) -> None:
    saved = Saved(tmp_path, tmp_path)
    async with fake_listener(make_delivery(1)) as listener:
        async with ui(listener, saved=saved) as shown:
            standard = shown.app.theme
            assert saved.theme() == ""
            shown.app.action_change_theme()
            await shown.press(*"gruvbox")
            await shown.until_shown("gruvbox")
            await shown.press("enter", "enter")
            await shown.until(lambda: shown.app.theme == "gruvbox")
            await shown.until(lambda: saved.theme() == "gruvbox")
        async with ui(listener, saved=Saved(tmp_path, tmp_path)) as shown:
            assert shown.app.theme == "gruvbox"
        wanted = Preferences(theme="nord")
        async with ui(listener, saved=Saved(tmp_path, tmp_path), preferences=wanted) as shown:
            assert shown.app.theme == "nord"
        Saved(tmp_path, tmp_path).choose_theme("of another version")
        async with ui(listener, saved=Saved(tmp_path, tmp_path)) as shown:
            assert shown.app.theme == standard
