"""Work of many steps for the user: one at a time, its progress seen, cancelled at any time."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from inspector.domain.plaintext import one_line
from inspector.errors import InspectorError
from inspector.tasks import Tasks
from inspector.tui.events import JobChanged, JobEnded, Said, Tell


class Job(Protocol):
    """Some work with its progress. `done` of `total` steps; it is run once."""

    title: str
    total: int
    done: int

    def figures(self) -> str:
        """Where it stands, in words: `55 x 2xx  2 x 500  63 left  9.8 a second`."""
        ...

    async def run(self) -> None:
        """Do it all. Raises `InspectorError` when it cannot go on."""
        ...

    def summary(self, stopped: str) -> Said:
        """What came of it; `stopped` is why it ended early, empty when it did not."""
        ...


class Jobs:
    """At most one job. `said` is what came of the last one."""

    def __init__(self, tasks: Tasks, tell: Tell) -> None:
        self._tasks = tasks
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self.job: Job | None = None
        self.said: Said | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done() and self.said is None

    @property
    def unfinished(self) -> str:
        """What was not done to its end when the session ended: one line, or nothing."""
        if self.job is None or self.said is not None:
            return ""
        return f"{self.job.title}: ended after {self.job.done:,} of {self.job.total:,}"

    def start(self, job: Job, ended: Callable[[], None] = lambda: None) -> bool:
        """Begin, unless another job runs; whether it was begun. `ended` is called at its end."""
        if self.running:
            self._tell(Said(f"wait for the end of: {self._title()}; or cancel it", "warning"))
            return False
        self.job, self.said, self._cancelled = job, None, False
        self._task = self._tasks.start(self._run(job, ended), "job")
        self._tell(JobChanged())
        return True

    def cancel(self) -> None:
        """End the running job; what it did stays done, and is told."""
        if self.running and self._task is not None:
            self._cancelled = True
            self._task.cancel()

    async def _run(self, job: Job, ended: Callable[[], None]) -> None:
        stopped = ""
        try:
            await job.run()
        except asyncio.CancelledError:
            # The user's cancelling ends the job; any other ends the session.
            if not self._cancelled:
                raise
            stopped = "cancelled"
        except InspectorError as error:
            stopped = f"stopped: {error.message}"
        self.said = job.summary(stopped)
        ended()
        self._tell(JobEnded(self.said))

    def _title(self) -> str:
        return one_line(self.job.title, 80) if self.job else ""
