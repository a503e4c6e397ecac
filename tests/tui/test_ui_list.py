"""The list, the filter and the panes, driven by keys against a real server."""

import asyncio

from textual.events import Key, MouseScrollDown, MouseScrollUp
from textual.keys import _character_to_key
from textual.message import Message
from textual.widget import Widget

from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_delivery
from tests.helpers.ui import Ui, ui


async def test_first_look() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 31))) as listener,
        ui(listener) as shown,
    ):
        await shown.until_shown("evt_000030")
        await shown.until_shown("data.delta.amount = 5")
        await shown.until_shown(listener.url)
        await shown.until_shown("received 30")
        assert ">     30 10:29:00    delta.verified" in shown.text
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
        assert "10 min, peak 1" in line
        assert "delta.verified" in line.partition("evt_000001")[2]


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
        await shown.filter("state:failed")
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
        await shown.filter("event:x stat:1")
        await shown.until_shown("         ^ ")
        assert len(shown.main.session.feed) == 1
        await shown.press("escape")
        assert shown.main.filter_bar.error == ""
        assert shown.main.pane == "list"


async def test_what_is_typed_right_after_the_filter_key_is_its_text() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        for char in "/trf/q":
            shown.app.post_message(Key(_character_to_key(char), char))
        await shown.until(lambda: "trf/q" in shown.text.split("\n")[0])
        assert listener.posted == []
        assert not shown.app._exit


async def test_a_filter_without_matches_says_so() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.filter("state:failed")
        await shown.until_shown("No delivery matches  state:failed")
        await shown.until_shown("no delivery is chosen")


async def test_a_page_that_fails_says_so_and_comes_when_it_is_looked_at_again() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 1000))) as listener,
        ui(listener) as shown,
    ):
        listener.broken = "query=id:"
        await shown.press("G")
        await shown.until_said("it broke")
        assert "evt_000001" not in shown.text
        listener.broken = ""
        await shown.press("g", "G")
        await shown.until_shown("evt_000001")


async def test_a_list_that_fails_says_so() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        listener.broken = "api/deliveries?"
        await shown.filter("state:forwarded")
        await shown.until_said("it broke")
        await shown.until_shown("The list could not be loaded: it broke")
        listener.broken = ""
        await shown.press("escape")
        await shown.until_shown("evt_000001")


async def test_the_wheel_looks_elsewhere_and_the_cursor_stays() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 200))) as listener,
        ui(listener) as shown,
    ):
        feed = shown.main.session.feed
        shown.main.list.post_message(wheel(shown.main.list, MouseScrollDown))
        await shown.until(lambda: shown.main.list.scroll_offset.y > 0)
        assert (feed.cursor_id, feed.follow) == (199, False)
        shown.main.list.post_message(wheel(shown.main.list, MouseScrollUp))
        await shown.until(lambda: shown.main.list.scroll_offset.y == 0)


def wheel(widget: Widget, kind: type[MouseScrollDown] | type[MouseScrollUp]) -> Message:
    return kind(widget, 1, 1, 0, 0, 0, False, False, False)


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


async def test_a_history_read_again_is_listed_as_it_is_now() -> None:
    async with (
        fake_listener(make_delivery(1, verdict=Verdict.INVALID), make_delivery(2)) as listener,
        ui(listener) as shown,
    ):
        await shown.until(lambda: shown.text.count("✗") == 1)
        listener.hold(make_delivery(1))
        await listener.say({"v": 1, "kind": "reindexed", "seq": 1, "items": []})
        await shown.until(lambda: "✗" not in shown.text)


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


def cursor_shown(shown: Ui) -> bool:
    """Whether the delivery that keys act on is marked as that one on the screen."""
    return f"> {shown.main.session.feed.cursor_id:>6} " in shown.text


async def test_dropping_a_filter_stays_on_the_delivery_that_was_looked_at() -> None:
    deliveries = [make_delivery(one) for one in range(1, 451)]
    for one in (5, 27):
        deliveries[one - 1] = make_delivery(one, verdict=Verdict.INVALID)
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        await shown.press("F")
        await shown.filter("sig:invalid")
        await shown.until(lambda: feed.complete and len(feed) == 2)
        assert feed.cursor_id == 27
        await shown.press("escape")
        await shown.until(lambda: feed.complete and len(feed) == 450)
        assert feed.cursor_id == 27
        await shown.until(lambda: cursor_shown(shown))
        await shown.until_shown("424/450")
        await shown.press("k")
        assert feed.cursor_id == 28
        assert cursor_shown(shown)


async def test_nothing_is_new_that_was_there_before_the_filter() -> None:
    deliveries = [make_delivery(one, verdict=Verdict.INVALID) for one in range(1, 12)]
    deliveries += [make_delivery(one) for one in range(12, 60)]
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        await shown.filter("sig:invalid")
        await shown.until(lambda: feed.complete and len(feed) == 11)
        await shown.press("F", "j", "escape")
        await shown.until(lambda: feed.complete and len(feed) == 59)
        assert feed.new == 0
        await listener.add(make_delivery(60))
        await shown.until_shown("1 new")


async def test_another_filter_goes_to_the_nearest_delivery() -> None:
    deliveries = [make_delivery(one) for one in range(1, 201)]
    for one in (10, 95, 190):
        deliveries[one - 1] = make_delivery(one, verdict=Verdict.INVALID)
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        shown.main.list.action_move(110)
        assert feed.cursor_id == 90
        await shown.filter("sig:invalid")
        await shown.until(lambda: feed.complete and len(feed) == 3)
        assert feed.cursor_id == 95
        await shown.until(lambda: cursor_shown(shown))


async def test_the_cursor_stays_in_sight_where_the_window_becomes_small() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 60))) as listener,
        ui(listener) as shown,
    ):
        await shown.press(*["j"] * 10)
        await shown.pilot.resize_terminal(120, 16)
        await shown.until(lambda: cursor_shown(shown))


async def test_a_search_that_was_stopped_has_a_cursor() -> None:
    async with fake_listener(*(make_delivery(one) for one in range(1, 6001))) as listener:
        listener.contents[5990] = Content(body=b'{"data":{"who":"cust_1"}}')
        async with ui(listener) as shown:
            feed = shown.main.session.feed
            await shown.press("G")
            listener.windows = asyncio.Semaphore(1)
            await shown.filter("data.who:cust_1")
            await shown.until(lambda: len(feed) == 1)
            await shown.press("escape")
            assert feed.cursor_id == 5990
            await shown.until(lambda: cursor_shown(shown))
