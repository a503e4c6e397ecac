"""PacSpace's signature: our verdicts against the official SDK, and reasons a human can act on."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.domain.envelope import Verdict
from inspector.providers.pacspace import PACSPACE
from inspector.providers.pacspace.signature import age_text, seconds
from tests.helpers.pacspace import AT, SECRET, post, sdk_accepts

BODY = b'{"event":"delta.verified"}'
VECTOR = "v1=c964889c07dfef43239b2e956601702a99de1425939d68a94b16092ba3c834f7"
STAMP = "1739270400"
SECOND = 1_000_000


def mac(secret: str, stamp: str = STAMP, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def signed(signature: str, stamp: str | None = STAMP, body: bytes = BODY) -> Request:
    headers = [("X-PacSpace-Signature", signature)]
    if stamp is not None:
        headers.append(("X-PacSpace-Timestamp", stamp))
    return post(body, *headers)


def verdict(request: Request, *secrets: str, at: int = AT) -> tuple[Verdict, str]:
    found = PACSPACE.verify(request, secrets or (SECRET,), at)
    return found.verdict, found.reason


def test_vector_is_valid_and_signing_produces_it() -> None:
    assert verdict(signed(VECTOR))[0] is Verdict.VALID
    request = PACSPACE.sign(post(BODY), SECRET, AT)
    assert request.headers == (
        ("X-PacSpace-Signature", VECTOR),
        ("X-PacSpace-Timestamp", STAMP),
    )


@pytest.mark.parametrize("age", [-301, -300, -1, 0, 299, 300, 301, 604_800])
@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
def test_tolerance_is_300_seconds_both_ways_in_both_units(age: int, unit: str) -> None:
    stamp = STAMP if unit == "seconds" else STAMP + "999"
    request = signed("v1=" + mac(SECRET, stamp), stamp)
    at = AT + age * SECOND + 999_999
    expected = Verdict.VALID if abs(age) <= 300 else Verdict.STALE
    assert verdict(request, at=at)[0] is expected
    assert sdk_accepts(request, at=at) is (expected is Verdict.VALID)


def test_stale_says_what_to_do() -> None:
    _, old = verdict(signed(VECTOR), at=AT + 7 * 86400 * SECOND)
    assert "7 days old" in old
    assert "re-sign" in old
    _, ahead = verdict(signed(VECTOR), at=AT - 3600 * SECOND)
    assert "60 min ahead" in ahead
    assert "clock" in ahead


def test_rotation_two_signatures_and_several_secrets() -> None:
    both = f"v1={mac('whsec_new')}, v1={mac('whsec_old')}"
    assert verdict(signed(both), "whsec_old")[0] is Verdict.VALID
    found, reason = verdict(signed(both), "whsec_other", "whsec_old")
    assert found is Verdict.VALID
    assert "secret 2 of 2" in reason
    assert "signature 2 of 2" in reason
    assert "whsec_" not in reason


def test_an_empty_secret_is_none_at_all_and_keeps_the_others_positions() -> None:
    assert verdict(signed("v1=" + mac("")), "")[0] is Verdict.UNCHECKED
    assert "secret 2 of 2" in verdict(signed(VECTOR), "", SECRET)[1]


def test_unsigned_and_unchecked() -> None:
    assert verdict(post(BODY, ("X-PacSpace-Timestamp", STAMP)))[0] is Verdict.UNSIGNED
    assert "empty" in verdict(signed(""))[1]
    assert verdict(signed(""))[0] is Verdict.UNSIGNED
    found = PACSPACE.verify(signed(VECTOR), (), AT)
    assert found.verdict is Verdict.UNCHECKED
    assert "--secret" in found.reason
    broken = PACSPACE.verify(signed(VECTOR.upper(), "soon"), (), AT)
    assert broken.verdict is Verdict.UNCHECKED
    assert '"soon"' in broken.reason
    assert "V1" in broken.reason


@pytest.mark.parametrize("stamp", [" 1739270400 ", "+1739270400", "1_739_270_400", "01739270400"])
def test_timestamps_that_python_int_takes(stamp: str) -> None:
    request = signed("v1=" + mac(SECRET, stamp), stamp)
    assert verdict(request)[0] is Verdict.VALID
    assert sdk_accepts(request)


@pytest.mark.parametrize(
    "stamp", ["", "abc", "1739270400.0", "2026-02-11T10:30:00Z", "1e9", "9" * 5000, "²", "\xa01"]
)
def test_timestamps_that_are_none_are_invalid_with_the_reason(stamp: str) -> None:
    found, reason = verdict(signed(VECTOR, stamp))
    assert found is Verdict.INVALID
    assert "X-PacSpace-Timestamp" in reason
    assert len(reason) < 300


def test_missing_timestamp_header() -> None:
    found, reason = verdict(signed(VECTOR, None))
    assert found is Verdict.INVALID
    assert "missing" in reason


@pytest.mark.parametrize(
    ("signature", "hint"),
    [
        ("v1=" + VECTOR[3:].upper(), "upper-case hex"),
        ("V1=" + VECTOR[3:], "labelled V1="),
        (VECTOR[3:], "bare hex"),
        ("sha256=" + VECTOR[3:], "labelled sha256="),
        ("v1=" + base64.b64encode(bytes.fromhex(VECTOR[3:])).decode(), "base64"),
        (base64.urlsafe_b64encode(bytes.fromhex(VECTOR[3:])).decode(), "base64"),
    ],
)
def test_a_right_hmac_in_a_wrong_form_is_invalid_and_says_so(signature: str, hint: str) -> None:
    found, reason = verdict(signed(signature))
    assert found is Verdict.INVALID
    assert not sdk_accepts(signed(signature))
    assert "the HMAC is right" in reason
    assert hint in reason


@pytest.mark.parametrize(
    ("signature", "hint"),
    [
        ("v1=abc", "64 digits"),
        ("nonsense", "not of the form"),
        ("v1=" + "é" * 64, "64 digits"),
        ("AB" * 32, "bare hex"),
    ],
)
def test_a_malformed_signature_says_what_is_expected(signature: str, hint: str) -> None:
    found, reason = verdict(signed(signature))
    assert found is Verdict.INVALID
    assert hint in reason
    assert "lower-case hex after v1=" in reason


def _decoded_key() -> str:
    raw = b"0123456789abcdef01234567"
    message = STAMP.encode() + b"." + BODY
    return hmac.new(raw, message, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("secret", "digest", "body", "hint"),
    [
        ("whsec_a\n", mac("whsec_a"), BODY, "blanks around"),
        ("whsec_a", mac("a"), BODY, "without its whsec_"),
        ("a", mac("whsec_a"), BODY, "lacks the whsec_"),
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", _decoded_key(), BODY, "base64"),
        (
            "whsec_a",
            hmac.new(b"whsec_a", BODY, "sha256").hexdigest(),
            BODY,
            "without the timestamp",
        ),
        ("whsec_a", mac("whsec_a", STAMP + "000"), BODY, "milliseconds were signed"),
        ("whsec_a", mac("whsec_a"), BODY + b"\n", "without the line break"),
        ("whsec_a", mac("whsec_a", body=BODY + b"\n"), BODY, "with a line break"),
        ("whsec_a", mac("whsec_a", body=b"[\r\n1]"), b"[\n1]", "CRLF for LF"),
        ("whsec_a", mac("whsec_a", body=b"[\n1]"), b"[\r\n1]", "LF for CRLF"),
    ],
)
def test_known_mistakes_are_named(secret: str, digest: str, body: bytes, hint: str) -> None:
    found, reason = verdict(signed("v1=" + digest, body=body), secret)
    assert found is Verdict.INVALID
    assert hint in reason
    assert "secret 2" in verdict(signed("v1=" + digest, body=body), "whsec_zz", secret)[1]


def test_a_mismatch_says_how_many_secrets_were_tried() -> None:
    found, reason = verdict(signed(VECTOR), "whsec_a", "whsec_b")
    assert found is Verdict.INVALID
    assert "any of 2 secrets" in reason
    assert "0 s old" in reason
    large = signed(VECTOR, body=b" " * 300_000)
    assert "another endpoint's secret" in verdict(large)[1]


def test_the_first_of_repeated_signature_headers_counts_and_is_noted() -> None:
    request = post(
        BODY,
        ("x-pacspace-signature", VECTOR),
        ("X-PacSpace-Timestamp", STAMP),
        ("X-PACSPACE-SIGNATURE", "v1=00"),
    )
    assert verdict(request)[0] is Verdict.VALID
    assert sdk_accepts(request)
    assert any("2 times" in note for note in PACSPACE.decode(request).notes)
    flipped = post(BODY, *reversed(request.headers))
    assert verdict(flipped)[0] is Verdict.INVALID
    assert not sdk_accepts(flipped)


def test_the_sdk_refuses_more_than_the_verdict_says_and_a_note_tells() -> None:
    for body, word in ((b"", "empty"), (b"[1]", "array"), (b"7", "single value"), (b"{", "JSON")):
        request = PACSPACE.sign(post(body), SECRET, AT)
        assert verdict(request)[0] is Verdict.VALID
        assert not sdk_accepts(request)
        assert any(word in note and "SDK" in note for note in PACSPACE.decode(request).notes)


def test_sign_keeps_spelling_position_and_everything_else() -> None:
    request = Request(
        "PUT",
        "//a%2Fb?",
        "1.0",
        (
            ("x-PACSPACE-timestamp", "1"),
            ("X-Dup", "a"),
            ("x-dup", "b"),
            ("x-pacspace-SIGNATURE", "v1=1,v1=2"),
            ("X-PacSpace-Signature", "v1=3"),
        ),
        b"\xff\x00",
    )
    again = PACSPACE.sign(request, SECRET, AT)
    assert [name for name, _ in again.headers] == [
        "x-PACSPACE-timestamp",
        "X-Dup",
        "x-dup",
        "x-pacspace-SIGNATURE",
    ]
    assert (again.method, again.target, again.http_version) == ("PUT", "//a%2Fb?", "1.0")
    assert again.body == request.body
    assert verdict(again)[0] is Verdict.VALID


@pytest.mark.parametrize("secret", ["", "\ud800"])
def test_sign_needs_a_secret_that_is_text(secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|encode"):
        PACSPACE.sign(post(BODY), secret, AT)
    assert verdict(signed(VECTOR), secret)[0] in (Verdict.UNCHECKED, Verdict.INVALID)


def test_age_is_told_in_the_fitting_unit() -> None:
    ages = (0, -5, 120, 7200, 86400 * 3, -(10**4000))
    told = [age_text(age) for age in ages]
    assert told == [
        "0 s old", "5 s ahead", "2 min old", "2 h old", "3 days old", "over 100 years ahead",
    ]  # fmt: skip
    assert seconds("-1739270400000") == -1739270400


_OBJECTS: st.SearchStrategy[Any] = st.dictionaries(
    st.text(max_size=8), st.none() | st.integers() | st.text(max_size=20), max_size=4
)
_STAMPS = st.one_of(
    st.integers(-400, 400).map(lambda age: str(AT // SECOND + age)),
    st.integers(-400_000, 400_000).map(lambda age: str(AT // 1000 + age)),
    st.sampled_from(["", " ", "x", "1e3", "0x1", "1__0", "+1739270400", "\t1739270400", "-1"]),
    st.text(st.characters(max_codepoint=127), max_size=12),
)
_SPOILED = st.sampled_from(
    [
        "{}",
        "v1={}",
        " v1={} ",
        "V1={}",
        "v1={},",
        "v1=0,v1={}",
        "v1={},v1=zz",
        "v1= {}",
        "v2={}",
        "",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    body=_OBJECTS,
    stamp=_STAMPS,
    form=_SPOILED,
    upper=st.booleans(),
    right=st.booleans(),
    name=st.sampled_from(["X-PacSpace-Signature", "x-pacspace-signature", "X-PACSPACE-SIGNATURE"]),
)
def test_valid_means_what_the_sdk_accepts(
    body: Any, stamp: str, form: str, upper: bool, right: bool, name: str
) -> None:
    raw = json.dumps(body).encode()
    digest = mac(SECRET if right else "whsec_other", stamp, raw)
    value = form.format(digest.upper() if upper else digest)
    request = post(raw, (name, value), ("X-PacSpace-Timestamp", stamp))
    assert (verdict(request)[0] is Verdict.VALID) is sdk_accepts(request)
    again = PACSPACE.sign(request, SECRET, AT)
    assert sdk_accepts(again)
    assert verdict(again)[0] is Verdict.VALID
