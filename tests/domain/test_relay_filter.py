"""The filter at the relay: what it may ask, and that it holds for what the query holds for here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.headers import Headers, first
from inspector.domain.query import matches, parse
from inspector.domain.relay_filter import (
    EVENT_HEADER,
    MOST_CHARACTERS,
    MOST_OF_HEADERS,
    MOST_OF_TARGET,
    parse_relay_filter,
)
from inspector.errors import UsageError
from tests.helpers.subjects import RECEIVED_AT, subject

HEADERS: Headers = (
    ("Host", "relay"),
    ("x-webhook-event", "delta.verified"),
    ("X-Webhook-Event", "other"),
    ("X-Tenant", "7"),
    ("X-Tenant", "b\xe4r"),
)


def takes(text: str, headers: Headers = HEADERS, target: str = "/hooks/a?x=/b") -> bool:
    wanted = parse_relay_filter(text)
    assert wanted is not None
    assert wanted.text == text.strip()
    return wanted.takes("POST", target, headers)


@pytest.mark.parametrize(
    "text",
    [
        "event:delta.*",
        "event:delta.*,x",
        "method:post",
        "path:/hooks/a",
        "path:/hooks*",
        "header.x-tenant:7",
        "header.X-TENANT:>6",
        "header.x-tenant:B*R",
        "not event:other",
        "event:other or path:/hooks/?",
        "(event:other or method:POST) path:/hooks*",
        "not (event:other or method:PUT)",
        "  path:*  ",
    ],
)
def test_what_it_takes(text: str) -> None:
    assert takes(text)
    assert not takes(f"not ({text})")


@pytest.mark.parametrize(
    "text",
    ["event:other", "event:DELTA.*", "path:/b", "path:*x=*", "method:GET", "header.x-none:*"],
)
def test_what_it_leaves_out(text: str) -> None:
    assert not takes(text)


def test_without_the_header_there_is_no_event() -> None:
    assert not takes("event:*", (("Host", "relay"),))
    assert takes("not event:*", (("Host", "relay"),))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("sig:valid", "sig"),
        ("path:/a and (event:b or not data.amount:>5)", "data"),
        ("status:5xx", "status"),
        ("is:duplicate", "is"),
        ("age:<2h", "age"),
        ("event_id:evt_1", "event_id"),
        ("remote:10.*", "remote"),
    ],
)
def test_a_key_that_no_relay_knows_is_named(text: str, key: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_relay_filter(text)
    assert refused.value.message == f'a relay\'s filter cannot ask for "{key}"'
    assert "--events" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "a relay's filter cannot look for free text"),
        ("path:", "the relay's filter: a value is missing (character 6)"),
        ("(path:/a", "the relay's filter: this bracket is not closed (character 1)"),
        ("pth:/a", 'the relay\'s filter: unknown key "pth" (character 1)'),
        ("path:" + "a" * MOST_CHARACTERS, "a relay's filter has at most 1024 characters"),
        (f"path:*{'?' * 63}b*c", "a relay's filter has at most 64 characters behind its *"),
        (
            "path:*" + "a" * 40 + " event:*" + "a" * 40,
            "a relay's filter has at most 64 characters behind its *",
        ),
        (f"header.x:{','.join('a' * 65)}", "a relay's filter asks for at most 64 values"),
    ],
)
def test_what_is_no_filter_is_told(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_relay_filter(text)
    assert refused.value.message == message


@pytest.mark.parametrize(
    "text",
    [f"path:{'?' * 500}*", f"path:/a/*{'a' * 63}*", f"event:{','.join(['delta.*'] * 64)}"],
)
def test_what_costs_little_may_be_asked(text: str) -> None:
    assert parse_relay_filter(text) is not None


def test_of_a_long_head_it_looks_at_the_beginning() -> None:
    long = "/hooks/" + "a" * MOST_OF_TARGET
    assert takes("path:/hooks/*", target=long)
    assert not takes("path:*b", target=long + "b")
    cookie = ("Cookie", "c" * MOST_OF_HEADERS)
    assert takes("event:delta.*", (cookie, *HEADERS))
    assert not takes("header.cookie:*", (cookie, *HEADERS))
    many = (("X-Many", "1"),) * 500
    assert takes("event:delta.*", HEADERS + many)
    assert not takes("event:delta.*", many + HEADERS)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_one_is_none(text: str) -> None:
    assert parse_relay_filter(text) is None


_TEXT = st.text("ab/.7\xe4", max_size=5)
_CONDITIONS = st.one_of(
    st.builds("path:*{}*".format, st.sampled_from(["a", "/", "b.a"])),
    st.builds("event:{}*".format, st.sampled_from(["a", "b", "ab"])),
    st.builds("method:{}".format, st.sampled_from(["get", "POST", "*"])),
    st.builds("header.x-a:{}".format, st.sampled_from(["7", "*a*", ">3", "b"])),
)
_QUERIES = st.recursive(
    _CONDITIONS,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("{} {}".format, inner, inner),
    ),
    max_leaves=6,
)
_HEADERS = st.lists(
    st.tuples(st.sampled_from(["X-A", "x-a", EVENT_HEADER, "x-webhook-event"]), _TEXT), max_size=4
)


@given(_QUERIES, st.sampled_from(["GET", "POST", "get"]), _TEXT, _HEADERS)
def test_it_holds_for_what_the_query_holds_for_here(
    text: str, method: str, target: str, pairs: list[tuple[str, str]]
) -> None:
    wanted, headers = parse_relay_filter(text), tuple(pairs)
    assert wanted is not None
    here = subject(
        headers, method=method, request_target=target, event=first(headers, EVENT_HEADER)
    )
    assert wanted.takes(method, target, headers) == matches(parse(text), here, RECEIVED_AT)
