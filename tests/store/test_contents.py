"""The law: searched in SQL, headers and bodies match exactly where the predicate says so."""

import gzip
import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.domain.facts import Captured, Fact, Refused
from inspector.domain.query import matches, parse, to_sql
from inspector.store.contents import JournalContents
from inspector.store.files import StoreFiles
from inspector.store.matching import Candidate
from inspector.store.reader import Reader
from inspector.store.reading import catch_up
from tests.store.parts import AT, in_pieces, write

FORM = ("Content-Type", "application/x-www-form-urlencoded")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=cut")
JSON = ("Content-Type", "application/json")
GZIP = ("Content-Encoding", "gzip")
NESTED = {"who": "Cust_one", "n": 1.5e3, "deep": [{"who": "cust_two"}, None, True], "big": 10**30}

BODIES: tuple[tuple[bytes, tuple[tuple[str, str], ...]], ...] = (
    (b"", ()),
    (json.dumps(NESTED).encode(), (JSON,)),
    (b'{"who":"\\u0043ust_one","event":"order.Cre\\u0061ted"}', (JSON,)),
    (b'{"who":"a\\/b\\"cust_one"}', ()),
    ('{"who":"caf\u00e9 \u8ba1\u91cf"}'.encode(), (JSON,)),
    (b'{"who":"caf\xe9 cust_one \x00 after"}', (JSON,)),
    (b"\xff\xfe\x00NUL\x00 needle \x00", ()),
    (b"who=cust%5Fone&also=plain_text+and+more", (FORM,)),
    (b'--cut\r\nContent-Disposition: form-data; name="who"\r\n\r\nx\r\n--cut--', (MULTIPART,)),
    (gzip.compress(json.dumps(NESTED).encode(), mtime=0), (JSON, GZIP)),
    (b"POST /hooks HTTP/1.1", ()),
    (b"NEEDLE Needle nEEdle", (("X-Needle", "in a header"), ("x-needle", "\xe9t\xe9 Cust_one"))),
    (b"\xc3\xa9\xc3\xa9", (("Event-Type", "caf\xe9.made"), ("X-Empty", ""))),
)


def facts() -> list[Fact]:
    """Each body under several targets, a large one, and two refusals."""
    made: list[Fact] = []
    for (body, headers), target in itertools.product(BODIES, ("/hooks?needle=1", "/CAF\xe9/x")):
        request = Request("POST", target, "1.1", (("Host", "here"), *headers), body)
        made.append(Captured(AT, request, "127.0.0.1", route=()))
    made.append(in_pieces(b'{"who":"cust_one"}' + b" " * (1 << 20) + b"needle", 1 << 19))
    refused = Request("GET", "/needle", "1.1", (("X-N", "needle"),), b"")
    made.append(Refused(AT, 413, "too_large", "too large", "r", refused))
    made.append(Refused(AT, 400, "malformed", "needle", "r", raw=b"needle"))
    return made


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    files = StoreFiles(Path(tmp_path_factory.mktemp("contents")) / "store.db")
    write(files, *facts())
    catch_up(files, tuple)
    with closing(Reader(files)) as opened:
        yield opened


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_PIECES = [
    "needle", "NEEDLE", "nul", "cust_one", "Cust_", "CUST_TWO", "caf\u00e9", "\u00e9", "\u8ba1",
    "plain_text", "and", "POST", "HTTP/1.1", "1.1", "who", "event", "order.created", "1500.0",
    "1500", "1e30", "true", "false", "null", "none", "a/b", "cust", "x-needle:", "in", "Host:",
    "here", "\ufffd", "\0", "\xc3\xa9", "gzip", "/hooks", "/caf", "made",
]  # fmt: skip
pieces = st.sampled_from(_PIECES) | st.text(
    st.sampled_from('aeClustx_01.\u00e9\0"\\\r\n: '), min_size=0, max_size=4
)
patterns = st.lists(pieces.map(quoted) | st.sampled_from("*?"), min_size=1, max_size=3).map("".join)
names = st.sampled_from(["x-needle", "X-NEEDLE", "event-type", "host", "x-empty", "x", '"\u00e9"'])
steps = st.sampled_from(
    ["who", "deep.who", "deep", "n", "big", "also", "0.name", "0.filename", "WHO"]
)
terms = st.one_of(
    pieces.map(quoted),
    st.builds(
        lambda n, v: f"header.{n}:{','.join(v)}", names, st.lists(patterns, min_size=1, max_size=2)
    ),
    st.builds(
        lambda p, v: f"data.{p}:{','.join(v)}", steps, st.lists(patterns, min_size=1, max_size=2)
    ),
    st.sampled_from(["data.n:1500", "data.n:>=1e3", "header.x-needle:*", "event:*", "size:>10"]),
)
queries = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' or '.join(parts)})"),
        inner.map(lambda part: f"not {part}"),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(queries)
def test_sql_finds_what_the_predicate_accepts(reader: Reader, source: str) -> None:
    query = parse(source)
    everything = reader.page(parse(""), AT, limit=1000)
    expected = [
        each.id for each in everything if matches(query, Candidate(each, reader.journal), AT)
    ]
    assert list(reader.ids(query, AT, limit=1000)) == expected


@pytest.mark.parametrize(
    ("source", "count"),
    [("needle", 17), ("cust_one", 9), ("data.who:cust_one", 8), ("header.x-needle:*cust_one", 2)],
)  # fmt: skip
def test_there_is_something_to_find(reader: Reader, source: str, count: int) -> None:
    assert len(reader.ids(parse(source), AT, limit=1000)) == count


def test_free_text_is_found_without_python_and_conditions_on_content_are_narrowed() -> None:
    contents = JournalContents()
    text = to_sql(parse("needle event:a"), AT, contents)
    assert text.where.startswith("(d.event = ? AND (ifnull(instr(lower(d.request_target), ?), 0)")
    # What is left to the predicate is a body that lies in pieces.
    assert text.where.count("inspector_match") == 1
    assert "f.body IS NULL AND inspector_match" in text.where
    for source in ("data.who:cust_one", "header.x:1", "(data.a:abcde or data.b:*cdefg) header.x:*"):
        assert "journal.fact" in to_sql(parse(source), AT, contents).where
    for source in (
        "data.n:5",
        "data.n:true",
        "data.n:*",
        "not header.x:1",
        "data.a:abcde or data.n:1",
    ):
        assert "journal.fact" not in to_sql(parse(source), AT, contents).where


def test_very_many_texts_are_left_to_the_predicate(reader: Reader) -> None:
    source = " or ".join(f"n{number}eedle" for number in range(250)) + " or needle"
    query = parse(source)
    assert to_sql(query, AT, JournalContents()).where.count("journal.fact") == 8
    assert reader.ids(query, AT, limit=1000) == reader.ids(parse("needle"), AT, limit=1000)
