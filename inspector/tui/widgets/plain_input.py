"""A line of input that shows what is in it."""

from textual import events
from textual.widgets import Input

from inspector.domain.plaintext import visible
from inspector.tui.widgets.in_order import act_in_order


class PlainInput(Input):
    """Text from outside gets into it by pasting, too: unseen characters are spelled out."""

    def validate_value(self, value: str) -> str:
        return visible(value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # One line has nothing to scroll to; these keys are for whoever is around it.
        return not action.startswith("scroll_") and super().check_action(action, parameters)

    def on_paste(self, event: events.Paste) -> None:
        # What is pasted in several lines is all meant; Textual takes the first one alone.
        event.text = " ".join(line for line in event.text.splitlines() if line)

    async def on_key(self, event: events.Key) -> None:
        await act_in_order(self, event)
