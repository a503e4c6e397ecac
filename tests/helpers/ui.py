"""The UI under test: keys in, the screen's text out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC

import pytest
from textual import events
from textual.pilot import Pilot

from inspector.client.control import Control
from inspector.client.stream import Stream
from inspector.domain.preferences import Preferences
from inspector.errors import InspectorError
from inspector.tui.app import InspectorApp
from inspector.tui.saved import Saved
from inspector.tui.screens.main import MainScreen
from tests.helpers.fake_listener import TOKEN, FakeListener
from tests.helpers.summaries import NOW

_PATIENCE = 10.0


class Ui:
    """An app under test: keys in, the screen's text out."""

    def __init__(self, app: InspectorApp, pilot: Pilot[None], listener: FakeListener) -> None:
        self.app = app
        self.pilot = pilot
        self.listener = listener

    @property
    def main(self) -> MainScreen:
        screen = self.app.screen_stack[1]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def text(self) -> str:
        """What stands on the screen, line by line."""
        size = self.app.size
        lines = self.app.screen._compositor.render_strips(size)
        return "\n".join(strip.text for strip in lines)

    @property
    def said(self) -> list[str]:
        return [notification.message for notification in self.app._notifications]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def filter(self, text: str) -> None:
        """Apply a filter, pasted into the bar: a key at a time costs a tenth of a second each."""
        await self.press("slash")
        await self.paste(text)
        await self.press("enter")

    async def paste(self, text: str) -> None:
        focused = self.app.screen.focused
        assert focused is not None
        focused.post_message(events.Paste(text))
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool], patience: float = _PATIENCE) -> None:
        """Wait for the app's own messages, as long as it takes, within patience."""
        async with asyncio.timeout(patience):
            while not condition():
                await self.pilot.pause(0.01)

    async def until_shown(self, text: str) -> None:
        try:
            await self.until(lambda: text in self.text)
        except TimeoutError:
            pytest.fail(f"{text!r} is not on the screen:\n{self.text}\n{self.said}")

    async def until_said(self, text: str) -> None:
        try:
            await self.until(lambda: any(text in one for one in self.said))
        except TimeoutError:
            pytest.fail(f"{text!r} was not said: {self.said}")


@asynccontextmanager
async def ui(
    listener: FakeListener,
    size: tuple[int, int] = (120, 40),
    token: str = TOKEN,
    preferences: Preferences | None = None,
    saved: Saved | None = None,
    gone: Callable[[], InspectorError | None] = lambda: None,
) -> AsyncIterator[Ui]:
    control = Control(listener.control, token, gone)
    stream = Stream(listener.control, token, gone=gone, jitter=lambda: 0.0)
    app = InspectorApp(control, stream, preferences, saved, now=lambda: NOW, tz=UTC)
    async with app.run_test(size=size, notifications=True) as pilot:
        shown = Ui(app, pilot, listener)
        if token == listener.token:
            await shown.until(lambda: shown.main.session.feed.complete)
            await pilot.pause()
        yield shown
