"""The delivery that is looked at: fetched when the cursor rests, not at each of its steps."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from inspector.client.answers import AppAnswers
from inspector.client.control import Control
from inspector.client.models import AttemptDetail, DeliveryDetail
from inspector.domain.delivery import Delivery
from inspector.domain.facts import Shadowed
from inspector.errors import InspectorError, NotFoundError
from inspector.tasks import Tasks
from inspector.tui.events import DetailChanged, Tell

# Bodies up to this size come with the delivery; larger ones when they are asked for.
EAGER_BODY = 512 * 1024
_PAUSE = 0.12
# What takes longer to come is announced.
_SOON = 0.3
_NOTHING = AppAnswers()


class Inspection:
    """What is known of one delivery; the one before it until it has come.

    `detail` is None before the first has come, and when it is gone from the store (`error`).
    `settle` is the pause between two fetches while the cursor runs.
    """

    def __init__(
        self,
        control: Control,
        tasks: Tasks,
        tell: Tell,
        settle: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._settle = settle
        self._wanted: tuple[int, bool] | None = None
        self._stale = False
        self._task: asyncio.Task[None] | None = None
        self.delivery: Delivery | None = None
        self.detail: DeliveryDetail | None = None
        self.answers = _NOTHING
        self.error = ""
        # Whether something that is fetched has been waited for longer than is usual.
        self.waiting = False

    @property
    def attempts(self) -> tuple[AttemptDetail, ...]:
        return self.answers.attempts

    @property
    def shadows(self) -> tuple[Shadowed, ...]:
        """What other consumers' apps said."""
        return self.answers.shadows

    @property
    def delivery_id(self) -> int | None:
        """The delivery that is wanted, whether or not it has come."""
        return None if self._wanted is None else self._wanted[0]

    def look_at(self, delivery: Delivery | None) -> None:
        """Turn to a delivery by its summary, which may be newer than the one at hand."""
        if delivery is None:
            return
        if self.delivery_id == delivery.id:
            if delivery is not self.delivery:
                self.delivery = delivery
                self._tell(DetailChanged())
            return
        self.delivery = delivery
        self._want(delivery.id, with_body=delivery.body_size <= EAGER_BODY)

    def clear(self) -> None:
        """Look at nothing."""
        self._wanted = self.delivery = self.detail = None
        self.answers, self.error = _NOTHING, ""
        self._tell(DetailChanged())

    def load_body(self) -> None:
        """Fetch a body that was too large to come by itself."""
        if self.delivery_id is not None:
            self._want(self.delivery_id, with_body=True)

    def attempted(self, delivery_ids: set[int]) -> None:
        """Attempts of these began or ended, or another consumer's app answered."""
        if self.delivery_id in delivery_ids:
            self._stale = True
            self._run()

    def refresh(self) -> None:
        """Fetch again: something may have been missed, or the last fetch failed."""
        self.detail = None
        self._run()

    def _want(self, delivery_id: int, *, with_body: bool) -> None:
        self._wanted = (delivery_id, with_body)
        if self.waiting:
            self._tell(DetailChanged())
        self._run()

    def _run(self) -> None:
        if self._task is None or self._task.done():
            self._task = self._tasks.start(self._fetch(), "detail")

    async def _fetch(self) -> None:
        while (wanted := self._wanted) is not None and (self._stale or not self._has(wanted)):
            self._stale = False
            announced = asyncio.get_running_loop().call_later(_SOON, self._wait)
            try:
                await self._fetch_one(*wanted)
            finally:
                announced.cancel()
                self.waiting = False
            self._tell(DetailChanged())
            if self.error and wanted == self._wanted:
                return
            await self._settle(_PAUSE)

    def _wait(self) -> None:
        self.waiting = True
        self._tell(DetailChanged())

    async def _fetch_one(self, delivery_id: int, with_body: bool) -> None:
        detail, error = self.detail, ""
        answers = _NOTHING
        try:
            if not self._has((delivery_id, with_body)):
                detail = await self._fetch_detail(delivery_id, with_body)
            answers = await self._control.answers(delivery_id)
        except NotFoundError:
            detail, error = None, "this delivery is no longer in the store"
        except InspectorError as problem:
            error = problem.message
        # Shown even when the cursor has gone on meanwhile: while it runs something is seen.
        self.detail, self.answers, self.error = detail, answers, error

    async def _fetch_detail(self, delivery_id: int, with_body: bool) -> DeliveryDetail:
        if with_body and self._has((delivery_id, False)) and self.detail is not None:
            # Large bodies come raw: in base64 they would be here twice.
            body = await self._control.body(delivery_id)
            return replace(
                self.detail, request=self.detail.request._replace(body=body), has_body=True
            )
        return await self._control.delivery(delivery_id, body=with_body)

    def _has(self, wanted: tuple[int, bool]) -> bool:
        detail = self.detail
        return (
            detail is not None
            and detail.delivery.id == wanted[0]
            and (detail.has_body or not wanted[1])
        )
