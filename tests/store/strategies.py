"""Facts as Hypothesis draws them: all that a parser lets through, and nothing it does not."""

from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.facts import (
    Answered,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Fact,
    Gap,
    Marked,
    Origin,
    Passed,
    Probed,
    Pruned,
    Refused,
    Released,
    Routed,
    Shadowed,
)

latin1 = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)
words = st.text(st.sampled_from("abcXYZ-_09"), min_size=1, max_size=10)
headers = st.lists(st.tuples(words, latin1), max_size=5).map(tuple)
bodies = st.one_of(st.binary(max_size=50), st.just(b""), st.just(b"\0" * 20))
requests = st.builds(Request, words, latin1, st.sampled_from(["1.0", "1.1"]), headers, bodies)
heads = st.builds(Request, words, latin1, st.just("1.1"), headers, st.just(b""))
times = st.integers(-(2**62), 2**62)
ids = st.integers(1, 2**62)
anything = st.text(max_size=20)
statuses = st.integers(100, 599)
targets = st.lists(anything, max_size=3).map(tuple)
spans = st.lists(st.tuples(ids, ids), max_size=3).map(tuple)
outcomes = st.one_of(
    st.builds(Response, statuses, latin1, headers, bodies, ids),
    st.builds(Failure, st.sampled_from(FailureKind), anything),
)
milliseconds = st.integers(0, 10**9).map(lambda micros: micros / 1000)

facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        Captured,
        times,
        requests,
        anything,
        st.one_of(st.just("default"), words),
        st.one_of(st.none(), statuses),
        st.one_of(st.none(), targets),
        st.one_of(st.none(), ids),
        pieces=st.just(()),
        origin=st.none(),
    ),
    st.builds(Refused, times, statuses, words, anything, anything, heads, st.just(b""), words),
    st.builds(Refused, times, statuses, words, anything, anything, st.none(), bodies),
    st.builds(Routed, times, ids, targets, anything, anything),
    st.builds(Released, times, ids),
    st.builds(Answered, times, ids, statuses),
    st.builds(
        AttemptStarted,
        times,
        ids,
        anything,
        st.integers(1, 10**6),
        st.sampled_from(Trigger),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(AttemptFinished, times, ids, ids, milliseconds, outcomes, st.booleans()),
    st.builds(Shadowed, times, ids, anything, milliseconds, outcomes),
    st.builds(Marked, times, ids, anything, anything),
    st.builds(Pruned, times, st.integers(0, 10**6), spans),
)

origins = st.builds(Origin, anything, ids, anything)
mirrored: st.SearchStrategy[Fact] = st.one_of(
    st.builds(Captured, times, requests, anything, words, pieces=st.just(()), origin=origins),
    st.builds(Refused, times, statuses, words, anything, anything, origin=origins),
    st.builds(Gap, times, words, ids, ids, anything, origins),
    st.builds(Passed, times, words, ids, ids, origins),
    st.builds(Probed, times, words, anything, st.one_of(st.none(), origins)),
)
