"""A developer's whole way through the UI, by keys alone, in a real terminal.

Find the failed deltas of one customer, see why the signature failed, edit the amount, re-sign and
re-send, compare both answers, copy as curl, and run that curl.
"""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pacspace_sdk.errors import WebhookVerificationError  # type: ignore[import-untyped]
from pacspace_sdk.webhooks import Webhooks  # type: ignore[import-untyped]

from inspector.providers.pacspace.signature import signature_value
from inspector.runtime import wall_clock
from tests.helpers.listener import environment, post
from tests.helpers.tmux import PATIENCE, Tmux, needs_tmux

SECRET = "whsec_path"
_CUSTOMER = "cust_late"


class _App(BaseHTTPRequestHandler):
    """A handler as the provider's documentation has it: the SDK verifies, the amount counts."""

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


@pytest.fixture
def app() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
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


@needs_tmux
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80x24", "200x50"])
def test_from_a_failed_delta_to_a_curl_that_works(
    tmp_path: Path, app: str, size: tuple[int, int]
) -> None:
    db = tmp_path / "store.db"
    command = [sys.executable, "-m", "inspector", "serve", app, "--port", "0", "--db", str(db)]
    own = environment(tmp_path, {"INSPECTOR_SECRET": SECRET, "TERM": "xterm-256color"})
    with Tmux(command, size=size, environment=own, folder=tmp_path) as screen:
        screen.until_shown("No delivery yet")
        url = json.loads((tmp_path / "store.db-lock").read_text())["url"]
        deliver(url, "cust_prompt", 5)
        bad = deliver(url, _CUSTOMER, -42.5, indented=True)
        deliver(url, _CUSTOMER, 7)
        deliver(url, "cust_prompt", -1)

        # The failed deltas of one customer.
        screen.keys("f")
        screen.type(f"event:delta.* status:>=400 data.delta.customerId:{_CUSTOMER}")
        screen.keys("Enter")
        screen.until_shown("1/1", "401")

        # Why the signature failed.
        screen.keys("4")
        screen.until_shown("✗ invalid", "indented by 2")

        # Edit the amount, re-sign and re-send.
        screen.keys("e")
        screen.until_shown('"amount":-42.5}}}')
        screen.keys("C-End", *["Left"] * 3, *["BSpace"] * 5)
        screen.type("42.5")
        screen.until_shown('"amount":42.5}}}')
        screen.keys("C-r")
        screen.until_shown("#5 -> 200")

        # Re-signed alone the amount is still refused: compare that answer with the first.
        screen.keys("R")
        screen.until_shown(f"#{bad} -> 422")
        screen.keys("d")
        screen.until_shown("previous of its type")
        screen.keys("d")
        screen.until_shown("401", "422", "refused", "amount")

        # Copy as curl, and run that: it is captured as a redelivery of the same event.
        screen.keys("y")
        screen.until_shown("curl command")
        screen.keys("c")
        screen.until_shown("copied")
        subprocess.run(
            ["sh", "-c", screen.clipboard], capture_output=True, check=True, timeout=PATIENCE
        )
        screen.until_shown("received 6")
        screen.keys("q")
        screen.until(lambda: screen.exit_code == 0, "the end")
