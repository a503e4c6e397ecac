"""Snippets as they run: real curl, real HTTPie and real Python send what was captured."""

import contextlib
import gzip
import io
import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.domain.headers import HOP_BY_HOP, Headers
from inspector.domain.snippets import curl, httpie, python
from tests.helpers.recorder import Recorder

HTTP = Path(sys.executable).with_name("http")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_httpie = pytest.mark.skipif(not HTTP.exists(), reason="HTTPie is not installed")
# A user's own configuration would add to what is sent.
ENVIRONMENT = {
    "PATH": f"{HTTP.parent}:{os.environ['PATH']}",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}

TARGETS = ("/", "//a//b", "/a%2Fb%2f%7E", "/hooks?", "/hooks?a=1&a=2", "/x/../y/.", "/h#f")
ODD_TARGETS = (
    "/[1-9]{a,b}",
    "/caf\xe9\xff",
    "/\\\"'`$x|<>^",
    "*",
    "http://other.example/x?",
    "/?a?b",
)
HEADERS = (
    ("hOST", "provider.example"),
    ("X-Dup", "1"),
    ("x-dup", "2"),
    ("X-DUP", "1"),
    ("X-Latin", "caf\xe9 \xff"),
    ("X-Utf-8", "café 漢".encode().decode("latin-1")),
    ("X-Empty", ""),
    ("X-At", "@/etc/passwd"),
    ("X-Items", "=@/etc/passwd; a:=1 b==2 c\\d"),
    ("X-Odd", "a\tb\x1b[31m'\"`id`$(id) %s \\n!"),
    ("Accept-Encoding", "gzip, br"),
    ("Cookie", "a=b; c=d"),
    ("Cookie", "e=f"),
    ("Connection", "keep-alive, X-Mine"),
    ("X-Mine", "belongs to the connection"),
)
BODIES = (
    b'{"event":"delta.verified","data":{"n":1}}',
    gzip.compress(b'{"event":"delta.verified"}' * 50, mtime=0),
    bytes(range(256)) * 20,
    b"",
    b"@/etc/passwd",
    b"it's\n!! \\\\ \\' \\\n^a^b\n~.\n",
    b"a\r\nb\0\x1b[201~",
    b"\xef\xbb\xbf-n",
    "❤\ufe0f \u202e".encode(),
    b"x" * (3 << 20),
)


def lines(request: Request) -> Headers:
    """The headers that a snippet carries, apart from what the tool writes itself."""
    own = HOP_BY_HOP | {"host", "content-length", "expect", "x-mine"}
    return tuple(pair for pair in request.headers if pair[0].lower() not in own)


def by_name(headers: Headers) -> list[tuple[str, str]]:
    return sorted(headers, key=lambda pair: pair[0].lower())


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


def run_in_shell(snippet: str, recorder: Recorder) -> Request:
    run = subprocess.run(
        ["sh"], input=snippet.encode(), capture_output=True, timeout=60, env=ENVIRONMENT
    )
    assert run.returncode == 0, run.stderr
    return recorder.take()


def run_here(snippet: str, recorder: Recorder) -> Request:
    """The program in this process, which is a hundred times faster than a new one."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        scope: dict[str, object] = {}
        exec(compile(snippet, "snippet", "exec"), scope)
        connection = scope["connection"]
        connection.close()  # type: ignore[attr-defined]
    assert printed.getvalue().startswith("200 OK\n")
    return recorder.take()


def sent_by_curl(request: Request, recorder: Recorder) -> None:
    got = run_in_shell(curl(request, recorder.url), recorder)
    assert (got.method, got.target, got.body) == (request.method, request.target, request.body)
    assert lines(got) == tuple(
        pair for pair in lines(request) if pair[1].strip("\v\f") or not pair[1]
    )
    assert [value for name, value in got.headers if name == "Host"] == [recorder.authority]


def sent_by_python(request: Request, recorder: Recorder) -> None:
    got = run_here(python(request, recorder.url), recorder)
    assert (got.method, got.target, got.body) == (request.method, request.target, request.body)
    assert lines(got) == lines(request)
    captured = [name for name, _ in request.headers if name.lower() == "host"][:1]
    sent = [pair for pair in got.headers if pair[0].lower() == "host"]
    assert sent == [(name, recorder.authority) for name in captured or ["Host"]]


def sent_by_httpie(request: Request, recorder: Recorder) -> None:
    """All but what the snippet says it leaves out or spells in another way."""
    snippet = httpie(request, recorder.url)
    got = run_in_shell(snippet, recorder)
    assert (got.method, got.body) == (request.method, request.body)
    if "another spelling" not in snippet:
        assert got.target == request.target
    said = shlex.split(snippet.split("\n")[0])[-1] if "left out" in snippet else ""
    missing = [pair for pair in lines(request) if pair not in got.headers]
    names = said.partition("cannot send it: ")[2].split(", ") if said else []
    assert {name for name, _ in missing} == set(names)
    kept = tuple(pair for pair in lines(request) if pair not in missing)
    assert by_name(lines(got)) == by_name(kept)


@needs_curl
@pytest.mark.parametrize("body", BODIES)
def test_curl_sends_every_body(body: bytes, recorder: Recorder) -> None:
    sent_by_curl(Request("POST", "/hooks", "1.1", HEADERS, body), recorder)


@needs_httpie
@pytest.mark.parametrize("body", BODIES)
def test_httpie_sends_every_body(body: bytes, recorder: Recorder) -> None:
    sent_by_httpie(Request("POST", "/hooks", "1.1", HEADERS, body), recorder)


@pytest.mark.parametrize("body", BODIES)
def test_python_sends_every_body(body: bytes, recorder: Recorder) -> None:
    sent_by_python(Request("POST", "/hooks", "1.1", HEADERS, body), recorder)


@needs_curl
@pytest.mark.parametrize("target", [*TARGETS, *ODD_TARGETS])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_curl_sends_every_target(method: str, target: str, recorder: Recorder) -> None:
    sent_by_curl(Request(method, target, "1.1", (), b""), recorder)


@needs_httpie
@pytest.mark.parametrize("target", [*TARGETS, *ODD_TARGETS])
def test_httpie_sends_every_target(target: str, recorder: Recorder) -> None:
    sent_by_httpie(Request("POST", target, "1.1", (), b""), recorder)


@pytest.mark.parametrize("target", [*TARGETS, *ODD_TARGETS])
def test_python_sends_every_target(target: str, recorder: Recorder) -> None:
    sent_by_python(Request("POST", target, "1.1", HEADERS, b"{}"), recorder)


@needs_curl
@pytest.mark.parametrize("body", [b"", b"x"])
@pytest.mark.parametrize("method", ["HEAD", "GET", "DELETE", "OPTIONS", "M-SEARCH", "POST"])
def test_curl_and_python_send_every_method(method: str, body: bytes, recorder: Recorder) -> None:
    request = Request(method, "/", "1.1", (), body)
    sent_by_curl(request, recorder)
    sent_by_python(request, recorder)


@needs_httpie
@pytest.mark.parametrize("body", [b"", b"x"])
@pytest.mark.parametrize("method", ["HEAD", "GET", "DELETE"])
def test_httpie_sends_other_methods(method: str, body: bytes, recorder: Recorder) -> None:
    sent_by_httpie(Request(method, "/", "1.1", (), body), recorder)


def test_python_runs_as_a_program(recorder: Recorder, tmp_path: Path) -> None:
    request = Request("PUT", "/x?", "1.1", HEADERS, bytes(range(256)))
    program = tmp_path / "snippet.py"
    program.write_text(python(request, recorder.url))
    run = subprocess.run([sys.executable, str(program)], capture_output=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"200 OK\nb'ok'\n", b"")
    assert recorder.take().body == request.body


@needs_curl
def test_an_empty_body_that_was_announced_is_announced(recorder: Recorder) -> None:
    for framing in (("Content-Length", "0"), ("Transfer-Encoding", "chunked")):
        request = Request("POST", "/", "1.1", (framing,), b"")
        for got in (
            run_in_shell(curl(request, recorder.url), recorder),
            run_here(python(request, recorder.url), recorder),
        ):
            assert ("Content-Length", "0") in got.headers


@needs_curl
@pytest.mark.parametrize("body", [*BODIES[:8], b"\t\n!x\n\\!"])
def test_it_can_be_pasted_into_an_interactive_shell(
    body: bytes, recorder: Recorder, tmp_path: Path
) -> None:
    """With history expansion, without bracketed paste: each line is read as if it were typed."""
    request = Request("POST", "/p", "1.1", (*HEADERS, ("X-Last", "!! !x ^a^b ~.")), body)
    screen, terminal = pty.openpty()
    shell = subprocess.Popen(
        [shutil.which("bash") or "bash", "--norc", "--noprofile", "-i"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        cwd=tmp_path,
        env={**ENVIRONMENT, "HISTFILE": "/dev/null", "TERM": "dumb"},
    )
    os.close(terminal)
    typed = "bind 'set enable-bracketed-paste off'\nset -o history -H\ntouch history\n"
    pending = (typed + curl(request, recorder.url) + "\nexit\n").encode()
    while True:
        readable, writable, _ = select.select([screen], [screen] if pending else [], [], 20)
        assert readable or writable, "the shell waits for something"
        if writable:
            pending = pending[os.write(screen, pending[:512]) :]
        if readable:
            try:
                if not os.read(screen, 65536):
                    break
            except OSError:
                break  # it has gone
    os.close(screen)
    shell.wait(20)
    got = recorder.take()
    assert (got.target, got.body) == (request.target, request.body)
    assert lines(got) == lines(request)
    assert [path.name for path in tmp_path.iterdir()] == ["history"]


token = st.text(st.sampled_from("!#$%&'*+.^_`|~09AZaz-"), min_size=1, max_size=8)
known = st.sampled_from(
    [
        *("Accept", "accept-encoding", "User-Agent", "Content-Type", "Cookie", "Authorization"),
        *("Referer", "Range", "If-Match", "Origin", "Expect", "TE", "Keep-Alive", "X-Dup", "x-dup"),
        *("Date", "Via", "Upgrade", "Content-Encoding", "Proxy-Connection", "Age", "Max-Forwards"),
    ]
)
octet = st.characters(max_codepoint=255, exclude_characters="\0\r\n")
tricky = st.sampled_from(
    ["\\", ":", "=", "@", ";", "'", '"', "%", "!", "$", "`", "a", " ", "\xa0", "\x85"]
)
utf8 = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=4
).map(lambda text: text.encode().decode("latin-1"))
value = st.one_of(st.text(octet, max_size=8), st.lists(tricky, max_size=6).map("".join), utf8).map(
    lambda text: text.strip(" \t")
)
pairs = st.lists(st.tuples(st.one_of(token, known), value), max_size=6).map(tuple)
path = st.one_of(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=255, exclude_characters="\x7f")),
    st.lists(
        st.sampled_from(["/", ".", "..", "%2e", "%41", "?", "#", "[", "a", ";", "=", "~"])
    ).map("".join),
).map(lambda text: "/" + text)
body = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(st.sampled_from(["'", "\\", "!", "\n", "@", "-"])).map(
        lambda text: "".join(text).encode()
    ),
)
method = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE"])
captured = st.builds(Request, method, path, st.just("1.1"), pairs, body)


@needs_curl
@settings(max_examples=200, deadline=None)
@given(request=captured)
@example(request=Request("GET", "/", "1.1", (("Range", ""), ("Cookie", ""), ("TE", "x")), b""))
def test_curl_carries_every_request(request: Request, recorder: Recorder) -> None:
    sent_by_curl(request, recorder)


@settings(max_examples=300, deadline=None)
@given(request=captured)
def test_python_carries_every_request(request: Request, recorder: Recorder) -> None:
    sent_by_python(request, recorder)


@needs_httpie
# HTTPie takes a quarter of a second to start: finding the smallest failure would take minutes.
@settings(max_examples=15, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(request=captured)
def test_httpie_carries_every_request(request: Request, recorder: Recorder) -> None:
    sent_by_httpie(request, recorder)
