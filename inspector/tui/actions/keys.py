"""Which keys an action has, and how they are written: on the screen and in the README."""

from collections.abc import Mapping

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, format_key, key_to_character
from textual.keys import Keys as TextualKeys

from inspector.tui.actions.action import Action, Where
from inspector.tui.actions.registry import BY_ID, GROUPS

_SHOWN = {"pagedown": "PgDn", "pageup": "PgUp", "enter": "Enter"}
_HELD = {"ctrl", "shift", "alt", "meta", "super", "hyper"}
_NAMES = {key.value.rpartition("+")[2] for key in TextualKeys} | {*KEY_NAME_REPLACEMENTS.values()}
_ARROWS = ("up", "down", "left", "right")


class Keys:
    """The keys of every action: the registry's, or those of the user's keymap.

    `keymap` has keys by action id, comma-separated, as checked by `tui/preferences.py`. Whatever
    names a key on the screen asks here, so that it names the one that works. `in_ascii` makes the
    arrow keys words: what looks like an arrow in ASCII is a key itself.
    """

    def __init__(self, keymap: Mapping[str, str] | None = None, *, in_ascii: bool = False) -> None:
        self._in_ascii = in_ascii
        self._changed = {name: parsed(keys) for name, keys in (keymap or {}).items()}

    @property
    def keymap(self) -> dict[str, str]:
        """What Textual is to be told."""
        return {name: ",".join(keys) for name, keys in self._changed.items()}

    def of(self, action: Action) -> tuple[str, ...]:
        """The keys by Textual's names."""
        return self._changed.get(action.id, action.keys)

    def text(self, action: Action) -> str:
        """All its keys as a user knows them: `j ↓`; empty for one of the palette alone."""
        return " ".join(self._shown(key) for key in self.of(action))

    def first(self, action_id: str) -> str:
        """The key to name for an action: `r`; where it has none, its place in the palette."""
        action = BY_ID[action_id]
        keys = self.of(action)
        return self._shown(keys[0]) if keys else f"{self.first('palette')} {action.label}"

    def _shown(self, key: str) -> str:
        *held, name = key.split("+")
        if self._in_ascii and name in _ARROWS:
            return "+".join(one.title() for one in (*held, name))
        return shown(key)


def parsed(keys: str) -> tuple[str, ...]:
    """`r,/` by Textual's names: `r`, `slash`. Raises `InvalidBinding` where a key is missing."""
    return tuple(one.key for one in Binding.make_bindings([Binding(keys, "")]))


def is_key(key: str) -> bool:
    """Whether there is a key of that name."""
    *held, name = key.split("+")
    named = len(name) == 1 or name in _NAMES or key_to_character(name) is not None
    return named and {*held} <= _HELD


def shown(key: str) -> str:
    """One key as a user knows it: `/`, `Esc`, `Ctrl+P`."""
    *held, name = key.split("+")
    text = _SHOWN.get(name) or format_key(name)
    if held or len(text) > 1:
        text = text[:1].upper() + text[1:]
    return "+".join([*(one.title() for one in held), text])


def key_table() -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """The registry for the README: by group, each action's keys, label, help and id."""
    standard = Keys()
    out = []
    for name, actions in GROUPS.items():
        rows = []
        for action in actions:
            everywhere = action.where in (Where.MAIN, Where.EVERYWHERE)
            place = "" if everywhere else f" ({action.where})"
            rows.append((standard.text(action), action.label + place, action.help, action.id))
        out.append((name, rows))
    return out
