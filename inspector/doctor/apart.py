"""Calls that may hang, like those to a disk or a resolver: made apart, and not waited for long."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from inspector.tasks import in_thread

T = TypeVar("T")


async def apart(function: Callable[[], T], seconds: float) -> T:
    """What `function` returns or raises, from a thread of its own; `TimeoutError` if it hangs."""
    async with asyncio.timeout(seconds):
        return await in_thread(function)
