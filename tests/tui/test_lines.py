"""Lines of the detail: wrapping loses nothing and keeps the width; the tabs say what is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector.client.models import AttemptDetail, DeliveryDetail
from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.headers import Headers
from inspector.tui.lines import Line, heading, pair, plain, wrapped
from inspector.tui.tabs import BUILDERS, MODES, Shown, attempts, body, envelope, headers, signature
from tests.helpers.summaries import make_attempt, make_delivery


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def shown(
    delivery: Delivery | None = None,
    data: bytes = b"{}",
    pairs: Headers = (),
    tries: tuple[AttemptDetail, ...] = (),
    **look: bool,
) -> Shown:
    delivery = delivery or make_delivery(1, body_size=len(data))
    request = Request(delivery.method, delivery.request_target, "1.1", pairs, data)
    return Shown(DeliveryDetail(delivery, request, has_body=True), tries, **look)  # type: ignore[arg-type]


@settings(max_examples=150)
@given(
    lines=st.lists(
        st.lists(st.tuples(st.text("ab \u8ba1", max_size=40), st.sampled_from(["", "name"]))),
        max_size=5,
    ),
    width=st.integers(2, 60),
)
def test_wrapping_keeps_the_width_and_every_character(
    lines: list[list[tuple[str, str]]], width: int
) -> None:
    whole = [tuple(line) for line in lines]
    out = list(wrapped(whole, width))
    assert all(sum(cell_len(part) for part, _ in line) <= width for line in out)
    squeezed = text(out).replace("\n", "").replace(" ", "")
    assert squeezed == text(whole).replace("\n", "").replace(" ", "")


def test_values_go_on_under_their_own_column() -> None:
    out = list(wrapped([pair("name", "one two three four", width=6)], 16))
    assert text(out) == "name   one two \n       three \n       four"


def test_what_fits_is_left_alone() -> None:
    lines = [heading("a"), plain("b"), ()]
    assert list(wrapped(lines, 10)) == lines


def test_envelope_tells_documented_from_unknown_fields() -> None:
    data = b'{"event":"delta.verified","data":{"status":"verified","invented":1}}'
    said = text(list(envelope(shown(data=data))))
    assert "A usage delta is recorded and verified." in said
    assert "data.invented = 1\n    not documented" in said
    assert "data.status = verified\n    Always" in said


def test_envelope_of_an_unknown_event_of_a_known_provider() -> None:
    said = text(list(envelope(shown(make_delivery(1, event="delta.future", notes=("odd",))))))
    assert "in no catalogue" in said
    assert "! odd" in said


def test_headers_keep_order_and_duplicates_and_mask_secrets() -> None:
    pairs = (("B", "1"), ("a", "2"), ("b", "3"), ("COOKIE", "sid=abc"), ("X-Api-Key", "k"))
    masked = text(list(headers(shown(pairs=pairs))))
    assert "B: 1\na: 2\nb: 3\nCOOKIE: •••• (7 characters)\nX-Api-Key: •••• (1 characters)" in masked
    revealed = text(list(headers(shown(pairs=pairs, reveal=True))))
    assert "COOKIE: sid=abc\nX-Api-Key: k" in revealed


def test_very_large_bodies_are_not_taken_apart() -> None:
    said = text(list(envelope(shown(data=b'{"event":"' + b"x" * 2_000_000 + b'"}'))))
    assert "No fields are shown of bodies above 1.0MB" in said


def test_body_says_when_there_is_none() -> None:
    assert "no body" in text(list(body(shown(data=b""))))


def test_signature_shows_what_it_was_decided_on() -> None:
    pairs = (("X-PacSpace-Signature", "v1=ab"), ("X-PacSpace-Timestamp", "1"), ("Host", "x"))
    said = text(list(signature(shown(make_delivery(1, reason="because"), pairs=pairs))))
    assert "because" in said
    assert "X-PacSpace-Signature: v1=ab\nX-PacSpace-Timestamp: 1" in said
    assert "Host" not in said


def test_attempts_newest_first_with_what_came_back() -> None:
    failure = Failure(FailureKind.TIMEOUT, "no answer in 30 s")
    first = make_attempt(1, 1, status=None, failure=failure, duration_ms=30_000.0)
    second = make_attempt(2, 1, number=2, resigned=True, body_size=100)
    third = make_attempt(3, 1, number=3, status=None, duration_ms=None)
    tries = tuple(AttemptDetail(one, (("Set-Cookie", "x=y"),), b"done") for one in (first, second))
    said = text(list(attempts(shown(tries=(*tries, AttemptDetail(third, (), b""))))))
    assert "timeout: no answer in 30 s in 30s" in said
    assert "attempt 2 to http://localhost:3000 (manual, re-signed)" in said
    assert "Set-Cookie: •••• (3 characters)" in said
    assert "100B in all; the start is kept" in said
    assert "under way" in said
    assert said.index("attempt 3") < said.index("attempt 2") < said.index("attempt 1")


def test_attempts_of_one_that_was_never_sent() -> None:
    delivery = make_delivery(1, answered=None, state=State.KEPT, attempts=0)
    said = text(list(attempts(shown(delivery))))
    assert "nothing yet" in said
    assert "No attempt was made" in said


@pytest.mark.parametrize("builder", BUILDERS)
@settings(max_examples=40, deadline=None)
@given(
    data=st.binary(max_size=200),
    words=st.text(max_size=60),
    pairs=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=4),
)
def test_no_tab_ever_fails(
    builder: object, data: bytes, words: str, pairs: list[tuple[str, str]]
) -> None:
    assert callable(builder)
    delivery = make_delivery(1, event=words, reason=words, notes=(words,), provider=words)
    for mode in MODES:
        look = shown(delivery, data, tuple(pairs), (AttemptDetail(make_attempt(1, 1), (), data),))
        list(builder(Shown(look.detail, look.attempts, mode)))
