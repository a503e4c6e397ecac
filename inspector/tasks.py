"""Every task has a name and an owner; nothing starts that nobody stops."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Tasks:
    """The tasks of one owner: started by name, stopped together.

    A task that ends with an exception is logged with its name (once); it never ends silently.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self._owner}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task %s failed: %r", task.get_name(), error, exc_info=error)

    async def stop(self) -> None:
        """Cancel what still runs and wait until it is gone; may be called again."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def to_the_end(waited: Awaitable[T]) -> T:
    """Wait for it however often this is cancelled: that is raised when it is over."""
    task = asyncio.ensure_future(waited)
    hurry: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as cancelled:
            hurry = cancelled
    if hurry is not None:
        raise hurry
    return task.result()


async def in_thread(function: Callable[[], T]) -> T:
    """What a function returns or raises that may take seconds, from a thread of its own.

    Nothing waits for one that is left behind: not the end of the process either.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as problem:
            error = problem
        try:
            loop.call_soon_threadsafe(finish, result, error)
        except RuntimeError:
            _log.info("the loop ended before %s did", function)

    threading.Thread(target=run, name="inspector-aside", daemon=True).start()
    return await done
