"""The law: SQL selects exactly what the predicate accepts, for any delivery and any query."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.domain.query import MAX_DEPTH, MAX_LENGTH, matches, parse, to_sql
from inspector.domain.query.predicate import Candidate
from tests.helpers.subjects import RECEIVED_AT, FullDelivery, subject

COLUMNS = Delivery._fields
# Text that SQLite and Python are known to treat differently, and the edges of prefix ranges.
HOSTILE = "aAbBkéÉß\u212a./*?[]^%_'\"\\\0\n \ud7ff\ue000\ufffd\ufffe\uffff\U0010ffff"
text = st.text(st.sampled_from(HOSTILE), max_size=5)
small = st.integers(0, 4)


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


patterns = st.lists(st.one_of(text.map(quoted), st.sampled_from("*?")), min_size=1, max_size=4).map(
    "".join
)
ops = st.sampled_from(["", "=", "<", "<=", ">", ">="])
keys = st.sampled_from(
    [
        "event",
        "event_id",
        "provider",
        "method",
        "path",
        "remote",
        "mark",
        "note",
        "endpoint",
        "origin",
    ]
)
numbers = st.sampled_from(["id", "attempts", "status", "answered", "size", "origin_id"])
ranges = st.tuples(small, small).map(lambda ends: f"{min(ends)}..{max(ends)}")
terms = st.one_of(
    st.builds(lambda k, v: f"{k}:{','.join(v)}", keys, st.lists(patterns, min_size=1, max_size=3)),
    st.builds(lambda k, o, n: f"{k}:{o}{n}", numbers, ops, small),
    st.builds(lambda k, r: f"{k}:{r},3..,..1", numbers, ranges),
    st.builds(lambda o, n: f"age:{o}{n}s", ops.filter(bool), small),
    ranges.map(lambda r: f"age:{r.replace('..', 's..')}s,4s.."),
    st.sampled_from([f"state:{state},kept" for state in State]),
    st.sampled_from([f"sig:{verdict}" for verdict in Verdict]),
    st.sampled_from(["is:duplicate", "is:replay", "is:marked,replay", "is:gap"]),
    st.builds(lambda v: f"header.x:{v}", patterns),
    st.builds(lambda o, n: f"data.n:{o}{n}", ops, small),
    text.map(quoted),
)
queries = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"({' or '.join(parts)})"),
        inner.map(lambda part: f"not {part}"),
    ),
    max_leaves=8,
)
maybe = st.one_of(st.none(), small)
subjects = st.builds(
    subject,
    headers=st.lists(st.tuples(st.sampled_from(["x", "X", "y"]), text)).map(tuple),
    body=st.binary(max_size=4),
    data=st.one_of(st.none(), st.fixed_dictionaries({"n": st.one_of(small, text)})),
    received_at=small.map(lambda seconds: RECEIVED_AT - seconds * 1_000_000),
    method=text,
    request_target=text,
    remote=text,
    provider=text,
    event=st.one_of(st.none(), text),
    event_id=st.one_of(st.none(), text),
    mark=text,
    endpoint=text,
    origin_relay=st.one_of(st.none(), text),
    origin_id=maybe,
    gap_count=maybe,
    body_size=small,
    attempts=small,
    answered=maybe,
    last_status=maybe,
    duplicate_of=maybe,
    replay_of=maybe,
    verdict=st.sampled_from(Verdict),
    state=st.sampled_from(State),
)


def table(items: Sequence[FullDelivery]) -> sqlite3.Connection:
    """The items under the ids 0, 1, ... in a table like the store's index."""
    connection = sqlite3.connect(":memory:")
    columns = ", ".join("id INTEGER PRIMARY KEY" if name == "id" else name for name in COLUMNS)
    connection.execute(f"CREATE TABLE deliveries ({columns})")
    connection.execute("CREATE INDEX by_event ON deliveries (event)")
    marks = ", ".join("?" * len(COLUMNS))
    for item in items:
        row = [getattr(item.delivery, name) for name in COLUMNS]
        values = ["" if isinstance(value, tuple) else value for value in row]
        connection.execute(f"INSERT INTO deliveries VALUES ({marks})", values)
    return connection


def selected(items: Sequence[FullDelivery], source: str) -> list[int]:
    sql = to_sql(parse(source), RECEIVED_AT)
    by_id = {item.delivery.id: item for item in items}

    def call(number: int, id_: int) -> bool:
        return sql.predicates[number](by_id[id_])

    connection = table(items)
    try:
        connection.create_function("inspector_match", 2, call)
        rows = connection.execute(
            f"SELECT d.id FROM deliveries AS d WHERE {sql.where} ORDER BY d.id", sql.params
        )
        return [row[0] for row in rows]
    finally:
        connection.close()


def numbered(items: Sequence[FullDelivery]) -> list[FullDelivery]:
    out = []
    for index, item in enumerate(items):
        known = {name: getattr(item.delivery, name) for name in COLUMNS}
        out.append(subject(item.headers, item.body, item.data, **{**known, "id": index}))
    return out


def check(items: Sequence[FullDelivery], source: str) -> None:
    items = numbered(items)
    query = parse(source)
    if len(str(query)) <= MAX_LENGTH:
        assert parse(str(query)) == query
    accepted = [i.delivery.id for i in items if matches(query, i, RECEIVED_AT)]
    assert selected(items, source) == accepted


@settings(max_examples=200, deadline=None)
@given(st.lists(subjects, max_size=5), queries)
@example([subject(event=None, last_status=None)], "not event:a not status:>=500")
@example([subject(event="a\0b"), subject(event="a")], "event:a?b,?")
@example([subject(event="a\ufffe"), subject(event="a\uffff")], 'event:?"\ufffe"')
@example([subject(request_target="/a?b")], 'path:"/a?b","/a?"*')
@example([subject(event="\ud7ff"), subject(event="\ue000")], 'event:"\ud7ff"*')
@example([subject(event="\U0010ffffa"), subject(event="b")], 'event:"\U0010ffff"*')
@example([subject(request_target=t) for t in ("/a", "/a?b", "/ab", "/a/?", "?")], "path:/a")
@example([subject(request_target=t) for t in ("/a", "/a?b", "/a\0?b")], "path:*a")
def test_sql_selects_what_the_predicate_accepts(items: list[FullDelivery], source: str) -> None:
    check(items, source)


@settings(max_examples=100, deadline=None)
@given(text, patterns)
def test_every_pattern_on_its_own(value: str, pattern: str) -> None:
    check([subject(event=value, request_target=value)], f"event:{pattern}")
    check([subject(event=value, request_target=value)], f"path:{pattern}")


def test_the_longest_and_deepest_queries_are_within_the_limits_of_sqlite() -> None:
    items = [subject(), subject(event=None)]
    deep = "event:a or (id:1 " * MAX_DEPTH + "id:1" + ")" * MAX_DEPTH
    for source in (
        ("id:" + ",1" * MAX_LENGTH)[: MAX_LENGTH - 1].replace(":,", ":") + "1",
        "id:0" + ",>5" * 1300,
        ("id:1 " * MAX_LENGTH)[: MAX_LENGTH - 2],
        ("id:1 or " * MAX_LENGTH)[: 8 * 500] + "id:0",
        ("event:a? or " * 300) + "id:0",
        "event:" + ",".join(["a*c"] * 1000),
        ("a or id:1 " * 400),
        deep,
        deep.replace("or (", "or not ("),
    ):
        check(items, source)


def where(source: str) -> tuple[str, list[Any]]:
    sql = to_sql(parse(source), RECEIVED_AT)
    return sql.where, list(sql.params)


def test_exact_values_and_prefixes_stay_comparisons_that_an_index_serves() -> None:
    assert where("event:delta.verified") == ("d.event = ?", ["delta.verified"])
    assert where("event:delta.*") == ("(d.event >= ? AND d.event < ?)", ["delta.", "delta/"])
    assert where("state:failed,waiting") == ("d.state IN (?, ?)", ["failed", "waiting"])
    assert where("id:3,1,2") == ("d.id IN (?, ?, ?)", [3, 1, 2])
    assert where("age:<2s") == ("d.received_at > ?", [RECEIVED_AT - 2_000_000])
    for source in ("event:delta.*", "event:delta.verified", "event:a,b id:1.. x"):
        sql = to_sql(parse(source), RECEIVED_AT)
        connection = table([])
        connection.create_function("inspector_match", 2, lambda number, id_: True)
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT d.id FROM deliveries AS d WHERE {sql.where}", sql.params
        ).fetchall()
        connection.close()
        assert "USING COVERING INDEX by_event" in str(plan) or "USING INDEX" in str(plan)


def test_content_is_asked_last_and_in_one_call() -> None:
    assert where("x data.n:1 event:a header.y:2")[0] == "(d.event = ? AND inspector_match(0, d.id))"
    assert where("x or data.n:1 or id:1")[0] == "(d.id = ? OR inspector_match(0, d.id))"
    assert where("not x")[0] == "inspector_match(0, d.id)"
    assert where("")[0] == "1"


def test_a_narrowed_row_is_the_only_one_that_is_loaded() -> None:
    items = numbered([subject(event="a", body=b"x"), subject(event="b", body=b"x")])
    loaded: list[int] = []

    def watched(check: Callable[[Candidate], bool]) -> Callable[[int, int], bool]:
        def call(_: int, id_: int) -> bool:
            loaded.append(id_)
            return check(items[id_])

        return call

    sql = to_sql(parse("x event:b"), RECEIVED_AT)
    connection = table(items)
    connection.create_function("inspector_match", 2, watched(sql.predicates[0]))
    rows = connection.execute(
        f"SELECT d.id FROM deliveries AS d WHERE {sql.where}", sql.params
    ).fetchall()
    connection.close()
    assert rows == [(1,)]
    assert loaded == [1]
