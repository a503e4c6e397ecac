"""The sidebar: the sets people need at once, and the event types with live counts.

Choosing an entry sets the filter, which is visible text and can be edited.
"""

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector.client.models import Counts
from inspector.domain.plaintext import one_line
from inspector.domain.query import quoted
from inspector.tui.rows import fit

_MOST = 200
_COUNT = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the sidebar: what it says, how many there are, and the filter it stands for."""

    label: str
    count: int
    query: str
    provider: str = ""


def entries(counts: Counts) -> tuple[list[Entry], list[Entry]]:
    """The sets, and the event types by name; of very many types the most frequent 200."""
    states, verdicts = counts.states or {}, counts.verdicts or {}
    bad = verdicts.get("invalid", 0) + verdicts.get("stale", 0)
    sets = [
        Entry("all", sum(states.values()), ""),
        Entry("failed", states.get("failed", 0), "state:failed"),
        Entry("waiting", states.get("waiting", 0), "state:waiting"),
        Entry("bad signature", bad, "sig:invalid,stale"),
        Entry("duplicates", counts.duplicates, "is:duplicate"),
        Entry("refused", states.get("refused", 0), "state:refused"),
    ]
    named: dict[str, int] = {}
    for one in counts.events:
        if one.event is not None:
            named[one.event] = named.get(one.event, 0) + one.count
    most = sorted(named.items(), key=lambda pair: pair[1], reverse=True)[:_MOST]
    types = [Entry(name, count, f"event:{quoted(name)}") for name, count in sorted(most)]
    return sets, types


class Sidebar(OptionList):
    """Sets and event types; only what changed is drawn anew."""

    class Chosen(Message):
        """An entry was chosen; `query` is the filter it stands for."""

        def __init__(self, query: str) -> None:
            super().__init__()
            self.query = query

    def __init__(self) -> None:
        super().__init__(id="sidebar", markup=False)
        self._sets: list[Entry] = []
        self._types: list[Entry] = []

    def show(self, counts: Counts) -> None:
        """Draw these counts; the highlight stays on its entry."""
        sets, types = entries(counts)
        if (sets, types) == (self._sets, self._types):
            return
        lines = [*sets, *types]
        if [one.query for one in lines] == [one.query for one in (*self._sets, *self._types)]:
            for index, one in enumerate(lines):
                self.replace_option_prompt_at_index(index, self._line(one))
        else:
            self._rebuild(sets, types)
        self._sets, self._types = sets, types

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        chosen = (*self._sets, *self._types)[event.option_index]
        self.post_message(self.Chosen(chosen.query))

    def on_resize(self) -> None:
        if self._sets:
            self._rebuild(self._sets, self._types)

    def _rebuild(self, sets: list[Entry], types: list[Entry]) -> None:
        before = self.highlighted_option
        chosen = before.id if before is not None else None
        self.clear_options()
        self.add_options([Option(self._line(one), id=f"q:{one.query}") for one in sets])
        if types:
            self.add_option(None)
            self.add_options([Option(self._line(one), id=f"q:{one.query}") for one in types])
        if chosen is not None and any(option.id == chosen for option in self.options):
            self.highlighted = self.get_option_index(chosen)

    def _line(self, one: Entry) -> Content:
        width = max(self.scrollable_content_region.width - 2, _COUNT + 6)
        count = str(one.count)
        room = width - max(cell_len(count), 3) - 1
        text = fit(one_line(one.label, 120), room) + " " + count.rjust(max(3, len(count)))
        return Content(text) if one.count else Content.styled(text, "$foreground 75%")
