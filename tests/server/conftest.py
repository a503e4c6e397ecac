"""Listeners for the server's tests: one for a whole file, or one with settings of its own."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from tests.helpers.served import Served, served

Serve = Callable[..., AbstractAsyncContextManager[Served]]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], Any]]:
    """The loop that the listener runs on in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One listener with default settings for all tests of a file."""
    async with served(tmp_path_factory.mktemp("store")) as listener:
        yield listener


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Makes a listener with settings of its own."""

    def make(**settings: Any) -> AbstractAsyncContextManager[Served]:
        return served(tmp_path, **settings)

    return make


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test of the server may leave a traceback or an error in the log."""
    caplog.set_level(logging.WARNING)
    yield
    told = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not told, [record.getMessage() for record in told]
