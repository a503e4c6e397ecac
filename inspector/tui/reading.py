"""What is read of the delivery that is looked at: the tab, its document, and a search in it."""

import asyncio
from collections.abc import Hashable
from dataclasses import replace

from inspector.client.control import Control
from inspector.domain.diff import DEFAULT_IGNORE
from inspector.domain.gap import is_gap
from inspector.tasks import Tasks
from inspector.tui.actions import Keys
from inspector.tui.comparison import ComparisonSource
from inspector.tui.document import Document
from inspector.tui.drafts import DocumentBuilder
from inspector.tui.events import DetailChanged, Tell
from inspector.tui.explanation import Explanation
from inspector.tui.finding import Matches
from inspector.tui.inspection import Inspection
from inspector.tui.lines import plain
from inspector.tui.tabs import MODES, TABS, Shown, current

# Lines that are searched in about 5 ms, before the keys have their turn again.
_PORTION = 2000


class DetailReading:
    """The state of the detail. `tell` hears when a document or a search came further.

    `document` is what there is to read now;
    `place` says of what it is, so that whoever draws it knows whether it is another one.
    """

    def __init__(self, control: Control, inspection: Inspection, tasks: Tasks, tell: Tell) -> None:
        self._inspection = inspection
        self._explanation = Explanation(control, tasks, tell)
        self.comparison = ComparisonSource(control, tasks, tell)
        self._tasks = tasks
        self._tell = tell
        self._drafts = DocumentBuilder(tasks, self._came)
        self._key: Hashable = None
        self._search: asyncio.Task[None] | None = None
        self.keys = Keys()
        self.ignore = DEFAULT_IGNORE
        self.ignored = False
        self.width = 80
        self.tab = 0
        self.mode = 0
        self._revealed: int | None = None
        self.document = Document()
        self.place: Hashable = None
        self.pending = False
        self.sought = ""
        self.matches: Matches | None = None
        self._chosen: int | None = None
        self._origin: int | None = None

    @property
    def reveals(self) -> bool:
        """Whether the values of secret headers are shown: of the delivery that is looked at, even
        while another one is still on the screen."""
        return self._revealed is not None and self._revealed == self._inspection.delivery_id

    @property
    def shown_id(self) -> int | None:
        """The delivery that is on the screen: the one before until the wanted one has come."""
        detail, wanted = self._inspection.detail, self._inspection.delivery_id
        return wanted if detail is None or wanted is None else detail.delivery.id

    @property
    def late(self) -> bool:
        """Whether another delivery than the wanted one is on the screen."""
        return self.shown_id != self._inspection.delivery_id

    @property
    def awaited(self) -> str:
        """Which delivery keeps one waiting, in words; nothing where none does."""
        inspection = self._inspection
        return f"loading #{inspection.delivery_id} …" if inspection.waiting else ""

    # How it is read ------------------------------------------------------------------------

    def next_mode(self) -> None:
        """Show bodies pretty, raw and in hex in turn."""
        self.mode = (self.mode + 1) % len(MODES)

    def toggle_reveal(self) -> None:
        """Show or mask the values of secret headers."""
        self._revealed = None if self.reveals else self._inspection.delivery_id

    def toggle_ignored(self) -> None:
        """Show or hide what a comparison passes over."""
        self.ignored = not self.ignored

    def forget_errors(self) -> None:
        """The connection is back: what could not be fetched is asked for again."""
        self._explanation.forget()
        self.comparison.forget()

    # The document --------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Bring the document up to date; whether it is another one now.

        Another delivery begins masked. While a large document is built, the last one of the same
        place stays, and `pending` is set.
        """
        if not self.reveals:
            self._revealed = None
        place = (self.shown_id, self.tab)
        key, document = self._drafted()
        self.pending = document is None
        if document is None:
            if place == self.place:
                return False
            document = Document([plain("formatting …", "dim")])
        if document is self.document:
            return False
        self.document, self.place, self._key = document, place, key
        self._origin = None
        self._search_again()
        return True

    def _drafted(self) -> tuple[Hashable, Document | None]:
        inspection = self._inspection
        if inspection.error:
            return self._said(inspection.error, "error")
        if inspection.detail is None:
            waiting = inspection.delivery_id is not None
            return self._said("loading …" if waiting else "no delivery is chosen", "dim")
        detail = current(inspection.detail, inspection.delivery)
        tab = TABS[self.tab]
        known = Shown(
            inspection.detail,
            attempts=inspection.attempts,
            shadows=inspection.shadows,
            mode=MODES[self.mode],
            reveal=self.reveals and self._revealed == detail.delivery.id,
            keys=self.keys,
            ignore=self.ignore,
            ignored=self.ignored,
            width=self.width,
        )
        # Of a gap nothing is asked: there is nothing to check and nothing to compare.
        uses = () if is_gap(detail.delivery) else tab.uses.split()
        if "explained" in uses:
            known = replace(known, explained=self._explanation.look_at(detail.delivery))
        if "compared" in uses:
            compared = self.comparison.look_at(inspection.detail, inspection.attempts)
            known = replace(known, compared=compared)
        shown = tab.needed(known, inspection.delivery)
        key = (self.tab, shown)
        return key, self._drafts.ask(key, lambda: Document(tab.lines(shown)), tab.weight(shown))

    def _said(self, text: str, style: str) -> tuple[Hashable, Document]:
        if self._key == (text, style):
            return self._key, self.document
        return (text, style), Document([plain(text, style)])

    def _came(self) -> None:
        self._tell(DetailChanged())

    # Searching -----------------------------------------------------------------------------

    @property
    def hit(self) -> tuple[int, int] | None:
        """The occurrence that was gone to: its line, and the character where it begins."""
        if self.matches is None or self._chosen is None:
            return None
        return self.matches.lines[self._chosen], self.matches.starts[self._chosen]

    @property
    def tally(self) -> str:
        """Which occurrence of how many: `3/17`; what else is to say of the search."""
        matches = self.matches
        if matches is None:
            return ""
        if not len(matches):
            return "not found" if matches.done else "searching …"
        more = "+" if matches.more or not matches.done else ""
        chosen = "" if self._chosen is None else f"{self._chosen + 1:,}/"
        return f"{chosen}{len(matches):,}{more}"

    def search(self, text: str, origin: int) -> None:
        """Find this text in the document and in whatever takes its place; nothing ends it.

        The first occurrence at line `origin` or after it is the one to go to, once it is found.
        """
        self.sought = text
        self._origin = origin
        self._search_again()

    def step(self, matches: int, line: int) -> None:
        """Choose the next occurrence or the one before, as seen from a line."""
        found = self.matches
        if found is None or not len(found):
            return
        if self._chosen is not None and found.lines[self._chosen] == line:
            self._chosen = (self._chosen + matches) % len(found)
        else:
            first = found.first_from(line)
            self._chosen = first if matches > 0 else (first - 1) % len(found)

    def _search_again(self) -> None:
        self.matches = Matches(self.document, self.sought) if self.sought else None
        self._chosen = None
        if self._search is not None:
            self._search.cancel()
            self._search = None
        if self.matches is None:
            return
        self.matches.search(_PORTION)
        self._choose()
        if not self.matches.done:
            self._search = self._tasks.start(self._go_on(self.matches), "search")

    def _choose(self) -> None:
        """Go to the first one from the origin; with none after it once all are known."""
        found = self.matches
        if self._origin is None or found is None or not len(found):
            return
        if found.done or found.lines[-1] >= self._origin:
            self._chosen = found.first_from(self._origin)
            self._origin = None

    async def _go_on(self, matches: Matches) -> None:
        while not matches.done:
            await asyncio.sleep(0)
            matches.search(_PORTION)
            if self._chosen is None:
                self._choose()
                if self._chosen is not None:
                    self._tell(DetailChanged())
        self._tell(DetailChanged())
