"""The one registry of actions: it drives the keys, the footer, the help, the palette.

An action names what it does, not how: `tui/commands/` and the widgets hold the doing. Its `id` is
also the id of its binding, so that a keymap can give it other keys.
"""

from collections.abc import Iterable

from textual.binding import Binding

from inspector.tui.actions.acting import ACTING
from inspector.tui.actions.action import Action, Where
from inspector.tui.actions.choosing import CHOOSING
from inspector.tui.actions.leaving import LEAVING
from inspector.tui.actions.looking import LOOKING
from inspector.tui.actions.moving import MOVING

__all__ = ["ACTIONS", "BY_ID", "Action", "Where", "bindings", "in_palette", "keys_text"]

ACTIONS: tuple[Action, ...] = (*MOVING, *LOOKING, *CHOOSING, *ACTING, *LEAVING)

_SHOWN = {
    "slash": "/",
    "question_mark": "?",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "home": "Home",
    "end": "End",
    "down": "↓",
    "up": "↑",
    "ctrl+p": "Ctrl+P",
    "ctrl+c": "Ctrl+C",
}

BY_ID = {action.id: action for action in ACTIONS}


def bindings(*where: Where) -> list[Binding]:
    """The bindings of the actions heard there, in the order of the registry."""
    return [action.binding() for action in ACTIONS if action.keys and action.where in where]


def in_palette() -> Iterable[Action]:
    return (action for action in ACTIONS if action.palette)


def keys_text(action: Action) -> str:
    """The keys of an action as a user knows them: `j ↓`."""
    return " ".join(_SHOWN.get(key, key) for key in action.keys)
