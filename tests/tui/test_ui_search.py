"""Slow searches, times, and the filters with a key of their own, against a real server."""

import asyncio
import re
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.preferences import Preferences
from inspector.tui.searching import Windows
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import NOW, Content, make_delivery
from tests.helpers.ui import Ui, ui

NEEDLE = Content(body=b'{"data":{"who":"needle"}}')


def ids(shown: Ui) -> list[int]:
    """The ids of the rows on the screen, from the top down."""
    return [int(found[1]) for found in re.finditer(r"^[ +][ >] *(\d+) \d\d:", shown.text, re.M)]


@given(st.integers(0, 10**7), st.integers(1, 10**4), st.lists(st.floats(0, 10)))
def test_windows_cover_every_id_once(newest: int, oldest: int, times: list[float]) -> None:
    windows = Windows(newest, oldest)
    expected, part = newest + 1, 0.0
    seconds = iter(times)
    while not windows.done:
        before, after = windows.next()
        assert before == expected
        assert oldest - 1 <= after < before
        last = windows.took(next(seconds, 0.0), after + 1)
        assert last == windows.done
        assert part < windows.part <= 1.0
        expected, part = after + 1, windows.part
    assert expected <= max(oldest, newest + 1)
    assert windows.part == 1.0


@pytest.mark.parametrize(("seconds", "size"), [(0.0, 8000), (0.12, 2000), (0.24, 1000), (9.0, 500)])
def test_the_next_window_is_as_large_as_the_time_allows(seconds: float, size: int) -> None:
    windows = Windows(1_000_000, 1)
    before, after = windows.next()
    windows.took(seconds, after + 1)
    assert windows.next() == (after + 1, after - size)
    assert before - after == 2001


async def searching(listener: FakeListener, shown: Ui) -> None:
    """A search whose first window has one hit, and whose others wait."""
    listener.windows = asyncio.Semaphore(1)
    await shown.filter("needle")
    await shown.until_shown("searching… 20 %, 1 found, Esc stops")
    await shown.until(lambda: ids(shown) == [9000])


def many() -> FakeListener:
    contents = {9000: NEEDLE, 1: NEEDLE}
    return FakeListener(ids=array("q", range(1, 10_001)), contents=contents)


async def test_a_slow_search_shows_its_progress_and_what_it_found_so_far() -> None:
    async with fake_listener(listener=many()) as listener, ui(listener, (96, 30)) as shown:
        await searching(listener, shown)
        # It holds up nothing else.
        await listener.add(make_delivery(10_001), make_delivery(10_002))
        await shown.until(lambda: any("id:10001,10002" in path for _, path in listener.calls))
        assert listener.windows is not None
        for _ in range(9):
            listener.windows.release()
        await shown.until(lambda: ids(shown) == [9000, 1])
        await shown.until(lambda: "searching" not in shown.text)
        assert shown.main.session.feed.complete


async def test_a_search_is_stopped_and_goes_on_from_there() -> None:
    async with fake_listener(listener=many()) as listener, ui(listener, (96, 30)) as shown:
        await searching(listener, shown)
        await shown.press("escape")
        await shown.until_shown("INCOMPLETE: stopped at 20 %, 1 found, G goes on")
        assert ids(shown) == [9000]
        listener.windows = None
        asked = len(listener.calls)
        await shown.press("G")
        await shown.until(lambda: ids(shown) == [9000, 1])
        await shown.until(lambda: "INCOMPLETE" not in shown.text)
        again = [path for _, path in listener.calls[asked:] if path.startswith("api/ids?query=n")]
        assert again
        assert all("before=10001" not in path for path in again)


async def test_choosing_the_filter_again_goes_on_too() -> None:
    async with fake_listener(listener=many()) as listener, ui(listener, (96, 30)) as shown:
        await searching(listener, shown)
        shown.main.action_run("stop-search")
        await shown.until_shown("INCOMPLETE")
        listener.windows = None
        await shown.press("f", "enter")
        await shown.until(lambda: ids(shown) == [9000, 1])
        shown.main.action_run("stop-search")
        await shown.until_said("no search is running")


async def test_a_search_without_a_hit_yet_says_so_in_the_empty_list() -> None:
    async with fake_listener(listener=many()) as listener, ui(listener, (96, 30)) as shown:
        listener.windows = asyncio.Semaphore(1)
        await shown.filter("nowhere")
        await shown.until_shown("searching for nowhere")
        await shown.until_shown("searching… 20 %, 0 found, Esc stops")
        await shown.press("escape", "escape")
        await shown.until(lambda: shown.main.session.filter.text == "")
        await shown.until(lambda: len(ids(shown)) > 10)


async def test_times_by_the_clock_or_how_long_ago() -> None:
    deliveries = [
        make_delivery(1, received_at=NOW - 3 * 86_400_000_000),
        make_delivery(2, received_at=NOW - 300_000_000),
        make_delivery(3, received_at=NOW - 12_500_000),
    ]
    async with fake_listener(*deliveries) as listener, ui(listener, (96, 30)) as shown:
        await shown.until_shown("10:29:47")
        await shown.press("w")
        for text in (" 3 12 s ", " 2 5 min ", " 1 3 d "):
            await shown.until_shown(text)
        # They stay right while nothing else happens.
        shown.main.list._now = lambda: NOW + 1_000_000
        await shown.until_shown(" 3 13 s ")
        await shown.press("w")
        await shown.until_shown("10:29:47")


async def test_only_marked_and_back() -> None:
    deliveries = [make_delivery(1, mark="*"), make_delivery(2), make_delivery(3, event="x.y")]
    async with fake_listener(*deliveries) as listener, ui(listener, (96, 30)) as shown:
        await shown.filter("not event:x.*")
        await shown.until(lambda: ids(shown) == [2, 1])
        await shown.press("M")
        await shown.until(lambda: ids(shown) == [1])
        await shown.until_shown("is:marked")
        await shown.press("M")
        await shown.until(lambda: ids(shown) == [2, 1])
        await shown.until_shown("not event:x.*")


async def test_clearing_is_a_filter_that_can_be_dropped() -> None:
    async with (
        fake_listener(make_delivery(1), make_delivery(2)) as listener,
        ui(listener, (96, 30)) as shown,
    ):
        await shown.until(lambda: ids(shown) == [2, 1])
        await shown.press("z")
        await shown.until_shown("id:>2")
        await shown.until_said("what comes after #2 is listed; nothing is deleted")
        await shown.until(lambda: ids(shown) == [])
        await listener.add(make_delivery(3), make_delivery(4, event="a"))
        await shown.until(lambda: ids(shown) == [4, 3])
        await shown.press("escape")
        await shown.filter("event:a or event:b id:<9")
        await shown.until(lambda: ids(shown) == [4])
        await shown.press("z")
        await shown.until_shown("(event:a or event:b id:<9) id:>4")
        await listener.add(make_delivery(5, event="a"))
        await shown.until(lambda: ids(shown) == [5])
        await shown.press("z")
        await shown.until_shown("(event:a or event:b id:<9) id:>5")
        await shown.press("escape")
        await shown.until(lambda: ids(shown) == [5, 4, 3, 2, 1])


async def test_a_filter_that_is_too_long_to_be_narrowed_is_told_of() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (96, 30)) as shown:
        await shown.filter("path:/" + "a" * 4086)
        await shown.press("z")
        await shown.until_said("the query is longer than 4096 characters")


async def test_what_could_not_be_loaded_while_away_is_loaded_on_return() -> None:
    async with fake_listener(*(make_delivery(one) for one in range(1, 1000))) as listener:
        port = int(listener.url.rpartition(":")[2])
        async with ui(listener, (96, 30)) as shown:
            await listener.stop()
            await shown.until_shown("No connection to the listener")
            await shown.press("G")
            await shown.until_shown(" >      1 …")
            await listener.start(port)
            await shown.until_shown("evt_000001")


async def test_what_is_selected_of_a_list_that_is_not_complete_is_told() -> None:
    async with fake_listener(listener=many()) as listener, ui(listener, (96, 30)) as shown:
        await searching(listener, shown)
        await shown.press("A")
        await shown.until_said("1 are selected: the list is not complete yet")
        # Esc ends the search first, then the selection.
        await shown.press("escape")
        await shown.until_shown("INCOMPLETE")
        assert len(shown.main.session.selection) == 1
        await shown.press("escape")
        assert not shown.main.session.selection
        assert shown.main.session.filter.text == "needle"


async def test_columns_and_times_as_the_user_has_configured_them() -> None:
    preferences = Preferences(columns=("note", "time", "id", "state"), time="relative")
    noted = make_delivery(1, note="look here", received_at=NOW - 300_000_000)
    async with (
        fake_listener(noted, make_delivery(2)) as listener,
        ui(listener, (96, 30), preferences=preferences) as shown,
    ):
        await shown.until_shown('"  look here')
        line = next(text for text in shown.text.split("\n") if "look here" in text)
        assert re.search(r"look here +5 min +1 forwarded 200 8ms", line)
        assert re.search(r"note +time +id state", shown.text)
        assert "evt_000001" not in line
