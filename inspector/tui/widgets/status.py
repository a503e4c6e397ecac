"""The bars below the panes: the listener's figures, and the keys that matter."""

from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from inspector.client.models import Status
from inspector.domain.plaintext import one_line, visible
from inspector.tui.actions import ACTIONS, Action, Keys, Where, heard_at
from inspector.tui.relay import relay_told
from inspector.tui.session import Session
from inspector.tui.standing import standing

_SOON = 0.15
_LEDGER = (
    "received",
    "forwarded",
    "failed",
    "waiting",
    "held",
    "filtered",
    "kept",
    "refused",
    "gaps",
)


class KeyBar(Widget, can_focus=False):
    """The registry's actions for the footer where the focus is, as many as fit; a click runs one.

    One widget for all of them, where Textual's footer has one for each: at every repaint that
    touches the bottom line each widget costs.
    """

    here: reactive[Where] = reactive(Where.LIST)

    def __init__(self, keys: Keys) -> None:
        super().__init__(id="keys")
        self._keys = keys

    def render(self) -> Content:
        parts: list[Content] = []
        for action in self._fitting():
            parts.append(Content.styled(f" {self._keys.first(action.id)}", "bold $text-accent"))
            parts.append(Content(f" {action.label} "))
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        end = 0
        for action in self._fitting():
            end += self._length(action)
            if event.x < end:
                # As if its key was pressed: heard by whatever has the focus.
                self.app.simulate_key(self._keys.of(action)[0])
                return

    def _fitting(self) -> list[Action]:
        heard = heard_at(self.here)
        shown = [action for action in ACTIONS if action.footer and action.where in heard]
        used = 0
        fitting = set()
        for action in sorted(shown, key=lambda action: action.footer):
            used += self._length(action)
            if used <= self.size.width:
                fitting.add(action.id)
        return [action for action in shown if action.id in fitting]

    def _length(self, action: Action) -> int:
        return len(self._keys.first(action.id)) + len(action.label) + 3


_Parts = list[tuple[str, str]]


class StatusBar(Widget):
    """The capture URL, the targets, the connection, the ledger, and how the list stands."""

    def __init__(self, session: Session, keys: Keys) -> None:
        super().__init__(id="status")
        self._session = session
        self._keys = keys
        self._timer: Timer | None = None
        self._drawn: tuple[_Parts, _Parts] | None = None

    def show(self) -> None:
        """Draw the figures anew, if they are others, and soon: a held key repaints a list alone."""
        if self._timer is None:
            self._timer = self.set_timer(_SOON, self._draw)

    def _draw(self) -> None:
        self._timer = None
        if self._lines() != self._drawn:
            self.refresh()

    def render(self) -> Content:
        self._drawn = self._lines()
        return Content("\n").join(map(_joined, self._drawn))

    def _lines(self) -> tuple[_Parts, _Parts]:
        session = self._session
        status = session.status
        first = [
            ("● connected", "bold") if session.connected else ("○ not connected", "bold reverse")
        ]
        second: _Parts = [(part, "bold") for part in standing(session, self._keys)]
        if status is not None:
            if session.relay is not None:
                first.append(relay_told(session.relay))
            first.append((visible(status.url), "bold underline"))
            first.extend(_targets(status))
            second.append((_ledger(status), ""))
            if status.breakpoint:
                first.insert(1, (_breakpoint(status), "bold reverse"))
            if status.index_lag:
                second.append((f"{status.index_lag} not indexed yet", ""))
            if not status.store_ok:
                text = f"NOT STORED: {one_line(status.store_error, 160)}; senders get 503"
                second.insert(0, (text, "bold reverse"))
        return first, second


def _targets(status: Status) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    if not status.targets:
        out.append(("no target: deliveries are kept", ""))
    for one in status.targets:
        text = f"-> {one_line(one.target, 80)}"
        if one.last_failure:
            text += f" ! {one_line(one.last_failure, 60)}"
            if one.retry_in is not None:
                text += f", again in {one.retry_in:.0f} s"
        out.append((text, "bold" if one.last_failure else ""))
    for url, count in status.not_configured.items():
        out.append((f"{count:,} waiting for {one_line(url, 80)} (not configured now)", "bold"))
    return out


def _breakpoint(status: Status) -> str:
    return f"breakpoint {one_line(status.breakpoint, 60)} ({status.ledger.get('held', 0):,} held)"


def _ledger(status: Status) -> str:
    ledger = status.ledger
    parts = [
        f"{name} {ledger[name]:,}"
        for name in _LEDGER
        if ledger.get(name) or name in ("received", "failed")
    ]
    return "  ".join(parts) + ("" if status.balanced else "  LEDGER DOES NOT BALANCE")


def _joined(parts: _Parts) -> Content:
    return Content(" ") + Content("  ").join([Content.styled(text, style) for text, style in parts])
