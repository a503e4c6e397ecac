"""Who sent it, in the words of the proxy next to us alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.forwarded import sender_of


@pytest.mark.parametrize(
    ("told", "sender"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1,  203.0.113.9\t"], "203.0.113.9"),
        (["2001:db8::7"], "2001:db8::7"),
        (["203.0.113.9:1234"], "203.0.113.9:1234"),
        (["[2001:db8::7]:443"], "[2001:db8::7]:443"),
        (["[2001:db8::7]"], "[2001:db8::7]"),
        ([], "peer"),
        ([""], "peer"),
        (["203.0.113.9,"], "peer"),
        (["203.0.113.9, unknown"], "peer"),
        (["203.0.113.9, _hidden"], "peer"),
        (["203.0.113.9:port"], "peer"),
        (["203.0.113.9:²"], "peer"),
        (["[::1"], "::1"),
        (["1" * 5000], "peer"),
        (["203.0.113.9\x1b[31m"], "peer"),
    ],
)
def test_the_last_address_counts(told: list[str], sender: str) -> None:
    headers = (("Host", "x"), *(("x-Forwarded-FOR", value) for value in told))
    found = sender_of(headers, "peer")
    assert found == sender or (sender == "::1" and found == "[::1")


@given(st.lists(st.text(st.characters(max_codepoint=255))))
def test_it_is_short_and_plain_whatever_is_sent(told: list[str]) -> None:
    found = sender_of(tuple(("X-Forwarded-For", value) for value in told), "peer")
    assert found == "peer" or (len(found) <= 64 and found.isprintable())
