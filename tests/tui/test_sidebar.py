"""The sidebar: what it offers, how it looks, and its keys."""

import re
from collections import Counter
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector.client.models import Counts, EventCount
from inspector.domain.delivery import State
from inspector.domain.query import matches
from inspector.tui.activity import STEP, Activity
from inspector.tui.filters import Filter
from inspector.tui.sets import MOST, SetEntry, SetKind, entries, line, sets
from inspector.tui.widgets.sidebar import Sidebar
from tests.helpers.fake_listener import fake_listener
from tests.helpers.subjects import subject
from tests.helpers.summaries import NOW, make_delivery
from tests.helpers.ui import Ui, ui

COUNTS = Counts(
    events=(
        EventCount("delta.verified", "x", 2),
        EventCount("customer.created", "x", 1),
        EventCount("delta.verified", "y", 3),
        EventCount("delta", "x", 4),
        EventCount("delta.failed", "x", 1),
        EventCount(None, "generic", 9),
    ),
    states={"failed": 2, "kept": 5, "held": 1},
    verdicts={"invalid": 1, "stale": 3},
    duplicates=4,
    marked=6,
)


def by_itself(family: str, opened: bool) -> bool:
    return opened


def test_the_sets_that_are_needed_at_once() -> None:
    assert [(one.label, one.query, one.count) for one in sets(COUNTS)] == [
        ("all", "", 8),
        ("failed", "state:failed", 2),
        ("waiting", "state:waiting", 0),
        ("held", "state:held", 1),
        ("bad signature", "sig:invalid,stale", 4),
        ("duplicates", "is:duplicate", 4),
        ("marked", "is:marked", 6),
        ("refused", "state:refused", 0),
    ]
    for one in sets(COUNTS):
        Filter.of(one.query)


def test_gaps_have_an_entry_where_there_are_any() -> None:
    with_gaps = replace(COUNTS, states={"kept": 5, "gap": 2})
    found = [(one.label, one.query, one.count) for one in sets(with_gaps)]
    assert found[-1] == ("gaps", "state:gap", 2)
    # All that is listed without a filter.
    assert found[0] == ("all", "", 7)


def test_event_types_are_a_tree_by_family() -> None:
    lines = entries(COUNTS, {"mine": "size:>1mb"}, by_itself)
    assert [(one.kind, one.label, one.query, one.count) for one in lines[8:]] == [
        (SetKind.HEADING, "views", "", None),
        (SetKind.VIEW, "mine", "size:>1mb", None),
        (SetKind.HEADING, "event types", "", None),
        (SetKind.TYPE, "customer.created", "event:customer.created", 1),
        (SetKind.FAMILY, "delta.*", "event:delta.*,delta", 10),
        (SetKind.TYPE, "delta", "event:delta", 4),
        (SetKind.TYPE, "failed", "event:delta.failed", 1),
        (SetKind.TYPE, "verified", "event:delta.verified", 5),
        (SetKind.TYPE, "without a type", "not event:* not state:refused,gap", 9),
    ]
    folded = entries(COUNTS, {}, lambda family, opened: False)
    assert [one.label for one in folded[8:]] == [
        "event types", "customer.created", "delta.*", "without a type",
    ]  # fmt: skip


hostile = st.text('ab.*?"\\\x1b\u202e ', max_size=6) | st.text(max_size=20)


@given(st.lists(hostile, max_size=8), hostile)
def test_an_entry_names_exactly_what_it_counts(names: list[str], other: str) -> None:
    counts = Counts(events=tuple(EventCount(name, "x", 1) for name in names))
    for one in entries(counts, {}, lambda family, opened: True):
        if one.kind not in (SetKind.FAMILY, SetKind.TYPE):
            continue
        query = Filter.of(one.query).query
        assert query is not None
        found = [name for name in names if matches(query, subject(event=name), NOW)]
        # What cannot be seen is `?` in the filter, any one character.
        assert len(found) >= (one.count or 0)
        if one.query.isprintable() and "?" not in one.query:
            assert len(found) == one.count
        shown = "".join(text for text, _ in line(one, 25, cursor=True, chosen=True, opened=True))
        assert cell_len(shown) == 25


def test_of_very_many_types_the_most_frequent_are_shown_in_families_that_are_folded() -> None:
    counts = Counts(
        events=tuple(EventCount(f"f{one % 50:02}.e{one:05}", "x", one) for one in range(10_000))
    )
    folded = entries(counts, {}, by_itself)
    assert len(folded) == 8 + 1 + 50 + 1
    assert folded[-1] == SetEntry(SetKind.MORE, "9,500 rarer types are not shown")
    opened = entries(counts, {}, lambda family, opened: True)
    assert sum(one.kind is SetKind.TYPE for one in opened) == MOST


def test_a_line_says_what_it_is_without_colour() -> None:
    family = SetEntry(SetKind.FAMILY, "delta.*", "event:delta.*", 1234, "delta")
    verified = SetEntry(SetKind.TYPE, "verified", "event:x", 1, "delta")
    view = SetEntry(SetKind.VIEW, "a long name of a view", "id:1")
    looks = [
        (family, True, True, True, ">•▾delta.*   1,234 "),
        (family, False, False, False, "  ▸delta.*   1,234 "),
        (verified, False, True, False, " •   verified    1 "),
        (SetEntry(SetKind.SET, "all", "", 0), False, True, False, " • all           0 "),
        (view, False, False, False, "   a long name of …"),
        (SetEntry(SetKind.HEADING, "views"), False, False, False, "  views            "),
    ]  # fmt: skip
    for entry, cursor, chosen, opened, expected in looks:
        cells = line(entry, 19, cursor=cursor, chosen=chosen, opened=opened)
        assert "".join(text for text, _ in cells) == expected


# The last minutes -----------------------------------------------------------------------------


def test_bars_of_the_last_ten_minutes() -> None:
    activity = Activity()
    now = NOW
    start = activity.since(now)
    assert start == now // STEP * STEP - 59 * STEP
    activity.take(start, {now // STEP * STEP: 42, now // STEP * STEP - 2 * STEP: 21}, now)
    bars, scale = activity.bars(now, 60)
    assert bars == " " * 57 + "▄ █"
    assert scale == "10 min, peak 42/10s"
    # Later only what may have changed is asked for.
    later = now + 30_000_000
    assert activity.since(later) == now // STEP * STEP - STEP
    activity.take(activity.since(later), {later // STEP * STEP: 84}, later)
    assert activity.bars(later, 60)[1] == "10 min, peak 84/10s"
    assert Activity().bars(now, 26) == (" " * 20, "10 min, nothing came")


@given(
    times=st.lists(st.integers(0, 250), max_size=60).map(sorted),
    polls=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), max_size=8),
)
@example(times=[0], polls=[(30, 0)])
def test_bars_count_what_was_indexed_long_after_it_came(
    times: list[int], polls: list[tuple[int, int]]
) -> None:
    """Each poll is so many seconds and so many deliveries further; the last one has them all."""
    activity = Activity()
    came = [NOW + one * 1_000_000 for one in times]
    now, indexed = NOW, 0
    for seconds, more in [*polls, (250, len(came))]:
        now, indexed = now + seconds * 1_000_000, indexed + more
        since = activity.since(now)
        known = Counter(at // STEP * STEP for at in came[:indexed] if since <= at <= now)
        activity.take(since, known, now)
    bars, _ = activity.bars(now, 60)
    buckets = Counter(59 - (now // STEP - at // STEP) for at in came)
    peak = max(buckets.values(), default=0)
    expected = [
        "▁▂▃▄▅▆▇█"[-(-buckets[n] * 8 // peak) - 1] if buckets[n] else " " for n in range(60)
    ]
    assert bars == "".join(expected)


@given(
    width=st.integers(1, 80),
    times=st.lists(st.integers(0, 900), max_size=60).map(sorted),
    polls=st.lists(st.integers(0, 900), min_size=1, max_size=8).map(sorted),
)
def test_bars_count_what_came_in_their_time(width: int, times: list[int], polls: list[int]) -> None:
    """However often it was asked for, each bar is the number of deliveries of its time."""
    activity = Activity()
    came = [NOW + one * 1_000_000 for one in times]
    for one in polls:
        now = NOW + one * 1_000_000
        since = activity.since(now)
        counts: dict[int, int] = {}
        for at in came:
            if since <= at <= now:
                counts[at // STEP * STEP] = counts.get(at // STEP * STEP, 0) + 1
        activity.take(since, counts, now)
    bars, scale = activity.bars(now, width)
    assert 0 < len(bars) <= max(width, 1)
    found = re.search(r"peak (\d+)/(\d+)s", scale)
    size = 10_000_000 * -(-60 // min(width, 60))
    first = now // size - len(bars) + 1
    expected = [
        sum(at // size == first + bar and at <= now for at in came) for bar in range(len(bars))
    ]
    # At the left end a bar may begin before what is kept.
    assert [bar != " " for bar in bars[1:]] == [count > 0 for count in expected[1:]]
    if len(bars) > 1 and found and max(expected[1:]) >= expected[0]:
        assert int(found[1]) == max(expected)


# Its keys -------------------------------------------------------------------------------------


def lines(shown: Ui) -> list[str]:
    """The sidebar's entries as they stand on the screen."""
    return [text[:27].rstrip() for text in shown.text.split("\n")[4:-4]]


async def test_the_sidebar_filters_and_counts() -> None:
    deliveries = (
        make_delivery(1),
        make_delivery(2, event="customer.created", state=State.FAILED),
        make_delivery(3, event="a b:[red]"),
    )
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        await shown.until_shown("customer.created")
        await shown.until_shown("10 min, peak 3/30s")
        assert " • all                   3" in lines(shown)
        await shown.press("shift+tab", "j", "enter")
        await shown.until(lambda: feed.complete and len(feed) == 1)
        await shown.until_shown("state:failed")
        await shown.until_shown(" • failed")
        assert feed.cursor_id == 2
        await shown.press("shift+tab", "G", "k", "k", "space")
        await shown.until(lambda: feed.complete and feed.cursor_id == 3)
        await shown.until_shown('event:"a b:[red]"')
        await listener.add(make_delivery(4))
        await shown.until(lambda: re.search("all +4 ", shown.text) is not None)


async def test_families_fold_and_filter() -> None:
    names = ("delta.verified", "delta.failed", "customer.created")
    deliveries = [make_delivery(one + 1, event=name) for one, name in enumerate(names)]
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        await shown.until_shown("▾delta.*")
        await shown.press("shift+tab", "end", "h")
        assert any(text.startswith("> ▾delta.*") for text in lines(shown))
        await shown.press("left")
        await shown.until_shown("▸delta.*")
        assert not any(text.endswith("verified 1") for text in lines(shown))
        await shown.press("enter")
        await shown.until(lambda: feed.complete and len(feed) == 2)
        await shown.until_shown("event:delta.*")
        await shown.press("shift+tab", "l", "right", "enter")
        await shown.until(lambda: feed.complete and len(feed) == 1)
        await shown.until_shown("event:delta.failed")


async def test_the_mouse_folds_by_the_sign_and_chooses_by_the_name() -> None:
    deliveries = [make_delivery(1), make_delivery(2, event="delta.failed")]
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        await shown.until_shown("▾delta.*")
        y = next(y for y, text in enumerate(shown.text.split("\n")) if "▾delta.*" in text) - 1
        await shown.pilot.click("#sidebar", offset=(2, y))
        await shown.until_shown("▸delta.*")
        assert shown.main.session.filter.text == ""
        await shown.pilot.click("#sidebar", offset=(6, y))
        await shown.until_shown("event:delta.*")
        await shown.pilot.click("#sidebar", offset=(6, 0))
        assert shown.main.session.filter.text == "event:delta.*"


async def test_the_cursor_stays_on_its_entry_when_others_come() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.until_shown("delta.verified")
        await shown.press("shift+tab", "G")
        await shown.until_shown(">  delta.verified")
        await listener.add(*(make_delivery(one, event=f"a{one}.b") for one in range(2, 40)))
        await shown.until_shown("a2.b")
        await shown.press("enter")
        await shown.until_shown("event:delta.verified")


async def test_saved_views_are_in_the_sidebar() -> None:
    deliveries = [make_delivery(1), make_delivery(2, state=State.FAILED)]
    async with fake_listener(*deliveries) as listener, ui(listener) as shown:
        feed = shown.main.session.feed
        shown.main.views.all = {"my failed": "state:failed event:delta.*"}
        shown.main.query_one(Sidebar).show()
        await shown.until_shown("my failed")
        await shown.press("shift+tab", *["j"] * 8, "enter")
        await shown.until(lambda: feed.complete and len(feed) == 1)
        await shown.until_shown("state:failed event:delta.*")


async def test_its_figures_wait_for_no_index() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:

        def asked() -> list[str]:
            return [path for _, path in listener.calls if "/events" in path or "/activity" in path]

        await shown.until(lambda: len(asked()) >= 2)
        assert all("fresh=0" in path for path in asked())
