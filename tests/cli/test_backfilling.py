"""`--backfill ask` says what waits at the relay, and takes what the user answers."""

import asyncio
from pathlib import Path
from typing import Any

import click
import pytest

from inspector.cli.backfilling import settled_backfill
from inspector.domain.facts import Gap, Origin
from inspector.errors import UnreachableError
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from tests.helpers.fake_tunnel import TOKEN, FakeRelay, fake_relay, now
from tests.store.parts import write


def settings(folder: Path, relay: FakeRelay) -> Settings:
    return Settings(
        db=folder / "home.db", relay=relay.url, relay_token=TOKEN, backfill="ask", consumer="alice"
    )


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user at a terminal types; each is taken once."""
    typed: list[str] = []
    monkeypatch.setattr("inspector.cli.backfilling._at_a_terminal", lambda: True)

    def prompt(text: str, **options: Any) -> str:
        return typed.pop(0) or str(options["default"])

    monkeypatch.setattr(click, "prompt", prompt)
    return typed


async def settled(folder: Path, relay: FakeRelay) -> str:
    return (await asyncio.to_thread(settled_backfill, settings(folder, relay))).backfill


@pytest.mark.parametrize(
    ("typed", "taken"),
    [([""], "all"), (["none"], "none"), (["some", "ask", "since:2h"], "since:2h")],
)
async def test_the_answer_is_taken(
    tmp_path: Path,
    answers: list[str],
    typed: list[str],
    taken: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers += typed
    async with fake_relay() as relay:
        relay.add(*[b"x"] * 37)
        assert await settled(tmp_path, relay) == taken
        assert relay.handshakes[0].query["peek"] == "1"
        assert not relay.starts
    assert "37 deliveries of shop wait at the relay" in capsys.readouterr().err
    assert not answers


async def test_what_is_here_already_is_not_asked_for(tmp_path: Path, answers: list[str]) -> None:
    async with fake_relay() as relay:
        relay.add(*[b"x"] * 3)
        origin = Origin(relay.origin, 3, relay.mailbox)
        gap = Gap(now(), "shop", 1, 3, "not wanted", origin)
        await asyncio.to_thread(write, StoreFiles(tmp_path / "home.db"), gap)
        assert await settled(tmp_path, relay) == "all"


async def test_without_a_terminal_nobody_is_asked(tmp_path: Path) -> None:
    async with fake_relay() as relay:
        assert await settled(tmp_path, relay) == "all"
        assert not relay.handshakes


async def test_a_relay_out_of_reach_cannot_say_what_waits(
    tmp_path: Path, answers: list[str]
) -> None:
    async with fake_relay() as relay:
        await relay.stop()
        with pytest.raises(UnreachableError, match="connection refused") as raised:
            await settled(tmp_path, relay)
        assert "--backfill all" in raised.value.hint
