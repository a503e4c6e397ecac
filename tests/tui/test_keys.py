"""Keys as they are written: on the screen, in the help and in the README."""

import pytest

from inspector.tui.actions import ACTIONS, Keys, key_table
from inspector.tui.actions.keys import parsed, shown
from tests.helpers.readme import README, with_table
from tests.keys import table


@pytest.mark.parametrize(
    ("key", "expected"),
    [("slash", "/"), ("question_mark", "?"), ("R", "R"), ("r", "r"), ("escape", "Esc"),
     ("shift+tab", "Shift+Tab"), ("ctrl+p", "Ctrl+P"), ("f5", "F5"), ("pagedown", "PgDn"),
     ("down", "↓"), ("space", "Space"), ("minus", "-"), ("delete", "Del")],
)  # fmt: skip
def test_a_key_is_written_as_a_user_knows_it(key: str, expected: str) -> None:
    assert shown(key) == expected


def test_keys_are_read_as_a_user_writes_them() -> None:
    assert parsed("r, /,ctrl+x,[") == ("r", "slash", "ctrl+x", "left_square_bracket")


def test_a_keymap_changes_what_is_written() -> None:
    keys = Keys({"resend": "f5, x", "tab.1": "!"})
    assert keys.first("resend") == "F5"
    assert keys.first("re-sign") == "R"
    texts = {action.id: keys.text(action) for action in ACTIONS}
    assert (texts["resend"], texts["tab.1"]) == ("F5 x", "!")
    assert keys.keymap == {"resend": "f5,x", "tab.1": "exclamation_mark"}


def test_in_ascii_the_arrow_keys_are_words() -> None:
    keys = Keys({"follow": "shift+left"}, in_ascii=True)
    texts = {action.id: keys.text(action) for action in ACTIONS}
    assert (texts["list.down"], texts["unfold"]) == ("j Down", "l Right")
    assert (texts["follow"], keys.first("filter.up")) == ("Shift+Left", "Up")
    assert all(text.isascii() for text in texts.values())


def test_the_table_has_every_action() -> None:
    assert sum(len(rows) for _, rows in key_table()) == len(ACTIONS)


def test_the_readme_has_the_keys_of_the_registry() -> None:
    readme = README.read_text("utf-8")
    assert readme == with_table(readme, "keys", table()), "run `python -m tests.keys`"
