"""Makes the README's pictures from the real program: `python -m tests.screens`.

A listener with a frozen clock takes in the demo's samples and forwards them to a sample app; the
UI is drawn at 140x42 and saved as SVG under `fixtures/screens/`.
"""

import asyncio
import re
import tempfile
from datetime import UTC
from itertools import count
from pathlib import Path

from aiohttp import web

from inspector.client.control import Control
from inspector.client.stream import Stream
from inspector.domain.routes import parse_target
from inspector.domain.trigger import TriggerRequest
from inspector.forward.target import TargetClient
from inspector.providers.pacspace import PACSPACE
from inspector.providers.triggering import build
from inspector.runtime import Runtime
from inspector.settings import Settings
from inspector.tui.app import InspectorApp

FOLDER = Path(__file__).parent.parent / "fixtures" / "screens"
SECRET = "whsec_screens"
# 2026-02-11T10:30:00Z, the day of the documentation's examples.
NOON = 1_770_805_800_000_000
SIZE = (140, 42)


async def answer(request: web.BaseRequest) -> web.Response:
    body = await request.read()
    return web.json_response(
        {"received": len(body)}, status=500 if b"delta.failed" in body else 200
    )


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    app = web.ServerRunner(web.Server(answer))
    await app.setup()
    await web.TCPSite(app, "127.0.0.1", 3000).start()
    seconds = count()
    clock = lambda: NOON + next(seconds) * 250_000  # noqa: E731
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            db=Path(folder) / "screens.db", port=8400, forward_to=["3000"], secret=[SECRET]
        )
        async with Runtime(settings, clock=clock) as runtime:
            await send_samples(runtime.url)
            await picture(runtime)
    await app.cleanup()


async def send_samples(url: str) -> None:
    client = TargetClient(parse_target(url))
    events = [*PACSPACE.catalogue]
    events = [*events[2:], "delta.verified", "delta.failed", "delta.verified"]
    for number, event in enumerate(events):
        asked = TriggerRequest(event=event, bad_signature=event == "record.transferred")
        at = NOON + number * 500_000
        request = build(asked, at=at, event_id=f"evt_{number:04d}a1b2c3", secret=SECRET)
        await client.send(request._replace(target="/webhooks"), timeout=10)
    await client.close()


async def picture(runtime: Runtime) -> None:
    token = runtime.files.ensure_token()
    control = runtime.ready()["control"]
    ui = InspectorApp(
        Control(control, token), Stream(control, token), now=lambda: NOON + 60_000_000, tz=UTC
    )
    async with ui.run_test(size=SIZE) as pilot:
        async with asyncio.timeout(20):
            while not all(
                word in text(ui) for word in ("data.receiptId", "● connected", "forwarded 19")
            ):
                await pilot.pause(0.1)
        # The drawing asks a font from another host; a picture must not.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", ui.export_screenshot(), flags=re.DOTALL)
        (FOLDER / "main.svg").write_text(svg, "utf-8")


def text(ui: InspectorApp) -> str:
    return "".join(strip.text for strip in ui.screen._compositor.render_strips(ui.size))


if __name__ == "__main__":
    asyncio.run(main())
