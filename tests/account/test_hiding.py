"""What a server says is told without our secrets, whole or in pieces, and as one harmless line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.account.hiding import Hiding
from inspector.domain.redact import MASK

TOKEN = "tok_a1b2c3d4e5f6g7h8"


MESSAGES = [
    ("nothing to hide", "nothing to hide"),
    (f"token {TOKEN} is bad", f"token {MASK} is bad"),
    (f"{TOKEN}{TOKEN}", MASK),
    (f"begins with {TOKEN[:9]}...", f"begins with {MASK}..."),
    (f"...{TOKEN[5:]}!", f"...{MASK}!"),
    ("short a1b2c3d", "short a1b2c3d"),
    ("session s%3Aab%2Fcd or s:ab/cd", f"session {MASK} or {MASK}"),
    ("session s%3aab%2fcd, s%3aab%2Fcd", f"session {MASK}, {MASK}"),
    ("secret whsec_anybodys, kept", f"secret {MASK}, kept"),
    ("pk_live_x.y and pk_test_x.y", f"{MASK} and {MASK}"),
    ("Authorization: Bearer 0123456789abcdef", f"Authorization: {MASK}"),
    ("Bearer token is missing", "Bearer token is missing"),
    ("jwt eyJhbGciOi.eyJzdWI.c2ln.", f"jwt {MASK}"),
    ("a tiny abcd", f"a tiny {MASK}"),
    ("line\r\nbreak \x1b[31m\u202e", "line␊break ␛[31m‹U+202E›"),
    ("", ""),
]
FIELDS = [
    ("https://hooks.test/a1b2c3d4e5/abcd", "https://hooks.test/a1b2c3d4e5/abcd"),
    (f"https://x.test/{TOKEN}", f"https://x.test/{MASK}"),
    ("whsec_anybodys", MASK),
    ("https://x.test/?t=abc%2fdef%2Bghi%3d%3D", f"https://x.test/?t={MASK}"),
]


@pytest.mark.parametrize(("message", "told"), MESSAGES, ids=range(len(MESSAGES)))
def test_messages(message: str, told: str) -> None:
    assert Hiding([TOKEN, "s:ab/cd", "abcd", "xyz"]).message(message) == told


@pytest.mark.parametrize(("field", "told"), FIELDS, ids=range(len(FIELDS)))
def test_fields_lose_whole_secrets_alone(field: str, told: str) -> None:
    """A URL that merely has a word of a cookie stays what it is."""
    assert Hiding([TOKEN, "abcd", "abc/def+ghi=="]).cut(field) == told


def test_what_is_added_later_is_hidden_and_nothing_is_shown_by_chance() -> None:
    hiding = Hiding()
    hiding.add(TOKEN)
    assert hiding.message(TOKEN) == MASK
    assert TOKEN not in repr(hiding)


def test_a_long_message_is_cut_before_it_is_searched() -> None:
    told = Hiding([TOKEN * 50]).message("x" * 5_000_000 + TOKEN)
    assert len(told) == 300


@given(st.text("abc", min_size=4, max_size=30), st.text("abcd ", max_size=80))
def test_no_piece_of_a_secret_is_left(secret: str, text: str) -> None:
    told = Hiding([secret]).message(f"{text}{secret}{text}")
    size = min(8, len(secret))
    assert not any(secret[at : at + size] in told for at in range(len(secret) - size + 1))
