"""What only the UI can tell of a user's preferences: whether its actions, keys, themes exist."""

from collections.abc import Collection, Iterator

from textual.binding import InvalidBinding

from inspector.domain.preferences import Preferences, nearest
from inspector.domain.query import QueryError, parse
from inspector.tui.actions import ACTIONS, BY_ID, Action, Keys, Where, heard_at
from inspector.tui.actions.keys import is_key, parsed, shown


def check(preferences: Preferences, themes: Collection[str]) -> None:
    """Raises `ConfigurationError` with the first thing that cannot be, its file, and a hint."""
    theme = preferences.theme
    if theme and theme not in themes:
        hint = f"{nearest(theme, themes)} There are {', '.join(sorted(themes))}".strip()
        raise preferences.complaint("theme", "", f"there is no theme {theme!r}", hint)
    for name, query in preferences.views.items():
        try:
            parse(query)
        except QueryError as error:
            said = f"{error.message}, at column {error.column + 1}"
            raise preferences.complaint("views", name, said, error.hint) from error
    _check_keymap(preferences)


def _check_keymap(preferences: Preferences) -> None:
    for name, keys in preferences.keymap.items():
        if name not in BY_ID:
            hint = f"{nearest(name, BY_ID)} The README lists the actions".strip()
            raise preferences.complaint("keymap", name, "there is no such action", hint)
        try:
            parsed_keys = parsed(keys)
        except InvalidBinding as error:
            raise preferences.complaint(
                "keymap", name, "a key is missing", 'keys are written as "r" or "r,f5"'
            ) from error
        for key in parsed_keys:
            if not is_key(key):
                raise preferences.complaint(
                    "keymap", name, f"there is no key {key!r}", 'for example "r", "f5" or "ctrl+n"'
                )
    keys_of = Keys(preferences.keymap)
    for name in preferences.keymap:
        for key in keys_of.of(BY_ID[name]):
            for other in _heard_with(BY_ID[name]):
                if key in keys_of.of(other):
                    raise preferences.complaint(
                        "keymap",
                        name,
                        f"{shown(key)} is the key of {other.id} as well",
                        f'give {other.id} another one: {other.id} = "..."',
                    )


def _heard_with(action: Action) -> Iterator[Action]:
    """The other actions whose keys are heard where those of this one are."""
    places = [{*heard_at(here)} for here in Where]
    for other in ACTIONS:
        if other is not action and any({action.where, other.where} <= one for one in places):
            yield other
