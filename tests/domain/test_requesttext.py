"""A request as text for an editor, and back."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.domain.plaintext import visible
from inspector.domain.requesttext import from_text, to_text
from tests.store.strategies import bodies, requests

CRLF = b"a\r\nb\r\nc"

textual = st.text(st.characters(max_codepoint=0x3000, categories=("L", "N", "Zs"))).map(str.encode)
lines = st.lists(st.sampled_from([b"", b"a", b"b", b"\r\n", b"\n", b"\r", b"\xef\xbb\xbf"]))
anything = st.one_of(bodies, textual, lines.map(b"".join))


def post(body: bytes, *headers: tuple[str, str]) -> Request:
    return Request("POST", "/hooks?a=1", "1.1", headers, body)


def edited(request: Request, old: str, new: str) -> Request:
    text = to_text(request).text
    assert old in text
    return from_text(text.replace(old, new), request)


@settings(max_examples=300)
@given(requests, anything)
@example(Request("", " x HTTP/1.1 ", "1.1", ((":", "\0\x1b"), ("", "")), b""), b"\n\n")
def test_text_that_was_not_edited_is_the_same_request(request: Request, body: bytes) -> None:
    request = request._replace(body=body)
    shown = to_text(request)
    assert from_text(shown.text, request) == request
    assert from_text(shown.text + "\n", request) == request or request.body.endswith(b"\n")
    assert visible(shown.text.split("\n\n")[0], keep_layout=True) in shown.text


@given(requests, anything)
def test_an_edited_head_leaves_the_body_alone(request: Request, body: bytes) -> None:
    request = request._replace(body=body)
    text = to_text(request).text
    head, _, rest = text.partition("\n\n")
    changed = from_text(
        "\n".join(["PUT /x HTTP/1.1", *head.split("\n")[1:], "X-New: 1"]) + "\n\n" + rest, request
    )
    assert changed == Request("PUT", "/x", "1.1", (*request.headers, ("X-New", "1")), body)
