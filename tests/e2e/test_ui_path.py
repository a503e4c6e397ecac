"""A developer's whole way through the UI, by keys alone, in a real terminal.

Find the failed deltas of one customer, see why the signature failed, edit the amount, re-sign and
re-send, compare both answers, copy as curl, and run that curl.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.listener import environment
from tests.helpers.tmux import PATIENCE, Tmux, needs_tmux
from tests.helpers.verifying_app import SECRET, deliver, verifying_app

_SERVE = [sys.executable, "-m", "inspector", "serve", "--port", "0"]
_CUSTOMER = "cust_late"


@needs_tmux
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80x24", "200x50"])
def test_from_a_failed_delta_to_a_curl_that_works(tmp_path: Path, size: tuple[int, int]) -> None:
    db = tmp_path / "store.db"
    own = environment(tmp_path, {"INSPECTOR_SECRET": SECRET, "TERM": "xterm-256color"})
    with (
        verifying_app() as app,
        Tmux(
            [*_SERVE, app, "--db", str(db)], size=size, environment=own, folder=tmp_path
        ) as screen,
    ):
        screen.until_shown("No delivery yet")
        url = json.loads((tmp_path / "store.db-lock").read_text())["url"]
        deliver(url, "cust_prompt", 5)
        deliver(url, _CUSTOMER, -42.5, indented=True)
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

        # Compare both answers, the edited delivery's and its original's.
        screen.keys("f")
        screen.keys("C-u")
        screen.keys("Enter")
        screen.until_shown("1/5")
        screen.keys("g")
        screen.keys("d")
        screen.until_shown("-42.5", "42.5", "d compares with the previous of its type")
        screen.keys("d")
        screen.until_shown("cust_prompt", "d compares with the answer")
        screen.keys("d")
        screen.until_shown("the answer to #2", "401", "200", "refused")

        # Copy as curl, and run that: it is captured, as a redelivery of the same event.
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
