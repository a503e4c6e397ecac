"""What differs between two deliveries or responses."""

import gzip
import json
import random
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.diff import DEFAULT_IGNORE, Difference, Side, compare
from inspector.domain.diff.model import MAX_DIFFERENCES
from inspector.domain.headers import Headers
from tests.store.strategies import bodies
from tests.store.strategies import headers as header_lists

JSON = (("Content-Type", "application/json"),)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)

scalars = st.sampled_from([None, True, 0, 1, 1.5, "", "a", "b"])
keys = st.sampled_from(["a", "b", "c", "a.b", "a#2"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=20,
)
json_bodies = values.map(lambda value: json.dumps(value).encode())
broken = st.lists(st.sampled_from(['{"a":', "[", "]", "}", ",", "1", '"a"', "nul", '"'])).map(
    "".join
)
words = st.lists(st.sampled_from(["a", "b", "c: 1", "\n", "\r\n", "&", "=", "%20"])).map("".join)
anything = st.one_of(json_bodies, words.map(str.encode), broken.map(str.encode), bodies)
typed = st.sampled_from([(), JSON, FORM, (("content-encoding", "gzip"),)])
sides = st.builds(
    lambda start, headers, more, body: Side("", start, (*headers, *more), body),
    st.sampled_from(["GET /", "POST /"]),
    header_lists,
    typed,
    st.one_of(anything, anything.map(lambda body: gzip.compress(body, mtime=0))),
)


def of(body: bytes, headers: Headers = ()) -> Side:
    return Side("", "POST / HTTP/1.1", headers, body)


def of_json(value: Any) -> Side:
    return of(json.dumps(value).encode(), JSON)


def told(left: Side, right: Side) -> list[tuple[str, str, str, str]]:
    return [one[1:5] for one in compare(left, right)]


def mirrored(one: Difference) -> Difference:
    kind = {"added": "removed", "removed": "added"}.get(one.kind, one.kind)
    return one._replace(path="", kind=kind, left=one.right, right=one.left)  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(sides)
def test_nothing_differs_from_itself(side: Side) -> None:
    assert compare(side, side._replace(title="other")) == ()


@settings(max_examples=500, deadline=None)
@given(sides, sides)
@example(of(b""), of(gzip.compress(b"", mtime=0), (("Content-Encoding", "gzip"),)))
@example(of(b'["a"]'), of(b'["b","c"]'))
@example(of(b"a\nb\na"), of(b"b\na\nb\n"))
def test_swapped_sides_give_the_mirror(left: Side, right: Side) -> None:
    ours = sorted(one._replace(path="") for one in compare(left, right, ()))
    theirs = sorted(mirrored(one) for one in compare(right, left, ()))
    assert ours == theirs
    assert bool(ours) == (left != right)


@settings(max_examples=300, deadline=None)
@given(st.lists(values, max_size=8), values, st.data())
def test_an_inserted_item_is_one_difference(
    items: list[Any], new: Any, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(items)))
    longer = [*items[:at], new, *items[at:]]
    (one,) = told(of_json({"x": items}), of_json({"x": longer}))
    assert one[1:] == ("added", "", json.dumps(new))
    (other,) = told(of_json({"x": longer}), of_json({"x": items}))
    assert other[1:] == ("removed", json.dumps(new), "")
    assert one[0] == other[0]


@settings(max_examples=300, deadline=None)
@given(values, st.data())
def test_a_changed_value_is_told_at_its_path(value: Any, data: st.DataObject) -> None:
    changed = json.loads(json.dumps([value]))
    parent, key, path = changed, 0, ["0"]
    while isinstance(parent[key], list | dict) and parent[key] and data.draw(st.booleans()):
        parent = parent[key]
        steps = range(len(parent)) if isinstance(parent, list) else list(parent)
        key = data.draw(st.sampled_from(steps))
        path.append(str(key))
    before = json.dumps(parent[key])
    parent[key] = "NEW"
    assert told(of_json([value]), of_json(changed)) == [
        (".".join(path), "changed", before, '"NEW"')
    ]


@given(st.lists(st.text(st.sampled_from("ab "), max_size=3), max_size=8), st.data())
def test_an_inserted_line_is_one_difference(lines: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines)))
    longer = [*lines[:at], "new", *lines[at:]]
    texts = [
        "".join(f"{line}\n" for line in one).encode() for one in (["top", *lines], ["top", *longer])
    ]
    assert told(of(texts[0]), of(texts[1])) == [(f"line {at + 2}", "added", "", "new")]


def test_the_first_line_and_the_headers() -> None:
    left = Side("", "POST /a HTTP/1.1", (("A", "1"), ("B", "1"), ("a", "2"), ("hOST", "h")), b"")
    right = Side("", "POST /b HTTP/1.1", (("B", "1"), ("A", "2"), ("Host", "h"), ("C", "")), b"")
    assert compare(left, right) == (
        Difference("start", "", "changed", "POST /a HTTP/1.1", "POST /b HTTP/1.1"),
        Difference("header", "A", "changed", "1", "2"),
        Difference("header", "a#2", "removed", "2", ""),
        Difference("header", "Host", "changed", "hOST: h", "Host: h"),
        Difference("header", "C", "added", "", ""),
    )


def test_another_order_of_headers_is_one_difference() -> None:
    headers = (("A", "1"), ("B", "2"))
    same = "the same headers in the order "
    (one,) = compare(of(b"", headers), of(b"", headers[::-1]))
    assert one == Difference("header", "", "changed", same + "A, B", same + "B, A")


def test_a_repeated_header_that_is_new_is_one_difference() -> None:
    left = tuple(("X", value) for value in "bcd")
    right = tuple(("X", value) for value in "abcd")
    assert told(of(b"", left), of(b"", right)) == [("X", "added", "", "a")]


@pytest.mark.parametrize(
    ("left", "right", "differences"),
    [
        ('{"a":1}', '{"a":1.0}', [("a", "changed", "1", "1.0")]),
        ('{"a":1e2}', '{"a":100}', [("a", "changed", "1e2", "100")]),
        ('{"a":"1"}', '{"a":1}', [("a", "changed", '"1"', "1")]),
        ('{"a":"\\u00e9"}', '{"a":"é"}', [("a", "changed", '"\\u00e9"', '"é"')]),
        ('{"a":null}', "{}", [("a", "removed", "null", "")]),
        ("[]", "{}", [("", "changed", "[]", "{}")]),
        ("[1]", "[[1]]", [("0", "changed", "1", "[1]")]),
        ('{"a":1,"a":2}', '{"a":1,"a":3}', [("a#2", "changed", "2", "3")]),
        ('{"a":1,"a":2}', '{"a":1}', [("a#2", "removed", "2", "")]),
        ('{"a":1,"a":2,"a#2":3}', '{"a":1,"a":2,"a#2":4}', [("a#2#2", "changed", "3", "4")]),
        ('{"a":1,"b":[]}', '{"b":[],"a":2}', [("a", "changed", "1", "2")]),
        ("[1,2,3,4]", "[1,3,5]", [("1", "removed", "2", ""), ("2", "changed", "4", "5")]),
        (
            '[{"id":1,"n":"x"},{"id":2,"n":"y"}]',
            '[{"id":0,"n":"z"},{"id":1,"n":"x!"},{"id":2,"n":"y"}]',
            [("0", "added", "", '{"id":0,"n":"z"}'), ("1.n", "changed", '"x"', '"x!"')],
        ),
        ('{"a":\n{"b":\n  [1, 2]}}', "{}", [("a", "removed", '{"b": [1, 2]}', "")]),
        ("[NaN]", "[-Infinity]", [("0", "changed", "NaN", "-Infinity")]),
        (
            '[{"id":9,"n":"z"},{"id":1,"n":"x"},{"id":2,"n":"y"}]',
            '[{"id":1,"n":"!"},{"id":2,"n":"y"}]',
            [("0", "removed", '{"id":9,"n":"z"}', ""), ("0.n", "changed", '"x"', '"!"')],
        ),
        ('{"\\u00e9\\n":1}', '{"é\\n":2}', [("é\n", "changed", "1", "2")]),
        ('{"\\x":1}', '{"\\x":2}', [("\\x", "changed", "1", "2")]),
        ('{"a":1}', '{"a":1', [("line 1", "changed", '{"a":1}', '{"a":1')]),
        ("\ufeff[1]", "[2]", [("0", "changed", "1", "2")]),
    ],
)
def test_json(left: str, right: str, differences: list[tuple[str, ...]]) -> None:
    assert told(of(left.encode()), of(right.encode())) == differences


@pytest.mark.parametrize(
    "broken",
    [
        "[1}",
        "[1,,2]",
        "[1 2]",
        '{"a" 1}',
        "{1:2}",
        '{"a":}',
        "[,1]",
        "[1]]",
        "[01]",
        "[nul]",
        '["a',
        "{}{}",
    ],
)
def test_what_is_no_json_is_compared_by_line(broken: str) -> None:
    assert told(of(broken.encode(), JSON), of(b"[1]", JSON)) == [
        ("line 1", "changed", broken, "[1]")
    ]


def test_the_same_json_in_other_bytes_is_one_difference() -> None:
    ((path, kind, left, right),) = told(of(b'{"a": 1, "b": 2}'), of(b'{"b":2,"a":1}\n'))
    assert (path, kind) == ("", "changed")
    assert left.startswith("the same JSON in 16 bytes, sha256 ")
    assert right.startswith("the same JSON in 14 bytes, sha256 ")


@pytest.mark.parametrize(
    ("left", "right", "differences"),
    [
        ("a\nb", "a\nc", [("line 2", "changed", "b", "c")]),
        ("a\n", "a", [("line 1", "changed", "a\n", "a")]),
        ("a\r\nb\r\n", "a\nb\r\n", [("line 1", "changed", "a\r", "a")]),
        ("a\nb\nc\n", "c\n", [("line 1", "removed", "a", ""), ("line 2", "removed", "b", "")]),
        (
            "x: 1\ny: 2\nz: 3\n",
            "w: 0\nx: 9\ny: 2\n",
            [
                ("line 1", "added", "", "w: 0"),
                ("line 2", "changed", "x: 1", "x: 9"),
                ("line 3", "removed", "z: 3", ""),
            ],
        ),
        ("", "a\n", [("", "added", "", "a\n")]),
        ("a", "", [("", "removed", "a", "")]),
    ],
)
def test_text(left: str, right: str, differences: list[tuple[str, ...]]) -> None:
    assert told(of(left.encode()), of(right.encode())) == differences


def test_forms_are_compared_by_field() -> None:
    left, right = of(b"a=1&b=x+y&c=%20&d", FORM), of(b"b=x+z&a=1&a=2&c=+&d=", FORM)
    assert told(left, right) == [
        ("a#2", "added", "", "2"),
        ("b", "changed", "x y", "x z"),
        ("c", "changed", "%20", "+"),
    ]
    ((_, _, one, _),) = told(of(b"a=1&b=2", FORM), of(b"b=2&a=1", FORM))
    assert one.startswith("the same form in 7 bytes")


def test_binary_bodies_are_compared_by_size_and_digest() -> None:
    ((path, kind, left, right),) = told(of(b"\0a"), of(b"text"))
    assert (path, kind) == ("", "changed")
    assert left == "2 bytes, sha256 e3d735ff3bac0dcf…" or left.startswith("2 bytes, sha256 ")
    assert right.startswith("4 bytes, sha256 ")
    assert told(of(b"\xff"), of(b""))[0][1] == "removed"


def test_content_codings_are_undone_for_the_comparison() -> None:
    coded = (*JSON, ("Content-Encoding", "gzip"))
    left = of(gzip.compress(b'{"a":1}', mtime=0), coded)
    right = of(gzip.compress(b'{"a":2}', mtime=0), coded)
    assert told(left, right) == [("a", "changed", "1", "2")]
    other, same = told(left, of(b'{"a":1}', JSON))
    assert other == ("Content-Encoding", "removed", "gzip", "")
    assert same[2].startswith("the same content in ")


def test_latin_1_text_is_text() -> None:
    plain = (("Content-Type", "text/plain; charset=iso-8859-1"),)
    assert told(of(b"\xe9\n1", plain), of(b"\xe9\n2", plain)) == [("line 2", "changed", "1", "2")]


@pytest.mark.parametrize(
    ("rule", "path", "ignored"),
    [
        ("timestamp", "timestamp", True),
        ("timestamp", "data.timestamp", False),
        ("time", "timestamp", False),
        ("data", "data.a.0.b", True),
        ("data.*.at", "data.x.at", True),
        ("data.*.at", "data.at", False),
        ("data.*.at", "data.x.y.at", False),
        ("data.**.at", "data.x.y.at", True),
        ("data.**.at", "data.at", True),
        ("data.**", "data.x", True),
        ("**", "anything", True),
        ("**.at", "at", True),
        ("a?c", "abc", True),
        ("a?c", "a.c", False),
        ("*At", "createdAt", True),
        ("a(b", "a(b", True),
        ("A", "a", False),
        ("", "a", False),
        ("a.b", "a.b", True),
        ("items.*.id", "items.3.id", True),
    ],
)
def test_a_rule_passes_over_a_place_and_all_below_it(rule: str, path: str, ignored: bool) -> None:
    left: Any = 1
    right: Any = 2
    for step in reversed(path.split(".")):
        left, right = (
            [0] * int(step) + [one] if step.isdigit() else {step: one} for one in (left, right)
        )
    (one,) = compare(of_json(left), of_json(right), [rule])
    assert (one.path, one.ignored_by) == (path, rule if ignored else "")


def test_rules_for_headers_the_first_line_and_repeated_names() -> None:
    left = Side("", "a", (("X-Sig", "1"), ("x-sig", "2")), b'{"a":1,"a":2}')
    right = Side("", "b", (("X-Sig", "3"), ("x-sig", "4")), b'{"a":3,"a":4}')
    ignored = [one.ignored_by for one in compare(left, right, ["start", "Header.X-*", "a"])]
    assert ignored == ["start", "Header.X-*", "Header.X-*", "a", "a"]
    assert {one.ignored_by for one in compare(left, right, ["header", "start"])} == {
        "header",
        "start",
        "",
    }


def test_a_rule_speaks_of_one_part_alone() -> None:
    body = '{"header":{"date":"%s","age":"%s"},"start":"%s"}'
    left, right = (
        Side("", f"GET /{n}", (("Date", n), ("Content-Id", n)), (body % (n, n, n)).encode())
        for n in "12"
    )
    rules = ["header.date", "header", "start", "*.age", "*"]
    ignored = [(one.part, one.path, one.ignored_by) for one in compare(left, right, rules)]
    assert ignored == [
        ("start", "", "start"),
        ("header", "Date", "header.date"),
        ("header", "Content-Id", "header"),
        ("body", "header.date", "*"),
        ("body", "header.age", "*.age"),
        ("body", "start", "*"),
    ]
    assert {one.ignored_by for one in compare(left, right, ["**"])} == {"**"}


def test_the_defaults_leave_what_a_customer_did() -> None:
    def delta(n: int) -> Side:
        headers = (
            ("X-PacSpace-Signature", f"v1={n}"),
            ("X-PacSpace-Timestamp", f"{n}"),
            ("X-Event-ID", f"evt_{n}"),
            ("X-Webhook-Event", "delta.verified"),
        )
        proof = {"proofHash": f"0x{n}", "itemHashes": [n]}
        data = {
            "receiptId": f"rcpt_{n}",
            "verifiedAt": f"{n}",
            "delta": {"customerId": "cust_1", "amount": -n, "submittedAt": f"{n}"},
            "proof": proof,
            "verification": {"verified": True, "latencyMs": n},
        }
        body = {"event": "delta.verified", "timestamp": f"{n}", "data": data}
        return Side("", "POST / HTTP/1.1", headers, json.dumps(body).encode())

    differences = compare(delta(1), delta(2))
    assert len(differences) == 11
    assert [one.path for one in differences if not one.ignored_by] == ["data.delta.amount"]
    assert {one.ignored_by for one in differences} <= {"", *DEFAULT_IGNORE}


def test_long_values_are_cut_around_the_difference() -> None:
    text = "x" * 5000
    ((_, _, left, right),) = told(
        of_json({"a": text + "1" + text}), of_json({"a": text + "2" + text})
    )
    assert left == "…" + "x" * 60 + "1" + "x" * 1939 + "…"
    assert right == left.replace("1", "2")
    ((path, _, _, shown),) = told(of_json({}), of_json({"k" * 300: [text]}))
    assert (path, len(shown)) == ("k" * 99 + "…", 2001)


def test_more_differences_than_help_are_not_listed() -> None:
    differences = compare(of_json([0] * 9000), of_json([1] * 9000))
    assert len(differences) == MAX_DIFFERENCES
    assert differences[-1].left == differences[-1].right == "there are more differences"


TEN = 10_000_000
rng = random.Random(7)


def records(count: int, first: int = 0) -> list[str]:
    return [
        f'{{"id":{n},"name":"customer","amount":1.5,"meta":{{"plan":"growth"}}}}'
        for n in range(first, first + count)
    ]


def objects(count: int, k: int) -> str:
    return json.dumps([{"u": n % 60 or n, "k": k} for n in range(count)])


def both(make: Callable[[str], str]) -> list[str]:
    return [make("1"), make("2")]


HOSTILE: dict[str, Callable[[], list[str]]] = {
    "records": lambda: [",".join(records(140_000, n)).join("[]") for n in (0, 1)],
    "fewer records": lambda: [",".join(records(27_000, n)).join("[]") for n in (0, 1)],
    "shuffled": lambda: [json.dumps(rng.sample(range(240_000), 240_000)) for _ in range(2)],
    "two values": lambda: [json.dumps([rng.randint(0, 1) for _ in range(240_000)]) for _ in "12"],
    "objects": lambda: [objects(40_000, 0), objects(40_009, 9)],
    "empty objects": lambda: both(lambda end: "[" + "{}," * 240_000 + f"{end}]"),
    "deep": lambda: ["[" * TEN, "[" * (TEN - 1)],
    "deep and wide": lambda: both(lambda end: "[" * 190 + "1," * 240_000 + f"{end}0" + "]" * 190),
    "open string": lambda: ['{"a":"' + '\\"' * (TEN // 2), '{"a":"' + '\\"' * (TEN // 2 - 1)],
    "quotes": lambda: ['"' * TEN, '"' * (TEN - 1)],
    "long value": lambda: both(lambda end: '{"a":"' + "x" * TEN + end + '"}'),
    "long keys": lambda: both(lambda end: '{"' + "x" * TEN + end + '":1}'),
    "repeated keys": lambda: both(lambda n: "{" + f'"a":{n},' * 120_000 + '"a#2":1,"a#3":1}'),
    "one line": lambda: ["x" * TEN, "x" * (TEN - 1)],
    "short lines": lambda: ["x\n" * (TEN // 2), "y\n" * (TEN // 2)],
    "lines": lambda: ["\n".join(f"{k} {n % k}" for n in range(99_000)) for k in (5, 7)],
    "blanks": lambda: [" " * TEN, " " * (TEN - 1) + "\n"],
    "nul": lambda: ["\0" * TEN, "\0" * (TEN - 1)],
}


@pytest.mark.uncounted
@pytest.mark.parametrize("name", HOSTILE)
def test_ten_megabytes_are_compared_in_bounded_time(name: str) -> None:
    left, right = (of(text.encode()) for text in HOSTILE[name]())
    started = time.process_time()
    differences = compare(left, right)
    # Each takes two seconds at most when it runs alone; quadratic time would be hours.
    assert time.process_time() - started < 30
    assert 1 <= len(differences) <= MAX_DIFFERENCES
    assert all(len(text) <= 2002 for one in differences for text in (one.left, one.right))


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("prefix", "inner", "suffix"),
    [
        (("{" + f'"{"k" * 100}":') * 199, lambda v: f"{{{members(v, 20_000)}}}", "}" * 199),
        ("[", lambda v: ",".join(["[" * 100 + v + "]" * 100] * 20_000), "]"),
    ],
    ids=["long paths", "nested brackets"],
)
def test_small_bodies_are_compared_in_little_memory(
    prefix: str, inner: Callable[[str], str], suffix: str
) -> None:
    left, right = (of((prefix + inner(value) + suffix).encode()) for value in "12")
    tracemalloc.start()
    try:
        differences = compare(left, right)
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    assert all(len(one.path) <= 2002 for one in differences)


def members(value: str, count: int) -> str:
    return ",".join(f'"{n}":{value}' for n in range(count))


def test_a_long_path_is_told_with_its_beginning_and_its_end() -> None:
    keys = [f"{n}-{'k' * 95}" for n in range(100)]
    left, right = (of(("".join(f'{{"{k}":' for k in keys) + v + "}" * 100).encode()) for v in "12")
    (one,) = compare(left, right)
    assert one.path.startswith(f"{keys[0]}.{keys[1]}.")
    assert one.path.endswith(f".{keys[98]}.{keys[99]}")
    assert "…" in one.path


def test_one_changed_line_in_ten_megabytes_is_found() -> None:
    lines = records(140_000)
    changed = [*lines[:70_000], "new", *lines[70_001:]]
    (one,) = told(of("\n".join(lines).encode()), of("\n".join(changed).encode()))
    assert one == ("line 70001", "changed", lines[70_000], "new")


def test_a_bomb_is_not_decoded() -> None:
    bombs = [gzip.compress(char * TEN * 5) for char in (b"0", b"1")]
    coded = (*JSON, ("Content-Encoding", "gzip"))
    tracemalloc.start()
    try:
        ((path, _, left, _),) = told(of(bombs[0], coded), of(bombs[1], coded))
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
    assert (path, left[:20]) == ("", f"{len(bombs[0])} bytes, sha256 "[:20])
