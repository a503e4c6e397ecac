"""The question before many deliveries are sent: where to, how fast, signed anew or not."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from inspector.domain.plaintext import one_line
from inspector.domain.routes import parse_target
from inspector.errors import UsageError
from inspector.tui.bulk import RATE, ResendPlan, count
from inspector.tui.events import told
from inspector.tui.widgets.plain_input import PlainInput
from inspector.tui.widgets.tick import Tick

_FASTEST = 10_000.0


class BulkScreen(ModalScreen[ResendPlan | None]):
    """Ends with the plan, or None when the user left with Esc. `own` says where they go by
    themselves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("enter", "start", "Start"),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(self, deliveries: int, plan: ResendPlan, own: str) -> None:
        super().__init__()
        self._deliveries = deliveries
        self._to = PlainInput(
            plan.to or "", placeholder=f"their own: {one_line(own, 60)}", id="bulk-to"
        )
        self._rate = PlainInput(f"{plan.rate:g}", id="bulk-rate")
        self._sign = Tick("signed anew", plan.re_sign, id="bulk-sign")
        self._error = Static("", id="bulk-error", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="bulk"):
            yield Static(Content("oldest first, one at a time"), id="bulk-how")
            with Horizontal(classes="field"):
                yield Label(Content("to"))
                yield self._to
            with Horizontal(classes="field"):
                yield Label(Content("per second"))
                yield self._rate
            yield self._sign
            yield self._error

    def on_mount(self) -> None:
        box = self.query_one("#bulk")
        box.border_title = Content(f"Re-send {count(self._deliveries)}")
        box.border_subtitle = "Enter starts, Tab moves, Space ticks, Esc leaves"
        self.set_focus(self._rate)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._read()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        plan = self._read()
        if plan is not None:
            self.dismiss(plan)

    def _read(self) -> ResendPlan | None:
        try:
            to = self._to.value.strip()
            plan = ResendPlan(
                parse_target(to).url if to else None, self._sign.value, rate_of(self._rate.value)
            )
        except UsageError as error:
            self._error.update(Content(told(error)))
            return None
        self._error.update(Content(""))
        return plan


def rate_of(text: str) -> float:
    """Deliveries a second; 0 is as fast as it goes. Raises `UsageError`."""
    try:
        rate = float(text.strip() or RATE)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= _FASTEST:
        raise UsageError(
            f"{text.strip()[:40]!r} is not a rate", "a number a second; 0: as fast as it goes"
        )
    return rate
