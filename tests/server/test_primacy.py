"""`POST api/primary`: this listener's app is to answer the relay's senders from now on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from inspector.server import primacy
from tests.helpers.fake_tunnel import TOKEN, FakeRelay, fake_relay
from tests.helpers.served import Served, served
from tests.server.conftest import Serve


@asynccontextmanager
async def mirroring(
    folder: Path, *, connected: bool = True, **more: Any
) -> AsyncIterator[tuple[FakeRelay, Served]]:
    """A relay and a listener behind it."""
    async with (
        fake_relay(FakeRelay(**more)) as relay,
        served(folder, relay=relay.url, relay_token=TOKEN, consumer="alice@laptop") as listener,
    ):
        if connected:
            assert listener.runtime.tunnel is not None
            await listener.runtime.tunnel.consumer.ready(10)
        yield relay, listener


async def test_it_is_taken_when_the_relay_has_said_so(tmp_path: Path) -> None:
    async with mirroring(tmp_path, ack="app") as (relay, listener):
        asked = asyncio.ensure_future(listener.api("primary", {}))
        await relay.until(lambda: relay.takings == 1)
        await relay.state(primary=True)
        assert await asked == (
            200,
            {
                "primary": True,
                "endpoint": "shop",
                "consumer": "alice@laptop",
                "ack": "app",
                "lag": 0,
            },
        )


async def test_without_a_relay_there_is_nothing_to_take(serve: Serve) -> None:
    async with serve() as listener:
        status, told = await listener.api("primary", {})
        assert (status, told["error"]["code"]) == (409, "no-relay")
        assert "--relay" in told["error"]["hint"]


async def test_without_a_connection_it_is_refused(tmp_path: Path) -> None:
    async with mirroring(tmp_path, connected=False, refuse=(503, "")) as (_, listener):
        status, told = await listener.api("primary", {})
        assert (status, told["error"]["code"]) == (409, "not-connected")


async def test_a_relay_that_says_nothing_is_waited_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(primacy, "PATIENCE", 0.05)
    async with mirroring(tmp_path) as (_, listener):
        status, told = await listener.api("primary", {})
        assert (status, told["error"]["code"]) == (504, "timedout")
