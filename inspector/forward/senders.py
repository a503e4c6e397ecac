"""Senders that wait for the app's answer while it is decided where their delivery goes."""

import asyncio
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from typing import Union

from inspector.domain.attempt import Failure, FailureKind, Outcome
from inspector.forward.target import Sent

_NOT_RELEASED = Failure(
    FailureKind.TIMEOUT, "a breakpoint holds it, and it was not released in time"
)
_STOPPING = Failure(FailureKind.INTERRUPTED, "a breakpoint holds it, and the listener is stopping")

# What there is to wait for once the turn of a delivery has come: a sending by hand that took its
# place, nothing more, or the dispatcher's answer, if that has it: it has not without a target.
Turn = Union["asyncio.Task[Sent]", Failure, bool]


@dataclass(slots=True)
class Sender:
    """One of them; `once`: its delivery is tried a single time. `held`: a breakpoint holds it."""

    turn: "asyncio.Future[Turn]"
    once: bool
    held: bool = False


class Senders:
    """All of them by delivery. `answer` waits for the dispatcher's, so many seconds or for ever."""

    def __init__(self, answer: Callable[[int, float | None], Awaitable[Outcome | None]]) -> None:
        self._answer = answer
        self._waiting: dict[int, Sender] = {}
        self._dismissed = False

    def expect(self, delivery_id: int, *, once: bool) -> Sender:
        """The sender of this delivery waits; `answered` comes next."""
        sender = Sender(asyncio.get_running_loop().create_future(), once)
        self._waiting[delivery_id] = sender
        return sender

    async def answered(
        self, delivery_id: int, sender: Sender, within: float | None
    ) -> tuple[bool, Outcome | None]:
        """Whether it has a target, and the outcome there in at most `within` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within if within else None
        try:
            await asyncio.wait((sender.turn,), timeout=within or None)
        finally:
            self._waiting.pop(delivery_id, None)
        if not sender.turn.done():
            return True, _NOT_RELEASED if sender.held else None
        left = max(deadline - loop.time(), 0.001) if deadline else None
        turn = sender.turn.result()
        if isinstance(turn, Failure):
            return True, turn
        if isinstance(turn, bool):
            return turn, await self._answer(delivery_id, left)
        await asyncio.wait((turn,), timeout=left)
        return True, turn.result().outcome if turn.done() and not turn.cancelled() else None

    def of(self, delivery_id: int) -> Sender | None:
        """Who waits for this delivery still, if anybody does."""
        return self._waiting.get(delivery_id)

    def turn(self, delivery_id: int, turn: Turn) -> None:
        """The turn of this delivery has come."""
        sender = self._waiting.pop(delivery_id, None)
        if sender is not None and not sender.turn.done():
            sender.turn.set_result(turn)

    def held(self, delivery_id: int) -> None:
        """Its delivery is held: at the end nobody would release it any more."""
        if (sender := self._waiting.get(delivery_id)) is not None:
            sender.held = True
        if self._dismissed:
            self.turn(delivery_id, _STOPPING)

    def dismiss(self, held: Container[int]) -> None:
        """The listener stops: whose delivery is held is told so, and may send it again."""
        self._dismissed = True
        for delivery_id in [id_ for id_ in self._waiting if id_ in held]:
            self.held(delivery_id)
