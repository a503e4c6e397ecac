"""Bodies read for the eye: JSON values and content codings, bounded and without raising."""

import gzip
import json
import zlib
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain import jsonvalue
from inspector.domain.content import decoded
from inspector.domain.delivery import Request
from inspector.domain.jsonvalue import CUT, MAX_DEPTH, MAX_VALUES, parse, replace_surrogates
from inspector.providers import event_name, read
from inspector.providers.parts import MAX_DECODED

PLAIN = b'{"event":"x"}' * 50
# Without the time of day: the names of tests are the same in each process.
packed = partial(gzip.compress, mtime=0)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (PLAIN, ""),
        (PLAIN, "identity"),
        (packed(PLAIN), "gzip"),
        (packed(PLAIN), " X-GZip "),
        (zlib.compress(PLAIN), "deflate"),
        (raw_deflate(PLAIN), "deflate"),
        (packed(zlib.compress(PLAIN)), "deflate, identity,gzip"),
        (packed(PLAIN[:9]) + packed(PLAIN[9:]) + b"\0\0", "gzip"),
    ],
)
def test_content_codings_are_undone_in_reverse_order(body: bytes, encoding: str) -> None:
    assert decoded(body, encoding, len(PLAIN)) == PLAIN


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (PLAIN, "gzip"),
        (PLAIN, "br"),
        (b"", "gzip"),
        (packed(PLAIN)[:-5], "gzip"),
        (packed(PLAIN) + b"x", "gzip"),
        (b"\xff" * 9, "deflate"),
        (packed(b"\0" * 50_000_000), "gzip"),
        (packed(packed(packed(b""))), "gzip, gzip, gzip"),
        (packed(b"") * 40, "gzip"),
    ],
)
def test_what_cannot_be_undone_within_the_bounds_is_none(body: bytes, encoding: str) -> None:
    assert decoded(body, encoding) is None


def test_the_limit_is_exact() -> None:
    assert decoded(packed(b"a" * 1000), "gzip", 1000) == b"a" * 1000
    assert decoded(packed(b"a" * 1001), "gzip", 1000) is None
    halves = packed(b"a" * 500) + packed(b"a" * 501)
    assert decoded(halves, "gzip", 1000) is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "gzip,deflate", "zstd", ","]))
def test_decoding_never_raises_nor_exceeds_the_limit(body: bytes, encoding: str) -> None:
    found = decoded(body, encoding, 100)
    assert found is None or encoding == "," or len(found) <= 100


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(_JSON)
def test_what_python_wrote_is_read_back(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == (value, True, "")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40))
def test_bytes_that_parse_are_those_that_json_takes(body: bytes) -> None:
    try:
        expected = json.loads(body.decode())
    except ValueError:
        expected = None
        if not body.startswith(b"\xef\xbb\xbf"):
            assert parse(body).problem
    else:
        assert parse(body).ok
        assert repr(parse(body).value) == repr(expected)


@pytest.mark.parametrize(
    ("body", "ok", "problem"),
    [
        (b"", False, "is empty"),
        (b"{", False, "is not JSON: Expecting property name"),
        (b'{"a": "x\ny"}', False, "is not JSON: Invalid control character at line 1 column 9"),
        (b'\xef\xbb\xbf{"a":1}', True, "byte order mark"),
        (b'{"a":"\xff"}', True, "not UTF-8 at byte 6"),
        (b'{"a":"\xff' + b" " * 2**20 + b'"}', False, "not UTF-8 at byte 6"),
        (b"[" * 100_000, False, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", True, "integer too long"),
        (b"[" + b"9" * 5000 + b",7}", False, "is not JSON"),
    ],
)
def test_problems_are_told(body: bytes, ok: bool, problem: str) -> None:
    found = parse(body)
    assert found.ok is ok
    assert problem in found.problem


def test_an_integer_too_long_stays_text_and_the_others_numbers() -> None:
    assert parse(b"[1," + b"9" * 5000 + b"]").value == [1, "9" * 5000]


@pytest.mark.parametrize(
    ("most", "too_many"),
    [
        (b"[1,2,3,4,5]", b"[1,2,3,4,5,6]"),
        (b"[[[[[]]]]]", b"[[[[[[]]]]]]"),
        (b'{"a":{"b":{}}}', b'{"a":{"b":[{}]}}'),
        (b"[{},{},7]", b"[{},{},{}]"),
    ],
)
def test_a_body_of_too_many_values_is_not_read(
    most: bytes, too_many: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonvalue, "MAX_VALUES", 5)
    assert parse(most).ok
    assert "has more than 5 values" in parse(too_many).problem


def test_of_nested_brackets_no_more_are_read_than_of_values() -> None:
    body = b"[" + b",".join([b"[" * 100 + b"]" * 100] * (MAX_VALUES // 100)) + b"]"
    assert str(MAX_VALUES) in parse(body).problem


def test_of_a_coded_body_no_more_than_a_mebibyte_is_read_for_its_event() -> None:
    event = b'{"event":"delta.verified","data":"%b"}'
    most = event % (b"x" * (MAX_DECODED - len(event) + 2))
    for body, name in ((most, "delta.verified"), (most + b" ", None)):
        for coding, coded in (("gzip", packed(body)), ("gzip, gzip", packed(packed(body)))):
            headers = (("Content-Encoding", coding), ("Content-Type", "application/json"))
            request = Request("POST", "/", "1.1", headers, coded)
            assert event_name(request) == name
            envelope, _ = read(request, (), 0)
            assert envelope.event == name
            assert any("within 1 MiB" in note for note in envelope.notes) is (name is None)


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, MAX_DEPTH + 100])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")])
def test_containers_are_cut_at_the_depth(depth: int, pair: tuple[bytes, bytes]) -> None:
    found = parse(pair[0] * depth + b"1" + pair[1] * depth)
    level, value = 0, found.value
    while isinstance(value, dict | list):
        value = value["a"] if isinstance(value, dict) else value[0]
        level += 1
    assert level == min(depth, MAX_DEPTH)
    assert value == (1 if depth <= MAX_DEPTH else CUT)
    assert bool(found.problem) is (depth > MAX_DEPTH)


def test_wide_is_not_deep() -> None:
    assert parse(b"[" + b"[]," * 300 + b"{}]").problem == ""


def test_only_surrogates_are_replaced() -> None:
    assert replace_surrogates("a\n\ud800é😀") == "a\n�é😀"
