"""The stand-in, and a client of it that waits for nothing."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from inspector.account.client import ApiClient, Patience
from inspector.account.cookies import read_cookies
from inspector.account.credentials import ApiKey, Bearer, Credential, SessionCookies
from inspector.account.dashboard import Dashboard
from inspector.account.hiding import Hiding
from inspector.domain.base import parse_base
from inspector.providers.pacspace.management import FIRST, SECOND
from tests.helpers.pacspace_api import KEY, TOKEN, PacSpaceApi

NOW = 1_770_805_800_000_000


@dataclass
class Asking:
    """Clients of one stand-in; what they tell and how long they would have waited."""

    api: PacSpaceApi
    folder: Path
    told: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def credential(self, generation: int) -> Credential:
        if generation == 1:
            return Bearer(TOKEN)
        return SessionCookies(read_cookies(self.api.cookies(self.folder)), lambda: NOW / 1e6)

    @asynccontextmanager
    async def client(
        self, credential: Credential | None = None, base: str = "", **patience: float
    ) -> AsyncIterator[ApiClient]:
        given = credential or ApiKey(KEY)
        async with ApiClient(
            parse_base(base or self.api.url),
            given,
            Hiding(),
            tell=self.told.append,
            patience=Patience(**patience),
            clock=lambda: NOW,
            pause=self._pause,
        ) as client:
            yield client

    @asynccontextmanager
    async def dashboard(self, generation: int = 2, **more: Any) -> AsyncIterator[Dashboard]:
        async with self.client(self.credential(generation), **more) as client:
            yield Dashboard(client, FIRST if generation == 1 else SECOND)

    async def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def api() -> Iterator[PacSpaceApi]:
    with PacSpaceApi() as running:
        yield running


@pytest.fixture
def asking(api: PacSpaceApi, tmp_path: Path) -> Asking:
    return Asking(api, tmp_path)
