"""Calls that may hang, like those to a disk or a resolver: made apart, and not waited for long."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def apart(function: Callable[[], T], seconds: float) -> T:
    """What `function` returns or raises, from a thread of its own; `TimeoutError` if it hangs.

    The thread is left behind then, and holds nothing up: not the end of the process either.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = function()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="inspector-doctor", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await future
