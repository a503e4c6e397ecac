"""Re-sending and marking a selection: asked once, its progress seen, its end told."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from inspector.tui.screens.bulk import BulkScreen
from inspector.tui.screens.job import JobScreen
from inspector.tui.screens.main import MainScreen
from tests.helpers.fake_acting import Acting
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import Ui, ui

DELIVERIES = [make_delivery(one) for one in range(1, 6)]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Re-sends are answered while it is set."""
    gate = asyncio.Event()
    gate.set()
    answer = Acting.resend

    async def resend(self: Acting, request: web.Request) -> web.Response:
        await gate.wait()
        return await answer(self, request)

    monkeypatch.setattr(Acting, "resend", resend)
    return gate


async def start(shown: Ui, *keys: str) -> None:
    """Select all, ask for the keys, and take the plan as it is but for its rate: no pauses."""
    await shown.press("A", *keys)
    assert isinstance(shown.app.screen, BulkScreen)
    await shown.press("ctrl+u", "0", "enter")


def ids(posted: list[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in posted]


async def test_a_selection_is_sent_oldest_first() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.until(lambda: shown.main.session.status is not None)
        await shown.press("A", "R")
        await shown.until_shown("Re-send 5 deliveries")
        await shown.until_shown("their own: http://localhost:3000")
        await shown.until_shown("[x] signed anew")
        await shown.press("ctrl+u", "0", "enter")
        assert isinstance(shown.app.screen, JobScreen)
        await shown.until_shown("5 sent: 5 x 2xx")
        assert ids(listener.posted) == [1, 2, 3, 4, 5]
        assert all(one["re_sign"] and one["wait"] for one in listener.posted)
        await shown.press("enter")
        assert isinstance(shown.app.screen, MainScreen)
        assert not shown.main.session.selection


async def test_what_failed_stays_selected() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        listener.outcome = 500
        await start(shown, "r")
        await shown.until_shown("5 sent: 5 x 500")
        # Keys are the dialog's until it is closed.
        await shown.press("r", "j", "A")
        assert isinstance(shown.app.screen, JobScreen)
        await shown.press("escape")
        assert shown.main.session.selection.ordered() == [1, 2, 3, 4, 5]
        await shown.until_shown("5 selected")
        await shown.press("escape")
        await shown.until_said("5 deselected")
        assert not shown.main.session.selection


async def test_to_another_target() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("A", "o", "shift+tab", "ctrl+u")
        await shown.until_shown("[ ] signed anew")
        await shown.paste("ftp://x")
        await shown.press("enter")
        await shown.until_shown("is not a target")
        await shown.press("ctrl+u")
        await shown.paste("4000")
        await shown.press("tab", "ctrl+u")
        await shown.paste("fast")
        await shown.until_shown("'fast' is not a rate")
        await shown.press("ctrl+u", "0", "tab", "space", "enter")
        await shown.until_shown("5 sent")
        assert {one["to"] for one in listener.posted} == {"http://localhost:4000"}
        assert all(one["re_sign"] for one in listener.posted)


async def test_it_can_be_hidden_and_goes_on(gate: asyncio.Event) -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        gate.clear()
        await start(shown, "r")
        await shown.until_shown("5 left")
        await shown.press("enter")
        assert isinstance(shown.app.screen, MainScreen)
        # One line of it stays, and the list is free.
        await shown.until_shown("Re-sending 5 deliveries  5 left")
        await shown.press("j")
        assert shown.main.session.feed.cursor_id == 4
        await shown.press("r", "enter")
        await shown.until_said("wait for the end of: Re-sending 5 deliveries")
        await shown.pilot.click("#job")
        assert isinstance(shown.app.screen, JobScreen)
        await shown.press("q")
        gate.set()
        await shown.until_said("5 sent: 5 x 2xx")
        await shown.until(lambda: "Re-sending" not in shown.text)
        assert len(listener.posted) == 5


@pytest.mark.parametrize("key", ["c", "escape"])
async def test_cancelling(gate: asyncio.Event, key: str) -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        gate.clear()
        await start(shown, "r")
        await shown.until_shown("5 left")
        await shown.press(key)
        await shown.until_shown("cancelled, after 0 of 5; #1 was under way")
        await shown.press(key)
        assert isinstance(shown.app.screen, MainScreen)
        assert len(shown.main.session.selection) == 5


async def test_leaving_ends_it(gate: asyncio.Event) -> None:
    async with fake_listener(*DELIVERIES) as listener:
        async with ui(listener) as shown:
            assert shown.app.unfinished == ""
            gate.clear()
            await start(shown, "r")
            await shown.until_shown("5 left")
            await shown.press("enter", "q")
            await shown.until(lambda: shown.app._exit)
        assert shown.app.unfinished == "Re-sending 5 deliveries: ended after 0 of 5"
        gate.set()


async def test_the_palette_cancels_as_well(gate: asyncio.Event) -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        shown.main.action_run("stop-job")
        shown.main.action_run("job")
        await shown.until(lambda: shown.said == ["! no job runs"] * 2)
        gate.clear()
        await start(shown, "r")
        await shown.press("enter")
        shown.main.action_run("stop-job")
        await shown.until_said("cancelled, after 0 of 5")


async def test_a_lost_listener_ends_it_with_a_word(gate: asyncio.Event) -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        gate.clear()
        await start(shown, "r")
        await shown.until_shown("5 left")
        await listener.stop()
        gate.set()
        await shown.until_shown("stopped: no listener answers at")
        await shown.press("escape")
        assert shown.main.session.selection.ordered() == [1, 2, 3, 4, 5]


async def test_leaving_the_question_sends_nothing() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("A", "r", "escape")
        assert isinstance(shown.app.screen, MainScreen)
        assert listener.posted == []


async def test_another_selection_made_meanwhile_is_kept(gate: asyncio.Event) -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        gate.clear()
        await start(shown, "r")
        await shown.press("enter", "A", "space")
        assert shown.main.session.selection.ordered() == [5]
        gate.set()
        await shown.until_said("5 sent")
        assert shown.main.session.selection.ordered() == [5]


async def test_marking_a_selection() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener) as shown:
        await shown.press("A", "m")
        await shown.until_said("5 marked")
        assert all(one.mark for one in listener.deliveries.values())
        session = shown.main.session
        await shown.until(lambda: all(session.feed.get(one) for one in range(1, 6)))
        await shown.until(
            lambda: all((one := session.feed.get(id_)) and one.mark for id_ in range(1, 6))
        )
        await shown.press("m")
        await shown.until_said("5 no longer marked")


async def test_on_a_small_screen() -> None:
    async with fake_listener(*DELIVERIES) as listener, ui(listener, (40, 10)) as shown:
        await shown.press("A", "r")
        await shown.until_shown("per second")
        await shown.until_shown("signed anew")
        await shown.press("ctrl+u", "0", "enter")
        await shown.until_shown("5 sent: 5 x 2xx")
        await shown.until_shown("Esc closes")
