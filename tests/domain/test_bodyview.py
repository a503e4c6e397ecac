import gzip
import json
import re
import time
import tracemalloc
import zlib
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.bodyview import MAX_LINES, MAX_WIDTH, BodyView, Mode, view
from inspector.domain.plaintext import visible

JSON = (("Content-Type", "application/json"),)
FORM = (("content-type", "application/x-www-form-urlencoded"),)
MULTIPART = (("Content-Type", 'multipart/form-data; boundary="a b"'),)
MODES = get_args(Mode)


def typed(content_type: str) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", content_type),)


def shown(kind: str, *lines: str, note: str = "", truncated: bool = False) -> BodyView:
    return BodyView(kind, lines, truncated, note)  # type: ignore[arg-type]


types = st.one_of(
    st.sampled_from(
        [
            "application/json",
            "application/json; charset=utf-16",
            "text/plain; charset=punycode",
            'text/plain; charset="latin-1"',
            "multipart/x; boundary=b",
            "application/x-www-form-urlencoded",
            "",
        ]
    ),
    st.text(st.characters(max_codepoint=255)),
)
header_lists = st.lists(
    st.one_of(
        st.tuples(st.just("Content-Type"), types),
        st.tuples(
            st.just("content-encoding"), st.sampled_from(["gzip", "deflate", "br", "identity"])
        ),
        st.tuples(st.text(st.characters(max_codepoint=255)), st.text(max_size=5)),
    ),
    max_size=3,
).map(tuple)
SIGNS = [b"{", b"}", b"[", b"]", b",", b":", b'"a"', b"1", b"NaN", b'"', b"\\", b" ", b"\0"]
PARTS = [b"\r\n", b"--b", b"\r\n--b\r\n", b"\r\n\r\n", b"a=%20+&", "\u202e".encode()]
fragments = st.lists(
    st.one_of(st.binary(max_size=4), st.sampled_from(SIGNS), st.sampled_from(PARTS))
).map(b"".join)
bodies = st.one_of(st.binary(), fragments, fragments.map(gzip.compress))


@settings(max_examples=200, deadline=None)
@given(bodies, header_lists, st.sampled_from(MODES), st.integers(-1, 40) | st.just(10_000))
def test_it_never_raises_and_its_lines_are_harmless(
    body: bytes, headers: tuple[tuple[str, str], ...], mode: Mode, limit: int
) -> None:
    result = view(body, headers, mode, limit)
    assert result.kind in ("json", "form", "multipart", "text", "binary", "empty")
    assert len(result.lines) <= MAX_LINES
    for line in (*result.lines, result.note):
        assert visible(line) == line
        assert len(line) <= MAX_WIDTH


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@given(values, st.sampled_from([None, 1, "\t"]))
def test_json_is_laid_out_as_json_dumps_would(value: Any, indent: int | str | None) -> None:
    sent = json.dumps(value, indent=indent).replace("Infinity", "1e999")
    again = json.dumps(value, indent=2).replace("Infinity", "1e999")
    expected = tuple(visible(line) for line in again.split("\n"))
    assert view(sent.encode(), JSON) == shown("json", *expected)


def test_json_shows_what_was_sent_and_not_what_it_means() -> None:
    body = b'{"a":1.50,"a":[],"\\u00e9":{} ,"c":[1E+2,{"x":-0}]}'
    assert view(body, JSON).lines == (
        "{",
        '  "a": 1.50,',
        '  "a": [],',
        '  "\\u00e9": {},',
        '  "c": [',
        "    1E+2,",
        "    {",
        '      "x": -0',
        "    }",
        "  ]",
        "}",
    )


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (b'{"a":1', "it ends early"),
        (b'{"a', "it ends early"),
        (b'{"a" 1}', "an unexpected 1 at character 6"),
        (b"{1:2}", "an unexpected 1 at character 2"),
        (b"[1}", "an unexpected } at character 3"),
        (b"]", "an unexpected ] at character 1"),
        (b"[1,]", "an unexpected ] at character 4"),
        (b"[,1]", "an unexpected , at character 2"),
        (b"1:", "an unexpected : at character 2"),
        (b"{} {}", "an unexpected { at character 4"),
        (b"01", "an unexpected 01 at character 1"),
        (b"nope\x1b", "an unexpected nope␛ at character 1"),
        (b" ", "it ends early"),
        ("1\u00a0".encode(), "an unexpected 1\u00a0 at character 1"),
    ],
)
def test_what_is_not_json_is_shown_as_text_with_the_place(body: bytes, note: str) -> None:
    result = view(body, JSON)
    assert (result.kind, result.note) == ("text", f"not valid JSON: {note}")
    assert result.lines == tuple(visible(body.decode()).split("\n"))


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (b"[NaN,-Infinity]", "not valid JSON: NaN is not a JSON value"),
        (b'["\x01"]', "not valid JSON: a raw control character or a wrong escape in the string"),
        (b'["\\x"]', "not valid JSON: a raw control character or a wrong escape in the string"),
        (b"\xef\xbb\xbf[1]", "begins with a byte order mark"),
    ],
)
def test_a_flaw_in_json_is_noted_and_the_rest_laid_out(body: bytes, note: str) -> None:
    result = view(body, JSON)
    assert result.kind == "json"
    assert result.lines[0] == "["
    assert result.note.startswith(note)


def test_json_is_recognised_without_its_content_type_unless_it_is_broken() -> None:
    assert view(b' {"a":1}', ()).kind == "json"
    assert view(b"[1] x", ()) == shown("text", "[1] x")
    assert view(b'{"a":1}', typed("application/xml")).kind == "text"
    assert view(b"{}", typed("application/cloudevents+json")).kind == "json"


def test_a_body_of_brackets_does_not_become_a_triangle() -> None:
    result = view(b"[" * 200_000, JSON)
    assert result.kind == "json"
    assert result.truncated
    assert max(len(line) for line in result.lines) < 100


@pytest.mark.parametrize("body", [b'[12345, "x"]', b'["a", "bcdefgh"]', b"[true, 1]"])
def test_json_that_is_cut_is_laid_out_to_the_cut(body: bytes) -> None:
    for limit in range(1, len(body)):
        result = view(body, JSON, limit=limit)
        assert (result.kind, result.truncated, result.note) == ("json", True, "")
        assert "".join(result.lines).replace(" ", "") == body[:limit].decode().replace(" ", "")


@pytest.mark.uncounted
@pytest.mark.parametrize("headers", [JSON, ()])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "piece", [b'{"a":[1,', b"[", b'"\\', b"x", b" ", b"\x80", b"\0", "\u202e".encode(), b"\n"]
)
def test_ten_megabytes_are_shown_at_once(
    piece: bytes, mode: Mode, headers: tuple[tuple[str, str], ...]
) -> None:
    body = piece * (10_000_000 // len(piece))
    began = time.process_time()
    assert view(body, headers, mode).truncated
    assert time.process_time() - began < 1.5  # 0.05 s on an idle machine


def test_an_empty_body() -> None:
    assert view(b"", JSON) == shown("empty")


@pytest.mark.parametrize(
    ("body", "content_type", "line", "note"),
    [
        (b"\xe9", "text/plain; charset=iso-8859-1", "é", ""),
        (b"\xe9", 'text/plain; x=1; Charset="Latin\\-1"', "é", ""),
        (b"\xe9", "text/plain", "é", "not UTF-8: shown as Latin-1"),
        ("é".encode(), "text/plain; charset=nonsense", "é", "not nonsense: shown as UTF-8"),
        ("é".encode(), "text/plain; charset=ascii", "é", "not ascii: shown as UTF-8"),
        ("é".encode(), "text/plain; charset=punycode", "é", "not punycode: shown as UTF-8"),
        ("é".encode("utf-16"), "text/plain; charset=utf-16", "é", ""),
        (b"a\tb\x1b", "text/plain", "a   b␛", ""),
    ],
)
def test_character_sets(body: bytes, content_type: str, line: str, note: str) -> None:
    assert view(body, typed(content_type)) == shown("text", line, note=note)


def test_a_character_cut_in_two_at_the_limit_is_no_error() -> None:
    assert view("éé".encode(), (), limit=3) == shown("text", "é", truncated=True)


def test_binary_is_shown_in_hex_in_every_mode() -> None:
    line = "00000000  00 ff 41 42 43 44 45 46  47                       |..ABCDEFG|"
    for mode in MODES:
        assert view(b"\x00\xffABCDEFG", (), mode) == shown("binary", line)
    assert view(b"\x01\x02\x03ok", ()).kind == "binary"
    assert view(b"\x01\x02\x03ok", typed("text/plain")).kind == "text"


def test_hex_of_a_text() -> None:
    result = view(b'{"a":"0123456789abcdef"}', JSON, "hex")
    assert result.kind == "json"
    assert (
        result.lines[1] == '00000010  61 62 63 64 65 66 22 7d                           |abcdef"}|'
    )


def test_raw_is_the_text_as_it_came() -> None:
    assert view(b'{"a":1}\r\n{', JSON, "raw") == shown("json", '{"a":1}', "{")
    assert view(b"a=%20", FORM, "raw") == shown("form", "a=%20")
    assert view(b"--x", MULTIPART, "raw") == shown("multipart", "--x")


def test_a_coded_body_is_decoded_for_the_eye_only() -> None:
    coded = (*JSON, ("Content-Encoding", "gzip"))
    body = gzip.compress(b"[]")
    assert view(body, coded) == shown("json", "[]", note="gzip decoded")
    assert view(body, coded, "raw").kind == "binary"
    plain = view(b"[]", coded)
    assert plain == shown(
        "json", "[]", note="gzip cannot be decoded: it is damaged, or something else"
    )
    # Nothing is said of a JSON that is not to be seen.
    assert view(b"notgzip", coded).note == plain.note
    assert view(b"[]", (*JSON, ("Content-Encoding", "Identity"))) == shown("json", "[]")


def test_what_comes_of_a_body_that_is_cut_is_shown() -> None:
    coded = (*JSON, ("Content-Encoding", "gzip"))
    result = view(gzip.compress(json.dumps([1, 2, "x" * 3000]).encode(), 0)[:-2000], coded)
    assert result.note == "gzip decoded in part: it ends early"
    assert (result.kind, result.truncated) == ("json", True)
    assert result.lines[:4] == ("[", "  1,", "  2,", "  " + result.lines[3].strip())
    bomb = view(gzip.compress(b"[" + b"1," * 10_000_000), coded)
    assert bomb.note == "gzip decoded, its beginning alone"
    assert (bomb.kind, bomb.truncated, bomb.lines[1]) == ("json", True, "  1,")


def test_a_coding_that_cannot_be_undone_is_hex_and_named() -> None:
    coded = (*JSON, ("Content-Encoding", "compress"))
    # Latin-1 would make a text of it.
    result = view(b"\x1f\x9d\x90abc\xe9" * 3, coded)
    assert (result.kind, result.note) == ("binary", "compress cannot be decoded")
    assert result.lines[0].startswith("00000000  1f 9d 90 61")
    # A wrong name for what is plainly text.
    assert view(b"[]", (*JSON, ("Content-Encoding", "utf-8"))).kind == "json"


def test_a_form() -> None:
    body = b"a=1&b=%20x+y%0A&c&=&%ff=2"
    assert view(body, FORM) == shown("form", "a = 1", "b =  x y␊", "c", " = ", "\ufffd = 2")


def test_json_in_a_form_is_laid_out() -> None:
    body = b"payload=%7B%22a%22%3A%5B1%5D%7D&x=[1]+y"
    assert view(body, FORM).lines == (
        "payload =", "  {", '    "a": [', "      1", "    ]", "  }", "x = [1] y",
    )  # fmt: skip


def test_multipart() -> None:
    body = (
        b"preamble\r\n--a b\r\nContent-Disposition: form-data; name=t\r\n\r\nhello\r\nyou\r\n"
        b'--a b\r\nContent-Disposition: form-data; name="f"; filename="\xc3\xa9\x1b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x00\xff\r\n"
        b"--a b\r\nContent-Type: application/json\r\n\r\n[1]\r\n"
        b"--a b\r\nX: 1\r\n\r\n" + b"l\n" * 30 + b"\r\n--a b--\r\nafter"
    )
    lines = view(body, MULTIPART).lines
    assert view(body, MULTIPART).kind == "multipart"
    assert lines[:6] == (
        'part 1: "t", 10 bytes',
        "Content-Disposition: form-data; name=t",
        "",
        "hello",
        "you",
        "",
    )
    assert lines[6] == 'part 2: "f", file "é␛.png", image/png, 2 bytes'
    assert lines[9:12] == (
        "",
        "00000000  00 ff                                             |..|",
        "",
    )
    assert lines[12] == "part 3: application/json, 3 bytes"
    assert lines[14:19] == ("", "[", "  1", "]", "")
    assert lines[19:22] == ("part 4: 60 bytes", "X: 1", "")
    assert lines[22:] == ("l",) * 20 + ("…",)


def test_the_size_of_a_large_part_is_its_own_and_not_what_is_looked_at() -> None:
    body = b"--a b\r\n\r\n" + b"x" * 1_000_000 + b"\r\n--a b\r\n\r\nend"
    result = view(body, MULTIPART)
    assert result.lines[0] == "part 1: 1000000 bytes"
    assert result.lines[-3:] == ("part 2: 3 bytes, without an end", "", "end")


def test_multipart_without_parts_or_with_too_many() -> None:
    assert view(b"hello", MULTIPART) == shown("text", "hello")
    assert view(b"hello", typed("multipart/mixed")) == shown("text", "hello")
    many = view(b"--b\r\n\r\nx\r\n" * 150, typed("multipart/mixed; boundary=b"))
    assert many.note == "only the first 100 parts"
    assert sum(bool(re.match(r"part \d+", line)) for line in many.lines) == 100


def test_lines_and_width_are_bounded() -> None:
    wide = view(b"x" * (MAX_WIDTH + 1), ())
    assert wide.truncated
    assert wide.lines[0] == "x" * (MAX_WIDTH - 1) + "…"
    assert not view(b"x" * MAX_WIDTH, ()).truncated
    long = view(b"\n" * MAX_LINES, ())
    assert long.truncated
    assert len(long.lines) == MAX_LINES


BRACKETS = b"[" * 1_000_000
HOSTILE = {
    "one line": b'{"event":"x","data":"' + b"x" * 10_000_000 + b'"}',
    "one line of items": b'{"data":[' + b'{"a":1,"b":"\xc3\xa9"},' * 500_000 + b"0]}",
    "deep": BRACKETS + b"]" * 1_000_000,
    "deep objects": b'{"a":' * 1_000_000,
    "invalid": b'{"a":"\xff\xfe"}' * 1_000_000,
    "controls": b"\x1b[2J\xe2\x80\xae" * 1_000_000,
    "form": b"a=%7B%7D&" * 1_000_000,
    "parts": b"--a b\r\n\r\n[\r\n" * 800_000,
}


def _bounded(body: bytes, headers: tuple[tuple[str, str], ...], mode: Mode = "pretty") -> None:
    """Neither the processor's time nor what is held meanwhile is more than a screen may cost."""
    began = time.process_time()
    view(body, headers, mode)
    assert time.process_time() - began < 1  # 0.2 s at most on an idle machine
    tracemalloc.start()
    try:
        view(body, headers, mode)
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.uncounted
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_take_neither_time_nor_memory(name: str) -> None:
    for headers in (JSON, FORM, MULTIPART, ()):
        _bounded(HOSTILE[name], headers)
    for mode in MODES[1:]:
        _bounded(HOSTILE[name], JSON, mode)


@pytest.mark.parametrize("layers", ["gzip", "gzip, gzip"])
def test_a_gigabyte_in_a_megabyte_takes_neither_time_nor_memory(layers: str) -> None:
    packer = zlib.compressobj(wbits=31)
    # What a full flush ends may be repeated.
    head = packer.compress(b"[") + packer.flush(zlib.Z_FULL_FLUSH)
    body = head + 64 * (packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH))
    if layers != "gzip":
        body = gzip.compress(body)
    assert len(body) < 1 << 20
    headers = (*JSON, ("Content-Encoding", layers))
    _bounded(body, headers)
    assert view(body, headers).note == f"{layers} decoded, its beginning alone"
