"""What the user does with deliveries: each act is sent off, and its end is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from inspector.client.control import Control
from inspector.client.models import DeliveryDetail, Resent, Status
from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.plaintext import one_line
from inspector.errors import InspectorError
from inspector.tasks import Tasks
from inspector.tui.bulk import BulkMark, BulkSend, ResendPlan
from inspector.tui.events import Said, Tell, complaint
from inspector.tui.exporting import Export, Form
from inspector.tui.inspection import EAGER_BODY
from inspector.tui.jobs import Jobs
from inspector.tui.results import Results

T = TypeVar("T")

MARK = "*"
# Targets that were named for a re-send, the latest first, to be offered again.
_REMEMBERED = 8
# An answer that takes longer than this is announced, so that a key never seems to do nothing.
_SOON = 1.0


class Acts:
    """Acts through the listener. Every call returns at once; `tell` hears how it ends."""

    def __init__(
        self,
        control: Control,
        tasks: Tasks,
        tell: Tell,
        results: Results,
        get: Callable[[int], Delivery | None],
    ) -> None:
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._results = results
        self._get = get
        self.jobs = Jobs(tasks, tell)
        self.targets: tuple[str, ...] = ()
        self.asking = False

    def perform(self, act: Coroutine[Any, Any, None], name: str) -> None:
        """Run anything that may end in an `InspectorError`, which is told."""
        self._tasks.start(self._ended(act), name)

    # Sending -------------------------------------------------------------------------------

    def resend(self, delivery_id: int, *, to: str | None = None, re_sign: bool = False) -> None:
        """Send a delivery again, to its own targets or to `to`; a refusal is told too."""
        self.remember_target(to)
        self.perform(self._resend(delivery_id, to, re_sign), "resend")

    async def send_edited(
        self, original: Delivery, edited: Request, *, to: str | None = None, re_sign: bool = False
    ) -> None:
        """Send a request made from a delivery: a new delivery. A held original is let go for it.

        Returns when it is on its way, and its outcome is told; raises `InspectorError`.
        """
        self.remember_target(to)
        held = (self._get(original.id) or original).state is State.HELD
        resent = await self._control.resend(
            original.id, to=to, re_sign=re_sign, edited=edited, instead=held
        )
        instead = ", in its place" if held else ""
        self._tell(Said(f"#{resent.delivery_id} was made from #{original.id}{instead}"))
        self.perform(self._outcome(resent), "resend")

    def trigger(self, event: str, **options: Any) -> None:
        """Send a sample of an event to the listener; `options` are those of a trigger request."""
        self.perform(self._trigger(event, options), "trigger")

    def remember_target(self, target: str | None) -> None:
        if target is not None:
            others = [one for one in self.targets if one != target]
            self.targets = (target, *others)[:_REMEMBERED]

    async def fetch(self, delivery: Delivery) -> DeliveryDetail:
        """A delivery whole. Raises `InspectorError`."""
        if delivery.body_size <= EAGER_BODY:
            return await self._patiently(self._control.delivery(delivery.id))
        # Large bodies come raw: in base64 they would be here twice.
        detail = await self._control.delivery(delivery.id, body=False)
        body = await self._control.body(delivery.id)
        return replace(detail, request=detail.request._replace(body=body), has_body=True)

    def missed(self) -> None:
        """Outcomes may have been missed by the stream: ask for those that are awaited."""
        for delivery_id in self._results.awaited:
            self.perform(self._ask_for(delivery_id), "attempts")

    # Many at once --------------------------------------------------------------------------

    def resend_all(
        self, ids: Sequence[int], plan: ResendPlan, failed: Callable[[list[int]], None]
    ) -> bool:
        """Begin to send these again, in this order; `failed` gets what is left at the end."""
        self.remember_target(plan.to)
        job = BulkSend(self._control, ids, plan, time.monotonic, asyncio.sleep)
        return self.jobs.start(job, lambda: failed(job.left))

    def mark_all(self, ids: Sequence[int], mark: str) -> bool:
        """Begin to mark these, or with "" to take their marks away."""
        return self.jobs.start(BulkMark(self._control, ids, mark))

    def export(
        self, ids: Sequence[int], path: Path, form: Form, base: str, *, reveal: bool
    ) -> bool:
        """Begin to write these into a new file."""
        return self.jobs.start(Export(self._control, ids, path, form, base, reveal=reveal))

    # Marks and notes -----------------------------------------------------------------------

    def mark(self, delivery_id: int, mark: str) -> None:
        """Mark a delivery, or with "" take its mark away."""
        self.perform(self._mark(delivery_id, mark), "mark")

    def note(self, delivery_id: int, note: str) -> None:
        """Put a note to a delivery, or with "" take it away."""
        self.perform(self._note(delivery_id, note), "note")

    # Hold and step -------------------------------------------------------------------------

    def greet(self, status: Status) -> None:
        """Tell what an earlier listener has held, which nobody sends by itself."""
        held = status.ledger.get("held", 0)
        if held and not status.breakpoint:
            self._tell(Said(f"{held:,} held by an earlier breakpoint, not sent by themselves"))

    def hold(self, query: str) -> None:
        """Set the breakpoint, or with "" take it away."""
        self.perform(self._hold(query), "hold")

    def release(self, delivery_id: int | None) -> None:
        """Let one held delivery go: this one, or the oldest; its outcome is told."""
        self.perform(self._release(delivery_id), "release")

    def release_all(self) -> None:
        """Let all held deliveries go, oldest first."""
        self.perform(self._release_all(), "release")

    # The team ------------------------------------------------------------------------------

    def answer_senders(self, told: str) -> None:
        """Ask the relay that this app answers its senders, unless that is under way (`asking`);
        `told` is said when it does."""
        if not self.asking:
            self.asking = True
            self.perform(self._answer_senders(told), "primary")

    # Inside --------------------------------------------------------------------------------

    async def _ended(self, act: Coroutine[Any, Any, None]) -> None:
        try:
            await act
        except InspectorError as error:
            self._tell(complaint(error))

    async def _patiently(self, answer: Awaitable[T]) -> T:
        """What the listener answers; that it is waited for is told where that takes long."""
        waiting = Said("waiting for the listener …", "warning")
        announced = asyncio.get_running_loop().call_later(_SOON, self._tell, waiting)
        try:
            return await answer
        finally:
            announced.cancel()

    async def _resend(self, delivery_id: int, to: str | None, re_sign: bool) -> None:
        sending = self._control.resend(delivery_id, to=to, re_sign=re_sign)
        await self._outcome(await self._patiently(sending))

    async def _outcome(self, resent: Resent) -> None:
        attempts = resent.attempts
        if not attempts:
            text = f"#{resent.delivery_id} was not sent: it has no target"
            self._tell(Said(text, "warning"))
        self._results.expect(attempts)
        if self._results.under_way(attempts):
            await asyncio.sleep(_SOON)
        for one in self._results.under_way(attempts):
            where = one_line(one.target, 100)
            self._tell(Said(f"#{one.delivery_id} is on its way; {where} has not answered yet"))

    async def _ask_for(self, delivery_id: int) -> None:
        for one in await self._control.attempts(delivery_id):
            self._results.saw(one.attempt.to_json())

    async def _trigger(self, event: str, options: dict[str, Any]) -> None:
        ids = await self._control.trigger(event, **options)
        self._tell(Said(f"sample of {event} sent: " + ", ".join(f"#{one}" for one in ids)))

    async def _mark(self, delivery_id: int, mark: str) -> None:
        await self._control.mark(delivery_id, mark=mark)
        self._tell(Said(f"#{delivery_id} is {'marked' if mark else 'no longer marked'}"))

    async def _note(self, delivery_id: int, note: str) -> None:
        await self._control.mark(delivery_id, note=note)
        what = f"noted at #{delivery_id}: {one_line(note, 80)}" if note else "the note is gone"
        self._tell(Said(what))

    async def _hold(self, query: str) -> None:
        await self._control.hold(query)
        if query:
            text = f"what matches {one_line(query, 100)} is held from now on"
        else:
            text = "the breakpoint is gone; what is held stays held until it is let go"
        self._tell(Said(text))

    async def _answer_senders(self, told: str) -> None:
        try:
            await self._control.take_primary()
        finally:
            self.asking = False
        self._tell(Said(told))

    async def _release(self, delivery_id: int | None) -> None:
        before = self._results.newest
        released = await self._control.release(delivery_id)
        if not released:
            which = "nothing" if delivery_id is None else f"#{delivery_id}"
            self._tell(Said(f"{which} is held", "warning"))
        for one in released:
            self._tell(Said(f"#{one} was let go"))
            self._results.expect_of(one, before)

    async def _release_all(self) -> None:
        released = await self._control.release(all=True)
        if released:
            self._tell(Said(f"{len(released)} were let go"))
        else:
            self._tell(Said("nothing is held", "warning"))
