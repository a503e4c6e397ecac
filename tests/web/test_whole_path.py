"""The whole way through the UI, as `tests/e2e/test_ui_path.py` goes it, in a real Chromium."""

import asyncio
import subprocess
from pathlib import Path

from tests.helpers.chromium import chromium
from tests.helpers.listener import PATIENCE, ListenerProcess
from tests.helpers.verifying_app import SECRET, deliver, verifying_app

_CUSTOMER = "cust_late"


async def test_from_a_failed_delta_to_a_curl_that_works(tmp_path: Path) -> None:
    with verifying_app() as app:
        listener = ListenerProcess(
            tmp_path / "store.db", app, "--web", "--web-port", "0",
            extra_environment={"INSPECTOR_SECRET": SECRET},
        )  # fmt: skip
        async with chromium(tmp_path) as browser, listener:
            await asyncio.to_thread(deliver, listener.url, "cust_prompt", 5)
            await asyncio.to_thread(deliver, listener.url, _CUSTOMER, -42.5, indented=True)
            await asyncio.to_thread(deliver, listener.url, _CUSTOMER, 7)
            page = await browser.open(str(listener.ready["web"]))
            await page.until_shown("1/3")

            await page.keys(
                "f", f"event:delta.* status:>=400 data.delta.customerId:{_CUSTOMER}", "Enter"
            )
            await page.until_shown("1/1")
            await page.keys("4")
            await page.until_shown("indented by 2")

            await page.keys("e")
            await page.until_shown('"amount":-42.5}}}')
            await page.keys("Control+End", *["ArrowLeft"] * 3, *["Backspace"] * 5, "42.5")
            await page.until_shown('"amount":42.5}}}')
            await page.keys("Control+r")
            await page.until_shown("#4 -> 200")

            await page.keys("f", "Control+u", "Enter")
            await page.until_shown("1/4")
            await page.keys("g", "d")
            await page.until_shown("d compares with the previous of its type")
            await page.keys("d")
            await page.until_shown("d compares with the answer")
            await page.keys("d")
            await page.until_shown("the answer to #2")
            await page.until_shown("booked")

            await page.keys("y")
            await page.until_shown("curl command")
            await page.keys("c")
            await page.until_shown("copied")
            command = await page.clipboard()
            await asyncio.to_thread(
                subprocess.run, ["sh", "-c", command], capture_output=True, check=True,
                timeout=PATIENCE,
            )  # fmt: skip
            await page.until_shown("received 5")
            assert page.complaints == []
