"""Sending from the UI: to other targets, samples from the palette; each tells how it ended."""

from inspector.domain.attempt import Failure, FailureKind
from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.prompt import PromptScreen
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import ui


async def test_sending_to_another_target() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.until(lambda: shown.main.session.status is not None)
        await shown.press("o")
        assert isinstance(shown.app.screen, PromptScreen)
        # The listener's own target is offered, and what is typed takes its place.
        await shown.until_shown("http://localhost:3000")
        await shown.paste("4000/other")
        await shown.press("enter")
        await shown.until_said("#12 -> 200 in 8ms")
        assert listener.posted == [
            {"id": 12, "to": "http://localhost:4000/other", "re_sign": False}
        ]
        await shown.press("o")
        await shown.until_shown("http://localhost:4000/other")
        listener.outcome = Failure(FailureKind.REFUSED, "connection refused")
        await shown.press("down", "enter")
        await shown.until_said("#12 -> no answer: connection refused")
        assert listener.posted[-1]["to"] == "http://localhost:3000"


async def test_what_is_no_target_is_told_in_place() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.press("o", "ctrl+u")
        await shown.paste("ftp://x")
        await shown.until_shown("ftp://x")
        await shown.press("enter")
        await shown.until_shown("'ftp://x'")
        assert isinstance(shown.app.screen, PromptScreen)
        await shown.press("escape")
        assert isinstance(shown.app.screen, MainScreen)
        assert listener.posted == []


async def test_the_palette_triggers_any_event() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        await shown.press("ctrl+p")
        await shown.paste("trigger delta.failed bad")
        await shown.until_shown("Trigger delta.failed, bad signature")
        await shown.press("enter")
        await shown.until_said("sample of delta.failed sent: #1")
        assert listener.posted == [{"event": "delta.failed", "bad_signature": True}]
