"""The tabs of the detail: one module each, built of plain text without Textual."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from inspector.client.models import DeliveryDetail
from inspector.domain.delivery import Delivery
from inspector.domain.headers import Headers, first
from inspector.tui.document import Part
from inspector.tui.tabs import attempts, body, envelope, headers, signature
from inspector.tui.tabs.shown import MODES, Shown

__all__ = ["MODES", "TABS", "Shown", "Tab"]

# What a coded body may grow to, for each of its bytes.
_GROWS = 1000


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab, and what it is built from: only a change of that makes it another one.

    `live`: from the summary too, which changes while it is looked at. `bodies`: the bodies that
    are taken apart for it.
    """

    name: str
    parts: Callable[[Shown], Iterator[Part]]
    live: bool = False
    bodies: Callable[[Shown], list[tuple[bytes, Headers]]] = lambda shown: []
    attempts: bool = False

    def needed(self, shown: Shown, newest: Delivery | None) -> Shown:
        """What the tab is built from, of all that is known. `newest` is the latest summary."""
        detail = current(shown.detail, newest) if self.live else shown.detail
        return replace(shown, detail=detail, attempts=shown.attempts if self.attempts else ())

    def weight(self, shown: Shown) -> int:
        """About how many bytes have to be taken apart."""
        return sum(
            len(data) * (_GROWS if first(of, "content-encoding") else 1)
            for data, of in self.bodies(shown)
        )


def current(detail: DeliveryDetail, newest: Delivery | None) -> DeliveryDetail:
    """The detail under the newest summary of the same delivery."""
    if newest is None or newest.id != detail.delivery.id:
        return detail
    return replace(detail, delivery=newest)


def _request(shown: Shown) -> list[tuple[bytes, Headers]]:
    return [(shown.detail.request.body, shown.detail.request.headers)]


def _responses(shown: Shown) -> list[tuple[bytes, Headers]]:
    return [(one.body, one.headers) for one in shown.attempts]


TABS: tuple[Tab, ...] = (
    Tab("Envelope", envelope.parts, live=True, bodies=_request),
    Tab("Headers", headers.parts),
    Tab("Body", body.parts, bodies=_request),
    Tab("Signature", signature.parts, live=True),
    Tab("Attempts", attempts.parts, live=True, bodies=_responses, attempts=True),
)
