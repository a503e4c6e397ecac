"""What the tabs are built from."""

from dataclasses import dataclass, field

from inspector.client.models import AttemptDetail, DeliveryDetail
from inspector.domain.bodyview import Mode
from inspector.domain.delivery import Delivery, State
from inspector.domain.diff import DEFAULT_IGNORE
from inspector.domain.facts import Shadowed
from inspector.tui.actions import Keys
from inspector.tui.comparison import Compared
from inspector.tui.explanation import Explained

MODES: tuple[Mode, ...] = ("pretty", "raw", "hex")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of the delivery, and how the user wants to see it.

    `shadows` are what other consumers' apps said to it.
    `explained` is None until it has come. `ignore` are the rules for what a comparison passes
    over, which it shows all the same with `ignored`; `width` is what it has room for.
    """

    detail: DeliveryDetail
    attempts: tuple[AttemptDetail, ...] = ()
    shadows: tuple[Shadowed, ...] = ()
    mode: Mode = "pretty"
    reveal: bool = False
    explained: Explained | None = None
    compared: Compared = field(default_factory=Compared)
    ignore: tuple[str, ...] = DEFAULT_IGNORE
    ignored: bool = False
    width: int = 80
    keys: Keys = field(default_factory=Keys)

    @property
    def delivery(self) -> Delivery:
        return self.detail.delivery

    @property
    def not_stored(self) -> str:
        """Why nothing of a body was stored, where that was refused; else nothing."""
        refused = self.delivery.state is State.REFUSED and not self.delivery.body_size
        return f"not stored: {self.delivery.state_reason}" if refused else ""

    @property
    def body_missing(self) -> bool:
        """There is a body, and it was not fetched."""
        return not self.detail.has_body and self.delivery.body_size > 0
