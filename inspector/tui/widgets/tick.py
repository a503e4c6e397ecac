"""A box to tick, whose mark is a sign and not a colour."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget


class Tick(Widget, can_focus=True):
    """`[x] label`; Space or a click changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle('value')", "Tick", show=False)
    ]

    value: reactive[bool] = reactive(False)

    def __init__(self, label: str, value: bool, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._label = label
        self.set_reactive(Tick.value, value)

    def render(self) -> Content:
        return Content(f"[{'x' if self.value else ' '}] {self._label}")

    def on_click(self) -> None:
        self.value = not self.value
