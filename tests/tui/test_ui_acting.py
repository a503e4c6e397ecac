"""Tabs and acts, help and palette, leaving and being cut off: driven by keys."""

import asyncio

import pytest

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.envelope import Verdict
from inspector.errors import ConfigurationError, InspectorError, UnreachableError
from inspector.tui.actions import ACTIONS, Keys
from inspector.tui.screens.help import HelpScreen, help_lines
from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.trigger import TriggerScreen
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_attempt, make_delivery
from tests.helpers.teams import member, team_of_three
from tests.helpers.ui import ui


async def test_tabs() -> None:
    headers = (
        ("Host", "x"),
        ("X-Dup", "one"),
        ("x-dup", "two"),
        ("Authorization", "Bearer sesame"),
        ("X-PacSpace-Signature", "v1=abc"),
    )
    delivery = make_delivery(1, verdict=Verdict.INVALID, reason="no secret gives this signature")
    async with fake_listener(delivery) as listener:
        listener.contents[1] = Content(headers, b'{"event":"delta.verified"}')
        await listener.attempt(
            make_attempt(5, 1, status=500), Content((("Server", "app"),), b"it broke")
        )
        async with ui(listener, (120, 70)) as shown:
            await shown.press("2")
            await shown.until_shown("x-dup: two")
            assert shown.text.index("X-Dup: one") < shown.text.index("x-dup: two")
            assert "sesame" not in shown.text
            await shown.press("s")
            await shown.until_shown("Bearer sesame")
            await shown.press("3")
            await shown.until_shown('"event": "delta.verified"')
            await shown.press("v")
            await shown.until_shown('{"event":"delta.verified"}')
            await shown.press("v")
            await shown.until_shown("7b 22 65 76")
            await shown.press("4")
            await shown.until_shown("✗ invalid")
            assert "no secret gives this signature" in shown.text
            await shown.until_shown("X-PacSpace-Signature: v1=abc")
            await shown.press("5", "v")
            await shown.until_shown("it broke")
            assert "500 in 8ms" in shown.text
            assert "Server: app" in shown.text
            await shown.press("1")
            await shown.until_shown("Event type.")


async def test_scrolling_the_detail() -> None:
    body = b'{"data":{' + b",".join(b'"k%03d":%d' % (one, one) for one in range(200)) + b"}}"
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(body=body)
        async with ui(listener) as shown:
            await shown.press("3", "enter", "G")
            await shown.until_shown("sha256")
            await shown.press("g", "j", "pagedown", "pageup", "k")
            await shown.until_shown("json, pretty")


async def test_a_large_body_comes_when_asked_for() -> None:
    async with fake_listener(make_delivery(1, body_size=25_000_000)) as listener:
        listener.contents[1] = Content(body=b'{"large":true}')
        async with ui(listener) as shown:
            await shown.press("3")
            await shown.until_shown("b fetches it")
            await shown.press("b")
            await shown.until_shown('"large": true')
            assert ("GET", "api/deliveries/1/body") in listener.calls


async def test_resend_tells_its_result() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.press("r")
        await shown.until_said("#12 -> 200 in 8ms")
        assert listener.posted == [{"id": 12, "to": None, "re_sign": False}]
        listener.outcome = Failure(FailureKind.REFUSED, "connection refused")
        await shown.press("R")
        await shown.until_said("#12 -> no answer: connection refused")
        assert listener.posted[-1]["re_sign"] is True
        listener.refuse = (409, "there is no secret to sign with", "give one with --secret")
        await shown.press("R")
        await shown.until_said("there is no secret to sign with (give one with --secret)")
        await shown.press("5")
        await shown.until_shown("attempt 1 to http://localhost:3000 (manual)")


async def test_the_key_bar_can_be_clicked() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        line = shown.text.split("\n")[-1]
        await shown.pilot.click("#keys", offset=(line.index("Help"), 0))
        assert isinstance(shown.app.screen, HelpScreen)


async def test_figures_of_the_listener() -> None:
    async with fake_listener() as listener:
        listener.index_lag = 7
        listener.target_failure = "refused\x1b[2J"
        async with ui(listener, (160, 30)) as shown:
            await shown.until_shown("7 not indexed yet")
            await shown.until_shown("! refused␛[2J, again in 3 s")


async def test_what_waits_for_a_target_of_an_earlier_start_is_told() -> None:
    async with fake_listener() as listener:
        listener.not_configured = {"http://localhost:4000": 12}
        async with ui(listener, (160, 30)) as shown:
            await shown.until_shown("12 waiting for http://localhost:4000 (not configured now)")


async def test_acting_on_nothing_says_so() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        for key in ("r", "R", "y"):
            await shown.press(key)
        assert shown.said == ["! there is no delivery under the cursor"] * 3


async def test_trigger() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        await shown.until_shown("press t to send yourself a signed sample")
        assert 'curl --json \'{"event":"hello"}\'' in shown.text
        assert listener.url in shown.text
        await shown.press("t")
        assert isinstance(shown.app.screen, TriggerScreen)
        await shown.paste("checkpoint")
        await shown.press("enter")
        await shown.until_said("sample of checkpoint.verified sent: #1")
        await shown.until_shown("checkpoint.verified")
        await shown.press("t", "down", "enter")
        await shown.until(lambda: len(listener.posted) == 2)
        await shown.press("t", "escape")
        assert isinstance(shown.app.screen, MainScreen)
        listener.refuse = (409, "no", "")
        await shown.press("t", "enter")
        await shown.until_said("no")


async def test_help_and_palette_list_every_action() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("question_mark")
        assert isinstance(shown.app.screen, HelpScreen)
        await shown.until_shown("Re-sign")
        await shown.press("escape")
        told = "\n".join("".join(text for text, _ in line) for line in help_lines(Keys()))
        assert all(f"{action.label}: {action.help}" in told for action in ACTIONS)
        await shown.press("ctrl+p", *"re-sign")
        await shown.until_shown("fresh signature")
        await shown.press("enter", "enter")
        await shown.until_said("#1 -> 200")
        assert listener.posted[0]["re_sign"] is True


@pytest.mark.parametrize("before", [[], ["slash"], ["question_mark"], ["t"], ["ctrl+p"]])
async def test_ctrl_c_leaves_from_everywhere(before: list[str]) -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press(*before)
        await shown.press("ctrl+c")
        await shown.until(lambda: shown.app._exit)
        assert shown.app.return_code == 130


@pytest.mark.parametrize("pane", ["list", "sidebar", "lines"])
async def test_q_leaves_with_zero(pane: str) -> None:
    async with fake_listener(make_delivery(1)) as listener:
        async with ui(listener) as shown:
            shown.main.focus_pane(pane)
            await shown.press("q")
            await shown.until(lambda: shown.app._exit)
            assert shown.app.return_code == 0
        assert listener.streams == 0


async def test_a_lost_connection_is_told_and_the_list_stays() -> None:
    async with fake_listener(make_delivery(1), make_delivery(2)) as listener:
        port = int(listener.url.rpartition(":")[2])
        async with ui(listener) as shown:
            await listener.stop()
            await shown.until_shown("No connection to the listener")
            await shown.press("j")
            assert shown.main.session.feed.cursor_id == 1
            await shown.press("r")
            await shown.until_said("no listener answers")
            await listener.start(port)
            await listener.add(make_delivery(3))
            await shown.until(lambda: len(shown.main.session.feed) == 3)
            await shown.until(lambda: "No connection" not in shown.text)


async def test_a_listener_that_does_not_answer_is_waited_for_in_words() -> None:
    async with fake_listener(*map(make_delivery, (1, 2, 3))) as listener, ui(listener) as shown:
        await shown.until(lambda: shown.main.session.inspection.detail is not None)
        listener.frozen = asyncio.Event()
        await shown.press("j")
        await shown.until_shown("loading #2 …")
        await shown.press("j")
        await shown.until_shown("loading #1 …")
        await shown.press("r")
        await shown.until_said("waiting for the listener …")
        listener.frozen.set()
        await shown.until(lambda: "loading #" not in shown.text)
        await shown.until_said("#1 -> 200")


async def test_a_listener_that_is_gone_is_told_and_leaving_says_so() -> None:
    ended: list[InspectorError] = []
    async with fake_listener(make_delivery(1)) as listener:
        listener.relay = team_of_three(team=[member(primary=True), member("eve@pc")])
        async with ui(listener, gone=lambda: ended[0] if ended else None) as shown:
            await shown.until_shown("● relay orders 12 ms, 2 here, you answer")
            await shown.press("T")
            await shown.until_shown("You answer the senders")
            ended.append(UnreachableError("the listener ended (signal 9), nothing is captured"))
            await listener.stop()
            await shown.until_shown("Who is here is not known: there is no connection to the list")
            await shown.press("escape")
            await shown.until_shown("the listener ended (signal 9), nothing is captured; q leaves")
            assert "you answer" not in shown.text
            assert "● relay" not in shown.text
            assert "next try" not in shown.text
            await shown.press("r")
            await shown.until_said("the listener ended (signal 9), nothing is captured")
            assert not any("inspector serve" in one for one in shown.said)
            await shown.press("q")
            await shown.until(lambda: shown.app._exit)
            assert shown.app.failure is ended[0]
            assert shown.app.return_code == 4


async def test_a_store_that_cannot_commit_is_told() -> None:
    async with fake_listener() as listener:
        listener.store_error = "disk full"
        async with ui(listener) as shown:
            await shown.until_shown("NOT STORED: disk full")


async def test_a_stream_that_cannot_be_understood_ends_with_its_error() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        await listener.publish("deliveries", [{"id": 1}])
        await shown.until(lambda: shown.app._exit)
        assert shown.app.failure is not None
        assert "another version" in shown.app.failure.hint
        assert shown.app.return_code == 1


async def test_a_refused_token_ends_with_its_error() -> None:
    async with fake_listener() as listener, ui(listener, token="wrong") as shown:
        await shown.until(lambda: shown.app._exit)
        assert isinstance(shown.app.failure, ConfigurationError)
        assert shown.app.return_code == 3


async def test_a_sample_that_is_not_there_is_told() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("t")
        await shown.until_shown("Enter sends, the arrow keys choose, Esc leaves")
        await shown.paste("nowhere")
        await shown.until_shown("no event has 'nowhere' in its name")
        await shown.press("down", "enter")
        assert isinstance(shown.app.screen, TriggerScreen)
        assert listener.posted == []
