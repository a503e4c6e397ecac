"""PacSpace's decoding, documentation and samples: both envelopes, every contradiction."""

import gzip
import json
from typing import Any

import pytest

from inspector.domain.envelope import Envelope
from inspector.domain.headers import first
from inspector.providers import event_name
from inspector.providers.pacspace import PACSPACE
from inspector.providers.pacspace.models import Payload, model_of
from inspector.providers.pacspace.samples import ENVELOPES
from tests.helpers.pacspace import AT, SECRET, post, sdk_accepts

EVENTS = sorted(PACSPACE.catalogue)


def decoded(body: Any, *headers: tuple[str, str]) -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return PACSPACE.decode(post(raw, *headers))


def test_catalogue_is_the_union_with_family_summary_and_source() -> None:
    assert len(EVENTS) == 18
    families = {doc.family for doc in PACSPACE.catalogue.values()}
    assert families == {
        "delta", "fact", "checkpoint", "record", "receipt", "customer", "tenant_domain",
        "verification",
    }  # fmt: skip
    for event, doc in PACSPACE.catalogue.items():
        assert doc.event == event
        assert doc.summary.endswith(".")
        assert doc.source
    assert PACSPACE.catalogue["record.failed"].source == "SDK types only"


def test_documentation_envelope() -> None:
    found = decoded({"event": "delta.verified", "timestamp": "2026-02-11T10:30:00Z", "data": {}})
    assert found == Envelope(
        "pacspace", "delta.verified", None, "2026-02-11T10:30:00Z", None, {}, ()
    )


def test_sdk_envelope() -> None:
    body = {
        "id": "evt_1",
        "event": "delta.failed",
        "tenantId": "t1",
        "createdAt": "2026-02-11",
        "data": {"delta": 1},
    }
    assert decoded(body) == Envelope(
        "pacspace", "delta.failed", "evt_1", "2026-02-11", "t1", {"delta": 1}, ()
    )


def test_headers_fill_in_what_the_body_lacks() -> None:
    headers = (("x-webhook-event", " delta.verified "), ("X-EVENT-ID", "evt_9"))
    found = decoded({"data": 1}, *headers)
    assert (found.event, found.event_id) == ("delta.verified", "evt_9")
    assert decoded(b"", *headers).event == "delta.verified"


def test_the_bodys_event_and_the_headers_id_win_and_a_mismatch_is_noted() -> None:
    found = decoded(
        {"event": "delta.verified", "id": "evt_b", "timestamp": "1", "createdAt": "2"},
        ("X-Webhook-Event", "delta.failed"),
        ("X-Event-ID", "evt_h"),
    )
    assert (found.event, found.event_id, found.event_time) == ("delta.verified", "evt_h", "1")
    assert '"delta.failed"' in found.notes[0]
    assert '"evt_b"' in found.notes[1]


def test_unknown_events_and_odd_values_are_taken_and_noted() -> None:
    assert "catalogue" in decoded({"event": "delta.invented", "data": {}}).notes[0]
    odd = decoded({"event": 7, "id": 12, "timestamp": 1739270400, "tenantId": [], "data": [1]})
    assert (odd.event, odd.event_id, odd.event_time, odd.tenant) == (None, "12", "1739270400", None)
    assert [word for word in ("not a text", "No event name", "not an object") if any(
        word in note for note in odd.notes
    )] == ["not a text", "No event name", "not an object"]  # fmt: skip
    assert decoded({"event": " "}).event is None


def test_long_and_unstorable_names_are_made_fit() -> None:
    raw = b'{"event":"' + b"e" * 300 + b'","id":"a\\u0000b\\ud800","timestamp":"\\udfff"}'
    found = decoded(raw, ("X-Webhook-Event", "\ud800\x00\x1b[31m"))
    assert found.event is not None
    assert (found.event[:239], len(found.event)) == ("e" * 238 + "…", 255)
    assert found.event_id == "a�b�"
    assert found.event_time == "�"
    assert any("300 characters" in note for note in found.notes)
    for note in found.notes:
        note.encode()
        assert "\x1b" not in note


def test_header_text_is_utf8_where_it_is_that() -> None:
    utf8 = "é.ü".encode().decode("latin-1")
    assert decoded({}, ("X-Webhook-Event", utf8)).event == "é.ü"
    assert decoded({}, ("X-Webhook-Event", "\xe9")).event == "é"


@pytest.mark.parametrize("text", ["evt_voilà", "Å", "…x…"])
def test_no_byte_of_a_headers_text_is_taken_for_a_blank(text: str) -> None:
    sent = f" \t{text} ".encode().decode("latin-1")
    found = decoded({"id": text}, ("X-Event-ID", sent), ("X-Webhook-Event", "delta.verified"))
    assert found.event_id == text
    assert not any("header's is used" in note for note in found.notes)


def test_a_coded_body_is_read_for_the_eye_and_noted() -> None:
    body = gzip.compress(b'{"event":"delta.verified"}')
    found = decoded(body, ("Content-Encoding", "gzip"))
    assert found.event == "delta.verified"
    assert "bytes as sent" in found.notes[0]
    broken = decoded(body[:-9], ("Content-Encoding", "gzip"), ("X-Webhook-Event", "delta.failed"))
    assert broken.event == "delta.failed"
    assert "cannot be undone" in broken.notes[0]


@pytest.mark.parametrize(
    ("body", "headers", "ours"),
    [
        (b"", [("x-pacspace-signature", "")], True),
        (b"\xff", [("X-PacSpace-Timestamp", "1")], True),
        (b"", [("X-Webhook-Event", "delta.verified")], True),
        (b'{"event":"customer.created"}', [], True),
        (b"", [("X-Webhook-Event", "push")], False),
        (b'{"event":"push"}', [], False),
        (b'{"event":["delta.verified"]}', [], False),
        (b'["delta.verified"]', [("X-Event-ID", "evt_1")], False),
    ],
)
def test_recognised_by_header_or_catalogue_event(
    body: bytes, headers: list[tuple[str, str]], ours: bool
) -> None:
    assert PACSPACE.recognise(post(body, *headers)) is ours


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_sample_passes_the_sdk_and_decodes_to_itself(event: str, envelope: str) -> None:
    request = PACSPACE.sample(event, at=AT, event_id="evt_1", envelope=envelope)
    assert (request.method, request.target) == ("POST", "/")
    assert first(request.headers, "content-length") == str(len(request.body))
    assert not sdk_accepts(request)
    assert sdk_accepts(PACSPACE.sign(request, SECRET, AT))
    found = PACSPACE.decode(request)
    assert (found.event, found.event_id, found.notes) == (event, "evt_1", ())
    assert found.event_time == "2025-02-11T10:40:00.000Z"
    assert found.tenant == (None if envelope == "docs" else "tenant_acme")
    assert event_name(request) == event
    assert PACSPACE.recognise(request)


def test_sample_data_can_be_replaced_and_bad_input_is_a_value_error() -> None:
    request = PACSPACE.sample("delta.failed", at=AT, event_id="e", data={"é": -1})
    assert PACSPACE.decode(request).data == {"é": -1}
    wrong: list[dict[str, Any]] = [
        {"event": "nope"},
        {"envelope": "nope"},
        {"data": {"x": object()}},
        {"data": float("nan")},
        {"data": "\ud800"},
    ]
    for change in wrong:
        arguments: dict[str, Any] = {"event": "delta.failed", "at": AT, "event_id": "e", **change}
        with pytest.raises(ValueError, match=r"."):
            PACSPACE.sample(**arguments)


@pytest.mark.parametrize(
    ("event", "grade"),
    [
        ("delta.verified", "documented"),
        ("delta.failed", "sdk"),
        ("record.committed", "sdk"),
        ("checkpoint.verified", "inferred"),
        ("customer.created", "synthetic"),
        ("verification.failed", "synthetic"),
    ],
)
def test_samples_say_what_is_documented_and_what_is_synthetic(event: str, grade: str) -> None:
    assert PACSPACE.sample_grade(event) == grade
    assert PACSPACE.sample_notes(event)[-1].startswith(f"{grade}: data.")
    if event == "checkpoint.verified":
        assert PACSPACE.sample_notes(event) == (
            "documented: data.fromIndex, data.toIndex",
            "inferred: data.proofHash, data.message",
        )


def test_events_without_public_payload_have_the_bare_model() -> None:
    assert model_of("customer.created") is Payload
    assert model_of(None) is Payload


def described(body: Any, *headers: tuple[str, str]) -> dict[str, tuple[Any, str]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = PACSPACE.describe(post(raw, *headers))
    return {field.path: (field.value, field.grade) for field in found}


def test_describe_walks_in_order_with_the_grade_of_each_path() -> None:
    request = PACSPACE.sample("delta.verified", at=AT, event_id="e")
    found = PACSPACE.describe(request)
    assert [field.path for field in found][:3] == ["event", "timestamp", "data.receiptId"]
    assert all(field.grade == "documented" and field.doc for field in found)
    flat = described({"event": "delta.verified", "data": {"delta": 1, "new": {"a": 1}}, "x": {}})
    assert flat == {
        "event": ("delta.verified", "documented"),
        "data.delta": (1, "sdk"),
        "data.new.a": (1, "unknown"),
        "x": ({}, "unknown"),
    }


def test_describe_knows_only_the_fields_of_that_event() -> None:
    body = {"data": {"fromIndex": 1, "proofHash": "0x"}}
    assert described(body, ("X-Webhook-Event", "checkpoint.verified")) == {
        "data.fromIndex": (1, "documented"),
        "data.proofHash": ("0x", "inferred"),
    }
    assert {grade for _, grade in described(body).values()} == {"unknown"}


def test_describe_of_no_json_is_empty_and_of_a_scalar_one_field() -> None:
    assert described(b"{") == {}
    assert described(b"7") == {"": (7, "unknown")}
