"""What the user does with deliveries: each act is sent off, and its end is told."""

from collections.abc import Coroutine
from typing import Any

from inspector.client.control import Control
from inspector.errors import InspectorError
from inspector.tasks import Tasks
from inspector.tui.events import Said, Tell, complaint
from inspector.tui.results import Results

# Targets that were named for a re-send, the latest first, to be offered again.
_REMEMBERED = 8


class Acts:
    """Acts through the listener. Every call returns at once; `tell` hears how it ends."""

    def __init__(self, control: Control, tasks: Tasks, tell: Tell, results: Results) -> None:
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._results = results
        self.targets: tuple[str, ...] = ()

    def resend(self, delivery_id: int, *, to: str | None = None, re_sign: bool = False) -> None:
        """Send a delivery again, to its own targets or to `to`; a refusal is told too."""
        if to is not None:
            others = [one for one in self.targets if one != to]
            self.targets = (to, *others)[:_REMEMBERED]
        self._start(self._resend(delivery_id, to, re_sign), "resend")

    def trigger(self, event: str, **options: Any) -> None:
        """Send a sample of an event to the listener; `options` are those of a trigger request."""
        self._start(self._trigger(event, options), "trigger")

    def _start(self, act: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.start(self._ended(act), name)

    async def _ended(self, act: Coroutine[Any, Any, None]) -> None:
        try:
            await act
        except InspectorError as error:
            self._tell(complaint(error))

    async def _resend(self, delivery_id: int, to: str | None, re_sign: bool) -> None:
        resent = await self._control.resend(delivery_id, to=to, re_sign=re_sign)
        if not resent.attempts:
            self._tell(Said(f"#{delivery_id} was not sent: it has no target", "warning"))
        self._results.expect(resent.attempts)

    async def _trigger(self, event: str, options: dict[str, Any]) -> None:
        ids = await self._control.trigger(event, **options)
        self._tell(Said(f"sample of {event} sent: " + ", ".join(f"#{one}" for one in ids)))
