"""A store in memory that keeps the ports' promises, and a clock that only moves when told."""

import asyncio
from collections.abc import Callable, Sequence

from inspector.domain.attempt import Failure, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.facts import (
    Appended,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Fact,
    Released,
    Routed,
)
from inspector.forward.ports import HeldItem, WaitingItem


class Clock:
    """Microseconds; `pause` moves it on at once, so no test ever waits. `step` moves the wall's."""

    def __init__(self) -> None:
        self.now = 1_000_000_000
        self.pauses: list[float] = []
        self.stepped = 0
        self.on_pause: Callable[[], None] = lambda: None

    def __call__(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return (self.now - self.stepped) / 1_000_000

    def step(self, micros: int) -> None:
        """As when somebody sets the clock, or the computer has slept."""
        self.now += micros
        self.stepped += micros

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += round(seconds * 1_000_000)
        self.on_pause()
        await asyncio.sleep(0)

    async def hang(self, seconds: float) -> None:
        """A pause that does not end."""
        self.pauses.append(seconds)
        await asyncio.get_running_loop().create_future()


class Journal:
    """Facts in order. While `stuck` nothing is committed; with `broken` every append fails."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.requests: dict[int, Request] = {}
        self.received: dict[int, int] = {}
        self.targets: dict[int, tuple[str, ...]] = {}
        # Who sent them and was told what, as far as the store says it.
        self.sender: tuple[str, int | None] = ("", None)
        self.stuck = False
        self.broken: Exception | None = None
        self.unreadable = 0
        self.loads: list[int] = []
        self.reads: list[int] = []
        self.held_at: dict[int, tuple[str, ...]] = {}
        self._pending: list[tuple[asyncio.Future[Appended], Appended, Fact]] = []

    def append(self, fact: Fact) -> asyncio.Future[Appended]:
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        if self.broken is not None:
            future.set_exception(self.broken)
            return future
        self.facts.append(fact)
        delivery_id = getattr(fact, "delivery_id", 0)
        self._pending.append((future, Appended(len(self.facts), delivery_id), fact))
        if not self.stuck:
            asyncio.get_running_loop().call_soon(self.commit)
        return future

    def commit(self) -> None:
        pending, self._pending = self._pending, []
        for future, appended, fact in pending:
            if isinstance(fact, Routed):
                self.held_at.pop(fact.delivery_id, None)
                self.targets[fact.delivery_id] = () if fact.held_by else fact.targets
                if fact.held_by and fact.targets:
                    self.held_at[fact.delivery_id] = fact.targets
            elif isinstance(fact, Released) and fact.delivery_id in self.held_at:
                self.targets[fact.delivery_id] = self.held_at.pop(fact.delivery_id)
            if not future.done():
                future.set_result(appended)

    def capture(self, request: Request, targets: tuple[str, ...], at: int) -> int:
        """A committed delivery with these targets; its id."""
        delivery_id = len(self.requests) + 1
        self.facts.append(Captured(at, request, "127.0.0.1", route=None))
        self.facts.append(Routed(at, delivery_id, targets))
        self.requests[delivery_id] = request
        self.received[delivery_id] = at
        self.targets[delivery_id] = targets
        return delivery_id

    async def held(self, after: tuple[int, str], limit: int) -> list[HeldItem]:
        await asyncio.sleep(0)
        pairs = sorted((id_, target) for id_, all_ in self.held_at.items() for target in all_)
        return [HeldItem(*pair, 0) for pair in pairs if pair > after][:limit]

    async def waiting(self, target: str, after: int, limit: int) -> list[WaitingItem]:
        self.reads.append(after)
        if self.unreadable:
            self.unreadable -= 1
            raise OSError("database is locked")
        final, made = self._attempts(target)
        found = [
            WaitingItem(
                delivery_id, self.received[delivery_id], made.get(delivery_id, 0), *self.sender
            )
            for delivery_id, targets in self.targets.items()
            if target in targets and delivery_id > after and not final.get(delivery_id, False)
        ]
        await asyncio.sleep(0)
        return found[:limit]

    async def load(self, delivery_id: int) -> Request | None:
        self.loads.append(delivery_id)
        await asyncio.sleep(0)
        return self.requests.get(delivery_id)

    async def absent(self, delivery_id: int) -> str:
        return f"there is no whole delivery {delivery_id}"

    async def load_small(self, delivery_ids: Sequence[int], most: int) -> dict[int, Request]:
        await asyncio.sleep(0)
        found = {
            id_: self.requests[id_]
            for id_ in delivery_ids
            if id_ in self.requests and len(self.requests[id_].body) <= most
        }
        self.loads += found
        return found

    def _attempts(self, target: str) -> tuple[dict[int, bool], dict[int, int]]:
        final: dict[int, bool] = {}
        made: dict[int, int] = {}
        for _, started, finished in self.attempts():
            if started.target == target and started.chosen:
                made[started.delivery_id] = made.get(started.delivery_id, 0) + 1
                answered = finished is not None and isinstance(finished.outcome, Response)
                if started.trigger is Trigger.MANUAL and not answered:
                    continue
                final[started.delivery_id] = finished is not None and finished.final
        return final, made

    def attempts(self) -> list[tuple[int, AttemptStarted, AttemptFinished | None]]:
        """(position, start, end) of each attempt, in the order of their starts."""
        ends = {fact.attempt_id: fact for fact in self.facts if isinstance(fact, AttemptFinished)}
        return [
            (seq, fact, ends.get(seq))
            for seq, fact in enumerate(self.facts, 1)
            if isinstance(fact, AttemptStarted)
        ]

    def story(self) -> list[str]:
        """The attempts as lines: delivery, number, trigger, outcome, `final` or `again`."""
        lines = []
        for _, started, finished in self.attempts():
            told = f"{started.delivery_id} #{started.number} {started.trigger}"
            if finished is not None:
                outcome = finished.outcome
                told += f" {outcome.status}" if isinstance(outcome, Response) else ""
                told += f" {outcome.kind}" if isinstance(outcome, Failure) else ""
                told += " final" if finished.final else " again"
            lines.append(told)
        return lines
