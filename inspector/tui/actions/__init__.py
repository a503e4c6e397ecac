"""The one registry of actions: it drives the keys, the footer, the help, the palette.

An action names what it does, not how: `tui/commands/` and the widgets hold the doing. Its `id` is
also the id of its binding, so that a keymap can give it other keys.
"""

from inspector.tui.actions.action import Action, Where
from inspector.tui.actions.keys import Keys, key_table
from inspector.tui.actions.registry import (
    ACTIONS,
    BY_ID,
    MOVEMENTS,
    bindings,
    heard_at,
    in_palette,
)

__all__ = [
    "ACTIONS",
    "BY_ID",
    "MOVEMENTS",
    "Action",
    "Keys",
    "Where",
    "bindings",
    "heard_at",
    "in_palette",
    "key_table",
]
