"""A request as text for an editor, and back."""

import gzip
import time
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.domain.headers import values
from inspector.domain.plaintext import visible
from inspector.domain.requesttext import MAX_BODY, EditError, from_text, to_text
from tests.store.strategies import bodies, requests

textual = st.text(st.characters(max_codepoint=0x3000, categories=("L", "N", "Zs"))).map(str.encode)
pieces = [b"", b"a", b"b", b"\r\n", b"\n", b"\r", b"\xef\xbb\xbf", "❤\ufe0f".encode(), b"\xe9"]
pieces += [sign.encode() for sign in ("\x85", "\u2028", "␍", "‹U+2028›", "‹U+0041›", "‹U+FFFFFF›")]
anything = st.one_of(bodies, textual, st.lists(st.sampled_from(pieces)).map(b"".join))
typed = st.sampled_from(
    [
        (),
        (("Content-Type", "text/plain; charset=iso-8859-1"),),
        (("content-type", "text/plain;charset=Windows-1252; x=y"),),
        (("Content-Length", "3"),),
    ]
)
captured = st.builds(
    lambda request, more, body: request._replace(headers=(*request.headers, *more), body=body),
    requests,
    typed,
    anything,
)


def post(body: bytes, *headers: tuple[str, str]) -> Request:
    return Request("POST", "/hooks?a=1", "1.1", headers, body)


def edited(request: Request, old: str, new: str) -> Request:
    text = to_text(request).text
    before, found, after = text.rpartition(old)
    assert found
    return from_text(before + new + after, request)


@settings(max_examples=500)
@given(captured)
@example(Request("", " x HTTP/1.1 ", "1.1", ((":", "\0\x1b"), ("", "")), b"\n\n"))
def test_text_that_was_not_edited_is_the_same_request(request: Request) -> None:
    shown = to_text(request)
    assert from_text(shown.text, request) == request
    assert from_text(shown.text.replace("\n", "\r\n"), request) == request
    if not request.body.endswith(b"\n"):  # an editor ends what it saves with a line break
        assert from_text(shown.text + "\n", request) == request


@given(captured)
def test_what_an_editor_is_given_is_harmless(request: Request) -> None:
    text = to_text(request).text
    assert visible(text, keep_layout=True) == text
    assert "\r" not in text


@settings(max_examples=500)
@given(captured)
def test_an_edited_head_leaves_the_body_alone(request: Request) -> None:
    head, _, rest = to_text(request).text.partition("\n\n")
    lines = ["PUT /x HTTP/1.0", *head.split("\n")[1:], "X-New: caf\xe9"]
    changed = from_text("\n".join(lines) + "\n\n" + rest, request)
    added = ("X-New", "caf\xe9")
    assert changed == Request("PUT", "/x", "1.0", (*request.headers, added), request.body)


def test_it_reads_like_a_request() -> None:
    request = post(b'{"a":1}\n', ("Host", "h"), ("X-Latin", "caf\xe9 \x1b\x85"), ("X-Empty", ""))
    assert to_text(request) == (
        'POST /hooks?a=1 HTTP/1.1\nHost: h\nX-Latin: caf\xe9 ␛‹U+0085›\nX-Empty: \n\n{"a":1}\n',
        True,
        "",
    )


def test_every_part_can_be_edited() -> None:
    request = post(b'{"a":1}', ("Host", "h"), ("Content-Length", "7"), ("X-Odd", "a\x1b\tb"))
    text = (
        "PATCH /x?y=%20 HTTP/1.1\n"
        "X-Odd: ␛␉\xff\n"
        "x-empty:\n"
        "X-Odd:  two blanks\n"
        "content-length: 7\n"
        "\n"
        '{"a":12345}\n'
    )
    headers = (
        ("X-Odd", "\x1b\t\xff"),
        ("x-empty", ""),
        ("X-Odd", " two blanks"),
        ("content-length", "11"),
    )
    assert from_text(text, request) == Request("PATCH", "/x?y=%20", "1.1", headers, b'{"a":12345}')


def test_the_length_follows_the_body_unless_it_was_edited() -> None:
    request = post(b"abc", ("Content-Length", "3"))
    assert values(edited(request, "abc", "abcd").headers, "content-length") == ("4",)
    text = to_text(request).text.replace(": 3", ": 9").replace("abc", "abcd")
    assert values(from_text(text, request).headers, "content-length") == ("9",)
    assert edited(post(b"abc"), "abc", "abcd").headers == ()


@pytest.mark.parametrize(
    ("body", "old", "new", "then"),
    [
        (b"a\r\nb\r\nc", "b", "x\ny", b"a\r\nx\r\ny\r\nc"),
        (b"a\r\nb\nc\r\n", "b", "x", b"a\r\nx\nc\r\n"),
        (b"a\r\nb\nc\nd\n", "a\nb", "a\nx\nb", b"a\r\nx\nb\nc\nd\n"),
        (b"a\nb\r\nc", "a\n", "", b"b\r\nc"),
        (b"a\nb\r\nc", "\nc", "", b"a\nb"),
        (b"a\r\nb", "\nb", "", b"a"),
        (b"a\r\nb", "a\nb", "", b""),
        (b"a\r\n", "a\n", "a", b"a"),
        (b"a\n", "a\n", "a\n\n", b"a\n\n"),
        (b"a", "\na", "\na\n\n", b"a\n"),
        (b"", "\n\n", "\n\nnew\n", b"new"),
        (b"\n\na", "a", "b", b"\n\nb"),
        (b"\xef\xbb\xbfa", "\na", "\nb", b"\xef\xbb\xbfb"),
    ],
)
def test_an_edited_body_keeps_the_line_breaks_of_the_original(
    body: bytes, old: str, new: str, then: bytes
) -> None:
    assert edited(post(body), old, new).body == then


def test_what_cannot_be_seen_is_spelled_in_a_body_and_sent_as_it_was() -> None:
    body = "a\u2028b\r\n❤\ufe0f 👩\u200d💻 \u202e\x85 one\rtwo\x1b" + "." * 20
    shown = to_text(post(body.encode()))
    assert shown.text.split("\n\n")[1] == (
        "a‹U+2028›b\n❤‹U+FE0F› 👩‹U+200D›💻 ‹U+202E›‹U+0085› one␍two␛" + "." * 20
    )
    assert edited(post(body.encode()), "b\n", "c\n").body == body.replace("b\r", "c\r").encode()
    assert edited(post(b"a"), "a", "‹U+202E›␛‹U+0041›␊").body == "\u202e\x1b‹U+0041›\n".encode()
    with pytest.raises(EditError, match=r"line 3: ‹U\+D800› cannot be written in utf-8"):
        edited(post(b"a"), "a", "‹U+D800›")


def test_signs_that_a_body_holds_itself_stand_for_themselves() -> None:
    body = "␍ and ‹U+2028› and 1".encode()
    assert edited(post(body), "1", "2 ␛").body == "␍ and ‹U+2028› and 2 ␛".encode()


def test_a_body_in_latin_1_stays_in_latin_1() -> None:
    for charset in ("ISO-8859-1", '"latin1"'):
        request = post(b"caf\xe9 1", ("Content-Type", f"text/plain; charset={charset}"))
        assert edited(request, "1", "\xfc").body == b"caf\xe9 \xfc"
        with pytest.raises(EditError, match=r"line 5: 漢 cannot be written in latin-1") as caught:
            edited(request, "1", "\n漢")
        assert caught.value.line == 5
    request = post(b"5 \x80", ("Content-Type", "text/plain; charset=windows-1252"))
    assert edited(request, "5 €", "6 €").body == b"6 \x80"
    assert not to_text(post(b"caf\xe9 1")).body_editable


@pytest.mark.parametrize(
    "body",
    [
        b"\0",
        b"\xff\xfe",
        gzip.compress(b"{}", mtime=0),
        b"\x1b[31m",
        "␛ and \x1b".encode() + b" " * 50,
        "‹U+202E›\u202e".encode(),
        b"\x0b",
        b"x" * (MAX_BODY + 1),
    ],
)
def test_a_body_that_is_no_text_for_an_editor_is_kept(body: bytes) -> None:
    request = post(body, ("X", "y"))
    shown = to_text(request)
    assert not shown.body_editable
    assert shown.note.startswith(f"the body of {len(body)} bytes")
    assert edited(request, "X: y", "X: z") == request._replace(headers=(("X", "z"),))
    head, _, line = shown.text.partition("\n\n")
    for wrong in ("", "x", line + "x"):
        with pytest.raises(EditError, match=r"^line 4: this body cannot be edited") as caught:
            from_text(f"{head}\n\n{wrong}", request)
        assert caught.value.line == 4


@pytest.mark.parametrize(
    "body", [b"", b"\t\n x", "é漢😀❤\ufe0f 👩\u200d💻".encode(), b"x" * MAX_BODY]
)
def test_a_body_of_text_can_be_edited(body: bytes) -> None:
    assert to_text(post(body)).body_editable


def test_the_note_says_that_the_signature_will_not_match() -> None:
    signed = ("X-PacSpace-Signature", "v1=00")
    assert "signed anew" in to_text(post(b"{}", signed)).note
    note = to_text(post(b"\0", signed)).note
    assert "binary" in note
    assert "signed anew" in note


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: this is not a request line"),
        ("\n\nbody", "line 1: this is not a request line"),
        ("POST", "line 1: the request target is missing"),
        ("(x) / HTTP/1.1", "line 1: this is not a request line"),
        ("POST /a b HTTP/1.1", "line 1: a request target holds no blanks"),
        ("POST /␛ HTTP/1.1", "line 1: a request target holds no blanks"),
        ("POST  HTTP/1.1", "line 1: the request target is missing"),
        ("POST / HTTP/one", "line 1: one is not a version of HTTP"),
        ("POST /漢 HTTP/1.1", "line 1: 漢 cannot stand in a head"),
        ("POST / HTTP/1.1\nX: a\nno colon", "line 3: this is not a header"),
        ("POST / HTTP/1.1\n folded", "line 2: this is not a header"),
        ("POST / HTTP/1.1\n: x", "line 2: '' is not a header's name"),
        ("POST / HTTP/1.1\nX Y: x", "line 2: 'X Y' is not a header's name"),
        ("POST / HTTP/1.1\nX : x", "line 2: 'X ' is not a header's name"),
        ("POST / HTTP/1.1\nX: €", "line 2: € cannot stand in a head"),
        ("POST / HTTP/1.1\nX: \u202e", "line 2: ‹U+202E› cannot stand in a head"),
        ("POST / HTTP/1.1\nX: ␊", "line 2: a line break or a NUL cannot stand in a head"),
        ("POST / HTTP/1.1\nX: a\rb", "line 2: a line break or a NUL cannot stand in a head"),
        ('{"a":1}', "line 1: this is not a request line"),
    ],
)
def test_an_error_points_at_its_line(text: str, said: str) -> None:
    with pytest.raises(EditError) as caught:
        from_text(text, post(b"{}"))
    assert caught.value.message == said
    assert said.startswith(f"line {caught.value.line}: ")
    assert caught.value.exit_code == 2


def test_a_request_line_may_leave_out_the_version() -> None:
    assert from_text("PUT /x\nA: b\n", post(b"{}")) == Request(
        "PUT", "/x", "1.1", (("A", "b"),), b""
    )


@given(st.text(), captured)
def test_whatever_is_typed_gives_a_request_or_an_edit_error(text: str, request: Request) -> None:
    with suppress(EditError):
        from_text(text, request)


def test_the_largest_body_is_read_at_once() -> None:
    request = post(b"ab\r\n" * (MAX_BODY // 4))
    started = time.process_time()
    text = to_text(request).text
    assert from_text(text, request) == request
    assert from_text(text + "c", request).body == request.body + b"c"
    assert time.process_time() - started < 2
