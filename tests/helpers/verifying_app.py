"""A handler as the provider's documentation has it, in a thread, and deltas for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pacspace_sdk.errors import WebhookVerificationError  # type: ignore[import-untyped]
from pacspace_sdk.webhooks import Webhooks  # type: ignore[import-untyped]

from inspector.clock import wall_clock
from inspector.providers.pacspace.signature import signature_value
from tests.helpers.listener import post

SECRET = "whsec_path"


class _App(BaseHTTPRequestHandler):
    """The SDK verifies: 401. A negative amount is not booked: 422."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            Webhooks(SECRET).verify_from_headers(dict(self.headers), body.decode())
            amount = json.loads(body)["data"]["delta"]["amount"]
            status, answer = (200, {"booked": amount}) if amount > 0 else (422, {"amount": amount})
        except WebhookVerificationError as error:
            status, answer = 401, {"refused": str(error)}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


@contextmanager
def verifying_app() -> Iterator[str]:
    """Its URL while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def deliver(url: str, customer: str, amount: float, *, indented: bool = False) -> int:
    """A signed delta; `indented`: signed over its JSON indented, and sent compact."""
    at = wall_clock()
    document = {
        "event": "delta.verified",
        "timestamp": "2026-02-11T10:30:00Z",
        "data": {"delta": {"customerId": customer, "amount": amount}},
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    signed = json.dumps(document, indent=2).encode() if indented else body
    stamp = str(at // 1_000_000)
    headers = {
        "Content-Type": "application/json",
        "X-Webhook-Event": "delta.verified",
        "X-Event-ID": f"evt_{at}",
        "X-PacSpace-Timestamp": stamp,
        "X-PacSpace-Signature": signature_value(SECRET.encode(), stamp.encode(), signed),
    }
    return post(f"{url}/webhooks", body, headers)
