"""Two developers on one relay, and the UI of one of them in a real terminal."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.helpers.fake_target import FakeTarget
from tests.helpers.listener import environment
from tests.helpers.tmux import Tmux, needs_tmux
from tests.helpers.tunnelled import tunnelled

_TUI = [sys.executable, "-m", "inspector", "tui", "--db"]


@needs_tmux
@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
async def test_the_team_is_seen_and_this_app_takes_the_senders_over(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    own = environment(tmp_path, {"TERM": "xterm-256color"})
    async with (
        FakeTarget() as app,
        tunnelled(tmp_path, app.url, endpoint=("--ack", "app"), homes=2) as tunnel,
    ):
        other, mine = tunnel.homes

        def take_over(screen: Tmux) -> None:
            screen.until_shown("2 here, dev-1 answers")
            screen.keys("T")
            screen.until_shown("● dev-1 answers the senders (ack app).", "dev-2, you")
            screen.keys("Enter")
            screen.until_shown("● You answer the senders (ack app).", "answers the senders now")
            screen.keys("T")
            screen.until_gone("Team of dev")
            screen.until_shown("2 here, you answer")
            screen.keys("5")

        with Tmux([*_TUI, str(mine.db)], size=size, environment=own, folder=tmp_path) as screen:
            await asyncio.to_thread(take_over, screen)
            assert (await tunnel.post()).status == 200
            await asyncio.to_thread(screen.until_shown, "the sender got 200", "dev-1 200")
            await asyncio.to_thread(other.stop)
            await asyncio.to_thread(screen.until_gone, "2 here")
