"""What the actions of the registry do, one method an action id."""

from typing import TYPE_CHECKING

from inspector.domain.plaintext import one_line
from inspector.providers import PROVIDERS
from inspector.tui.actions import BY_ID
from inspector.tui.filters import Filter

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen

_PANES = ("sidebar", "list", "lines")


class Commands:
    """Acts on one main screen. `run` takes any action id whose `call` is empty."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session

    def run(self, action_id: str) -> None:
        """Do it, or say why it cannot be done."""
        if BY_ID[action_id].needs_delivery and self._session.feed.cursor_id is None:
            self._screen.say("there is no delivery under the cursor", "warning")
            return
        name, _, argument = action_id.partition(".")
        method = getattr(self, name.replace("-", "_"))
        if argument:
            method(argument)
        else:
            method()

    # Looking -------------------------------------------------------------------------------

    def open(self) -> None:
        self._session.feed.pause()
        self._screen.focus_pane("lines")
        self._screen.refresh_place()

    def back(self) -> None:
        if self._screen.pane != "list":
            self._screen.focus_pane("list")
        elif self._session.filter.text:
            self._screen.apply_filter(Filter())

    def tab(self, number: str) -> None:
        self._screen.detail.show_tab(int(number) - 1)
        self._screen.show_detail_pane()

    def body_mode(self) -> None:
        self._screen.detail.next_mode()

    def load_body(self) -> None:
        self._session.inspection.load_body()

    def reveal(self) -> None:
        self._screen.detail.toggle_reveal()

    def next_pane(self) -> None:
        self._turn(1)

    def previous_pane(self) -> None:
        self._turn(-1)

    def _turn(self, step: int) -> None:
        here = _PANES.index(self._screen.pane)
        self._screen.focus_pane(_PANES[(here + step) % len(_PANES)])

    # Choosing ------------------------------------------------------------------------------

    def filter(self) -> None:
        self._screen.filter_bar.edit()

    def follow(self) -> None:
        feed = self._session.feed
        if feed.follow:
            feed.pause()
        else:
            feed.resume()
        self._screen.list.rows_moved()
        self._screen.list.show_cursor()

    # Acting --------------------------------------------------------------------------------

    def resend(self) -> None:
        self._resend(re_sign=False)

    def re_sign(self) -> None:
        self._resend(re_sign=True)

    def _resend(self, *, re_sign: bool) -> None:
        delivery_id = self._session.feed.cursor_id
        if delivery_id is not None:
            self._session.resend(delivery_id, re_sign=re_sign)

    def trigger(self) -> None:
        catalogue = [doc for provider in PROVIDERS for doc in provider.catalogue.values()]
        self._screen.pick_event(catalogue, self._triggered)

    def _triggered(self, event: str | None) -> None:
        if event is not None:
            self._session.trigger(event)

    def copy_event_id(self) -> None:
        feed = self._session.feed
        delivery_id = feed.cursor_id
        delivery = None if delivery_id is None else feed.get(delivery_id)
        if delivery is None:
            self._screen.say("this delivery is still loading", "warning")
            return
        what, text = "event id", delivery.event_id
        if not text:
            what, text = "delivery id", str(delivery.id)
        # The terminal gets it in base64: nothing in it can be a control sequence.
        self._screen.app.copy_to_clipboard(text)
        self._screen.say(f"copied {what} {one_line(text, 80)}")

    def help(self) -> None:
        self._screen.show_help()

    def quit(self) -> None:
        self._screen.app.exit(return_code=0)
