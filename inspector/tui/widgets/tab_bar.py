"""The names of the detail's tabs."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from inspector.tui.actions import Keys
from inspector.tui.tabs import TABS


class TabBar(Widget, can_focus=False):
    """The tabs with their keys, their names as far as they fit; a click chooses one.

    On the right stands which delivery it is, where there is room.
    """

    chosen: reactive[int] = reactive(0)
    about: reactive[str] = reactive("")

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, keys: Keys) -> None:
        super().__init__(id="tabs")
        self._keys = keys

    def render(self) -> Content:
        labels = self._labels()
        parts = [
            Content.styled(label, "reverse bold" if index == self.chosen else "")
            for index, label in enumerate(labels)
        ]
        room = self.size.width - sum(map(len, labels)) - len(self.about) - 1
        if room > 0:
            parts.append(Content(" " * room + self.about))
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        end = 0
        for index, label in enumerate(self._labels()):
            end += len(label)
            if event.x < end:
                self.post_message(self.Chosen(index))
                return

    def _labels(self) -> list[str]:
        """With whole names, short ones, or none but that of the chosen one."""
        keys = [self._keys.first(f"tab.{number}") for number in range(1, len(TABS) + 1)]
        chosen = self.chosen
        for names in (
            [tab.name for tab in TABS],
            [tab.name if at == chosen else tab.short for at, tab in enumerate(TABS)],
            [tab.short for tab in TABS],
            [tab.short if at == chosen else "" for at, tab in enumerate(TABS)],
        ):
            labels = [
                f" {key} {name} " if name else f" {key} "
                for key, name in zip(keys, names, strict=True)
            ]
            if sum(map(len, labels)) <= self.size.width:
                break
        return labels
