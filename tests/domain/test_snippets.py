"""Snippets as text: what they look like, and that nothing in them can act where they are pasted."""

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.domain.headers import Headers
from inspector.domain.plaintext import visible
from inspector.domain.redact import masked
from inspector.domain.snippets import curl, httpie, python, raw
from inspector.domain.snippets.shell import piped, quoted, text_of, word
from tests.store.strategies import requests

BASE = "http://127.0.0.1:8400"
JSON = ("Content-Type", "application/json")
SHELLS = ("sh", "bash", "zsh", "fish")

marks = st.lists(
    st.sampled_from(["'", "\\", "!", "\n", "^", "~", "a", "$", "`", '"', "n", " ", "é"])
)
hostile = st.one_of(marks.map("".join), st.text())


def post(body: bytes, *headers: tuple[str, str], target: str = "/hooks") -> Request:
    return Request("POST", target, "1.1", headers, body)


def test_curl() -> None:
    request = post(
        b'{"a": "it\'s"}', ("Host", "h"), JSON, ("X-Empty", ""), ("Content-Length", "13")
    )
    assert curl(request, BASE + "/") == (
        "curl http://127.0.0.1:8400/hooks \\\n"
        "  -H Accept: \\\n"
        "  -H User-Agent: \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        "  -H 'X-Empty;' \\\n"
        "  --data-raw '{\"a\": \"it'\\''s\"}'"
    )


def test_httpie() -> None:
    request = post(b'{"a": 1}', JSON, ("X-Empty", ""), ("X-At", "@file"), ("User-Agent", "me"))
    assert httpie(request, BASE) == (
        "printf %s '{\"a\": 1}' |\n"
        "http POST http://127.0.0.1:8400/hooks \\\n"
        "  Accept: \\\n"
        "  Accept-Encoding: \\\n"
        "  Connection: \\\n"
        "  Content-Type:application/json \\\n"
        "  'X-Empty;' \\\n"
        "  'X-At:\\@file' \\\n"
        "  User-Agent:me"
    )


def test_names_that_look_like_options_are_none_to_httpie() -> None:
    assert httpie(post(b"", ("-v", "1")), BASE).startswith("http --ignore-stdin -- POST http")


def test_python() -> None:
    request = post(b"a\n\xff", ("hOST", "h"), ("X", "\xe9"), ("Content-Length", "9"))
    assert python(request, "https://[::1]/base") == (
        "import http.client\n"
        "\n"
        "body = (\n"
        "    b'a\\n'\n"
        "    b'\\xff'\n"
        ")\n"
        "connection = http.client.HTTPSConnection('::1')\n"
        "connection.putrequest('POST', '/base/hooks', skip_host=True, skip_accept_encoding=True)\n"
        "connection.putheader('hOST', '[::1]')\n"
        "connection.putheader('X', '\\xe9')\n"
        "connection.putheader('Content-Length', '3')\n"
        "connection.endheaders(body)\n"
        "response = connection.getresponse()\n"
        "print(response.status, response.reason)\n"
        "print(response.read())\n"
    )


def test_raw_is_what_was_captured() -> None:
    request = post(b"\0\xff", ("Host", "h"), ("X", "\xe9"))
    assert raw(request) == b"POST /hooks HTTP/1.1\r\nHost: h\r\nX: \xe9\r\n\r\n\0\xff"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("GET", "/", "1.1", (), b""), "curl http://127.0.0.1:8400/ "),
        (Request("PUT", "/", "1.1", (), b""), "curl -X PUT http"),
        (Request("GET", "/", "1.1", (), b"x"), "curl -X GET http"),
        (Request("HEAD", "/", "1.1", (), b""), "curl --head http"),
        (Request("HEAD", "/", "1.1", (), b"x"), "curl -X HEAD --ignore-content-length http"),
        (post(b"", target="/a/../b"), "--path-as-is http://127.0.0.1:8400/a/../b "),
        (post(b"", target="/a/%2E"), "--path-as-is http"),
        (post(b"", target="/[a]"), "--globoff 'http://127.0.0.1:8400/[a]'"),
        (post(b"", target="/x?"), "--request-target '/x?' http://127.0.0.1:8400 "),
        (post(b"", target="/%2f?%A0"), "--request-target '/%2f?%A0' http://127.0.0.1:8400 "),
        (post(b"", target="/%2F?%A0"), " 'http://127.0.0.1:8400/%2F?%A0' "),
        (post(b"", target="/#f"), "--request-target '/#f' http://127.0.0.1:8400 "),
        (post(b"", target="*"), "--request-target '*' http://127.0.0.1:8400 "),
        (post(b"", target="http://h/x"), "--request-target http://h/x http://127.0.0.1:8400 "),
        (post(b"", target="/\xff"), "--request-target \"$(printf '/\\377')\" http"),
        (post(b"", ("Content-Length", "0")), "--data-raw ''"),
        (post(b"@/etc/passwd"), "--data-raw @/etc/passwd"),
        (post(b"x" * 1025), "-H Expect: "),
        (post(b"a\tb"), "printf %s 'YQli' | base64 -d |\ncurl http"),
        (post(b"\xe9"), "--data-binary @-"),
        (post(b"x" * 200_000), "printf %s xxx"),
    ],
)
def test_options_of_curl(request_: Request, words: str) -> None:
    assert words in curl(request_, BASE)


def test_only_tls_needs_to_be_kept_from_http_2() -> None:
    assert "--http1.1" in curl(post(b""), "https://h")
    assert "--http1.1" not in curl(post(b""), BASE)


def test_what_belongs_to_the_connection_is_left_to_the_tool() -> None:
    headers = (("Connection", "close, X-Mine"), ("x-mine", "1"), ("Expect", "100-continue"))
    framing = (("Transfer-Encoding", "chunked"), ("Content-Length", "1"), ("Host", "h"))
    for make in (curl, httpie, python):
        text = make(post(b"abc", *headers, *framing), BASE)
        for word_ in ("close", "mine", "100-continue", "chunked"):
            assert word_ not in text.lower()


def test_what_a_tool_cannot_send_is_said() -> None:
    bad = ("@/etc/passwd", "x")
    assert curl(post(b"", bad), BASE).startswith(
        ": 'left out, because curl cannot send it: @/etc/passwd'\ncurl -X POST"
    )
    blank = curl(post(b"", ("X-Blank", "\f")), BASE)
    assert blank.startswith(": 'left out, because curl cannot send it: X-Blank'\ncurl -X POST")
    assert "# left out, because it cannot be sent: '@/etc/passwd'\n" in python(post(b"", bad), BASE)
    latin = httpie(post(b"", ("X-Latin", "\xe9"), ("X-Latin", "\xe8")), BASE)
    assert latin.startswith(": 'left out, because HTTPie cannot send it: X-Latin'\nhttp ")
    spelled = httpie(post(b"", target="/%7E#"), BASE)
    assert spelled.startswith(": 'HTTPie may send this request target in another spelling'\nhttp ")
    assert httpie(Request("M-SEARCH", "/", "1.1", (), b""), BASE) == (
        ": 'HTTPie cannot send the method M-SEARCH'"
    )


def test_masked_values_stay_masks() -> None:
    headers, _ = masked((("Cookie", "secret"),))
    assert "-H 'Cookie: ••••'" in curl(post(b"", *headers), BASE)
    assert "'Cookie:••••'" in httpie(post(b"", *headers), BASE)
    assert b"Cookie: " + "••••".encode() in raw(post(b"", *headers))
    assert repr("••••".encode()) in python(post(b"", *headers), BASE)


def lexed(text: str) -> Iterator[str]:
    """What a shell reads outside of quotes; every quoted piece is `Q`, an escaped character `E`."""
    at = 0
    while at < len(text):
        if text[at] == "\\":
            yield "" if text[at + 1] == "\n" else "E"
            at += 2
        elif text[at] == "'":
            at = text.index("'", at + 1) + 1
            yield "Q"
        elif substituted := re.compile(r"\"\$\(printf '[^']*'\)\"").match(text, at):
            assert re.fullmatch(r"[\w +,./:@=;\\-]*", substituted[0][11:-3], re.ASCII)
            at = substituted.end()
            yield "Q"
        else:
            yield text[at]
            at += 1


SIMPLE = re.compile(
    r"(?:: [QE]+\n)*(?:printf %s [QE\w+,./:@%-]+ \|(?: base64 -d \|)?\n)?[QE\w+,./:@% -]*"
)


@settings(max_examples=300, deadline=None)
@given(requests, hostile, hostile)
@example(post(b"", ("X", "\x1b[201~\nrm -rf ~\n")), "\x1b[201~", "'; rm -rf ~\n")
def test_nothing_from_outside_acts_where_it_is_pasted(
    request: Request, body: str, value: str
) -> None:
    request = request._replace(
        body=body.encode("utf-8", "surrogatepass"),
        headers=(*request.headers, ("X", value), (value, "y")),
    )
    for make in (curl, httpie):
        text = make(request, BASE)
        assert visible(text.replace("\n", "")) == text.replace("\n", "")
        outside = "".join(lexed(text))
        assert SIMPLE.fullmatch(outside), outside
        for line in text.split("\n")[1:]:
            assert not line.startswith(("!", "^", "~"))
    text = python(request, BASE)
    assert visible(text, keep_layout=True) == text
    assert text.isascii()
    compile(text, "snippet", "exec")


@pytest.fixture(scope="module", params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    path: str | None = shutil.which(request.param)
    if path is None:
        pytest.skip(f"{request.param} is not installed")
    return path


def output(shell: str, script: str) -> bytes:
    run = subprocess.run([shell, "-c", script], capture_output=True, timeout=20, check=True)
    assert run.stderr == b""
    return run.stdout


@settings(max_examples=60, deadline=None)
@given(st.lists(hostile.filter(lambda text: text_of(text.encode("utf-8", "replace")) is not None)))
@example(["'", "\\", "\\\\'", "a\\", "\\n\\\\n", "\n!!\n^a^b\n~.\\!", "$(id)`id`", "-n", ""])
def test_every_shell_reads_the_same_text(shell: str, texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    script = "printf '%s\\0' . " + " ".join(map(quoted, texts))
    assert output(shell, script) == "".join(f"{text}\0" for text in [".", *texts]).encode()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary().map(lambda data: data.translate(None, b"\0\r\n"))))
@example([bytes({*range(256)} - {0, 10, 13}), b"-n%s\\101", b"-", b"\x1b1"])
def test_every_shell_reads_the_same_bytes(shell: str, pieces: list[bytes]) -> None:
    script = "printf '%s\\0' . " + " ".join(map(word, pieces))
    assert output(shell, script) == b"".join(piece + b"\0" for piece in [b".", *pieces])


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(), hostile.map(lambda text: text.encode("utf-8", "replace"))))
@example(b"-n")
@example(b"x" * 300_000)
@example(bytes(range(256)) * 2000)
def test_every_shell_pipes_the_same_body(shell: str, body: bytes) -> None:
    script = piped(body)
    if len(script) > 100_000:
        run = subprocess.run([shell], input=script.encode(), capture_output=True, check=True)
        assert run.stdout == body
    else:
        assert output(shell, script) == body


def test_a_header_may_look_like_anything() -> None:
    odd: Headers = tuple((name, "v") for name in ("'", "!", "`a`", "$x", "~", "*", "|", "-x", "#"))
    text = curl(post(b"", *odd), BASE)
    assert text.count(" -H ") == len(odd) + 2
