"""Movements within a pane: answered by the widget that has the keys."""

from inspector.tui.actions.action import Action, Where


def _movement(
    name: str, keys: str, label: str, text: str, where: Where, call: str, footer: int = 0
) -> Action:
    return Action(
        name, tuple(keys.split()), label, text, where, call=call, footer=footer, palette=False
    )


_LIST = Where.LIST
_SIDEBAR = Where.SIDEBAR
_DETAIL = Where.DETAIL

MOVING: tuple[Action, ...] = (
    _movement("list.down", "j down", "Down", "The next older delivery.", _LIST, "move(1)"),
    _movement("list.up", "k up", "Up", "The next newer delivery.", _LIST, "move(-1)"),
    _movement("list.page-down", "pagedown", "Page down", "A page down.", _LIST, "page(1)"),
    _movement("list.page-up", "pageup", "Page up", "A page up.", _LIST, "page(-1)"),
    _movement("list.newest", "g home", "Newest", "The newest delivery.", _LIST, "newest"),
    _movement("list.oldest", "G end", "Oldest", "The oldest delivery.", _LIST, "oldest"),
    _movement("sidebar.down", "j down", "Down", "The next entry.", _SIDEBAR, "move(1)"),
    _movement("sidebar.up", "k up", "Up", "The entry before.", _SIDEBAR, "move(-1)"),
    _movement("sidebar.page-down", "pagedown", "Page down", "A page down.", _SIDEBAR, "page(1)"),
    _movement("sidebar.page-up", "pageup", "Page up", "A page up.", _SIDEBAR, "page(-1)"),
    _movement("sidebar.first", "g home", "First", "The first entry.", _SIDEBAR, "first"),
    _movement("sidebar.last", "G end", "Last", "The last entry.", _SIDEBAR, "last"),
    _movement(
        "sidebar.choose", "enter space", "Choose", "List what it names.", _SIDEBAR, "choose", 1
    ),
    _movement(
        "sidebar.unfold", "l right", "Unfold", "Show a family's types.", _SIDEBAR, "unfold", 2
    ),
    _movement("sidebar.fold", "h left", "Fold", "Fold a family's types.", _SIDEBAR, "fold", 2),
    _movement("detail.down", "j down", "Down", "The next line.", _DETAIL, "line(1)"),
    _movement("detail.up", "k up", "Up", "The line before.", _DETAIL, "line(-1)"),
    _movement("detail.page-down", "pagedown", "Page down", "A page down.", _DETAIL, "turn(1)"),
    _movement("detail.page-up", "pageup", "Page up", "A page up.", _DETAIL, "turn(-1)"),
    _movement("detail.top", "g home", "Top", "The first line.", _DETAIL, "top"),
    _movement("detail.bottom", "G end", "Bottom", "The last line.", _DETAIL, "bottom"),
    _movement(
        "detail.toggle", "enter", "Fold", "Fold or unfold the line.", _DETAIL, "turn_over", 2
    ),
    _movement("detail.fold", "h left", "Fold", "Fold the line, or what it is in.", _DETAIL, "fold"),
    _movement("detail.unfold", "l right", "Unfold", "Unfold the line.", _DETAIL, "unfold"),
)
