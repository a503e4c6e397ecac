"""What each tab says, and what can be copied of it, built without a screen."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.client.models import AttemptDetail, DeliveryDetail
from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.bodyview import opened
from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.facts import Shadowed
from inspector.domain.headers import Headers
from inspector.domain.plaintext import visible
from inspector.tui.document import Document
from inspector.tui.tabs import (
    MODES,
    TABS,
    Shown,
    Tab,
    attempts,
    body,
    envelope,
    headers,
    pieces,
    signature,
)
from inspector.tui.tabs.moments import beside
from tests.helpers.summaries import NOW, make_attempt, make_delivery


def said(document: Document) -> str:
    return "\n".join(line for _, line in document.texts(0, len(document)))


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


def test_envelope_tells_documented_from_unknown_fields() -> None:
    data = b'{"event":"delta.verified","data":{"status":"verified","invented":1}}'
    told = said(Document(envelope.parts(shown(data=data))))
    assert "A usage delta is recorded and verified." in told
    assert "? data.invented = 1\n      not documented" in told
    assert "  data.status = verified\n      Always" in told


def test_envelope_shows_numbers_as_they_were_sent() -> None:
    data = (
        b'{"event":"delta.verified","data":{"delta":{"amount":-42.50},"n":1e2,"n":0.10,"s":"1.0"}}'
    )
    document = Document(envelope.parts(shown(data=data)))
    found = {document.path(line): document.value(line) for line in range(len(document))}
    assert found["data.delta.amount"] == "-42.50"
    assert found["data.n"] == "0.10"
    assert found["data.s"] == "1.0"
    assert "data.delta.amount = -42.50" in said(document)


def test_of_a_sender_that_is_not_known_nothing_is_called_undocumented() -> None:
    told = said(Document(envelope.parts(shown(make_delivery(1, provider="generic")))))
    assert "not documented" not in told


def test_envelope_of_an_unknown_event_of_a_known_provider() -> None:
    told = said(
        Document(envelope.parts(shown(make_delivery(1, event="delta.future", notes=("odd",)))))
    )
    assert "in no catalogue" in told
    assert "! odd" in told


def test_of_a_body_that_was_refused_it_is_said_why_there_is_none() -> None:
    reason = "body-too-large: the body is larger than 26214400 bytes"
    refused = make_delivery(1, state=State.REFUSED, state_reason=reason, body_size=0, remote="")
    for tab in (envelope, body):
        told = said(Document(tab.parts(shown(refused, b""))))
        assert f"not stored: {reason}" in told
        assert "sha256" not in told
        assert "no body" not in told
    assert "from" not in said(Document(envelope.parts(shown(refused, b"")))).split()


def test_headers_keep_order_and_duplicates_and_mask_secrets() -> None:
    pairs = (("B", "1"), ("a", "2"), ("b", "3"), ("COOKIE", "sid=abc"), ("X-Api-Key", "k"))
    masked = said(Document(headers.parts(shown(pairs=pairs))))
    assert "B: 1 (1 of 2)\na: 2\nb: 3 (2 of 2)\nCOOKIE: •••• (7 characters)\n" in masked
    assert "X-Api-Key: •••• (1 characters)" in masked
    revealed = said(Document(headers.parts(shown(pairs=pairs, reveal=True))))
    assert "COOKIE: sid=abc\nX-Api-Key: k" in revealed


def test_very_large_bodies_are_not_taken_apart() -> None:
    told = said(Document(envelope.parts(shown(data=b'{"event":"' + b"x" * 2_000_000 + b'"}'))))
    assert "No fields are shown of bodies above 1.0MB" in told


def test_what_a_search_does_not_see_of_a_body_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "opened", partial(opened, limit=3))
    told = said(Document(body.parts(shown(data=b"123456"))))
    assert "123\n… the rest is neither shown nor searched; an export has it" in told
    assert "4" not in told


def test_body_says_when_there_is_none() -> None:
    assert "no body" in said(Document(body.parts(shown(data=b""))))


def test_signature_shows_what_it_was_decided_on() -> None:
    pairs = (("X-PacSpace-Signature", "v1=ab"), ("X-PacSpace-Timestamp", "1"), ("Host", "x"))
    told = said(Document(signature.parts(shown(make_delivery(1, reason="because"), pairs=pairs))))
    assert "because" in told
    assert "X-PacSpace-Signature: v1=ab\nX-PacSpace-Timestamp: 1" in told
    assert "Host" not in told


def test_attempts_newest_first_with_what_came_back() -> None:
    failure = Failure(FailureKind.TIMEOUT, "no answer in 30 s")
    first = make_attempt(1, 1, status=None, failure=failure, duration_ms=30_000.0)
    second = make_attempt(2, 1, number=2, resigned=True, body_size=100)
    third = make_attempt(3, 1, number=3, status=None, duration_ms=None)
    tries = tuple(AttemptDetail(one, (("Set-Cookie", "x=y"),), b"done") for one in (first, second))
    told = said(Document(attempts.parts(shown(tries=(*tries, AttemptDetail(third, (), b""))))))
    assert "timeout: no answer in 30 s in 30s" in told
    assert "attempt 2 to http://localhost:3000 (manual, re-signed)" in told
    assert "Set-Cookie: •••• (3 characters)" in told
    assert "100B in all; the start is kept" in told
    assert "under way" in told
    assert told.index("attempt 3") < told.index("attempt 2") < told.index("attempt 1")


NO = Response(500, "", (), b"no", 2)


def shadow(consumer: str = "bob@pc", outcome: Outcome = NO, took: float = 12.0) -> Shadowed:
    return Shadowed(NOW, 1, consumer, took, outcome)


def test_what_was_answered_elsewhere_stands_below_the_attempts_and_is_folded() -> None:
    failure = Failure(FailureKind.TIMEOUT, "no answer in 30 s")
    shadows = (
        shadow(outcome=Response(500, "", (("Set-Cookie", "x=y"),), b'{"a":1}', 20_000)),
        shadow("eve@tower", failure, 30_000.0),
    )
    look = replace(shown(tries=(AttemptDetail(make_attempt(1, 1), (), b""),)), shadows=shadows)
    document = Document(attempts.parts(look))
    told = said(document)
    assert told.index("attempt 1") < told.index("answered elsewhere: bob@pc  500 in 12ms")
    assert told.split("\n")[2] == "elsewhere      bob@pc 500, eve@tower timeout"
    assert "Set-Cookie: •••• (3 characters)" in told
    assert '"a": 1' in told
    assert "20kB in all; the start is kept" in told
    assert "answered elsewhere: eve@tower  timeout in 30s" in told
    assert "timeout: no answer in 30 s in 30s" in told
    heads = [line for line, text in document.texts(0, len(document)) if "elsewhere:" in text]
    assert [document.value(line) for line in heads] == ["bob@pc", "eve@tower"]
    assert set(heads) <= set(document.closed)
    # Its lines are no attempt of ours, whatever the consumer calls itself.
    assert [attempts.attempt_of(document.key(line)[0]) for line in heads] == [None, None]


def test_without_an_attempt_there_may_be_answers_elsewhere() -> None:
    look = replace(shown(make_delivery(1, attempts=0)), shadows=(shadow("attempt 7"),))
    document = Document(attempts.parts(look))
    assert "No attempt was made" in said(document)
    assert {attempts.attempt_of(document.key(one)[0]) for one in range(len(document))} == {None}


def test_attempts_of_one_that_was_never_sent() -> None:
    delivery = make_delivery(1, answered=None, state=State.KEPT, attempts=0)
    told = said(Document(attempts.parts(shown(delivery))))
    assert "nothing yet" in told
    assert "No attempt was made" in told


@pytest.mark.parametrize("tab", TABS, ids=[tab.name for tab in TABS])
@settings(max_examples=40, deadline=None)
@given(
    data=st.binary(max_size=200),
    words=st.text(max_size=60),
    pairs=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=4),
)
def test_no_tab_ever_fails_and_all_it_shows_is_harmless(
    tab: Tab, data: bytes, words: str, pairs: list[tuple[str, str]]
) -> None:
    delivery = make_delivery(
        1, event=words, event_id=words, event_time=words, reason=words, notes=(words,),
        provider=words, remote=words, state_reason=words, mark=words, note=words,
    )  # fmt: skip
    for mode in MODES:
        look = shown(delivery, data, tuple(pairs), (AttemptDetail(make_attempt(1, 1), (), data),))
        said = (Response(200, "", tuple(pairs), data, 300), Failure(FailureKind.CUT, words))
        look = replace(look, shadows=tuple(shadow(words, one) for one in said))
        document = Document(tab.parts(replace(look, mode=mode)))
        for index in range(len(document)):
            document.path(index)
            document.value(index)
            for line in (document.cells(index), document.folded(index)):
                assert all(visible(text) == text for text, _ in line)


def test_times_are_told_relative_to_the_capture() -> None:
    assert beside("x", "2026-02-11T10:29:58.800Z", NOW) == "1.2 s before capture"
    assert beside("data.verifiedAt", NOW // 1_000_000 + 180, NOW) == "3.0 min after capture"
    assert beside("data.verifiedAt", str(NOW // 1000 - 250), NOW) == "250 ms before capture"
    assert beside("createdAt", NOW // 1000, NOW) == "at capture"
    assert beside("timestamp", "2025-02-11 10:30:00+00:00", NOW) == "365 d before capture"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.amount", 1_770_805_800),
        ("data.at", True),
        ("data.at", None),
        ("data.at", 12),
        pytest.param("data.at", 10**5000, id="long"),
        ("data.at", float("nan")),
        ("data.at", "2026-99-99T10:30:00Z"),
        ("data.at", "soon"),
        ("format", 1_770_805_800),
        ("data.at", ["2026-02-11T10:29:58Z"]),
    ],
)
def test_what_is_no_time_is_left_alone(path: str, value: object) -> None:
    assert beside(path, value, NOW) == ""


def test_values_are_copied_as_they_were_sent_and_secrets_not_unless_shown() -> None:
    data = b'{"event":"delta.verified","data":{"status":"verified"}}'
    document = Document(envelope.parts(shown(data=data)))
    found = {document.path(line): document.value(line) for line in range(len(document))}
    assert found["data.status"] == "verified"
    assert found["event id"] == "evt_000001"
    pairs = (("Authorization", "Bearer x"), ("A", "\x1b"))
    for reveal, value in ((False, None), (True, "Bearer x")):
        document = Document(headers.parts(shown(pairs=pairs, reveal=reveal)))
        assert (document.path(1), document.value(1)) == ("header.authorization", value)
        assert (document.path(2), document.value(2)) == ("header.a", "\x1b")
