"""Copies and exports by keys: what is said to be copied is, and secrets are where they belong."""

import json
from pathlib import Path

import pytest

from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.menu import MenuScreen
from inspector.tui.screens.prompt import PromptScreen
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_delivery
from tests.helpers.ui import Ui, ui

HEADERS = (("Content-Type", "application/json"), ("Authorization", "Bearer sesame"))


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def ready(shown: Ui) -> None:
    """The listener's URL is known, and the detail is there."""
    session = shown.main.session
    await shown.until(lambda: session.status is not None and session.inspection.detail is not None)


async def test_the_first_choice_is_quick() -> None:
    async with (
        fake_listener(make_delivery(1), make_delivery(2, event_id=None)) as listener,
        ui(listener) as shown,
    ):
        await shown.press("y", "enter")
        await shown.until_said("copied delivery id 2")
        await shown.press("j", "y", "enter")
        await shown.until_said("copied event id evt_000001")
        assert shown.app.clipboard == "evt_000001"


@pytest.mark.parametrize(
    ("key", "what", "copied"),
    [
        ("i", "delivery id 1", "1"),
        ("u", "the URL", "/hooks"),
        ("c", "curl command", "curl "),
        ("h", "HTTPie command", "http "),
        ("p", "Python program", "import "),
        ("w", "raw request", "POST /hooks HTTP/1.1\r\n"),
    ],
)
async def test_letters_choose(key: str, what: str, copied: str) -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        listener.contents[1] = Content(HEADERS, b"{}")
        await ready(shown)
        await shown.press("y", key)
        await shown.until_said(f"copied {what}")
        assert copied in shown.app.clipboard
        assert "sesame" not in shown.app.clipboard
        if key in "uchp":
            assert listener.url.removeprefix("http://") in shown.app.clipboard


async def test_the_value_under_the_cursor_of_the_detail_comes_first() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await ready(shown)
        await shown.press("enter", "3")
        await shown.until_shown('"amount": 5')
        while (at := shown.main.detail.value_at_cursor()) is None or "amount" not in at[0]:
            await shown.press("j")
        await shown.press("y")
        await shown.until_shown("v data.delta.amount")
        await shown.press("enter")
        await shown.until_said("copied data.delta.amount")
        assert shown.app.clipboard == "5"


async def test_shown_secrets_are_copied() -> None:
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(HEADERS, b"{}")
        async with ui(listener) as shown:
            await ready(shown)
            await shown.press("y", "c")
            await shown.until_said("authorization is masked, s shows and copies it")
            await shown.press("s", "y", "c")
            await shown.until(lambda: "sesame" in shown.app.clipboard)


async def test_what_is_too_large_is_not_copied() -> None:
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(body=b"a" * 80_000)
        async with ui(listener) as shown:
            await ready(shown)
            await shown.press("y", "w")
            await shown.until_said("terminals take no more than 72kB, so nothing was copied; x exp")
            assert shown.app.clipboard == ""
    # One that is known to be too large is not even fetched.
    large = make_delivery(1, body_size=25_000_000)
    async with fake_listener(large) as listener, ui(listener) as shown:
        await ready(shown)
        await shown.press("y", "c")
        await shown.until_said("#1 is 24MB: terminals take no more")
        assert ("GET", "api/deliveries/1/body") not in listener.calls


async def test_a_copy_that_cannot_be_made_says_so() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await ready(shown)
        listener.broken = "deliveries/1"
        await shown.press("y", "c")
        await shown.until_said("it broke")
        await shown.press("y", "escape")
        assert isinstance(shown.app.screen, MainScreen)


async def test_exporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with fake_listener(*(make_delivery(one) for one in (1, 2, 3))) as listener:
        listener.contents[3] = Content(HEADERS, b"{}")
        async with ui(listener) as shown:
            await ready(shown)
            await shown.press("x")
            await shown.until_shown("#3 as NDJSON")
            assert "Values of secret headers are masked" in shown.text
            await shown.press("n")
            await shown.until_shown("inspector-20260211-103000.ndjson")
            await shown.press("enter")
            await shown.until_said("1 delivery exported")
            await shown.until_said("masked: authorization")
            path = tmp_path / "inspector-20260211-103000.ndjson"
            assert json.loads(path.read_text())["id"] == 3
            # Nothing is written over: the same name is no answer.
            await shown.press("x", "n", "enter")
            await shown.until_shown("there is something of that name")
            assert isinstance(shown.app.screen, PromptScreen)
            await shown.press("escape")
            await shown.press("space", "space", "x")
            await shown.until_shown("the 2 deliveries selected as HAR")
            await shown.press("h", "enter")
            await shown.until_said("2 deliveries exported")
            log = json.loads((tmp_path / "inspector-20260211-103000.har").read_text())["log"]
            assert [one["_delivery"]["id"] for one in log["entries"]] == [2, 3]
            await shown.press("x", "N", "ctrl+u")
            await shown.paste("all.ndjson")
            await shown.press("enter")
            await shown.until_said("3 deliveries exported")


async def test_an_export_that_fails_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await ready(shown)
        listener.broken = "deliveries/1"
        await shown.press("x", "h", "enter")
        await shown.until_said("stopped: it broke: nothing was exported")
        assert files(tmp_path) == []


async def test_there_is_nothing_to_export() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        await shown.press("x")
        await shown.until_said("there is nothing to export")


async def test_menus_on_a_small_screen() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (40, 10)) as shown:
        await ready(shown)
        await shown.press("y")
        assert isinstance(shown.app.screen, MenuScreen)
        await shown.press(*"jjjjjj")
        await shown.until_shown("w raw request")
        await shown.press("enter")
        await shown.until_said("copied raw request")
        await shown.press("y", "q")
        assert isinstance(shown.app.screen, MainScreen)
