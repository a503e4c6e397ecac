"""What the tabs are built from."""

from dataclasses import dataclass, field

from inspector.client.models import AttemptDetail, DeliveryDetail
from inspector.domain.bodyview import Mode
from inspector.domain.delivery import Delivery
from inspector.tui.actions import Keys

MODES: tuple[Mode, ...] = ("pretty", "raw", "hex")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of the delivery, and how the user wants to see it."""

    detail: DeliveryDetail
    attempts: tuple[AttemptDetail, ...]
    mode: Mode = "pretty"
    reveal: bool = False
    keys: Keys = field(default_factory=Keys)

    @property
    def delivery(self) -> Delivery:
        return self.detail.delivery

    @property
    def body_missing(self) -> bool:
        """There is a body, and it was not fetched."""
        return not self.detail.has_body and self.delivery.body_size > 0
