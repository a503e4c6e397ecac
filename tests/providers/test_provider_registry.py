"""The registry: who gets a request, one reading for all, and nothing raises for any request."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import providers
from inspector.domain.delivery import Request
from inspector.domain.envelope import Verdict
from inspector.domain.jsonvalue import MAX_DEPTH
from inspector.providers.fields import MAX_FIELDS
from inspector.providers.generic import GENERIC
from inspector.providers.pacspace import PACSPACE
from tests.helpers.pacspace import AT, SECRET, post

HOSTILE = {
    "empty": b"",
    "invalid utf-8": b'{"event":"\xff\xfe"}',
    "bom": b'\xef\xbb\xbf{"event":"delta.verified"}',
    "deep list": b"[" * 100_000,
    "deep closed": b"[" * 700 + b"]" * 700,
    "deep data": b'{"event":"delta.verified","data":' + b'{"a":' * 600 + b"1" + b"}" * 601,
    "nan": b'{"event":"delta.verified","data":{"x":NaN,"y":-Infinity,"z":1e999}}',
    "huge integer": b'{"id":' + b"9" * 5000 + b',"event":"delta.verified"}',
    "huge integer and broken": b"[" + b"9" * 5000 + b",}",
    "duplicate keys": b'{"event":"a","event":"delta.verified","data":1,"data":2}',
    "surrogates": b'{"event":"\\ud800","id":"\\udfff","timestamp":"\\ud83d","data":{"\\ud800":1}}',
    "nul": b'{"event":"a\\u0000b","id":"\\u0000"}',
    "long event": json.dumps({"event": "é" * 100_000}).encode(),
    "odd types": b'{"event":{"type":[]},"id":{},"timestamp":[],"createdAt":true,"tenantId":1e5}',
    "many fields": json.dumps({"data": {str(n): n for n in range(5000)}}).encode(),
    "scalar": b"true",
    "null": b"null",
}
HEADERS: dict[str, tuple[tuple[str, str], ...]] = {
    "none": (),
    "json": (("Content-Type", "application/json"),),
    "form": (("Content-Type", "application/x-www-form-urlencoded"),),
    "multipart": (("Content-Type", "multipart/form-data; boundary=a"),),
    "coded": (("Content-Encoding", "gzip, br"), ("X-Webhook-Event", "delta.verified")),
    "signed": (("X-PacSpace-Signature", "v1=é, \x00"), ("X-PacSpace-Timestamp", "\xb2")),
    "beyond latin-1": (("X-Webhook-Event", "\U0001f600\ud800"), ("X-PacSpace-Signature", "✓")),
}


def exercise(request: Request) -> None:
    envelope, signature = providers.read(request, (SECRET, "\ud800"), AT)
    chosen = providers.provider_for(request)
    assert envelope.provider == chosen.name
    assert providers.event_name(request) == envelope.event
    for provider in providers.PROVIDERS:
        found = provider.decode(request)
        verdict = provider.verify(request, (SECRET, "\ud800"), AT)
        if provider is chosen:
            assert repr(found) == repr(envelope)
            assert verdict == signature
        texts = (found.event, found.event_id, found.event_time, found.tenant)
        for text in (*texts, *found.notes, verdict.reason):
            if text is not None:
                text.encode()
                assert "\0" not in text
                assert len(text) < 600
        assert all(text is None or 0 < len(text) <= 255 for text in texts)
        json.dumps(found.data)
        fields = provider.describe(request)
        assert len(fields) <= MAX_FIELDS + 1
        for field in fields:
            json.dumps([field.path, field.value], ensure_ascii=False).encode()


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_requests_are_read_by_every_provider(body: str, headers: str) -> None:
    exercise(post(HOSTILE[body], *HEADERS[headers]))


_NAME = st.sampled_from(
    [
        "X-PacSpace-Signature",
        "X-PacSpace-Timestamp",
        "X-Webhook-Event",
        "X-Event-ID",
        "Content-Type",
        "Content-Encoding",
        "X-GitHub-Event",
        "Stripe-Signature",
    ]
)
_VALUE = st.text(st.characters(max_codepoint=255), max_size=20) | st.sampled_from(
    ["gzip", "deflate", "application/json", "multipart/x; boundary=0", "delta.verified", "v1=", "0"]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(_NAME, _VALUE), max_size=5),
    st.binary(max_size=60) | st.text(max_size=30).map(lambda text: json.dumps([text]).encode()),
)
def test_no_request_raises(headers: list[tuple[str, str]], body: bytes) -> None:
    exercise(post(body, *headers))


def test_the_order_of_providers_and_lookups() -> None:
    assert providers.PROVIDERS == (PACSPACE, GENERIC)
    assert providers.by_name("pacspace") is PACSPACE
    assert providers.by_name("from a later version") is GENERIC
    assert providers.find_event("delta.verified") is PACSPACE
    assert providers.find_event("push") is None
    assert providers.provider_for(post(b"")) is GENERIC
    assert providers.provider_for(post(b'{"event":"delta.stored"}')) is PACSPACE


def test_a_fault_of_ours_is_told_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise KeyError("x")

    monkeypatch.setattr(providers, "Parts", broken)
    envelope, signature = providers.read(post(b""), (), AT)
    assert envelope.provider == "generic"
    assert "KeyError" in envelope.notes[0]
    assert signature.verdict is Verdict.UNCHECKED


def test_depth_and_fields_are_bounded_and_say_so() -> None:
    found = PACSPACE.decode(post(HOSTILE["deep data"]))
    assert found.event == "delta.verified"
    assert any(f"deeper than {MAX_DEPTH}" in note for note in found.notes)
    fields = GENERIC.describe(post(HOSTILE["many fields"]))
    assert fields[-1].path == "…"
    assert str(MAX_FIELDS) in str(fields[-1].value)
    deep = GENERIC.describe(post(b'{"a":' * 40 + b"1" + b"}" * 40))
    assert [(field.path.count("."), field.value) for field in deep] == [(31, "…")]
    long = GENERIC.describe(post(json.dumps({"k" * 500: 1}).encode()))
    assert len(long[0].path) == 80


def test_importing_the_providers_loads_neither_pydantic_nor_a_loop() -> None:
    code = (
        "import sys, inspector.providers;"
        "print([m for m in ('pydantic', 'asyncio', 'sqlite3', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
