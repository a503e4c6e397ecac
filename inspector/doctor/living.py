"""A listener of the doctor's own, whose end can be hurried."""

import asyncio

from inspector.errors import InspectorError
from inspector.runtime import Runtime
from inspector.tasks import Tasks

# Between one push and the next: each ends one of the waits of its stopping.
_PUSH_SECONDS = 0.15


class Living:
    """Runs a listener in a task of its own, so that whoever is cancelled does not wait for it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._tasks = Tasks("doctor")
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Wait until it listens; raises `InspectorError` when it cannot."""
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = self._tasks.start(self._live(started), "listener")
        await started

    async def _live(self, started: "asyncio.Future[None]") -> None:
        try:
            async with self.runtime:
                if not started.done():
                    started.set_result(None)
                await self._over.wait()
        except InspectorError as error:
            if not started.done():
                started.set_exception(error)

    async def stop(self, patience: float) -> None:
        """Stop it in order; what takes longer than so many seconds is cut off. Never fails."""
        self._over.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=patience)
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_PUSH_SECONDS)
