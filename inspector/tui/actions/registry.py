"""All actions, in the order of the help."""

from collections.abc import Iterable

from textual.binding import Binding

from inspector.tui.actions.acting import ACTING
from inspector.tui.actions.action import Action, Where
from inspector.tui.actions.choosing import CHOOSING
from inspector.tui.actions.leaving import LEAVING
from inspector.tui.actions.listing import LISTING
from inspector.tui.actions.looking import LOOKING
from inspector.tui.actions.moving import MOVING

GROUPS: dict[str, tuple[Action, ...]] = {
    "Looking": LOOKING,
    "Choosing": CHOOSING,
    "The list": LISTING,
    "Acting": ACTING,
    "Moving": MOVING,
    "Help, and the ways out": LEAVING,
}
"""By what they are for; the README's table has a part for each."""

ACTIONS: tuple[Action, ...] = (*MOVING, *LOOKING, *CHOOSING, *LISTING, *ACTING, *LEAVING)
BY_ID = {action.id: action for action in ACTIONS}
MOVEMENTS = frozenset(action.id for action in MOVING)


def bindings(*where: Where) -> list[Binding]:
    """The bindings of the actions heard there, in the order of the registry."""
    return [action.binding() for action in ACTIONS if action.keys and action.where in where]


def heard_at(here: Where) -> tuple[Where, ...]:
    """Whose keys are heard where the focus is: in a pane, or in a line of text."""
    if here in (Where.FILTER, Where.SEARCH):
        return (here, Where.EVERYWHERE)
    around = (Where.MAIN, Where.EVERYWHERE)
    return (here, *around) if here is Where.DETAIL else (here, Where.BROWSING, *around)


def in_palette() -> Iterable[Action]:
    return (action for action in ACTIONS if action.palette)
