"""What an action is, and where its keys are heard."""

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class Where(StrEnum):
    """Where the keys of an action are heard."""

    LIST = "list"
    DETAIL = "detail"
    SIDEBAR = "event types"
    BROWSING = "list and event types"
    MAIN = "main screen"
    FILTER = "filter bar"
    SEARCH = "search"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do. `needs_delivery`: only with a delivery under the cursor.

    `call` is the Textual action that its keys run; empty means `run('id')`, which `Commands`
    answers. Without `keys` it is in the palette alone, and `palette` is False for mere movements.
    `footer` is 0 for those that are not in it, else a rank: where not all fit, the low ones stay.
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
