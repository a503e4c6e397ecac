"""What is offered at the cursor of the filter bar."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.client.models import Counts, EventCount, Seen
from inspector.domain.plaintext import visible
from inspector.domain.query import KEYS, QueryError, parse
from inspector.tui.completion import Known, complete
from inspector.tui.suggested import VALUES
from inspector.tui.vocabulary import known_of

KNOWN = Known(
    events={
        "delta.verified": "12 here",
        "delta.failed": "3 here",
        "customer.created": "1 here",
        "a b:[red]": "",
        'quo"te\\d.x': "",
        'quo"te\\d.y': "",
        "bidi\u202e": "",
    },
    providers={"pacspace": "", "generic": ""},
    data=("delta", "delta.amount", "items.0.price", "od d.x-y", "customerId"),
    headers=("Content-Type", "X-Event-Id", "x.dotted"),
    views={"failed deltas": "event:delta.* state:failed", "either": "a or b", "broken": "stat:1"},
)


def texts(text: str, cursor: int | None = None, *, asked: bool = False) -> list[str]:
    at = len(text) if cursor is None else cursor
    return [one.text for one in complete(text, at, KNOWN, asked=asked)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("eve", "event:"),
        ("EVE", "event:"),
        ("st", "status:"),
        ("head", "header."),
        ("dat", "data."),
        ("sig:inv", "sig:invalid"),
        ("sig:invalid,st", "sig:invalid,stale"),
        ("is:", "is:duplicate"),
        ("method:p", "method:POST"),
        ("state:", "state:kept"),
        ("provider:g", "provider:generic"),
        ("status:>", "status:>=400"),
        ("age:<1", "age:<1h"),
        ("event:del", "event:delta.*"),
        ("event:delta.v", "event:delta.verified"),
        ("event:verif", "event:delta.verified"),
        ("event:cust", "event:customer.created"),
        ("verif", "event:delta.verified"),
        ("delta.f", "event:delta.failed"),
        ("event:a", 'event:"a b:[red]"'),
        ('event:"a', 'event:"a b:[red]"'),
        ('event:"a b:', 'event:"a b:[red]"'),
        ("event:quo", 'event:"quo\\"te\\\\d."*'),
        ("data.", "data.delta:"),
        ("data.delta.", "data.delta.amount:"),
        ("amou", "data.delta.amount:"),
        ("data.cust", "data.customerId:"),
        ("data.od", 'data."od d".x-y:'),
        ("header.", "header.Content-Type:"),
        ("header.x-e", "header.X-Event-Id:"),
        ("header.x.", "header.x.dotted:"),
        ("event-id", "header.X-Event-Id:"),
        ("fail", "event:delta.* state:failed"),
        ("del", "event:delta.* state:failed"),
        ("x fail", "x (event:delta.* state:failed)"),
        ("-fail", "-(event:delta.* state:failed)"),
        ("not sig:un", "not sig:unsigned"),
        ("-eve", "-event:"),
        ("!sig:val", "!sig:valid"),
        ("(a or st", "(a or status:"),
        ("(st", "(status:"),
    ],
)
def test_what_is_offered_first(typed: str, expected: str) -> None:
    assert texts(typed)[0] == expected


def test_everything_of_a_closed_set_is_offered_with_a_word_on_it() -> None:
    for key in ("sig", "state", "is"):
        offered = complete(f"{key}:", len(key) + 1, KNOWN)
        assert [one.label for one in offered] == list(KEYS[key].choices)
        assert all(one.doc for one in offered)


@pytest.mark.parametrize(
    "typed",
    ["", "a ", "event:delta.failed ", "zzz", "nokey:a", "data:", "event.x:", "and", '"quo', "x\\",
     "sig:valid,zz", "event:delta.failed", "(a) ", "event:bidi", "data.delta.amount:1", "broken"],
)  # fmt: skip
def test_where_nothing_is_offered(typed: str) -> None:
    assert texts(typed) == []


def test_asked_everything_is_listed_where_a_word_may_begin() -> None:
    for typed in ("", "a ", "(", "-", "a or "):
        offered = complete(typed, len(typed), KNOWN, asked=True)
        assert {one.label for one in offered} >= KEYS.keys()
    assert texts("x\\", asked=True) == []


def test_only_the_word_before_the_cursor_is_completed() -> None:
    assert texts("sta state:failed", 3) == ["status: state:failed", "state: state:failed"]
    assert texts("state:failed", 3) == []
    assert texts("sig:inv,stale x", 7) == ["sig:invalid,stale x"]
    assert texts("(eve)", 4)[0] == "(event:)"
    assert texts('event:"del" x', 10)[0] == "event:delta.* x"
    assert texts('event:"del x', 10) == []
    first = complete("sta state:failed", 3, KNOWN)[0]
    assert (first.label, first.cursor) == ("status", 7)


def test_what_stands_there_already_is_not_offered() -> None:
    assert "sig:invalid,invalid" not in texts("sig:invalid,")
    assert "sig:invalid,valid" in texts("sig:invalid,")
    assert texts("sig:invalid") == []


def test_it_never_grows_too_long() -> None:
    assert texts("x" * 4079 + " event:del")[0] == "x" * 4079 + " event:delta.*"
    assert texts("x" * 4080 + " event:del") == ["x" * 4080 + " event:delta.*"]
    assert texts("x" * 4090 + " event:d") == []


def test_suggested_values_can_be_read() -> None:
    for key, values in VALUES.items():
        assert key in KEYS
        for value in values:
            parse(f"{key}:{value}")
    for key, doc in KEYS.items():
        if doc.choices:
            assert set(VALUES[key]) <= set(doc.choices)


def reach(text: str) -> int:
    """How far a text is read without an error, open brackets closed."""
    length = len(text)
    while True:
        try:
            parse(text)
        except QueryError as error:
            if "not closed" in error.message and text[error.column : error.column + 1] == "(":
                text += ")"
                continue
            return min(error.column, length)
        return length


QUERIES = st.lists(
    st.sampled_from(
        ["event:", "del", "ver", "sig:", "inv", ",", " ", "(", ")", "-", "!", '"', "\\", ".", ":",
         "data.", "header.", "x-e", "fail", "or ", "not ", "a b", "*", "st", "is:", "age:<", "é",
         "\u202e", "\ud800", "quo", "od", "items.0."]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    text=QUERIES | st.text(max_size=40),
    at=st.floats(0, 1),
    asked=st.booleans(),
)
@example(text='event:"del" "', at=10 / 13, asked=False)
def test_a_completed_text_is_read_at_least_as_far(text: str, at: float, asked: bool) -> None:
    cursor = round(at * len(text))
    for one in complete(text, cursor, KNOWN, asked=asked):
        assert 0 <= one.cursor <= len(one.text)
        assert visible(one.label + one.doc) == one.label + one.doc
        assert one.text != text
        assert reach(one.text[: one.cursor]) >= reach(text[:cursor])
        # What was behind the cursor is still there, but for the end of a quoted value.
        behind = one.text[one.cursor :]
        assert text[cursor:] in (behind, f'"{behind}')


@given(text=st.text(max_size=60), cursor=st.integers(-5, 70))
def test_it_never_raises(text: str, cursor: int) -> None:
    complete(text, cursor, KNOWN, asked=True)


def test_event_types_by_how_often_they_came_then_the_catalogue() -> None:
    counts = Counts(
        events=(
            EventCount("a.b", "generic", 1),
            EventCount("delta.failed", "pacspace", 7),
            EventCount("a.b", "other", 2),
            EventCount(None, "generic", 100),
            EventCount("x" * 201, "generic", 100),
        )
    )
    known = known_of(counts, Seen(("p",), ("h",)), {"v": "a"})
    names = list(known.events)
    assert names[:2] == ["delta.failed", "a.b"]
    assert "delta.verified" in names
    assert "x" * 201 not in names
    assert known.events["delta.failed"].startswith("7 here  ")
    assert list(known.providers) == ["pacspace", "generic", "other"]
    assert (known.data, known.headers, known.views) == (("p",), ("h",), {"v": "a"})


def test_it_is_quick_with_very_many_names() -> None:
    counts = Counts(
        events=tuple(EventCount(f"family{one % 50}.type{one}", "x", one) for one in range(5000))
    )
    seen = Seen(tuple(f"a.b{one}.c" for one in range(500)), tuple(f"h{one}" for one in range(200)))
    known = known_of(counts, seen, {})
    started = time.process_time()
    for _ in range(20):
        complete("state:failed ty", 15, known)
    assert (time.process_time() - started) / 20 < 0.02
