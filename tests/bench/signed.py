"""Signed deliveries of 900-byte bodies, the same everywhere in the benchmark."""

import json
import time
from collections.abc import Iterator, Sequence

from inspector.domain.delivery import Request
from inspector.domain.headers import encode_head, replaced
from inspector.providers.pacspace import PACSPACE

SECRET = "whsec_bench"
TARGET = "/hooks"
BODY_BYTES = 900


def requests(count: int, targets: Sequence[str] = (TARGET,)) -> Iterator[Request]:
    """That many deliveries of one event, each with an event id of its own, to each in turn."""
    at = time.time_ns() // 1000
    sample = _sized(PACSPACE.sample("delta.verified", at=at, event_id="evt_bench"))
    for number in range(count):
        own = replaced(sample.headers, [("X-Event-ID", f"evt_{at}_{number}")])
        request = Request(
            "POST",
            targets[number % len(targets)],
            "1.1",
            (("Host", "127.0.0.1"), *own),
            sample.body,
        )
        yield PACSPACE.sign(request, SECRET, at)


def on_the_wire(request: Request) -> bytes:
    """All bytes of the request."""
    head = encode_head(request.method, request.target, request.http_version, request.headers)
    return head + b"\r\n" + request.body


def _sized(sample: Request) -> Request:
    document = json.loads(sample.body)
    del document["data"]["usage"]
    missing = BODY_BYTES - len(json.dumps(document, separators=(",", ":")))
    document["data"]["delta"]["reason"] += "." * missing
    body = json.dumps(document, separators=(",", ":")).encode()
    headers = replaced(sample.headers, [("Content-Length", str(len(body)))])
    return Request(sample.method, sample.target, sample.http_version, headers, body)
