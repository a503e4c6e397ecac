"""The generic provider: anybody's JSON, forms, multipart, text and bytes."""

import base64
import gzip
import json
import time
from typing import Any

import pytest

from inspector.domain.envelope import Check, Envelope, Verdict
from inspector.providers.forms import MAX_FIELDS, MAX_FORM, MAX_PARTS
from inspector.providers.generic import GENERIC
from inspector.providers.parts import Parts
from inspector.providers.schemes import SCHEMES, Scheme
from tests.helpers.pacspace import AT, post

JSON = ("Content-Type", "application/json; charset=utf-8")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


def decoded(body: Any, *headers: tuple[str, str]) -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = post(raw, *headers)
    found = GENERIC.decode(request)
    assert GENERIC.event(Parts(request)) == found.event
    return found


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"event": "push"}, "push"),
        ({"type": "invoice.paid"}, "invoice.paid"),
        ({"event_type": "a b"}, "a b"),
        ({"eventType": "x"}, "x"),
        ({"topic": "orders/create"}, "orders/create"),
        ({"action": "opened"}, "opened"),
        ({"kind": "Pod"}, "Pod"),
        ({"name": "user.created"}, "user.created"),
        ({"name": "Ada Lovelace"}, None),
        ({"type": "event_callback", "event": {"type": "message"}}, "message"),
        ({"event": {"id": 1}, "type": "t"}, "t"),
        ({"type": 3, "event": ""}, None),
        ([{"eventType": "first"}, {"eventType": "second"}], "first"),
        ([1], None),
        ("text", None),
        ({}, None),
    ],
)
def test_events_of_json_bodies(body: Any, event: str | None) -> None:
    found = decoded(body, JSON)
    assert found.event == event
    assert found.data == body
    assert bool(found.notes) is (isinstance(body, list) and event is not None)


@pytest.mark.parametrize(
    "name",
    ["X-GitHub-Event", "x-gitlab-event", "X-Shopify-Topic", "X-Event-Key", "Ce-Type"],
)
def test_a_well_known_event_header_wins_over_the_body(name: str) -> None:
    assert decoded({"event": "inner"}, JSON, (name, "outer")).event == "outer"
    assert decoded({"event": "inner"}, JSON, (name, " ")).event == "inner"
    assert decoded(b"a=1", FORM, (name, "outer")).event == "outer"


def test_ids_and_times_from_headers_or_body() -> None:
    body = {"id": 12, "created": 1739270400, "event": "e"}
    found = decoded(body, JSON)
    assert (found.event_id, found.event_time) == ("12", "1739270400")
    found = decoded(body, JSON, ("X-GitHub-Delivery", "d1"), ("Webhook-Timestamp", "5"))
    assert (found.event_id, found.event_time) == ("d1", "5")
    assert decoded({"event_id": "a", "id": "b"}, JSON).event_id == "a"
    assert decoded({"id": True}, JSON).event_id is None


def test_long_ids_that_begin_alike_stay_different() -> None:
    found = [decoded({"id": "e" * 255 + end}) for end in ("", "1", "2", "\ud800", "1")]
    ids = [each.event_id or "" for each in found]
    assert ids[0] == "e" * 255
    assert ids[1] == ids[4]
    assert len(set(ids)) == 4
    assert all(len(one) == 255 and one.startswith("e" * 238) for one in ids)
    assert found[1].notes == ("The event id has 256 characters and is cut to 255.",)


def test_json_is_found_without_its_type() -> None:
    for kind in ("", "text/plain", "application/x-www-form-urlencoded"):
        found = decoded(b' {"event":"x"}', ("Content-Type", kind))
        assert (found.event, found.data) == ("x", {"event": "x"})
    coded = decoded(gzip.compress(b'{"event":"x"}'), ("Content-Encoding", "gzip"))
    assert coded.event == "x"


def test_broken_json_is_noted_where_json_was_promised() -> None:
    assert "not JSON" in decoded(b"{", JSON).notes[0]
    assert decoded(b"{", ("Content-Type", "text/plain")).notes == ()
    assert decoded(b"{").data is None


def test_forms() -> None:
    found = decoded(b"a=1&b=&a=2&a=3&c=%C3%A9&event=x", FORM)
    assert found.data == {"a": ["1", "2", "3"], "b": "", "c": "é", "event": "x"}
    assert found.event is None
    assert decoded(b"&".join([b"a=1"] * (MAX_FIELDS + 1)), FORM).data is None
    assert decoded(b"a=" + b"x" * MAX_FORM, FORM).data is None
    assert decoded(b"", FORM).data == {}


def multipart_body(*parts: tuple[str, bytes]) -> bytes:
    lines = b"".join(
        b"--xYz\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts
    )
    return lines + b"--xYz--\r\n"


def test_multipart_is_described_part_by_part() -> None:
    body = multipart_body(
        ('Content-Disposition: form-data; name="event"', b"push"),
        (
            'content-disposition: form-data; filename="a.bin"; name="file"\r\n'
            "Content-Type: image/png",
            b"\x00\r\n\xff",
        ),
    )
    found = decoded(body, ("Content-Type", 'multipart/form-data; boundary="xYz"'))
    assert found.event is None
    assert found.data == [
        {"name": "event", "filename": None, "content_type": None, "size": 4},
        {"name": "file", "filename": "a.bin", "content_type": "image/png", "size": 4},
    ]
    request = post(body, ("Content-Type", "multipart/mixed; boundary=xYz"))
    assert GENERIC.describe(request)[0].path == "0.name"


@pytest.mark.parametrize("line_break", [b"\r\n", b"\n"])
def test_a_boundary_within_the_content_of_a_part_ends_nothing(line_break: bytes) -> None:
    content = b"see --xYz in the text, and\r\n--xYzs"
    head = b'--xYz|Content-Disposition: form-data; name="a"||'.replace(b"|", line_break)
    body = head + content + line_break + b"--xYz--" + line_break
    found = decoded(body, ("Content-Type", "multipart/form-data; boundary=xYz"))
    part = {"name": "a", "filename": None, "content_type": None, "size": len(content)}
    assert found.data == [part]


def test_multipart_that_is_none_or_without_end() -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=other"):
        assert decoded(multipart_body(("a: b", b"")), ("Content-Type", kind)).data is None
    many = decoded(b"--b\r\n" * 500, ("Content-Type", "multipart/form-data; boundary=b"))
    assert len(many.data) == MAX_PARTS
    assert many.data[0]["name"] is None


@pytest.mark.parametrize("body", [b"", b"plain text", b"\x00\xff\xfe binary", b"<xml/>"])
def test_text_and_bytes_have_no_event(body: bytes) -> None:
    found = decoded(body, ("Content-Type", "application/octet-stream"))
    assert found == Envelope("generic", None, None, None, None, None, ())
    assert GENERIC.describe(post(body)) == ()


def test_verdict_names_the_scheme_that_is_not_checked() -> None:
    def verdict(*headers: tuple[str, str]) -> tuple[Verdict, str]:
        found = GENERIC.verify(post(b"", *headers), ("secret",), AT)
        return found.verdict, found.reason

    assert verdict()[0] is Verdict.UNSIGNED
    for name, scheme in (("X-Hub-Signature-256", "GitHub"), ("stripe-signature", "Stripe")):
        found, reason = verdict(("A", "b"), (name, "x"))
        assert found is Verdict.UNCHECKED
        assert scheme in reason
        assert name in reason
    assert verdict(("X-Acme-HMAC", "x"))[0] is Verdict.UNCHECKED


def test_it_has_no_samples_and_cannot_sign() -> None:
    assert GENERIC.catalogue == {}
    assert GENERIC.recognise(post(b""))
    with pytest.raises(ValueError, match="scheme"):
        GENERIC.sign(post(b""), "s", AT)
    with pytest.raises(ValueError, match="unknown event"):
        GENERIC.sample("push", at=AT, event_id="e")


def explained(*headers: tuple[str, str]) -> list[Check]:
    return list(GENERIC.explain(post(b"{}", *headers), ("secret",), AT))


def test_an_explanation_says_whose_signature_it_is_and_what_a_check_would_take() -> None:
    checks = explained(("X-Hub-Signature-256", "sha256=" + "0" * 64))
    assert [(check.name, check.ok) for check in checks] == [
        ("header", True), ("scheme", None), ("form", True), ("explanation", None),
    ]  # fmt: skip
    assert "GitHub" in checks[0].said
    assert "HMAC-SHA256 of the body" in checks[1].said
    assert "secret that both sides share" in checks[-1].said
    assert explained(("X-Hub-Signature-256", "sha256=0"))[2].ok is False
    assert "public key" in explained(("x-signature-ed25519", "0" * 128))[-1].said
    assert "public address" in explained(("X-Twilio-Signature", "x"))[-1].said
    assert "the secret itself" in explained(("X-Gitlab-Token", "x"))[-1].said


def test_an_explanation_looks_for_the_headers_that_are_signed_as_well() -> None:
    signed = ("webhook-signature", "v1,AAAA v1a,BBBB")
    checks = explained(signed, ("webhook-id", "1"))
    assert [check.ok for check in checks] == [True, None, True, True, False, None]
    assert checks[4].name == "webhook-timestamp"


def test_an_explanation_of_what_is_not_known_or_not_signed() -> None:
    unknown = explained(("X-Acme-Signature", "x"))
    assert [check.ok for check in unknown] == [True, None, None]
    assert "not known here" in unknown[-1].said
    none = explained()
    assert [check.ok for check in none] == [False, None]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("stripe-signature", "t=1,v1=" + "0" * 64 + ",v0=" + "1" * 64),
        ("paddle-signature", "ts=1;h1=" + "0" * 64),
        ("svix-signature", "v1,AAAA"),
        ("x-slack-signature", "v0=" + "0" * 64),
        ("x-shopify-hmac-sha256", base64.b64encode(bytes(32)).decode()),
        ("x-twilio-signature", base64.b64encode(bytes(20)).decode()),
        ("x-hub-signature", "sha1=" + "0" * 40),
    ],
)
def test_the_form_of_each_scheme(header: str, value: str) -> None:
    assert SCHEMES[header].fits(value)
    assert not SCHEMES[header].fits(value + "\n!")


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_hostile_value_is_matched_at_once(scheme: Scheme) -> None:
    began = time.process_time()
    for piece in ("v1,A ", "t=1,", "v1=0,", "A", "=", ";h1="):
        scheme.fits(piece * 20_000)
    assert time.process_time() - began < 1
