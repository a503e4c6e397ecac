"""What the actions of the registry do: one method an action id, in a class for each group."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector.tui.actions import BY_ID
from inspector.tui.commands.acting import Acting
from inspector.tui.commands.choosing import Choosing
from inspector.tui.commands.editing import Editing
from inspector.tui.commands.leaving import Leaving
from inspector.tui.commands.listing import Listing
from inspector.tui.commands.looking import Looking
from inspector.tui.commands.sharing import Sharing

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen

GROUPS = (Looking, Choosing, Listing, Acting, Editing, Sharing, Leaving)


class Commands:
    """Acts on one main screen. `run` takes any action id whose `call` is empty."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._groups = [group(screen) for group in GROUPS]

    def run(self, action_id: str) -> None:
        """Do it, or say why it cannot be done."""
        if BY_ID[action_id].needs_delivery and self._screen.session.feed.cursor_id is None:
            self._screen.say("there is no delivery under the cursor", "warning")
            return
        name, _, argument = action_id.partition(".")
        method = self._method(name.replace("-", "_"))
        if argument:
            method(argument)
        else:
            method()

    def _method(self, name: str) -> Callable[..., None]:
        found: Callable[..., None] = next(
            method for group in self._groups if (method := getattr(group, name, None))
        )
        return found
