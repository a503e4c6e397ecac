"""Keys in turn: each is sent on when the one before it has done all that it does.

Textual hands a key to whatever has the focus when it arrives. What is typed in one go with the key
that opens a dialog would so be handed to what is behind it, before there is a dialog.
"""

from collections import deque
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from inspector.tui.actions import MOVEMENTS

# A key may have its widget tell of what was done (a line was submitted); that comes a round later.
_ROUNDS = 2


class KeysInTurn(App[None]):
    """Keys and pastes wait for those before them, and for a dialog that opens; `at_once` do not.

    A message follows each key through the widgets that may act on it: when it has come through,
    so has the key. Where a screen comes or goes, the next key waits until the new one has a focus.
    """

    at_once: frozenset[str] = frozenset()

    class Passed(Message):
        """What followed a key has come through; `rounds` are still to go."""

        def __init__(self, number: int, rounds: int) -> None:
            super().__init__()
            self.number = number
            self.rounds = rounds

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Event] = deque()
        self._behind: MessagePump | None = None
        self._number = 0

    def on_mount(self) -> None:
        self.screen_change_signal.subscribe(self, self._turn_to, immediate=True)

    async def on_event(self, event: events.Event) -> None:
        typed = isinstance(event, events.Key | events.Paste) and not event.is_forwarded
        if not typed or (isinstance(event, events.Key) and event.key in self.at_once):
            await super().on_event(event)
            return
        self._typed.append(event)
        if self._behind is not None and not self._behind.is_attached:
            self._turn_to(self.screen)  # it went, and took what was to come through with it
        if self._behind is None:
            await self._send_next()

    async def _send_next(self) -> None:
        while self._typed and self._behind is None:
            event = self._typed.popleft()
            heard = self.focused or self.screen
            await super().on_event(event)
            if not _stays(heard, event):
                self._follow(heard, _ROUNDS)

    def _turn_to(self, screen: Screen[Any]) -> None:
        self._follow(screen, 1)

    def _follow(self, behind: MessagePump, rounds: int) -> None:
        self._behind = behind
        self._number += 1
        behind.post_message(self.Passed(self._number, rounds))

    async def on_keys_in_turn_passed(self, message: Passed) -> None:
        if message.number != self._number or self._behind is None:
            return
        if message.rounds > 1:
            self._follow(self._behind, message.rounds - 1)
            return
        self._behind = None
        await self._send_next()


def _stays(heard: Widget, event: events.Event) -> bool:
    """Whether it is done within the widget, so that none has to wait: a movement, or text."""
    if not isinstance(event, events.Key):
        return False
    if isinstance(heard, Input):
        return event.is_printable
    bound = heard._bindings.key_to_bindings.get(event.key, ())
    return any(one.id in MOVEMENTS for one in bound)
