"""The UI driven by keys alone against a real server: every action, every tab."""

import re

import pytest
from textual.widgets import OptionList

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict
from inspector.errors import ConfigurationError
from inspector.tui.actions import ACTIONS
from inspector.tui.screens.help import HelpScreen, help_text
from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.trigger import TriggerScreen
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_attempt, make_delivery
from tests.helpers.ui import ui


async def test_first_look() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 31))) as listener,
        ui(listener) as shown,
    ):
        await shown.until_shown("evt_000030")
        await shown.until_shown("data.delta.amount = 5")
        await shown.until_shown(listener.url)
        await shown.until_shown("received 30")
        assert ">     30 10:29:00   delta.verified" in shown.text
        assert "1/30 following" in shown.text


async def test_moving() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 201))) as listener,
        ui(listener) as shown,
    ):
        feed = shown.main.session.feed
        for keys, expected in (
            (["j", "down"], 198),
            (["k", "up"], 200),
            (["j", "g"], 200),
            (["G"], 1),
            (["k"], 2),
            (["home"], 200),
            (["end"], 1),
        ):
            await shown.press(*keys)
            assert feed.cursor_id == expected, keys
            await shown.until_shown(f">    {expected:>3} ")
        await shown.press("g", "pagedown")
        page = 200 - (feed.cursor_id or 0)
        assert page > 5
        await shown.press("pageup")
        assert feed.cursor_id == 200


async def test_follow_and_new() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 60))) as listener,
        ui(listener) as shown,
    ):
        feed = shown.main.session.feed
        await listener.add(make_delivery(60))
        await shown.until(lambda: feed.cursor_id == 60)
        await shown.press("j")
        assert feed.cursor_id == 59
        await listener.add(*(make_delivery(one) for one in range(61, 73)))
        await shown.until_shown("12 new")
        assert feed.cursor_id == 59
        assert ">     59 " in shown.text
        await shown.press("F")
        await shown.until_shown("following")
        assert feed.cursor_id == 72
        await shown.press("F")
        await listener.add(make_delivery(73))
        await shown.until_shown("1 new")
        assert feed.cursor_id == 72


async def test_rows_change_where_they_stand() -> None:
    waiting = make_delivery(1, state=State.WAITING, last_status=None)
    async with fake_listener(waiting) as listener, ui(listener) as shown:
        await shown.until_shown("waiting")
        await listener.change(make_delivery(1, last_status=503))
        await shown.until_shown("forwarded 503")


async def test_opening_and_going_back() -> None:
    async with (
        fake_listener(make_delivery(1), make_delivery(2)) as listener,
        ui(listener) as shown,
    ):
        feed = shown.main.session.feed
        await shown.press("enter")
        assert shown.main.pane == "lines"
        assert not feed.follow
        await shown.press("escape")
        assert shown.main.pane == "list"


async def test_panes_take_turns() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        seen = []
        for key in ("tab", "tab", "tab", "shift+tab"):
            await shown.press(key)
            seen.append(shown.main.pane)
        assert seen == ["lines", "sidebar", "list", "sidebar"]


async def test_narrow_shows_one_pane_at_a_time() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (80, 24)) as shown:
        await shown.until_shown("evt_000001")
        assert "1 Envelope" not in shown.text
        await shown.press("enter")
        await shown.until_shown("1 Envelope")
        assert "event id  " not in shown.text.split("\n")[1]
        await shown.press("escape", "shift+tab")
        await shown.until_shown("bad signature")
        assert "evt_000001" not in shown.text
        await shown.press("tab", "3")
        await shown.until_shown("json, pretty")


async def test_wide_shows_everything_side_by_side() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (240, 70)) as shown:
        await shown.until_shown("data.delta.amount = 5")
        line = next(line for line in shown.text.split("\n") if ">      1" in line)
        assert "all" in line or "failed" in line
        assert "delta.verified" in line.partition("evt_000001")[2]


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
        async with ui(listener) as shown:
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
            assert "X-PacSpace-Signature: v1=abc" in shown.text
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


async def test_acting_on_nothing_says_so() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        for key in ("r", "R", "y"):
            await shown.press(key)
        assert shown.said == ["there is no delivery under the cursor"] * 3


async def test_trigger() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        await shown.until_shown("press t to send yourself a signed sample")
        assert 'curl -d \'{"event":"hello"}\'' in shown.text
        assert listener.url in shown.text
        await shown.press("t")
        assert isinstance(shown.app.screen, TriggerScreen)
        await shown.press(*"checkpoint")
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


async def test_copying() -> None:
    async with (
        fake_listener(make_delivery(1), make_delivery(2, event_id=None)) as listener,
        ui(listener) as shown,
    ):
        await shown.press("y")
        await shown.until_said("copied delivery id 2")
        await shown.press("j", "y")
        await shown.until_said("copied event id evt_000001")
        assert shown.app.clipboard == "evt_000001"


async def test_filtering_by_text() -> None:
    bad = make_delivery(2, verdict=Verdict.INVALID)
    async with (
        fake_listener(make_delivery(1), bad, make_delivery(3)) as listener,
        ui(listener) as shown,
    ):
        feed = shown.main.session.feed
        await shown.press("slash", *"sig:invalid", "enter")
        await shown.until(lambda: feed.complete and len(feed) == 1)
        assert shown.main.pane == "list"
        await listener.add(make_delivery(4), make_delivery(5, verdict=Verdict.INVALID))
        await shown.until(lambda: len(feed) == 2)
        await shown.press("escape")
        await shown.until(lambda: feed.complete and len(feed) == 5)


async def test_the_cursor_keeps_its_delivery_when_the_filter_goes() -> None:
    deliveries = [make_delivery(one) for one in range(1, 300)]
    deliveries[49] = make_delivery(50, state=State.FAILED)
    deliveries[149] = make_delivery(150, state=State.FAILED)
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        await shown.press("slash", *"state:failed", "enter")
        await shown.until(lambda: feed.complete and len(feed) == 2)
        await shown.press("j")
        assert feed.cursor_id == 50
        await shown.press("escape")
        await shown.until(lambda: feed.complete and len(feed) == 299)
        await shown.until_shown(">     50 ")
        await shown.until_shown("250/299")


async def test_filtering_by_content_asks_the_listener() -> None:
    async with fake_listener(*(make_delivery(one) for one in range(1, 4))) as listener:
        listener.contents[2] = Content(body=b'{"data":{"who":"cust_1"}}')
        listener.contents[5] = listener.contents[2]
        async with ui(listener) as shown:
            feed = shown.main.session.feed
            await shown.press("f", *"data.who:cust_1", "enter")
            await shown.until(lambda: feed.complete and len(feed) == 1)
            await listener.add(make_delivery(4), make_delivery(5))
            await shown.until(lambda: len(feed) == 2)
            assert feed.cursor_id == 5


async def test_a_filter_that_cannot_be_read_points_at_the_column() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("slash", *"event:x stat:1", "enter")
        await shown.until_shown("         ^ ")
        assert len(shown.main.session.feed) == 1
        await shown.press("escape")
        assert shown.main.filter_bar.error == ""
        assert shown.main.pane == "list"


async def test_a_filter_without_matches_says_so() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("slash", *"state:failed", "enter")
        await shown.until_shown("No delivery matches  state:failed")


async def test_the_sidebar_filters_and_counts() -> None:
    deliveries = (
        make_delivery(1),
        make_delivery(2, event="customer.created", state=State.FAILED),
        make_delivery(3, event="a b:[red]"),
    )
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        await shown.until_shown("customer.created")
        await shown.press("shift+tab", "down", "down", "enter")
        await shown.until(lambda: feed.complete and len(feed) == 1)
        await shown.until_shown("state:failed")
        assert feed.cursor_id == 2
        sidebar = shown.main.query_one("#sidebar", OptionList)
        sidebar.highlighted = 6
        await shown.press("shift+tab", "enter")
        await shown.until(lambda: feed.complete and feed.cursor_id == 3)
        await shown.until_shown('event:"a b:[red]"')
        await listener.add(make_delivery(4))
        await shown.until(lambda: re.search("all +4 ", shown.text) is not None)


async def test_help_and_palette_list_every_action() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("question_mark")
        assert isinstance(shown.app.screen, HelpScreen)
        await shown.until_shown("Re-sign")
        await shown.press("escape")
        assert all(action.help in help_text() for action in ACTIONS)
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


async def test_lagging_pages_from_the_store() -> None:
    async with (
        fake_listener(make_delivery(1, last_status=500)) as listener,
        ui(listener) as shown,
    ):
        await shown.until_shown("forwarded 500")
        listener.hold(make_delivery(1), make_delivery(2))
        await listener.say({"v": 1, "kind": "lagged", "seq": 1, "after": 1000})
        await shown.until_shown("evt_000002")
        await shown.until(lambda: "forwarded 500" not in shown.text)


async def test_lagging_keeps_the_place_in_the_list() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 3000))) as listener,
        ui(listener) as shown,
    ):
        feed = shown.main.session.feed
        shown.main.list.action_move(2000)
        await shown.until_shown("evt_000999")
        listener.hold(make_delivery(3000))
        await listener.say({"v": 1, "kind": "lagged", "seq": 1, "after": 1000})
        await shown.until(lambda: feed.complete and len(feed) == 3000)
        await shown.until_shown(">    999 ")
        await shown.until_shown("1 new")


async def test_a_store_that_cannot_commit_is_told() -> None:
    async with fake_listener() as listener:
        listener.store_error = "disk full"
        async with ui(listener) as shown:
            await shown.until_shown("NOT STORED: disk full")


async def test_a_pruned_delivery_says_so() -> None:
    async with (
        fake_listener(make_delivery(1), make_delivery(2)) as listener,
        ui(listener) as shown,
    ):
        await shown.until_shown("evt_000002")
        del listener.deliveries[1]
        listener.ids.remove(1)
        await shown.press("j")
        await shown.until_shown("no longer in the store")


async def test_a_refused_token_ends_with_its_error() -> None:
    async with fake_listener() as listener, ui(listener, token="wrong") as shown:
        await shown.until(lambda: shown.app._exit)
        assert isinstance(shown.app.failure, ConfigurationError)
        assert shown.app.return_code == 3


async def test_clicks() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 100))) as listener,
        ui(listener) as shown,
    ):
        feed = shown.main.session.feed
        await shown.pilot.click("#list", offset=(10, 3))
        assert feed.cursor_id == 96
        await shown.pilot.click("#list", offset=(10, 3))
        assert shown.main.pane == "lines"
        await shown.pilot.click("#tabs", offset=(15, 0))
        await shown.until_shown("POST /hooks HTTP/1.1")
