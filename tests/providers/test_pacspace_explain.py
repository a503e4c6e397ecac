"""Broken senders, and whether the explanation names what they do wrong; the SDK is the judge."""

import base64
import gzip
import hashlib
import hmac
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import providers
from inspector.domain.delivery import Request
from inspector.domain.envelope import Check, Verdict
from inspector.providers.pacspace import PACSPACE, guesses
from inspector.providers.pacspace.signature import signature_value
from tests.helpers.pacspace import AT, SECRET, post, sdk_accepts

STAMP = str(AT // 1_000_000)
EVENT: dict[str, Any] = {
    "event": "delta.verified",
    "timestamp": "2025-02-11T10:40:00Z",
    "data": {"zone": "é/ü", "amount": -42.5, "whole": 10.0, "html": "<b>&</b>", "list": [1, {}]},
}
SENT = json.dumps(EVENT, separators=(",", ":"), ensure_ascii=False).encode()
Sign = Callable[[bytes], bytes]


def mac(body: bytes, *, key: str | bytes = SECRET, stamp: str = STAMP, by: Any = "sha256") -> bytes:
    raw = key.encode() if isinstance(key, str) else key
    return hmac.new(raw, stamp.encode() + b"." + body, by).digest()


def sent(value: str, body: bytes = SENT, *headers: tuple[str, str], stamp: str = STAMP) -> Request:
    return post(body, ("X-PacSpace-Signature", value), ("X-PacSpace-Timestamp", stamp), *headers)


def v1(digest: bytes) -> str:
    return f"v1={digest.hex()}"


def explained(request: Request, *secrets: str, at: int = AT) -> dict[str, Check]:
    """The checks by name; and what holds for each of them whatever was sent."""
    known = secrets or (SECRET,)
    checks = PACSPACE.explain(request, known, at)
    verdict = PACSPACE.verify(request, known, at).verdict
    by_name = {check.name: check for check in checks}
    assert len(by_name) == len(checks)
    assert checks[-1].name == "explanation"
    matched = any(check.ok for check in checks if check.name.startswith("secret"))
    assert matched is (verdict in (Verdict.VALID, Verdict.STALE))
    assert checks[-1].ok is {Verdict.VALID: True, Verdict.INVALID: False, Verdict.STALE: False}.get(
        verdict
    )
    for check in checks:
        assert check.said.endswith(".")
        assert len(check.said) < 400
        assert "\n" not in check.said
    return by_name


def only_wrong(checks: dict[str, Check]) -> list[str]:
    """The known mistakes that were made; one change may be two of them, and say the same."""
    names = {mistake.name for mistake in guesses.MISTAKES}
    found = [name for name, check in checks.items() if name in names and check.ok is False]
    return found[:1] if found[1:] == ["JSON layout"] else found


def relaid(**how: Any) -> bytes:
    return json.dumps(EVENT, **how).encode()


def zipped(system: bytes) -> bytes:
    packed = gzip.compress(SENT, 6, mtime=0)
    return packed[:9] + system + packed[10:]


COMPACT: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}

# What the sender signed in place of the body it sent, the mistake, and words of the explanation.
BODIES = {
    "python": (relaid(), "JSON layout", "Python's separators, escaped to ASCII"),
    "python, unicode": (relaid(ensure_ascii=False), "JSON layout", "Python's separators"),
    "escaped": (relaid(separators=(",", ":")), "JSON layout", "compact, escaped to ASCII"),
    "indent 2": (relaid(indent=2, ensure_ascii=False), "JSON layout", "indented by 2"),
    "indent 4": (relaid(indent=4), "JSON layout", "indented by 4, escaped to ASCII"),
    "tabs": (relaid(indent="\t", ensure_ascii=False), "JSON layout", "indented by tabs"),
    "sorted": (relaid(**COMPACT, sort_keys=True), "JSON layout", "compact, with sorted keys"),
    "jq": (relaid(indent=2, ensure_ascii=False) + b"\n", "JSON layout", "a line break at its end"),
    "javascript": (SENT.replace(b"10.0", b"10"), "JSON layout", "as JavaScript writes them"),
    "php": (relaid(separators=(",", ":")).replace(b"/", b"\\/"), "JSON layout", "as PHP does"),
    "go": (
        SENT.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026"),
        "JSON layout",
        "as Go does",
    ),
    "quoted": (json.dumps(SENT.decode()).encode(), "JSON layout", "one quoted JSON text"),
    "newline": (SENT + b"\n", "last line break", "with a line break at its end"),
    "CRLF": (SENT + b"\r\n", "last line break", "with CRLF"),
    "mark": (b"\xef\xbb\xbf" + SENT, "byte order mark", "in front"),
    "gzip": (zipped(b"\x03"), "compression", "compressed with gzip"),
    "gzip of a Mac": (zipped(b"\x13"), "compression", "compressed with gzip"),
    "gzip of Python 3.13": (zipped(b"\xff"), "compression", "compressed with gzip"),
    "deflate": (zlib.compress(SENT), "compression", "compressed with deflate"),
    "base64": (base64.b64encode(SENT), "compression", "in base64"),
    "latin": (SENT.decode().encode("latin-1"), "character set", "in Latin-1"),
    "utf-16": (SENT.decode().encode("utf-16-le"), "character set", "in UTF-16LE"),
    "mojibake": (SENT.decode("latin-1").encode(), "character set", "UTF-8 read as Latin-1"),
    "question marks": (SENT.decode().encode("ascii", "replace"), "character set", "?"),
    "empty": (b"", "body given", "as if it were empty"),
    "undefined": (b"undefined", "body given", "undefined"),
    "object": (b"[object Object]", "body given", "[object Object]"),
    "bytes": (repr(SENT).encode(), "body given", "shows bytes"),
    "dict": (str(EVENT).encode(), "body given", "shows a dict"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_sender_that_signs_other_bytes_than_it_sends(case: str) -> None:
    signed, mistake, words = BODIES[case]
    request = sent(v1(mac(signed)))
    # It is a broken sender: what it signed would be right, what it sent is not.
    assert sdk_accepts(request) is False
    checks = explained(request, "whsec_of_another", SECRET)
    assert only_wrong(checks) == [mistake]
    assert "secret 2" in checks["explanation"].said
    assert words in checks["explanation"].said
    assert "very bytes" in checks["explanation"].said
    # What came is changed on the way just as well, and then what was signed is what is not sent.
    assert only_wrong(explained(request._replace(body=signed))) == []


@pytest.mark.parametrize(
    ("signed", "body", "headers", "mistake", "words"),
    [
        (SENT, SENT + b"\r\n", (), "last line break", "without the line break"),
        (SENT, b" " + SENT + b" ", (), "last line break", "without the blanks"),
        (b"[\r\n1]", b"[\n1]", (), "line ends", "CRLF for LF"),
        (b"[\n1]", b"[\r\n1]", (), "line ends", "LF for CRLF"),
        (SENT, b"\xef\xbb\xbf" + SENT, (), "byte order mark", "without its byte order mark"),
        (SENT, gzip.compress(SENT), (("Content-Encoding", "gzip"),), "compression", "decoded"),
        (SENT, zlib.compress(SENT), (("Content-Encoding", "deflate"),), "compression", "decoded"),
        (SENT, gzip.compress(SENT), (), "compression", "before it was compressed"),
        (SENT, base64.b64encode(SENT), (), "compression", "decoded from base64"),
        ("é".encode(), b"\xe9", (), "character set", "Latin-1 written as UTF-8"),
        (b"\xef\xbf\xbd", b"\xe9", (), "character set", "U+FFFD"),
        (SENT, json.dumps(SENT.decode()).encode(), (), "JSON layout", "inside its quotes"),
    ],
)
def test_a_body_that_was_changed_on_the_way(
    signed: bytes, body: bytes, headers: Any, mistake: str, words: str
) -> None:
    checks = explained(sent(v1(mac(signed)), body, *headers))
    assert only_wrong(checks) == [mistake]
    assert words in checks["explanation"].said


RAW = b"0123456789abcdef01234567"
OF_BASE64 = "whsec_" + base64.b64encode(RAW).decode()
OF_HEX = "whsec_" + RAW.hex()
OTHERS: dict[str, tuple[str, str, str, str]] = {
    "upper case": (SECRET, f"v1={mac(SENT).hex().upper()}", "spelling", "upper-case hex"),
    "base64": (SECRET, base64.b64encode(mac(SENT)).decode(), "spelling", "base64"),
    "base64 without padding": (
        SECRET, base64.urlsafe_b64encode(mac(SENT)).decode().rstrip("="), "spelling", "base64"
    ),
    "base64 of hex": (
        SECRET, base64.b64encode(mac(SENT).hex().encode()).decode(), "spelling", "base64"
    ),
    "label": (SECRET, f"sha256={mac(SENT).hex()}", "spelling", "labelled sha256="),
    "bare": (SECRET, mac(SENT).hex(), "spelling", "bare hex"),
    "SHA-1": (SECRET, f"sha1={mac(SENT, by='sha1').hex()}", "hash", "SHA-1"),
    "SHA-512": (SECRET, v1(mac(SENT, by="sha512")), "hash", "SHA-512"),
    "a blank here": (SECRET + " ", v1(mac(SENT)), "blanks", "blanks around"),
    "quotes here": (f'"{SECRET}"', v1(mac(SENT)), "blanks", "quotes around"),
    "quotes there": (SECRET, v1(mac(SENT, key=f"'{SECRET}'")), "blanks", "with the quotes"),
    "a break there": (SECRET, v1(mac(SENT, key=SECRET + "\n")), "blanks", "line break"),
    "whsec_ there": ("abc", v1(mac(SENT, key="whsec_abc")), "whsec_", "lacks the whsec_"),
    "whsec_ here": ("whsec_abc", v1(mac(SENT, key="abc")), "whsec_", "without its whsec_"),
    "from base64": (OF_BASE64, v1(mac(SENT, key=RAW)), "whsec_", "decoded from base64"),
    "from hex": (OF_HEX, v1(mac(SENT, key=RAW)), "whsec_", "decoded from hex"),
    "no timestamp": (
        SECRET, v1(hmac.digest(SECRET.encode(), SENT, "sha256")), "what is signed", "without the"
    ),
    "no full stop": (
        SECRET, v1(hmac.digest(SECRET.encode(), STAMP.encode() + SENT, "sha256")),
        "what is signed", "full stop",
    ),
    "with the id": (SECRET, v1(mac(SENT, stamp=f"evt_1.{STAMP}")), "what is signed", "event's id"),
    "milliseconds": (SECRET, v1(mac(SENT, stamp=STAMP + "000")), "time signed", "milliseconds"),
    "exact ones": (SECRET, v1(mac(SENT, stamp=STAMP + "617")), "time signed", "milliseconds"),
    "a second on": (SECRET, v1(mac(SENT, stamp=str(int(STAMP) + 1))), "time signed", "after"),
    "the body's": (SECRET, v1(mac(SENT, stamp=EVENT["timestamp"])), "time signed", "body's own"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_every_other_known_mistake_is_named(case: str) -> None:
    secret, value, mistake, words = OTHERS[case]
    request = sent(value, SENT, ("X-Event-ID", "evt_1"))
    assert sdk_accepts(request, secret) is False
    checks = explained(request, secret)
    assert only_wrong(checks) == [mistake]
    assert words in checks["explanation"].said


def test_seconds_signed_under_a_header_of_milliseconds() -> None:
    request = sent(v1(mac(SENT)), stamp=STAMP + "617")
    checks = explained(request)
    assert only_wrong(checks) == ["time signed"]
    assert "seconds were signed" in checks["explanation"].said
    assert "Unix milliseconds" in checks["timestamp"].said


def test_two_flaws_at_once_are_both_told() -> None:
    wrong = base64.b64encode(mac(relaid(indent=2, ensure_ascii=False))).decode()
    said = explained(sent(wrong))["explanation"].said
    assert "indented by 2" in said
    assert "base64 instead of hex" in said


def test_a_genuine_one_is_told_shortly() -> None:
    checks = explained(PACSPACE.sign(post(SENT), SECRET, AT))
    assert [(name, check.ok) for name, check in checks.items()] == [
        ("header", True),
        ("form", True),
        ("timestamp", True),
        ("age", True),
        ("secret", True),
        ("explanation", True),
    ]
    assert "0 s old" in checks["age"].said


def test_a_stale_one_is_right_but_for_its_age() -> None:
    checks = explained(PACSPACE.sign(post(SENT), SECRET, AT), at=AT + 301_000_000)
    assert [name for name, check in checks.items() if not check.ok] == ["age", "explanation"]
    assert "301" not in checks["age"].said
    assert "5 min old" in checks["age"].said
    assert "re-sign" in checks["explanation"].said


def test_a_rotation_says_which_value_matched_and_what_to_do() -> None:
    request = sent(f"{v1(mac(SENT, key='whsec_new'))}, {v1(mac(SENT, key='whsec_old'))}")
    assert sdk_accepts(request, "whsec_old")
    checks = explained(request, "whsec_old")
    assert "2 values" in checks["form"].said
    assert "rotation" in checks["form"].said
    assert "value 2 of 2" in checks["secret"].said
    assert "within 24 hours" in checks["secret"].said
    both = explained(request, "whsec_x", "whsec_new", "whsec_old")
    told = [(name, check.ok) for name, check in both.items() if name.startswith("secret")]
    assert told == [
        ("secret 1 of 3", False),
        ("secret 2 of 3", True),
        ("secret 3 of 3", True),
    ]
    three = explained(sent(f"v1=00, x, {v1(mac(SENT))}"))
    assert "2 values after v1= of 3 parts" in three["form"].said


def test_an_unsigned_one() -> None:
    checks = explained(post(SENT))
    assert list(checks) == ["header", "explanation"]
    assert "missing" in checks["header"].said
    assert "empty" in explained(sent(""))["header"].said


def test_without_a_secret_form_and_time_are_still_checked() -> None:
    checks = PACSPACE.explain(sent(v1(mac(SENT)).upper()), (), AT)
    told = {check.name: check.ok for check in checks}
    assert told == {
        "header": True, "form": False, "timestamp": True, "age": True, "secret": None,
        "explanation": None,
    }  # fmt: skip
    assert "--secret" in checks[-1].said
    assert explained(sent(v1(mac(SENT))), "", SECRET)["secret 1 of 2"].ok is None


def test_a_timestamp_that_cannot_be_read_ends_the_comparison() -> None:
    stamp = "2025-02-11T10:40:00Z"
    checks = explained(sent(v1(mac(SENT, stamp=stamp)), stamp=stamp))
    assert checks["timestamp"].ok is False
    assert checks["secret"].ok is None
    assert "would match" in checks["secret"].said
    assert "not a whole number" in checks["explanation"].said
    assert "missing" in explained(post(SENT, ("X-PacSpace-Signature", "v1=0")))["timestamp"].said


def test_a_stranger_s_signature_says_that_all_was_ruled_out() -> None:
    named = ("X-Webhook-Event", "delta.verified")
    checks = explained(sent(v1(mac(SENT, key="whsec_of_another_endpoint")), SENT, named))
    assert [checks[mistake.name].ok for mistake in guesses.MISTAKES] == [True] * 13
    assert checks["other event"].ok is True
    assert "not known here" in checks["explanation"].said


def test_headers_of_another_event_are_a_hint() -> None:
    event = ("X-Webhook-Event", "delta.failed")
    checks = explained(sent(v1(mac(b"{}")), SENT, event))
    assert checks["other event"].ok is False
    assert "another event" in checks["explanation"].said
    assert '"delta.failed"' in checks["explanation"].said
    assert explained(sent(v1(mac(b"{}")), b"[]"))["other event"].ok is None


def test_what_is_too_large_is_not_tried_and_says_so() -> None:
    large = b'"' + b"x" * guesses.MAX_BODY_THOROUGH + b'"'
    began = time.process_time()
    checks = explained(sent(v1(mac(b"")), large))
    assert time.process_time() - began < 1
    assert {checks[mistake.name].ok for mistake in guesses.MISTAKES} == {None}
    assert "1 MiB" in checks["JSON layout"].said
    assert explained(sent(v1(mac(large)), large))["explanation"].ok is True


def test_what_is_not_json_is_not_written_again() -> None:
    assert explained(sent("v1=" + "0" * 64, b"{"))["JSON layout"].ok is None
    coded = sent("v1=" + "0" * 64, gzip.compress(b"{}"), ("Content-Encoding", "gzip"))
    assert "coded" in explained(coded)["JSON layout"].said
    assert explained(sent("nonsense"))["spelling"].ok is None


HEAVY = {
    "objects": ("[" + '{"é":1.0},' * 20_000 + "1]").encode(),
    "nested": b'{"a":' * 199 + b"[" + b"1," * 120_000 + b"1]" + b"}" * 199,
    "slashes": b'["' + b"/<" * 120_000 + b'"]',
    "text": b"x" * 1_000_000,
    "not UTF-8": b"\xe9" * 1_000_000,
    "packed": gzip.compress(b"[" + b"1.0," * 2_000_000 + b"1]"),
}


@pytest.mark.parametrize("name", HEAVY)
def test_the_dearest_bodies_are_explained_within_bounds(name: str) -> None:
    coded = (("Content-Encoding", "gzip"),) if name == "packed" else ()
    request = sent("v1=" + "0" * 64, HEAVY[name], *coded)
    secrets = ("whsec_1", "whsec_2", "whsec_3", "whsec_4")
    began = time.process_time()
    checks = {check.name: check for check in PACSPACE.explain(request, secrets, AT)}
    assert time.process_time() - began < 3  # 0.7 s at most on an idle machine
    assert (checks["JSON layout"].ok is True) == (name in ("objects", "slashes"))


def test_a_deeply_nested_body_is_not_indented_into_gigabytes() -> None:
    request = sent("v1=" + "0" * 64, b'{"a":' * 199 + b"[" + b"1," * 20_000 + b"1]" + b"}" * 199)
    tracemalloc.start()
    try:
        checks = PACSPACE.explain(request, (SECRET,), AT)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert any("nested too deeply" in check.said for check in checks)


def test_more_secrets_than_are_guessed_with() -> None:
    many = [f"whsec_{n}" for n in range(guesses.MAX_KEYS + 1)]
    checks = explained(sent(v1(mac(SENT + b"\n", key=many[-1]))), *many)
    assert checks["last line break"].ok is None
    assert "first 4" in checks["last line break"].said
    assert explained(sent(v1(mac(SENT, key=many[-1]))), *many)["explanation"].ok is True


@pytest.mark.parametrize("case", [*BODIES, "stranger"])
def test_the_short_reason_never_says_another_thing(case: str) -> None:
    """It knows fewer guesses; what it does name is what the explanation names."""
    signed = BODIES[case][0] if case in BODIES else b"of another event"
    request = sent(v1(mac(signed)))
    reason = PACSPACE.verify(request, (SECRET,), AT).reason
    said = explained(request)["explanation"].said
    named = reason.removeprefix("Does not match the secret: ")
    if "either it was signed" not in reason:
        assert said.startswith(named[0].upper() + named[1:])
    if case in ("python", "indent 2", "indent 4", "newline", "empty"):
        assert "either it was signed" not in reason


SECRETS = ("whsec_0f4e8b1c2d3a", "whsec_MDEyMzQ1Njc4OWFiY2RlZg==", "\ud800secret")
_NAMES = st.sampled_from(
    ["X-PacSpace-Signature", "X-PacSpace-Timestamp", "X-Webhook-Event", "X-Event-ID",
     "Content-Encoding", "Content-Type", "Stripe-Signature"]
)  # fmt: skip
_DIGESTS = st.sampled_from([v1(mac(b"x")), mac(b"x").hex(), "v1=" + "é" * 64, "v1=0, v1=1", "v1="])
_VALUES = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=20),
    st.sampled_from(["gzip", "deflate", STAMP, STAMP + "000", "9" * 20, "-1", "delta.verified"]),
    _DIGESTS,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
_BODIES = st.one_of(
    st.binary(max_size=60),
    _JSON.map(lambda value: json.dumps(value).encode()),
    _JSON.map(lambda value: json.dumps({"event": "e", "data": value}, indent=2).encode()),
    _JSON.map(lambda value: gzip.compress(json.dumps(value).encode())),
    st.sampled_from([b"[" * 3000, b'{"a":' * 300 + b"1" + b"}" * 300, b"1" * 5000, b'"\\ud800"']),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_NAMES, _VALUES), max_size=5),
    _BODIES,
    st.lists(st.sampled_from(SECRETS), max_size=3),
)
def test_it_never_raises_and_tells_no_secret(
    headers: list[tuple[str, str]], body: bytes, secrets: list[str]
) -> None:
    request = post(body, *headers)
    for provider in providers.PROVIDERS:
        checks = provider.explain(request, secrets, AT)
        assert checks
        for check in checks:
            text = f"{check.name} {check.said}"
            text.encode()
            assert not any(secret in text for secret in secrets)
            json.dumps(check._asdict())
    explained(request, *secrets or ("",))


@settings(max_examples=40, deadline=None)
@given(_BODIES, st.sampled_from(["right", "other body", "other secret"]), st.booleans())
def test_no_hmac_that_was_computed_is_told(body: bytes, what: str, milliseconds: bool) -> None:
    stamp = STAMP + "000" * milliseconds
    sent_digest = {
        "right": mac(body, stamp=stamp),
        "other body": mac(body + b"\n", stamp=stamp),
        "other secret": mac(body, key="whsec_another", stamp=stamp),
    }[what]
    checks = explained(sent(v1(sent_digest), body, stamp=stamp))
    computed = signature_value(SECRET.encode(), stamp.encode(), body)
    for check in checks.values():
        assert computed[3:] not in check.said
        assert sent_digest.hex() not in check.said


def test_a_fault_of_ours_is_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("x")

    request = sent(v1(mac(SENT)))
    monkeypatch.setattr(type(PACSPACE), "explain", broken)
    signature, checks = providers.explained(request, (SECRET,), AT)
    assert signature.verdict is Verdict.UNCHECKED
    assert "KeyError" in checks[0].said


def test_a_verdict_by_other_secrets_is_pointed_out() -> None:
    request = sent(v1(mac(SENT)))
    signature, checks = providers.explained(request, (SECRET,), AT, Verdict.UNCHECKED)
    assert signature.verdict is Verdict.VALID
    assert checks[-1].name == "list"
    assert "reindex" in checks[-1].said
    assert providers.explained(request, (SECRET,), AT, Verdict.VALID)[1] == checks[:-1]


def test_hashes_by_length_are_those_that_there_are() -> None:
    from inspector.providers.pacspace.form import HASHES

    assert all(hashlib.new(name).digest_size == size for size, name in HASHES.items())
