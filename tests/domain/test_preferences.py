"""The tables [ui] of several files as one, and what is said of a bad one."""

import pytest

from inspector.domain.preferences import Preferences, nearest
from inspector.errors import ConfigurationError


def merged(*tables: object) -> Preferences:
    return Preferences.merged(
        zip(("user/config.toml", "here/inspector.toml"), tables, strict=False)
    )


def test_nothing_is_the_default() -> None:
    assert merged() == merged({}) == Preferences()


def test_later_tables_win_key_by_key_and_entry_by_entry() -> None:
    user = {"theme": "nord", "time": "relative", "keymap": {"quit": "x"}}
    here = {"theme": "dracula", "keymap": {"help": "f1"}, "diff-ignore": ["data.x"]}
    both = merged({**user, "views": {"a": "1", "b": "2"}}, {**here, "views": {"b": "3"}})
    assert (both.theme, both.time, both.diff_ignore) == ("dracula", "relative", ("data.x",))
    assert both.keymap == {"quit": "x", "help": "f1"}
    assert both.views == {"a": "1", "b": "3"}


def test_an_action_with_a_dot_needs_no_quotes() -> None:
    assert merged({"keymap": {"tab": {"1": "!"}, "list.down": "n"}}).keymap == {
        "tab.1": "!",
        "list.down": "n",
    }


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ({"colums": ["id"]}, "there is no setting ui.colums", "did you mean columns?"),
        ({"columns": ["id", "evnt"]}, "ui.columns: there is no 'evnt'", "did you mean event?"),
        ({"time": "never"}, "ui.time: there is no 'never'", "clock, relative"),
        ({"glyphs": "asci"}, "ui.glyphs: there is no 'asci'", "did you mean ascii?"),
        ({"columns": 3}, "ui.columns: Input should be", ""),
        ({"keymap": {"quit": 3}}, "ui.keymap.quit: Input should be a valid string", ""),
        ({"keymap": "r"}, "ui.keymap: Input should be a valid dictionary", ""),
        ({"views": {"a": {"b": "c"}}}, "ui.views.a: Input should be a valid string", ""),
        (3, "ui is not a table", "[ui]"),
    ],
)
def test_an_error_names_the_file_and_the_key(table: object, message: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        merged({}, table)
    assert caught.value.message.startswith("here/inspector.toml: ")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


def test_an_error_names_the_file_of_the_entry() -> None:
    with pytest.raises(ConfigurationError, match=r"^user/config\.toml: ui\.keymap\.quit"):
        merged({"keymap": {"quit": 3}}, {"keymap": {"help": "f1"}})
    both = merged({"keymap": {"quit": "x"}}, {"keymap": {"help": "f1"}, "theme": "n"})
    assert both.complaint("keymap", "quit", "no").message == "user/config.toml: ui.keymap.quit: no"
    assert both.complaint("theme", "", "no").message == "here/inspector.toml: ui.theme: no"


def test_the_nearest_name() -> None:
    assert nearest("re_send", ["resend", "quit"]) == "did you mean resend?"
    assert nearest("zzzzzz", ["resend", "quit"]) == ""
