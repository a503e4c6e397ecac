"""Targets as people write them, request targets byte for byte, and routing by event type."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.routes import (
    Decision,
    PathMode,
    Route,
    Routing,
    parse_header,
    parse_route,
    parse_target,
    request_target,
)
from inspector.errors import UsageError


@pytest.mark.parametrize(
    ("text", "url", "host", "port", "mode"),
    [
        ("3000", "http://localhost:3000", "localhost", 3000, PathMode.CAPTURED),
        (":3000", "http://localhost:3000", "localhost", 3000, PathMode.CAPTURED),
        (" 3000/ ", "http://localhost:3000", "localhost", 3000, PathMode.CAPTURED),
        ("3000/hook", "http://localhost:3000/hook", "localhost", 3000, PathMode.FIXED),
        ("localhost:3000", "http://localhost:3000", "localhost", 3000, PathMode.CAPTURED),
        ("App.local", "http://app.local", "app.local", 80, PathMode.CAPTURED),
        ("http://h:80/x", "http://h/x", "h", 80, PathMode.FIXED),
        ("HTTPS://h/", "https://h", "h", 443, PathMode.CAPTURED),
        ("https://h:8443/*", "https://h:8443/*", "h", 8443, PathMode.APPENDED),
        ("http://h/a/*", "http://h/a/*", "h", 80, PathMode.APPENDED),
        ("http://[::1]:3000", "http://[::1]:3000", "::1", 3000, PathMode.CAPTURED),
        ("[::1]", "http://[::1]", "::1", 80, PathMode.CAPTURED),
        ("http://h?a=1", "http://h/?a=1", "h", 80, PathMode.FIXED),
        ("http://h/x?", "http://h/x", "h", 80, PathMode.FIXED),
        ("3000/x%2Fy//z", "http://localhost:3000/x%2Fy//z", "localhost", 3000, PathMode.FIXED),
    ],
)
def test_a_target_is_read_as_written(
    text: str, url: str, host: str, port: int, mode: PathMode
) -> None:
    target = parse_target(text)
    assert (target.url, target.host, target.port, target.mode) == (url, host, port, mode)
    assert parse_target(url) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "http://",
        "ftp://h",
        "0",
        "99999",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:http",
        "localhost:٣٠٠٠",
        "::1",
        "http://[::1",
        "http://[nonsense]:1",
        "http://u:p@h",
        "http://h/#top",
        "http://h/a b",
        "http://h/\r\nX: y",
        "http://h/ü",
        "mailto:someone",
        "h:9999999999999",
    ],
)
def test_what_is_no_target_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text)
    assert caught.value.hint
    assert "\n" not in caught.value.message


@given(st.text(max_size=40))
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    for read in (parse_target, parse_route, parse_header):
        with suppress(UsageError):
            assert read(text) == read(text)


def test_the_authority_names_the_port_only_when_it_must() -> None:
    shown = [
        parse_target(text).authority
        for text in ("3000", "http://h", "https://h:443", "http://h:443", "[::1]:8", "[::1]")
    ]
    assert shown == ["localhost:3000", "h", "h", "h:443", "[::1]:8", "[::1]"]


CAPTURED = [
    ("/a", "", "/a"),
    ("/a//b/../%2F%7e", "", "/a//b/../%2F%7e"),
    ("/a?", "?", "/a"),
    ("/a?a=1&a=2", "?a=1&a=2", "/a"),
    ("/a?b?c#d", "?b?c#d", "/a"),
    ("/\xff\xe9", "", "/\xff\xe9"),
    ("//host/x", "", "//host/x"),
    ("http://h/p//q?x", "?x", "/p//q"),
    ("http://h:1", "", "/"),
    ("http://h?x", "?x", "/"),
    ("/http://h/p", "", "/http://h/p"),
]


@pytest.mark.parametrize(("captured", "query", "path"), CAPTURED)
def test_the_request_target_follows_the_targets_path(captured: str, query: str, path: str) -> None:
    assert request_target(parse_target("3000"), captured) == path + query
    assert request_target(parse_target("3000/hook"), captured) == "/hook" + query
    assert request_target(parse_target("3000/in/*"), captured) == "/in" + path + query
    assert request_target(parse_target("3000/*"), captured) == path + query


def test_a_targets_own_query_stands_before_the_captured_one() -> None:
    target = parse_target("3000/hook?key=1")
    assert request_target(target, "/x?a=2") == "/hook?key=1&a=2"
    assert request_target(target, "/x?") == "/hook?key=1"
    assert request_target(target, "/x") == "/hook?key=1"


def test_a_request_target_without_a_path_has_nothing_to_append() -> None:
    assert request_target(parse_target("3000"), "*") == "*"
    assert request_target(parse_target("3000/*"), "*") == "*"
    assert request_target(parse_target("3000/in/*"), "*") == "/in"
    assert request_target(parse_target("3000/hook"), "*") == "/hook"


@given(st.text(st.characters(max_codepoint=255), max_size=30).map(lambda text: "/" + text))
def test_without_a_path_of_its_own_a_target_gets_what_was_captured(captured: str) -> None:
    assert request_target(parse_target("3000"), captured) == captured
    assert request_target(parse_target("3000/in/*"), captured) == "/in" + captured


@pytest.mark.parametrize(
    ("text", "glob", "url"),
    [
        ("3000", None, "http://localhost:3000"),
        ("delta.*=http://localhost:3000/deltas", "delta.*", "http://localhost:3000/deltas"),
        ("delta.*=3000", "delta.*", "http://localhost:3000"),
        ("*=http://h/x?a=b=c", "*", "http://h/x?a=b=c"),
        ("delta.?=http://h", "delta.?", "http://h"),
        ("http://h/x?a=1", None, "http://h/x?a=1"),
        ("localhost:3000/x?a=1", None, "http://localhost:3000/x?a=1"),
        ("3000/cb?next=http://h", None, "http://localhost:3000/cb?next=http://h"),
        ("h?a=1", None, "http://h/?a=1"),
        ("http://h/a=b", None, "http://h/a=b"),
    ],
)
def test_a_glob_stands_only_before_a_url(text: str, glob: str | None, url: str) -> None:
    assert parse_route(text) == Route(glob, parse_target(url))


@pytest.mark.parametrize("text", ["=http://h", "delta.*=", "delta.*=ftp://h", "a:b=http://h"])
def test_a_broken_route_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_route(text)


def routing(*routes: str, events: tuple[str, ...] = ()) -> Routing:
    return Routing(tuple(map(parse_route, routes)), events)


@pytest.mark.parametrize(
    ("rules", "event", "decision"),
    [
        (routing(), "delta.verified", Decision(())),
        (routing(events=("fact.*",)), "delta.verified", Decision(())),
        (routing("3000"), None, Decision(("http://localhost:3000",))),
        (routing("a.*=3000"), "a.b", Decision(("http://localhost:3000",))),
        (routing("a.*=3000"), "A.b", Decision(())),
        (routing("a.*=3000"), None, Decision(())),
        (routing("*=3000"), None, Decision(("http://localhost:3000",))),
        (
            routing("a.*=1", "*.b=2", "c=3", "4"),
            "a.b",
            Decision(("http://localhost:1", "http://localhost:2", "http://localhost:4")),
        ),
        (routing("a.*=1", "*.b=localhost:1"), "a.b", Decision(("http://localhost:1",))),
        (routing("1", events=("a.*", "c")), "b.c", Decision((), "-e a.* -e c")),
        (routing("1", events=("a.*", "c")), "c", Decision(("http://localhost:1",))),
        (routing("1", events=("a.*",)), None, Decision((), "-e a.*")),
    ],
)
def test_the_decision(rules: Routing, event: str | None, decision: Decision) -> None:
    assert rules.decide(event) == decision


def test_the_event_is_needed_only_where_a_rule_looks_at_it() -> None:
    assert not routing("1", "2").needs_event
    assert routing("1", "a=2").needs_event
    assert routing("1", events=("a",)).needs_event


def test_each_target_is_listed_once() -> None:
    rules = routing("a=1", "b=2", "c=http://localhost:1/")
    assert [target.url for target in rules.targets] == ["http://localhost:1", "http://localhost:2"]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("X-A: b", ("X-A", "b")),
        ("x-a:b: c ", ("x-a", "b: c")),
        ("Host: h", ("Host", "h")),
        ("X-Empty:", ("X-Empty", "")),
        ("X: \xe9", ("X", "\xe9")),
    ],
)
def test_a_header_is_read(text: str, pair: tuple[str, str]) -> None:
    assert parse_header(text) == pair


@pytest.mark.parametrize(
    "text",
    ["", "X", ": v", "X Y: z", "X: a\r\nY: b", "X: \0", "X: €", "Content-Length: 5", "TE: x"],
)
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_header(text)
    assert caught.value.hint
