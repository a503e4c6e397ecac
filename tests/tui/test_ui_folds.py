"""Redeliveries under their first, and the selection, driven by keys against a real server."""

import re

from inspector.domain.delivery import Delivery, State
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import Ui, ui


def again(delivery_id: int, first: int, **changes: object) -> Delivery:
    return make_delivery(delivery_id, duplicate_of=first, event_id=f"evt_{first:06}", **changes)


def ids(shown: Ui) -> list[int]:
    """The ids of the rows on the screen, from the top down."""
    return [int(found[1]) for found in re.finditer(r"^[ +][ >] *(\d+) \d\d:", shown.text, re.M)]


async def test_redeliveries_fold_under_the_first() -> None:
    deliveries = [make_delivery(1), make_delivery(2), again(3, 1), make_delivery(4), again(5, 1)]
    async with fake_listener(*deliveries) as listener, ui(listener, (80, 24)) as shown:
        feed = shown.main.session.feed
        await shown.until_shown(" x3 ")
        assert ids(shown) == [4, 2, 1]
        await shown.until_shown("1/3 (2 folded) following")
        await shown.press("G", "l")
        await shown.until(lambda: ids(shown) == [4, 2, 1, 5, 3])
        await shown.until_shown("=   delta.verifi")
        await shown.press("j", "j")
        assert feed.cursor_id == 3
        await shown.press("left")
        await shown.until(lambda: ids(shown) == [4, 2, 1])
        assert feed.cursor_id == 1
        await shown.press("right", "j")
        assert feed.cursor_id == 5


async def test_a_redelivery_that_comes_changes_its_first_and_moves_nothing() -> None:
    deliveries = [make_delivery(one) for one in range(1, 5)]
    async with fake_listener(*deliveries) as listener, ui(listener, (96, 30)) as shown:
        await listener.add(again(5, 2))
        await shown.until_shown(" x2 ")
        await shown.until_shown("1 redelivered, the latest #2 x2")
        assert ids(shown) == [4, 3, 2, 1]
        assert shown.main.session.feed.cursor_id == 4
        await listener.add(again(6, 2), make_delivery(7))
        await shown.until_shown("2 redelivered, the latest #2 x3")
        assert ids(shown) == [7, 4, 3, 2, 1]
        await shown.press("j")
        await shown.until(lambda: "redelivered" not in shown.text)


async def test_a_redelivery_has_a_row_of_its_own_where_its_first_is_not_listed() -> None:
    deliveries = [make_delivery(1), again(2, 1, state=State.FAILED), make_delivery(3)]
    async with fake_listener(*deliveries) as listener, ui(listener, (96, 30)) as shown:
        await shown.until(lambda: ids(shown) == [3, 1])
        await shown.filter("state:failed")
        await shown.until(lambda: ids(shown) == [2])
        await listener.change(make_delivery(1, state=State.FAILED))
        await shown.until(lambda: ids(shown) == [1])
        await shown.until_shown(" x2 ")
        await listener.change(make_delivery(1))
        await shown.until(lambda: ids(shown) == [2])


async def test_a_pruned_first_gives_its_redeliveries_back() -> None:
    deliveries = [make_delivery(1), again(2, 1), *(make_delivery(one) for one in range(3, 250))]
    async with fake_listener(*deliveries) as listener, ui(listener, (96, 30)) as shown:
        assert len(shown.main.session.feed) == 248
        del listener.deliveries[1]
        listener.ids.remove(1)
        await shown.press("G")
        await shown.until(lambda: ids(shown)[-2:] == [3, 2])


async def test_a_click_on_the_count_unfolds() -> None:
    deliveries = [make_delivery(1), make_delivery(2), again(3, 1)]
    async with fake_listener(*deliveries) as listener, ui(listener, (80, 24)) as shown:
        await shown.until_shown(" x2 ")
        x = shown.text.split("\n")[3].index(" x2") + 1
        await shown.pilot.click("#list", offset=(x, 1))
        await shown.until(lambda: ids(shown) == [2, 1, 3])
        assert shown.main.pane == "list"
        await shown.pilot.click("#list", offset=(x, 1))
        await shown.until(lambda: ids(shown) == [2, 1])


async def test_selecting() -> None:
    deliveries = [make_delivery(1), make_delivery(2, state=State.FAILED), again(3, 1)]
    async with fake_listener(*deliveries) as listener, ui(listener, (96, 30)) as shown:
        selection, feed = shown.main.session.selection, shown.main.session.feed
        await shown.until(lambda: ids(shown) == [2, 1])
        await shown.press("space")
        assert (selection.ordered(), feed.cursor_id) == ([2], 1)
        await shown.until_shown("+       2")
        await shown.until_shown("1 selected")
        await shown.filter("not state:failed")
        await shown.until(lambda: feed.complete and ids(shown) == [1])
        await shown.press("A")
        assert selection.ordered() == []
        await shown.press("A")
        assert selection.ordered() == [1, 3]
        await shown.until_shown("2 selected")
        assert 3 in selection
        await shown.press("escape")
        assert not selection
        await shown.until(lambda: "selected" not in shown.text)
        await shown.press("escape")
        await shown.until(lambda: feed.complete and ids(shown) == [2, 1])
