"""Makes the README's pictures from the real program: `python -m tests.screens`.

A listener with clocks of its own takes in the demo's traffic and forwards it to the demo's app; the
UI is driven by keys and drawn as SVG under `fixtures/screens/`, each time the same. No relay takes
part, for its figures change from run to run: what the listener tells of one is `TEAM`.
"""

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot

from inspector.client.control import Control
from inspector.client.models import Status, TunnelStatus
from inspector.client.stream import Stream
from inspector.demo import Demo, traffic
from inspector.domain.preferences import Preferences
from inspector.domain.routes import parse_target
from inspector.forward.target import TargetClient
from inspector.runtime import Runtime
from inspector.settings import Settings
from inspector.tui.app import InspectorApp
from tests.helpers.served import Served
from tests.helpers.teams import member, team_of_three

FOLDER = Path(__file__).parent.parent / "fixtures" / "screens"
SECRET = "whsec_screens"
# 2026-02-11T10:30:00Z, the day of the documentation's examples.
NOON = 1_770_805_800_000_000
# Another version of the library may draw the same screen in another way.
DRAWN_BY = f"<!-- {' '.join(('textual', version('textual'), 'rich', version('rich')))} -->"
_PATIENCE = 30.0
_ANSWER_SECONDS = 0.006
_BETWEEN = 1_700_000
# So often in a row the screen must be the same before it is drawn.
_STEADY = 10
_looks: Counter[object] = Counter()


@dataclass(frozen=True, slots=True)
class Picture:
    """One screen: the keys that lead to it, and a text that stands there when it is reached.

    The keys are pressed when `first` is shown; `relay` is what the status tells of a tunnel.
    """

    name: str
    keys: tuple[str, ...]
    shows: str
    size: tuple[int, int] = (140, 42)
    theme: str = ""
    first: str = "● connected"
    relay: TunnelStatus | None = None


def _here(consumer: str, since: str, at: str, status: int, **more: Any) -> dict[str, Any]:
    """One that is attached since then, and whose latest attempt ended at that time of the day."""
    day = "2026-02-11T"
    last = {"at": f"{day}{at}Z", "status": status, "failure": None}
    return member(consumer, since=f"{day}{since}Z", last_attempt=last, **more)


# As the traffic is: all have come to its end but eve, to the delivery that the app turns away.
TEAM = TunnelStatus.from_json(
    team_of_three(
        team=[
            _here("bob@pc", "08:57:12", "10:30:44", 200, primary=True),
            _here("ana@laptop", "09:30:05", "10:30:44", 200),
            _here("eve@tower", "10:12:48", "10:30:37", 422, lag=4),
        ]
    )
)

PICTURES = (
    Picture("main", (), "repository.full_name"),
    Picture("signature", ("j", "4"), "signed as the same JSON"),
    Picture("narrow", (), "following", (80, 24)),
    Picture("light", ("j", "j", "j", "3"), "json, pretty", (200, 50), "textual-light"),
    Picture("team", ("T",), "let this app", (120, 32), first="3 here", relay=TEAM),
)


async def draw(folder: Path) -> None:
    """Write every picture into a folder that is there."""
    async with listening() as runtime:
        for picture in PICTURES:
            (folder / f"{picture.name}.svg").write_text(await _drawn(runtime, picture), "utf-8")


class _Control(Control):
    """The listener's, whose status tells of a given tunnel."""

    def __init__(self, base: str, token: str, relay: TunnelStatus | None) -> None:
        super().__init__(base, token)
        self._relay = relay

    async def status(self) -> Status:
        return replace(await super().status(), relay=self._relay)


class _Clock:
    """The time of day, which goes on with each delivery."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


def _looked_at() -> float:
    """Seconds that pass between two looks of one task, the same each time."""
    task = asyncio.current_task()
    _looks[task] += 1
    return _looks[task] * _ANSWER_SECONDS


@asynccontextmanager
async def listening() -> AsyncIterator[Runtime]:
    """A listener on the usual port that has taken in the demo's traffic, all of it answered."""
    demo = Demo(port=3000)
    clock = _Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("inspector.forward.target.perf_counter", _looked_at),
    ):
        asked = Settings(db=Path(folder) / "screens.db", port=8400, secret=[SECRET])
        settings = await demo.start(asked)
        try:
            async with Runtime(settings, clock=clock) as runtime:
                sent = await _send(runtime.url, clock)
                served = Served(runtime)
                await served.until(lambda: served.all("state:forwarded"), sent)
                yield runtime
        finally:
            await demo.stop()


async def _send(url: str, clock: "_Clock") -> int:
    client = TargetClient(parse_target(url))
    requests = list(traffic(NOON, SECRET))
    try:
        for request in requests:
            clock.now += _BETWEEN
            await client.send(request, timeout=10)
    finally:
        await client.close()
    return len(requests)


async def _drawn(runtime: Runtime, picture: Picture) -> str:
    token = runtime.files.ensure_token()
    control = runtime.ready()["control"]
    app = InspectorApp(
        _Control(control, token, picture.relay),
        Stream(control, token),
        Preferences(theme=picture.theme),
        now=lambda: NOON + 60_000_000,
        tz=UTC,
    )
    async with app.run_test(size=picture.size) as pilot:
        await _until(pilot, app, lambda shown: picture.first in shown)
        for key in picture.keys:
            await pilot.press(key)
        await _until(pilot, app, lambda shown: picture.shows in shown)
        return settled(app.export_screenshot())


def settled(svg: str) -> str:
    """The drawing without what differs from run to run, and without a font of another host."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = re.sub(r"(127\.0\.0\.1:)\d{5}", r"\g<1>50000", svg)
    return f"{DRAWN_BY}\n{svg}"


async def _until(pilot: Pilot[None], app: InspectorApp, reached: Callable[[str], bool]) -> None:
    before, same = "", 0
    async with asyncio.timeout(_PATIENCE):
        while not reached(before) or same < _STEADY:
            await pilot.pause(0.05)
            same = same + 1 if before == _text(app) else 0
            before = _text(app)


def _text(app: InspectorApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


if __name__ == "__main__":
    asyncio.run(draw(FOLDER))
