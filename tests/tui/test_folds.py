"""Folded rows against their law, and that a million of them stay small."""

import tracemalloc
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.tui.folds import Folds
from inspector.tui.pairs import Pairs
from inspector.tui.row_ids import spliced
from tests.tui.test_feed import rows_of

ids = st.integers(1, 24)


def rows(folds: Folds) -> list[int]:
    return [folds.at(row) for row in range(len(folds))]


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("add"), ids, ids),
            st.tuples(st.just("add"), ids, st.just(0)),
            st.tuples(st.just("remove"), ids, st.just(0)),
            st.tuples(st.just("unfold"), ids, st.just(0)),
            st.tuples(st.just("fold"), ids, st.just(0)),
            st.tuples(st.just("older"), ids, ids),
            st.tuples(st.just("newest"), ids, st.just(0)),
        ),
        max_size=40,
    )
)
def test_rows_are_what_is_listed_under_what_is_first(steps: list[tuple[str, int, int]]) -> None:
    """In any order, with firsts that change, and firsts that are redeliveries themselves."""
    folds, listed, unfolded = Folds(), dict[int, int](), set[int]()
    for kind, one, other in steps:
        before = rows(folds)
        moved = True
        if kind == "add":
            listed[one] = other if other < one else 0
            moved = folds.add(one, other)
        elif kind == "remove":
            listed.pop(one, None)
            moved = folds.remove(one)
        elif kind == "unfold":
            moved = folds.unfold(one)
            unfolded = set(folds.unfolded)
        elif kind == "fold":
            moved = folds.fold(one)
            unfolded.discard(one)
        elif kind == "older":
            page = range(max(one, other), min(one, other) - 1, -1)
            firsts = [(each, each - 1 - each % 3) for each in page if each % 4]
            folds.add_older(array("q", page), firsts)
            known = {each: first for each, first in firsts if first > 0}
            for each in page:
                # What is known to be a redelivery stays one of what it was.
                listed[each] = listed.get(each) or known.get(each, 0)
        else:
            folds.keep_newest(one)
            assert min(one, len(listed)) <= folds.total
            listed = {each: first for each, first in listed.items() if each >= folds.oldest}
            unfolded = set(folds.unfolded)
        after = rows(folds)
        assert after == rows_of(listed, unfolded)
        assert moved or after == before
        assert [folds.row_of(each) for each in after] == list(range(len(after)))
        assert list(folds.ids()) == sorted(listed)
        assert folds.total == len(listed)
        assert all((each in folds) == (each in listed) for each in range(1, 25))
        if after:
            assert all(0 <= folds.nearest_row(each) < len(after) for each in range(26))


@given(st.sets(ids), st.sets(ids), st.sets(ids))
def test_splicing_is_the_arithmetic_of_sets(
    there: set[int], gone: set[int], come: set[int]
) -> None:
    gone, come = gone & there, come - there
    done = spliced(array("q", sorted(there)), sorted(gone), sorted(come)) if gone or come else []
    assert list(done) == (sorted(there - gone | come) if gone or come else [])


@given(st.sets(st.tuples(ids, ids)), st.sets(st.tuples(ids, ids)), ids)
def test_pairs_are_a_sorted_set(
    there: set[tuple[int, int]], new: set[tuple[int, int]], key: int
) -> None:
    pairs = Pairs()
    for each in there:
        pairs.add(*each)
    pairs.add_all(sorted(new - there))
    everything = sorted(there | new)
    assert list(pairs.between(0, 99)) == everything
    values = [value for each, value in everything if each == key]
    assert list(pairs.values(key)) == values
    assert (pairs.count(key), pairs.get(key)) == (len(values), values[0] if values else 0)
    assert pairs.drop_below(key) == [pair for pair in everything if pair[0] < key]
    for each in everything:
        if each[0] >= key:
            pairs.remove(*each)
    assert not len(pairs)


def test_a_million_rows_with_many_redeliveries_are_small() -> None:
    tracemalloc.start()
    folds = Folds()
    for high in range(1_000_000, 0, -100_000):
        page = array("q", range(high, high - 100_000, -1))
        folds.add_older(page, [(one, one - (3 if one % 7 else 90_000)) for one in page[::40]])
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert folds.total == 1_000_000
    assert len(folds) < 980_000
    assert kept < 12 * 1024 * 1024
    assert peak < 40 * 1024 * 1024
