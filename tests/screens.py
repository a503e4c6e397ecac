"""Makes the README's pictures from the real program: `python -m tests.screens`.

A listener with a frozen clock takes in the demo's traffic and forwards it to the demo's app; the UI
is driven by keys and drawn as SVG under `fixtures/screens/`.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from itertools import count
from pathlib import Path

from textual.pilot import Pilot

from inspector.client.control import Control
from inspector.client.stream import Stream
from inspector.demo import Demo, traffic
from inspector.domain.preferences import Preferences
from inspector.domain.routes import parse_target
from inspector.forward.target import TargetClient
from inspector.runtime import Runtime
from inspector.settings import Settings
from inspector.tui.app import InspectorApp
from tests.helpers.served import Served

FOLDER = Path(__file__).parent.parent / "fixtures" / "screens"
SECRET = "whsec_screens"
# 2026-02-11T10:30:00Z, the day of the documentation's examples.
NOON = 1_770_805_800_000_000
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One screen: the keys that lead to it, and a text that stands there when it is reached."""

    name: str
    keys: tuple[str, ...]
    shows: str
    size: tuple[int, int] = (140, 42)
    theme: str = ""


PICTURES = (
    Picture("main", (), "repository.full_name"),
    Picture("signature", ("j", "4"), "written anew"),
    Picture("narrow", (), "following", (80, 24)),
    Picture("light", ("j", "j", "j", "3"), "json, pretty", (200, 50), "textual-light"),
)


async def draw(folder: Path) -> None:
    """Write every picture into a folder that is there."""
    async with listening() as runtime:
        for picture in PICTURES:
            (folder / f"{picture.name}.svg").write_text(await _drawn(runtime, picture), "utf-8")


@asynccontextmanager
async def listening() -> AsyncIterator[Runtime]:
    """A listener on the usual port that has taken in the demo's traffic, all of it answered."""
    demo = Demo(port=3000)
    ticks = count()
    with tempfile.TemporaryDirectory() as folder:
        asked = Settings(db=Path(folder) / "screens.db", port=8400, secret=[SECRET])
        settings = await demo.start(asked)
        try:
            async with Runtime(settings, clock=lambda: NOON + next(ticks) * 40_000) as runtime:
                sent = await _send(runtime.url)
                served = Served(runtime)
                await served.until(lambda: served.all("state:forwarded"), sent)
                yield runtime
        finally:
            await demo.stop()


async def _send(url: str) -> int:
    client = TargetClient(parse_target(url))
    requests = list(traffic(NOON, SECRET))
    try:
        for request in requests:
            await client.send(request, timeout=10)
    finally:
        await client.close()
    return len(requests)


async def _drawn(runtime: Runtime, picture: Picture) -> str:
    token = runtime.files.ensure_token()
    control = runtime.ready()["control"]
    app = InspectorApp(
        Control(control, token),
        Stream(control, token),
        Preferences(theme=picture.theme),
        now=lambda: NOON + 60_000_000,
        tz=UTC,
    )
    async with app.run_test(size=picture.size) as pilot:
        await _until(pilot, app, lambda shown: "● connected" in shown)
        for key in picture.keys:
            await pilot.press(key)
        await _until(pilot, app, lambda shown: picture.shows in shown)
        # The drawing asks a font from another host; a picture must not.
        return re.sub(r"@font-face \{.*?\}\s*", "", app.export_screenshot(), flags=re.DOTALL)


async def _until(pilot: Pilot[None], app: InspectorApp, reached: Callable[[str], bool]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not reached(_text(app)):
            await pilot.pause(0.05)


def _text(app: InspectorApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


if __name__ == "__main__":
    asyncio.run(draw(FOLDER))
