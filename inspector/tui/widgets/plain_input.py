"""A line of input that shows what is in it."""

from textual import events
from textual.widgets import Input

from inspector.domain.plaintext import visible


class PlainInput(Input):
    """Text from outside gets into it by pasting, too: unseen characters are spelled out."""

    def validate_value(self, value: str) -> str:
        return visible(value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # One line has nothing to scroll to; these keys are for whoever is around it.
        return not action.startswith("scroll_") and super().check_action(action, parameters)

    async def on_key(self, event: events.Key) -> None:
        """Keys act in the order in which they were pressed.

        Textual takes letters at once, and what is bound to other keys only when they have come
        back to the app: of a quick `Ctrl+U`, `a` it makes nothing, of `a`, `Tab`, `b` it completes
        `ab`.
        """
        if event.is_printable:
            return
        active = self.screen.active_bindings.get(event.key)
        if active is not None and active.enabled:
            event.stop()
            event.prevent_default()
            await self.app.run_action(active.binding.action, active.node)
