"""The one registry of actions: it drives the keys, the footer, the help, the palette.

An action names what it does, not how: `commands.py` and the widgets hold the doing. Its `id` is
also the id of its binding, so that a keymap can give it other keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class Where(StrEnum):
    """Where the keys of an action are heard."""

    EVERYWHERE = "everywhere"
    MAIN = "main screen"
    LIST = "list"
    DETAIL = "detail"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do. `needs_delivery`: only with a delivery under the cursor.

    `call` is the Textual action that its keys run; empty means `run('id')`, which `Commands`
    answers. `palette` is False for mere movements. `footer`
    is 0 for those that are not in it, else a rank: where not all fit, the low ones stay.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    where: Where = Where.MAIN
    call: str = ""
    needs_delivery: bool = False
    footer: int = 0
    palette: bool = True
    priority: bool = False

    def binding(self) -> Binding:
        return Binding(
            ",".join(self.keys),
            self.call or f"screen.run('{self.id}')",
            self.label,
            show=self.footer > 0,
            priority=self.priority,
            tooltip=self.help,
            id=self.id,
        )


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


def _movement(name: str, keys: str, label: str, text: str, where: Where, call: str) -> Action:
    return Action(name, tuple(keys.split()), label, text, where, call=call, palette=False)


_LIST = Where.LIST
_DETAIL = Where.DETAIL

ACTIONS: tuple[Action, ...] = (
    _movement("list.down", "j down", "Down", "The next older delivery.", _LIST, "move(1)"),
    _movement("list.up", "k up", "Up", "The next newer delivery.", _LIST, "move(-1)"),
    _movement("list.page-down", "pagedown", "Page down", "A page down.", _LIST, "page(1)"),
    _movement("list.page-up", "pageup", "Page up", "A page up.", _LIST, "page(-1)"),
    _movement("list.newest", "g home", "Newest", "The newest delivery.", _LIST, "newest"),
    _movement("list.oldest", "G end", "Oldest", "The oldest delivery.", _LIST, "oldest"),
    _movement("detail.down", "j down", "Down", "Scroll down.", _DETAIL, "line(1)"),
    _movement("detail.up", "k up", "Up", "Scroll up.", _DETAIL, "line(-1)"),
    _movement("detail.page-down", "pagedown", "Page down", "A page down.", _DETAIL, "turn(1)"),
    _movement("detail.page-up", "pageup", "Page up", "A page up.", _DETAIL, "turn(-1)"),
    _movement("detail.top", "g home", "Top", "The first line.", _DETAIL, "top"),
    _movement("detail.bottom", "G end", "Bottom", "The last line.", _DETAIL, "bottom"),
    Action(
        "open",
        ("enter",),
        "Open",
        "Go to the detail of the delivery under the cursor; following stops.",
        Where.LIST,
        needs_delivery=True,
        footer=2,
    ),
    Action(
        "back",
        ("escape",),
        "Back",
        "Back to the list; there, drop the filter.",
        palette=False,
    ),
    Action(
        "filter",
        ("slash", "f"),
        "Filter",
        "Show only deliveries that match a query: event:delta.* sig:invalid status:>=500 "
        'data.customerId:cust_1 "free text". Enter applies it, Esc leaves it as it was.',
        footer=1,
        priority=True,
    ),
    Action(
        "follow",
        ("F",),
        "Follow",
        "Keep the cursor on the newest delivery; any move stops it.",
        footer=1,
    ),
    Action(
        "resend",
        ("r",),
        "Re-send",
        "Send the delivery to its targets again, byte for byte.",
        needs_delivery=True,
        footer=1,
    ),
    Action(
        "re-sign",
        ("R",),
        "Re-sign",
        "Send it again with a fresh signature and timestamp, so that the app's check passes.",
        needs_delivery=True,
        footer=1,
    ),
    Action(
        "trigger",
        ("t",),
        "Trigger",
        "Send a signed sample of a catalogue event to this listener.",
        footer=2,
    ),
    Action(
        "copy-event-id",
        ("y",),
        "Copy",
        "Copy the event id (the delivery's id where it has none), through the terminal.",
        needs_delivery=True,
        footer=3,
    ),
    Action(
        "next-pane",
        ("tab",),
        "Next pane",
        "Go to the next pane: event types, list, detail.",
        palette=False,
    ),
    Action(
        "previous-pane",
        ("shift+tab",),
        "Previous pane",
        "Go to the previous pane.",
        palette=False,
    ),
    Action("tab.1", ("1",), "Envelope", "The decoded fields, with their documentation."),
    Action("tab.2", ("2",), "Headers", "The headers in order, duplicates included."),
    Action("tab.3", ("3",), "Body", "The body, pretty, raw or as hex."),
    Action("tab.4", ("4",), "Signature", "The verdict on the signature, and why."),
    Action("tab.5", ("5",), "Attempts", "Each sending and what the target answered."),
    Action(
        "body-mode",
        ("v",),
        "Body view",
        "Switch the body between pretty, raw and hex.",
        needs_delivery=True,
    ),
    Action(
        "load-body",
        ("b",),
        "Load body",
        "Fetch a large body, which is not loaded by itself.",
        needs_delivery=True,
    ),
    Action(
        "reveal",
        ("s",),
        "Show secrets",
        "Show or mask the values of Authorization, Cookie and their like.",
        needs_delivery=True,
    ),
    Action("help", ("question_mark",), "Help", "Every key and what it does.", footer=1),
    Action(
        "palette",
        ("ctrl+p",),
        "Palette",
        "Find an action by its name.",
        Where.EVERYWHERE,
        call="command_palette",
        palette=False,
    ),
    Action("quit", ("q",), "Quit", "Leave the UI at once, without asking.", footer=1),
    Action(
        "interrupt",
        ("ctrl+c",),
        "Quit",
        "Leave from everywhere, whatever has the focus.",
        Where.EVERYWHERE,
        call="interrupt",
        palette=False,
        priority=True,
    ),
)

BY_ID = {action.id: action for action in ACTIONS}


def bindings(*where: Where) -> list[Binding]:
    """The bindings of the actions heard there, in the order of the registry."""
    return [action.binding() for action in ACTIONS if action.where in where]


def in_palette() -> Iterable[Action]:
    return (action for action in ACTIONS if action.palette)


def keys_text(action: Action) -> str:
    """The keys of an action as a user knows them: `j ↓`."""
    return " ".join(_SHOWN.get(key, key) for key in action.keys)
