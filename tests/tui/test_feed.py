"""The feed against a naive model: whatever the order of frames, pages and lists, it ends right."""

from array import array
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Delivery, State
from inspector.tui.changes import Changed
from inspector.tui.feed import Feed
from inspector.tui.pages import PageRequest
from tests.helpers.summaries import make_delivery

STATES = (State.WAITING, State.FAILED)


def failed(delivery: Delivery) -> bool:
    return delivery.state is State.FAILED


def rows_of(listed: dict[int, int], unfolded: set[int]) -> list[int]:
    """The law: ids and the firsts of their events (0: none) as the rows that they make."""
    own: set[int] = set()
    below: dict[int, list[int]] = {}
    for one in sorted(listed):
        first = listed[one]
        if first in own:
            below.setdefault(first, []).append(one)
        else:
            own.add(one)
    rows: list[int] = []
    for one in sorted(own, reverse=True):
        rows.append(one)
        if one in unfolded:
            rows.extend(reversed(below.get(one, [])))
    return rows


def shown(feed: Feed) -> list[int]:
    return [feed.id_at(row) for row in range(len(feed))]


class World:
    """A store, the stream's frames under way, and answers under way, each delivered when told."""

    def __init__(self, filtered: bool, asks: bool) -> None:
        self.store: dict[int, Delivery] = {}
        self.frames: list[tuple[str, Delivery]] = []
        self.wanted: list[PageRequest] = []
        self.pages: list[tuple[PageRequest, list[Delivery]]] = []
        self.listed: tuple[list[int], list[tuple[int, int]], list[Delivery], bool] | None = None
        self.judged: tuple[list[int], list[Delivery]] | None = None
        self.feed = Feed(self.wanted.append, cache=8)
        self.unfolded: set[int] = set()
        self.newest = 0
        # The delivery that the cursor was put on, while it has been listed ever since.
        self.wish: int | None = None
        self.filtered, self.asks = filtered, asks
        self.reset()

    def reset(self, *_: int) -> None:
        self.listed = self.judged = self.wish = None
        self.feed.reset(failed if self.filtered and not self.asks else None, asks=self.asks)

    def expected(self) -> list[int]:
        return sorted(one.id for one in self.store.values() if self.matches(one))

    def matches(self, delivery: Delivery) -> bool:
        return failed(delivery) or not self.filtered

    def arrive(self, number: int, state: int) -> None:
        """A delivery comes; every other one is a redelivery of one that came shortly before."""
        self.newest += 1
        first = None
        if number % 2:
            near = self.store.get(self.newest - number)
            first = near and (near.duplicate_of or near.id)
        new = make_delivery(self.newest, state=STATES[state], duplicate_of=first)
        self.store[new.id] = new
        self.frames.append(("arrived", new))

    def change(self, number: int, state: int) -> None:
        if old := self.store.get(self.newest - number + 1):
            new = old._replace(state=STATES[state], attempts=old.attempts + 1)
            self.store[new.id] = new
            self.frames.append(("changed", new))

    def fold(self, number: int, state: int) -> None:
        """Unfold or fold a row."""
        if len(self.feed):
            one = self.feed.id_at(number % len(self.feed))
            first = self.feed.first_above(one) or one
            if state:
                self.feed.unfold(one)
            else:
                self.feed.fold(one)
                if self.wish and self.feed.first_above(self.wish) == first:
                    self.wish = first
            self.unfolded = set(self.feed._rows.unfolded)

    def move(self, number: int, _: int = 0) -> None:
        self.feed.select((self.feed.cursor_row or 0) + number - 5)
        self.wish = None if self.feed.follow else self.feed.cursor_id

    def deliver(self, count: int, _: int = 0) -> None:
        batch, self.frames = self.frames[:count], self.frames[count:]
        self.feed.apply(
            [one.to_json() for kind, one in batch if kind == "arrived"],
            [one.to_json() for kind, one in batch if kind == "changed"],
        )

    def list_ids(self, limit: int, _: int = 0) -> None:
        """The server lists some more ids; they reach the feed with the next call."""
        if self.listed is not None:
            ids, pairs, summaries, last = self.listed
            self.listed = None
            self.feed.remember(summaries)
            # The server told of the redeliveries later than of the ids.
            known = {one: self.store[one].duplicate_of for one in self.expected()}
            pairs = pairs or [(one, first) for one in ids if (first := known.get(one))]
            self.feed.extend_older(array("q", ids), pairs, last=last)
        elif not self.feed.complete:
            before = self.feed.oldest or 2**62
            found = [one for one in reversed(self.expected()) if one < before]
            # The first page comes as summaries, the others as bare ids.
            page = [] if self.feed.oldest else [self.store[one] for one in found[:limit]]
            pairs = [(one.id, one.duplicate_of) for one in page if one.duplicate_of]
            self.listed = found[:limit], pairs, page, len(found) <= limit

    def page(self, first: int, _: int = 0) -> None:
        """A page is asked for, answered, or its answer arrives."""
        if self.pages:
            self.feed.loaded(*self.pages.pop(0))
        elif self.wanted:
            request = self.wanted.pop(0)
            self.pages.append((request, [self.store[one] for one in request.ids]))
        elif len(self.feed):
            first %= len(self.feed)
            self.feed.want(first, min(first + 2, len(self.feed) - 1))

    def judge(self, limit: int, _: int = 0) -> None:
        if self.judged is not None:
            self.feed.decided(*self.judged)
            self.judged = None
        elif ids := self.feed.take_undecided(limit):
            found = [self.store[one] for one in ids if self.matches(self.store[one])]
            self.judged = ids, found

    def settle(self) -> None:
        """Everything that is under way arrives."""
        self.deliver(len(self.frames))
        while self.frames or not self.feed.complete or self.listed:
            self.list_ids(3)
        for _ in range(3 * len(self.store) + 3):
            self.judge(3)
        while self.pages or self.wanted:
            self.page(0)

    def check(self) -> None:
        """What holds at any time: rows and places agree, and nothing is listed out of sight."""
        feed = self.feed
        listed = {one: feed._rows._first_of.get(one) for one in feed.ids()}
        rows = shown(feed)
        assert rows == rows_of(listed, self.unfolded)
        assert [feed.row_of(one) for one in rows] == list(range(len(rows)))
        assert feed.total == len(listed)
        if self.wish is not None and self.wish not in listed:
            self.wish = None
        if self.wish is not None:
            # Folded by what came, it is found again under its first.
            assert feed.cursor_id == (self.wish if self.wish in rows else listed[self.wish])
        for one in rows:
            if not feed.first_above(one):
                below = [each for each, first in listed.items() if first == one]
                assert feed.times(one) == 1 + len(below)
                assert all(each in rows or feed.first_above(each) == one for each in below)


# What happens often stands here often; a reset starts everything anew, so it is rare.
OPERATIONS = (
    *(World.change,) * 6,
    *(World.deliver,) * 4,
    *(World.list_ids,) * 4,
    *(World.page,) * 5,
    *(World.judge,) * 2,
    *(World.arrive,) * 5,
    *(World.fold,) * 3,
    *(World.move,) * 2,
    World.reset,
)


@pytest.mark.parametrize("mode", [(False, False), (True, False), (True, True)])
@settings(max_examples=200, deadline=None)
@given(
    before=st.integers(3, 9),
    operations=st.lists(
        st.tuples(st.sampled_from(OPERATIONS), st.integers(1, 9), st.integers(0, 1)),
        min_size=30,
        max_size=60,
    ),
)
def test_ends_with_exactly_what_matches(
    mode: tuple[bool, bool],
    before: int,
    operations: list[tuple[Callable[..., None], int, int]],
) -> None:
    world = World(*mode)
    for one in range(before):
        world.arrive(one % 3, one % 4 and 1)
    world.frames.clear()
    world.reset()
    for operation, number, state in operations:
        operation(world, number, state)
        world.check()
    world.settle()
    world.check()
    feed = world.feed
    ids = world.expected()
    assert list(feed.ids()) == ids
    firsts = {one: world.store[one].duplicate_of or 0 for one in ids}
    assert shown(feed) == rows_of(firsts, world.unfolded)
    if len(feed):
        last = min(len(feed) - 1, 2)
        while any(feed.at(row) is None for row in range(last + 1)):
            feed.want(0, last)
            assert world.wanted
            while world.wanted or world.pages:
                world.page(0)
        for row in range(last + 1):
            assert feed.at(row) == world.store[feed.id_at(row)]


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("arrive"), st.integers(1, 3)),
            st.tuples(st.just("move"), st.integers(-4, 4)),
            st.tuples(st.just("follow"), st.just(0)),
            st.tuples(st.just("top"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_cursor_keeps_its_delivery_and_new_counts_what_came(steps: list[tuple[str, int]]) -> None:
    feed = Feed(lambda request: None)
    feed.reset()
    feed.extend_older(array("q", [3, 2, 1]), last=True)
    newest, cursor, follow, seen = 3, 3, True, 3
    for kind, number in steps:
        if kind == "arrive":
            new = [make_delivery(newest + one + 1) for one in range(number)]
            feed.apply([one.to_json() for one in new], [])
            newest += number
            cursor = newest if follow else cursor
        elif kind == "move":
            target = min(max(cursor - number, 1), newest)
            if follow:
                seen = newest
            if target != cursor:
                follow = False
            cursor = target
            if cursor == newest:
                seen = newest
            feed.select((feed.cursor_row or 0) + number)
        elif kind == "follow":
            follow, cursor = True, newest
            feed.resume()
        else:
            feed.saw_top()
            seen = newest
        assert feed.cursor_id == cursor
        assert feed.follow == follow
        assert feed.new == (0 if follow else newest - seen)


def filled(count: int, **options: int) -> tuple[Feed, list[PageRequest]]:
    asked: list[PageRequest] = []
    feed = Feed(asked.append, **options)
    feed.reset()
    feed.extend_older(array("q", range(count, 0, -1)), last=True)
    return feed, asked


def test_a_page_each_way_is_loaded_once() -> None:
    feed, asked = filled(1000)
    feed.want(500, 539)
    feed.want(500, 539)
    assert [one for request in asked for one in request.ids] == list(range(540, 420, -1))


def test_a_failed_page_is_asked_for_again() -> None:
    feed, asked = filled(10)
    feed.want(0, 9)
    feed.load_failed(asked[0])
    feed.want(0, 9)
    assert len(asked) == 2


def test_rows_that_a_page_does_not_bring_are_gone() -> None:
    feed, asked = filled(5)
    feed.want(0, 4)
    changed = feed.loaded(asked[0], [make_delivery(one) for one in (5, 4, 2, 1)])
    assert changed.moved
    assert [feed.id_at(row) for row in range(len(feed))] == [5, 4, 2, 1]


def test_a_page_of_the_filter_before_is_dropped() -> None:
    feed, asked = filled(5)
    feed.want(0, 4)
    feed.reset(failed)
    assert not feed.loaded(asked[0], [make_delivery(5)])
    assert feed.get(5) is None


def test_changes_of_unknown_deliveries_are_not_even_read() -> None:
    feed, _ = filled(5)
    assert not feed.apply([], [{"id": 3, "broken": True}])


def test_a_burst_lists_every_id_and_reads_the_newest_only() -> None:
    feed, _ = filled(0)
    burst = [make_delivery(one).to_json() for one in range(1, 2001)]
    assert feed.apply(burst, []).moved
    assert len(feed) == 2000
    assert feed.at(0) == make_delivery(2000)
    assert feed.at(1999) is None


def test_the_oldest_are_let_go_above_the_limit() -> None:
    feed, _ = filled(50, limit=40)
    assert (len(feed), feed.trimmed, feed.complete) == (40, True, True)
    assert feed.id_at(39) == 11
    assert feed.apply([], [make_delivery(3).to_json()]) == Changed()


def test_the_limit_holds_while_following() -> None:
    feed, _ = filled(100, limit=100)
    for start in range(101, 40_101, 4000):
        feed.apply([make_delivery(one).to_json() for one in range(start, start + 4000)], [])
        assert len(feed) <= 100 + 16_384 + 4000
    assert feed.trimmed


def test_a_million_rows_are_small() -> None:
    import tracemalloc

    ids = array("q", range(1_000_000, 0, -1))
    tracemalloc.start()
    feed = Feed(lambda request: None)
    feed.reset()
    for start in range(0, 1_000_000, 100_000):
        feed.extend_older(ids[start : start + 100_000], last=start == 900_000)
    feed.want(500_000, 500_069)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(feed) == 1_000_000
    assert kept < 16 * 1024 * 1024


def test_too_many_undecided_ask_for_a_reload() -> None:
    feed = Feed(lambda request: None)
    feed.reset(asks=True)
    feed.apply([make_delivery(one).to_json() for one in range(1, 4097)], [])
    assert not feed.overrun
    feed.apply([make_delivery(4097).to_json()], [])
    assert feed.overrun


@pytest.mark.parametrize("row", [-5, 0, 7, 99])
def test_the_cursor_stays_within_the_rows(row: int) -> None:
    feed, _ = filled(8)
    feed.select(row)
    assert feed.cursor_row == min(max(row, 0), 7)


def test_an_empty_list_has_no_cursor() -> None:
    feed = Feed(lambda request: None)
    feed.select((feed.cursor_row or 0) + 1)
    feed.pause()
    assert feed.cursor_id is None
    feed.reset()
    feed.apply([make_delivery(1).to_json()], [])
    assert feed.cursor_id == 1


def test_folding_puts_the_cursor_on_the_first_for_good() -> None:
    feed, _ = filled(3)
    feed.apply([make_delivery(one, duplicate_of=2).to_json() for one in (4, 5)], [])
    assert shown(feed) == [3, 2, 1]
    assert (feed.redelivered.count, feed.redelivered.first, feed.new) == (2, 2, 0)
    assert feed.unfold(2)
    assert shown(feed) == [3, 2, 5, 4, 1]
    feed.select(3)
    assert feed.cursor_id == 4
    assert feed.redelivered.count == 0
    feed.fold(4)
    assert feed.cursor_id == 2
    feed.unfold(2)
    assert feed.cursor_id == 2
    assert not feed.unfold(1)


def test_what_stands_on_the_screen_stays_at_hand() -> None:
    asked: list[PageRequest] = []
    feed = Feed(asked.append, cache=300)
    feed.reset()
    feed.extend_older(array("q", range(100, 0, -1)), last=True)
    feed.want(0, 9)
    feed.loaded(asked[0], [make_delivery(one) for one in asked[0].ids])
    for start in range(101, 2101, 100):
        feed.apply([make_delivery(one).to_json() for one in range(start, start + 100)], [])
        first = feed.row_of(100)
        assert first is not None
        feed.want(first, first + 9)
        assert feed.at(first) == make_delivery(100)


def listed(feed: Feed, ids: range, *, last: bool = True) -> None:
    feed.reset()
    feed.extend_older(array("q", ids), last=last)


def test_the_cursor_goes_on_from_where_it_was_shown() -> None:
    feed, _ = filled(100)
    feed.select(50)
    assert feed.cursor_id == 50
    for ids, expected in (
        (range(99, 0, -7), 50),
        (range(100, 0, -1), 50),
        (range(100, 51, -1), 52),
        (range(100, 0, -1), 52),
        (range(100, 0, -40), 60),
        (range(0), None),
        (range(100, 0, -1), 60),
    ):
        listed(feed, ids)
        assert feed.cursor_id == expected, ids


def test_the_nearest_waits_for_an_older_one_to_compare_with() -> None:
    feed, _ = filled(100)
    feed.select(50)
    feed.reset()
    feed.extend_older(array("q", [90]), last=False, floor=50)
    feed.extend_older(array("q", [49]), last=False, floor=40)
    assert feed.cursor_id == 49


def test_another_journal_begins_with_its_newest() -> None:
    feed, _ = filled(100)
    feed.select(50)
    feed.begin_anew()
    listed(feed, range(3, 0, -1))
    feed.apply([make_delivery(4).to_json()], [])
    assert (feed.cursor_id, feed.new) == (3, 1)


def test_paused_with_nothing_listed_it_stays_on_the_first_to_come() -> None:
    feed = Feed(lambda request: None)
    feed.pause()
    listed(feed, range(0))
    feed.apply([make_delivery(1).to_json()], [])
    feed.apply([make_delivery(2).to_json()], [])
    assert feed.cursor_id == 1
