"""Deliveries written for others: NDJSON lines and HAR documents."""

import gzip
import json
import re
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import __version__
from inspector.domain.attempt import Attempt, Failure, FailureKind, Outcome, Response
from inspector.domain.delivery import Delivery, Request
from inspector.domain.exchange import Exchange, redact
from inspector.domain.export import attempt_json, delivery_json, exported_line, shadow_json
from inspector.domain.facts import Shadowed
from inspector.domain.har import har
from inspector.domain.headers import Headers
from inspector.domain.redact import MASK, masked
from inspector.domain.shadow import BODY_BYTES, capped
from inspector.domain.snippets import raw
from tests.helpers.summaries import make_attempt, make_delivery
from tests.store.strategies import bodies, headers, outcomes, requests, targets

BASE = "http://127.0.0.1:8400"
JSON = (("Content-Type", "application/json"),)
Attempts = tuple[tuple[Attempt, Headers, bytes], ...]


def post(body: bytes = b"{}", headers: Headers = JSON, target: str = "/hooks") -> Request:
    return Request("POST", target, "1.1", headers, body)


def entries(request: Request, *attempts: tuple[Attempt, Headers, bytes], **changes: Any) -> Any:
    document = har([Exchange(make_delivery(7, **changes), request, attempts)], BASE, "1.0")
    return checked(document)["log"]["entries"]


# What HAR 1.2 asks of each object: the type of a required member, or of an optional one (`?`).
TEXT, NUMBER, WHOLE = str, (int, float), int
SPEC: dict[str, dict[str, Any]] = {
    "document": {"log": "log"},
    "log": {
        "version": TEXT,
        "creator": "creator",
        "pages?": ["page"],
        "entries": ["entry"],
        "comment?": TEXT,
    },
    "creator": {"name": TEXT, "version": TEXT, "comment?": TEXT},
    "page": {},
    "entry": {
        "startedDateTime": TEXT,
        "time": NUMBER,
        "request": "request",
        "response": "response",
        "cache": "cache",
        "timings": "timings",
        "comment?": TEXT,
    },
    "request": {
        "method": TEXT,
        "url": TEXT,
        "httpVersion": TEXT,
        "cookies": ["pair"],
        "headers": ["pair"],
        "queryString": ["pair"],
        "postData?": "postData",
        "headersSize": WHOLE,
        "bodySize": WHOLE,
        "comment?": TEXT,
    },
    "postData": {"mimeType": TEXT, "text": TEXT, "comment?": TEXT},
    "response": {
        "status": WHOLE,
        "statusText": TEXT,
        "httpVersion": TEXT,
        "cookies": ["pair"],
        "headers": ["pair"],
        "content": "content",
        "redirectURL": TEXT,
        "headersSize": WHOLE,
        "bodySize": WHOLE,
        "comment?": TEXT,
    },
    "content": {
        "size": WHOLE,
        "compression?": WHOLE,
        "mimeType": TEXT,
        "text?": TEXT,
        "encoding?": TEXT,
        "comment?": TEXT,
    },
    "pair": {"name": TEXT, "value": TEXT, "comment?": TEXT},
    "cache": {},
    "timings": {"send": NUMBER, "wait": NUMBER, "receive": NUMBER, "comment?": TEXT},
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
URI = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")


def check(item: Any, name: str) -> None:
    spec = SPEC[name]
    known = {key.removesuffix("?") for key in spec}
    assert {key for key in item if not key.startswith("_")} <= known
    for key, kind in spec.items():
        if key.endswith("?") and key[:-1] not in item:
            continue
        member = item[key.removesuffix("?")]
        if isinstance(kind, str):
            check(member, kind)
        elif isinstance(kind, list):
            for one in member:
                check(one, kind[0])
        else:
            assert isinstance(member, kind), (name, key)
    if name == "entry":
        assert TIME.fullmatch(item["startedDateTime"])
        assert item["time"] == sum(item["timings"].values()) >= 0
    elif name == "request":
        assert URI.fullmatch(item["url"])


def checked(document: dict[str, Any]) -> dict[str, Any]:
    """The document as another program reads it, if it is HAR 1.2."""
    read: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    check(read, "document")
    assert read["log"]["version"] == "1.2"
    return read


def test_an_answered_attempt() -> None:
    head = (*JSON, ("Set-Cookie", "s=1; Path=/"), ("Location", "/next"))
    request = post(b'{"a":1}', (*JSON, ("Cookie", "a=b; c=d"), ("X", "\xe9")), "/hooks?a=1&b=x+y&c")
    attempt = make_attempt(3, 7, started_at=1_770_805_800_000_000, duration_ms=8.25, body_size=2)
    (entry,) = entries(request, (attempt, head, b"ok"))
    assert entry["startedDateTime"] == "2026-02-11T10:30:00.000000Z"
    assert entry["time"] == 8.25
    assert entry["comment"] == "delivery 7"
    assert entry["_delivery"] == make_delivery(7).to_json()
    assert entry["_attempt"] == attempt.to_json()
    assert entry["request"] == {
        "method": "POST",
        "url": "http://localhost:3000/hooks?a=1&b=x+y&c",
        "httpVersion": "HTTP/1.1",
        "cookies": [{"name": "a", "value": "b"}, {"name": "c", "value": "d"}],
        "headers": [
            {"name": "Content-Type", "value": "application/json"},
            {"name": "Cookie", "value": "a=b; c=d"},
            {"name": "X", "value": "\xe9"},
        ],
        "queryString": [
            {"name": "a", "value": "1"},
            {"name": "b", "value": "x y"},
            {"name": "c", "value": ""},
        ],
        "headersSize": len(raw(request)) - 7,
        "bodySize": 7,
        "postData": {"mimeType": "application/json", "text": '{"a":1}'},
    }
    response = entry["response"]
    assert (response["status"], response["redirectURL"]) == (200, "/next")
    assert response["cookies"] == [{"name": "s", "value": "1"}]
    assert response["content"] == {"size": 2, "mimeType": "application/json", "text": "ok"}


def test_every_attempt_is_an_entry_and_a_failure_has_the_status_0() -> None:
    refused = Failure(FailureKind.REFUSED, "nothing listens there")
    failed = make_attempt(3, 7, status=None, failure=refused, body_size=None)
    running = make_attempt(4, 7, status=None, duration_ms=None, body_size=None)
    signed = make_attempt(5, 7, status=500, resigned=True, target="https://app.example/fixed")
    first, second, third = entries(
        post(), (failed, (), b""), (running, (), b""), (signed, (), b"no")
    )
    assert (first["response"]["status"], second["response"]["status"]) == (0, 0)
    assert first["response"]["_error"] == "refused: nothing listens there"
    assert (second["response"]["_error"], second["time"]) == ("no answer yet", 0)
    assert third["request"]["url"] == "https://app.example/fixed"
    assert "signed anew" in third["comment"]
    assert "_error" not in third["response"]


def test_a_delivery_without_attempts_is_what_the_sender_saw() -> None:
    (entry,) = entries(post(target="/a?b"), answered=202)
    assert entry["request"]["url"] == f"{BASE}/a?b"
    assert entry["response"]["status"] == 202
    assert "_attempt" not in entry
    (entry,) = entries(post(b""), answered=None)
    assert entry["response"]["status"] == 0
    assert "postData" not in entry["request"]


def test_binary_bodies_are_base64() -> None:
    (entry,) = entries(post(b"\0\xff"), (make_attempt(1, 7), (), b"\xff\0"))
    posted, content = entry["request"]["postData"], entry["response"]["content"]
    assert (b64decode(posted["text"]), posted["_encoding"]) == (b"\0\xff", "base64")
    assert (b64decode(content["text"]), content["encoding"]) == (b"\xff\0", "base64")


def test_a_coded_answer_is_decoded_and_a_capped_one_is_said_to_be() -> None:
    coded = gzip.compress(b"hello" * 100, mtime=0)
    head = (("Content-Encoding", "gzip"), ("Content-Type", "text/plain"))
    whole = make_attempt(1, 7, body_size=len(coded))
    capped = make_attempt(2, 7, body_size=5000)
    one, other = entries(post(), (whole, head, coded), (capped, head, coded))
    assert one["response"]["bodySize"] == len(coded)
    assert one["response"]["content"]["size"] == 500
    assert one["response"]["content"]["compression"] == 500 - len(coded)
    assert one["response"]["content"]["text"] == "hello" * 100
    content = other["response"]["content"]
    assert (content["size"], content["comment"]) == (
        5000,
        f"the first {len(coded)} bytes were kept",
    )
    assert b64decode(content["text"]) == coded


def test_masked_values_are_named() -> None:
    request = post(headers=(("Cookie", "a=hidden"), ("AUTHORIZATION", "hidden")))
    answer, _ = masked((("Set-Cookie", "s=hidden"),))
    request = request._replace(headers=masked(request.headers)[0])
    (entry,) = entries(request, (make_attempt(1, 7), answer, b""))
    assert entry["comment"] == "delivery 7; values masked: cookie, authorization, set-cookie"
    assert (entry["request"]["cookies"], entry["response"]["cookies"]) == ([], [])
    assert entry["request"]["headersSize"] == -1
    assert "hidden" not in json.dumps(entry)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/a%2Fb//c?", f"{BASE}/a%2Fb//c?"),
        ("/h#f", f"{BASE}/h#f"),
        ("/\xe9 {\"'}", f"{BASE}/%E9%20%7B%22'%7D"),
        ("*", f"{BASE}/*"),
        ("http://other/x", f"{BASE}/x"),
        ("", f"{BASE}/"),
    ],
)
def test_urls(target: str, url: str) -> None:
    (entry,) = entries(post(target=target))
    assert entry["request"]["url"] == url


exchanges = st.builds(
    lambda request, target, attempts: Exchange(
        make_delivery(1, request_target=request.target),
        request,
        tuple(
            (make_attempt(number, 1, target=target, status=status), head, body)
            for number, (status, head, body) in enumerate(attempts)
        ),
    ),
    requests,
    st.one_of(st.just("http://localhost:3000/a/*"), targets.map("".join)),
    st.lists(st.tuples(st.sampled_from([200, None]), headers, bodies), max_size=2),
)


@given(st.lists(exchanges, max_size=3))
def test_whatever_was_captured_makes_a_valid_document(all_of_them: list[Exchange]) -> None:
    document = har(all_of_them, BASE, __version__)
    json.dumps(document, allow_nan=False).encode("ascii")
    assert len(document["log"]["entries"]) == sum(len(one.attempts) or 1 for one in all_of_them)


def test_a_document_without_entries_is_valid() -> None:
    checked(har([], BASE, __version__))


def test_a_line_is_a_whole_delivery_with_its_attempts() -> None:
    delivery, request = make_delivery(7), post(b"\xff")
    running = make_attempt(4, 7, status=None)
    attempt = make_attempt(3, 7)
    attempts: Attempts = ((attempt, JSON, b"ok"), (running, (), b""))
    shadow = Shadowed(5, 7, "bob@pc", 12.5, Response(500, "no", JSON, b"ex", 20))
    line = exported_line(redact(Exchange(delivery, request, attempts, (shadow,))))
    assert line == {
        "v": 1,
        "kind": "delivery",
        **delivery_json(delivery, request, body=True),
        "attempts": [attempt_json(attempt, (JSON, b"ok")), attempt_json(running, None)],
        "shadows": [shadow_json(shadow)],
    }
    assert Delivery.from_json({**line, "attempts": 1}) == delivery


def test_a_line_names_what_is_masked_in_it() -> None:
    request = post(headers=(("Cookie", "hidden"), ("X", "y")))
    attempts: Attempts = ((make_attempt(3, 7), (("Set-Cookie", "hidden"),), b"ok"),)
    shadow = Shadowed(5, 7, "bob", 1.0, Response(200, "", (("X-Api-Key", "hidden"),), b"", 0))
    exchange = Exchange(make_delivery(7), request, attempts, (shadow,))
    line = exported_line(redact(exchange))
    assert line["redacted"] == ["cookie", "set-cookie", "x-api-key"]
    assert line["headers"] == [["Cookie", MASK], ["X", "y"]]
    assert "hidden" not in json.dumps(line)
    shown = exported_line(exchange)
    assert "redacted" not in shown
    assert shown["headers"][0] == ["Cookie", "hidden"]


def test_what_was_said_elsewhere_is_a_response_or_a_failure() -> None:
    answer = Response(500, "no", (("A", "1"), ("a", "\xe9")), b"\xff", 20)
    known = {"consumer": "bob@pc", "at": "1970-01-01T00:00:00.000005Z", "duration_ms": 12.5}
    assert shadow_json(Shadowed(5, 7, "bob@pc", 12.5, answer)) == {
        **known,
        "status": 500,
        "failure": None,
        "headers": [["A", "1"], ["a", "\xe9"]],
        "body_size": 20,
        "body_b64": "/w==",
    }
    assert shadow_json(Shadowed(5, 7, "bob@pc", 12.5, Failure(FailureKind.CUT, "gone"))) == {
        **known,
        "status": None,
        "failure": {"kind": "cut", "reason": "gone"},
        "body_size": None,
    }


@given(outcomes)
def test_what_is_kept_of_an_answer_is_bounded_and_tells_the_whole_size(outcome: Outcome) -> None:
    kept = capped(outcome)
    if isinstance(outcome, Failure):
        assert kept == outcome
        return
    assert isinstance(kept, Response)
    assert kept.body == outcome.body[:BODY_BYTES]
    assert kept.body_size >= len(outcome.body)
    assert kept.headers == outcome.headers


def test_of_a_long_answer_the_beginning_is_kept() -> None:
    long = Response(200, "r" * 999, (("A", "x" * 9000), ("B", "y" * 9000)), b"z" * 20_000, 20_000)
    kept = capped(long)
    assert isinstance(kept, Response)
    assert kept.headers == long.headers[:1]
    assert (len(kept.reason), len(kept.body), kept.body_size) == (500, BODY_BYTES, 20_000)
    failure = capped(Failure(FailureKind.CUT, "r" * 999))
    assert isinstance(failure, Failure)
    assert len(failure.reason) == 500


def test_a_refusal_without_a_request_has_what_came_of_it() -> None:
    item = delivery_json(make_delivery(7), None, body=True, raw=b"\x16\x03")
    assert (item["headers"], item["body_b64"]) == ([], "FgM=")
