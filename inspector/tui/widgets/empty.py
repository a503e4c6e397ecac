"""What stands in the list's place when it has no rows."""

from textual.content import Content
from textual.widget import Widget


class EmptyList(Widget, can_focus=False):
    """What stands in the list's place when it has no rows: what to do now."""

    def __init__(self) -> None:
        super().__init__(id="empty")
        self._text = ""

    def say(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.refresh(layout=True)

    def render(self) -> Content:
        return Content(self._text)
