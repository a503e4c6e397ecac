"""What a consumer is told on the command line is read, or refused with a hint."""

import pytest

from inspector.errors import UsageError
from inspector.tunnel.address import consumer_of, parse_backfill, parse_consumer, parse_relay


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://relay.example.com/in/abc-DEF_1", "https://relay.example.com"),
        ("https://relay.example.com:443/in/abc-DEF_1/", "https://relay.example.com"),
        (" http://127.0.0.1:8400/in/abc-DEF_1\n", "http://127.0.0.1:8400"),
        ("HTTPS://Relay.Example.com/in/abc-DEF_1", "https://relay.example.com"),
        ("http://[::1]:8400/in/abc-DEF_1", "http://[::1]:8400"),
    ],
)
def test_a_capture_address_is_read(text: str, origin: str) -> None:
    address = parse_relay(text)
    assert (address.origin, address.slug) == (origin, "abc-DEF_1")
    assert address.url == f"{origin}/in/abc-DEF_1"
    assert address.secure == origin.startswith("https")


def test_the_tunnel_is_at_the_same_host() -> None:
    address = parse_relay("https://relay.example.com/in/S1")
    assert address.tunnel("a@b", "ff", take_over=False) == (
        "wss://relay.example.com/_inspector/tunnel/S1?consumer=a%40b&instance=ff"
    )
    address = parse_relay("http://localhost:8400/in/S1")
    assert address.tunnel("a", "ff", take_over=True, peek=True) == (
        "ws://localhost:8400/_inspector/tunnel/S1?consumer=a&instance=ff&take_over=1&peek=1"
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "relay.example.com/in/S1", "wss://relay.example.com/in/S1", "https:///in/S1",
        "https://relay.example.com", "https://relay.example.com/in/", "https://h/in/S1/hooks",
        "https://h/in/S1?x=1", "https://h/in/S1#f", "https://h/out/S1", "https://h:x/in/S1",
        "https://h:99999/in/S1", "https://h/in/S%31", "https://[::1/in/S1", "https://h h/in/S1",
    ],
)  # fmt: skip
def test_anything_else_is_a_usage_error_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_relay(text)
    assert "/in/SLUG" in raised.value.hint


def test_a_token_in_the_url_is_not_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        parse_relay("https://user:tok_secret@relay.example.com/in/S1")
    assert "tok_secret" not in raised.value.message + raised.value.hint
    assert "INSPECTOR_RELAY_TOKEN" in raised.value.hint


@pytest.mark.parametrize("name", ["alice@laptop", "ci", "a.b_c-d+e", "x" * 100])
def test_names_of_consumers(name: str) -> None:
    assert parse_consumer(name) == name


@pytest.mark.parametrize("name", ["", "a b", "-x", "a/b", "ä", "x" * 101, "a\n"])
def test_no_names_of_consumers(name: str) -> None:
    with pytest.raises(UsageError):
        parse_consumer(name)


@pytest.mark.parametrize(
    ("user", "host", "made"),
    [
        ("alice", "laptop.local", "alice@laptop"),
        ("DOMAIN\\alice b", "PC 1", "DOMAIN-alice-b@PC-1"),
        ("", "", "x@"),
        ("-", "-", "x-@-"),
        ("ü" * 200, "h", None),
    ],
)
def test_a_name_is_made_of_user_and_host(user: str, host: str, made: str | None) -> None:
    name = consumer_of(user, host)
    assert made is None or name == made
    assert parse_consumer(name) == name


def test_how_far_back_is_fetched() -> None:
    now = 1_000_000_000_000_000
    assert parse_backfill("all").since(now) == 0
    assert parse_backfill("none").since(now) == now + 1
    assert parse_backfill("since:2h").since(now) == now - 7200_000_000
    assert parse_backfill("since:1.5m").since(now) == now - 90_000_000
    assert parse_backfill("since:9999w").since(now) == 1
    assert parse_backfill("ask").kind == "ask"


@pytest.mark.parametrize("text", ["", "since", "since:", "since:2", "since:-1h", "2h", "ALL"])
def test_no_backfill(text: str) -> None:
    with pytest.raises(UsageError, match="since:AGE"):
        parse_backfill(text)
