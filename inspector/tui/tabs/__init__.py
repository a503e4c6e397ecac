"""The tabs of the detail: one module each, built of plain text without Textual."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from inspector.client.models import DeliveryDetail
from inspector.domain.attempt import Response
from inspector.domain.delivery import Delivery
from inspector.domain.gap import is_gap
from inspector.domain.headers import Headers, first
from inspector.tui.document import Part
from inspector.tui.tabs import attempts, body, diff, envelope, gap, headers, signature
from inspector.tui.tabs.shown import MODES, Shown

__all__ = ["DIFF", "MODES", "TABS", "Shown", "Tab", "current"]

# What a coded body may grow to, for each of its bytes.
_GROWS = 1000

Bodies = list[tuple[bytes, Headers]]


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab, and what it is built from: only a change of that makes it another one.

    `uses` names fields of `Shown`, and `newest` for the summary, which changes while it is looked
    at. `bodies` are those that are taken apart for it. `lacks` names what a gap has none of.
    """

    name: str
    short: str
    parts: Callable[[Shown], Iterator[Part]]
    uses: str
    bodies: Callable[[Shown], Bodies] = lambda shown: []
    lacks: str = ""

    def lines(self, shown: Shown) -> Iterator[Part]:
        """What it says of the delivery; of a gap, what that is."""
        if not is_gap(shown.delivery):
            return self.parts(shown)
        return gap.lacking(shown, self.lacks) if self.lacks else gap.parts(shown)

    def needed(self, shown: Shown, newest: Delivery | None) -> Shown:
        """What the tab is built from, of all that is known. `newest` is the latest summary."""
        uses = {"keys", *self.uses.split()}
        kept: dict[str, Any] = {
            one.name: getattr(shown, one.name) for one in fields(shown) if one.name in uses
        }
        detail = current(shown.detail, newest) if "newest" in uses else shown.detail
        return Shown(detail, **kept)

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


def _request(shown: Shown) -> Bodies:
    return [(shown.detail.request.body, shown.detail.request.headers)]


def _responses(shown: Shown) -> Bodies:
    said = [one.outcome for one in shown.shadows]
    elsewhere = [(one.body, one.headers) for one in said if isinstance(one, Response)]
    return [*((one.body, one.headers) for one in shown.attempts), *elsewhere]


def _sides(shown: Shown) -> Bodies:
    sides = (shown.compared.left, shown.compared.right)
    return [(side.body, side.headers) for side in sides if side is not None]


_ANSWERED = "newest attempts shadows mode reveal"

TABS: tuple[Tab, ...] = (
    Tab("Envelope", "Env", envelope.parts, "newest", _request),
    Tab("Headers", "Head", headers.parts, "reveal", lacks="headers"),
    Tab("Body", "Body", body.parts, "mode", _request, "body"),
    Tab("Signature", "Sig", signature.parts, "newest explained", lacks="signature"),
    Tab("Attempts", "Att", attempts.parts, _ANSWERED, _responses, "attempts"),
    Tab("Diff", "Diff", diff.parts, "compared ignore ignored reveal width", _sides, "content"),
)
DIFF = 5
