"""What the listener checked of a signature: asked for when it is looked at, once a delivery."""

import asyncio
from dataclasses import dataclass

from inspector.client.control import Control
from inspector.domain.delivery import Delivery
from inspector.domain.envelope import Check, Verdict
from inspector.errors import InspectorError
from inspector.tasks import Tasks
from inspector.tui.events import DetailChanged, Tell


@dataclass(frozen=True, slots=True)
class Explained:
    """The checks in order, or why there are none."""

    checks: tuple[Check, ...] = ()
    error: str = ""


class Explanation:
    """The checks of the delivery that was looked at last. `tell` hears when they have come."""

    def __init__(self, control: Control, tasks: Tasks, tell: Tell) -> None:
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._wanted: tuple[int, Verdict] | None = None
        self._found: Explained | None = None
        self._task: asyncio.Task[None] | None = None

    def look_at(self, delivery: Delivery) -> Explained | None:
        """What is known by now; None while it is asked for. A new verdict is explained anew."""
        wanted = (delivery.id, delivery.verdict)
        if wanted != self._wanted:
            self._wanted, self._found = wanted, None
            if self._task is None or self._task.done():
                self._task = self._tasks.start(self._ask(), "explanation")
        return self._found

    def forget(self) -> None:
        """Ask again: the last answer may have been an error that is over."""
        self._wanted = None

    async def _ask(self) -> None:
        while self._found is None and (wanted := self._wanted) is not None:
            try:
                found = Explained(await self._control.explain(wanted[0]))
            except InspectorError as error:
                found = Explained(error=error.message)
            if wanted == self._wanted:
                self._found = found
                self._tell(DetailChanged())
