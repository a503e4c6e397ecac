"""What leaves the UI: copies through the terminal, and exported files."""

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from inspector.domain.delivery import Delivery, Request
from inspector.tui import copying
from inspector.tui.bulk import count
from inspector.tui.commands.common import at_cursor
from inspector.tui.exporting import Form, new_file, suggested
from inspector.tui.screens.menu import Choice, MenuScreen
from inspector.tui.screens.prompt import PromptScreen

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen


class Sharing:
    """`copy` and `export` of `actions/acting.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session

    # Copying -------------------------------------------------------------------------------

    def copy(self) -> None:
        delivery = at_cursor(self._session)
        if delivery is None:
            self._screen.say("this delivery is still loading", "warning")
            return
        reading = self._screen.pane == "lines"
        value = self._screen.detail.value_at_cursor() if reading else None

        def answered(key: str | None) -> None:
            if key is not None:
                self._session.acts.perform(self._copy(key, delivery, value), "copy")

        choices = copying.choices(delivery, self._base, value, self._relay)
        self._screen.ask(MenuScreen(f"Copy of #{delivery.id}", choices), answered)

    async def _copy(self, key: str, delivery: Delivery, value: tuple[str, str] | None) -> None:
        request: Request | None = None
        if key in copying.CARRYING:
            if delivery.body_size > copying.LIMIT:
                self._too_large(f"#{delivery.id}", delivery.body_size)
                return
            request = (await self._session.acts.fetch(delivery)).request
        reveal = self._reveals(delivery.id)
        done = copying.copied(key, delivery, self._base, value, request, self._relay, reveal=reveal)
        if done.size > copying.LIMIT:
            self._too_large(done.what, done.size)
            return
        # The terminal gets it in base64: nothing in it can be a control sequence.
        self._screen.app.copy_to_clipboard(done.text)
        self._screen.say(copying.told(done, self._screen.keys.first("reveal")))

    def _too_large(self, what: str, size: int) -> None:
        text = copying.too_large(what, size, self._screen.keys.first("export"))
        self._screen.say(text, "warning")

    # Exporting -----------------------------------------------------------------------------

    def export(self) -> None:
        feed, selection = self._session.feed, self._session.selection
        cursor = feed.cursor_id
        ids: Sequence[int]
        if selection:
            ids, what = selection.ids, f"the {count(len(selection))} selected"
        elif cursor is not None:
            ids, what = array("q", [cursor]), f"#{cursor}"
        else:
            self._screen.say("there is nothing to export", "warning")
            return
        reveal = self._reveals(cursor)
        choices = [
            Choice("n", f"{what} as NDJSON"),
            Choice("h", f"{what} as HAR"),
            Choice("N", f"all {feed.total:,} listed as NDJSON"),
            Choice("H", f"all {feed.total:,} listed as HAR"),
        ]

        def answered(key: str | None) -> None:
            if key is not None:
                form: Form = "har" if key in "hH" else "ndjson"
                self._ask_path(feed.ids() if key in "NH" else ids, form, reveal)

        shown = self._screen.keys.first("reveal")
        hint = (
            "Values of secret headers are in it, because they are shown."
            if reveal
            else f"Values of secret headers are masked; with {shown} in the detail they are not."
        )
        self._screen.ask(MenuScreen("Export", choices, hint=hint), answered)

    def _ask_path(self, ids: Sequence[int], form: Form, reveal: bool) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                self._session.acts.export(ids, new_file(text), form, self._base, reveal=reveal)

        self._screen.ask(
            PromptScreen(
                f"Export {count(len(ids))} to",
                suggested(form, self._screen.now(), self._screen.tz),
                hint="a new file, readable for you alone",
                check=new_file,
            ),
            answered,
        )

    # Inside --------------------------------------------------------------------------------

    @property
    def _base(self) -> str:
        status = self._session.status
        return status.url if status else "http://localhost:8400"

    @property
    def _relay(self) -> str:
        relay = self._session.relay
        return relay.url if relay else ""

    def _reveals(self, delivery_id: int | None) -> bool:
        """Whether the detail shows the secrets of this delivery now."""
        detail = self._screen.detail
        return detail.reveals and self._session.inspection.delivery_id == delivery_id
