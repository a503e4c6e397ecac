"""Keys that come faster than they are handled, and still act in the order they were pressed."""

from textual import events
from textual.binding import Binding
from textual.dom import DOMNode
from textual.widget import Widget


async def act_in_order(widget: Widget, event: events.Key) -> None:
    """For the `on_key` of a widget that text is typed into: run at once what a key is bound to.

    Textual takes letters at once, and what is bound to other keys only when they have come back
    to the app: of a quick `Ctrl+U`, `a` it makes nothing, of `a`, `Tab`, `b` it completes `ab`.
    """
    if event.is_printable:
        return
    active = widget.screen.active_bindings.get(event.key)
    if active is not None and active.enabled:
        await _act(widget, event, active.binding.action, active.node)


async def act_for_screen(widget: Widget, event: events.Key) -> bool:
    """The same for the screen's own keys alone, before the widget's; whether it was one."""
    for binding in widget.screen.BINDINGS:
        if isinstance(binding, Binding) and event.key in binding.key.split(","):
            await _act(widget, event, binding.action, widget.screen)
            return True
    return False


async def _act(widget: Widget, event: events.Key, action: str, node: DOMNode) -> None:
    event.stop()
    event.prevent_default()
    await widget.app.run_action(action, node)
