"""Senders that wait for an app, what they were answered, and canaries on their way."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from inspector.domain.attempt import Failure, FailureKind, Outcome
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.messages import Reply
from inspector.tunnel.parcels import OutgoingParcel
from inspector.tunnel.wire import Packed

CANARY_SECONDS = 30.0
_CANARIES = 64
_NONCE_LENGTH = 128
_ANSWERS_KEPT = 1024


@dataclass(slots=True)
class _Asked:
    """A sender that waits for the app of one consumer."""

    by: Attachment
    outcome: "asyncio.Future[Outcome | None]"
    deadline: float | None
    once: bool

    def answer(self, outcome: Outcome | None) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def cut(self) -> None:
        self.answer(Failure(FailureKind.CUT, "the consumer went away before its app answered"))


class Asking:
    """Who waits for whose app; as many at a time as senders have connections."""

    def __init__(self) -> None:
        self._asked: dict[int, _Asked] = {}

    def ask(self, number: int, by: Attachment, within: float | None, once: bool) -> None:
        """From here on the consumer that is sent this delivery is asked; `outcome` follows."""
        loop = asyncio.get_running_loop()
        deadline = None if within is None else loop.time() + within
        self._asked[number] = _Asked(by, loop.create_future(), deadline, once)

    async def outcome(self, number: int) -> Outcome | None:
        """What the app said; None where it has nothing to say."""
        asked = self._asked[number]
        try:
            async with asyncio.timeout_at(asked.deadline):
                return await asked.outcome
        except TimeoutError:
            return Failure(FailureKind.TIMEOUT, "the app gave no answer in time")
        finally:
            del self._asked[number]

    def replied(self, by: Attachment, reply: Reply) -> bool:
        """An app has answered; whether it is the one that is asked. Its first answer counts."""
        asked = self._asked.get(reply.id)
        if asked is None or asked.by is not by:
            return False
        if not asked.outcome.done():
            asked.outcome.set_result(reply.outcome)
        return True

    def left_out(self, by: Attachment, seen: int, batch: Sequence[OutgoingParcel]) -> None:
        """The filter leaves out all else that was handed over behind `seen`: the app has nothing
        to say to it."""
        if self._asked:
            taken = {item.number for item in batch}
            for number, asked in self._asked.items():
                if asked.by is by and seen < number <= by.sent and number not in taken:
                    asked.answer(None)

    def hand_over(self, older: Attachment, newer: Attachment) -> None:
        """Its process came back on another connection, and is asked anew for what it lacks."""
        for asked in self._asked.values():
            if asked.by is older:
                asked.by = newer

    def lost(self, by: Attachment) -> None:
        """What it has already is not sent to it again, and its answers went with the older line."""
        for number, asked in self._asked.items():
            if asked.by is by and number <= by.sent:
                asked.cut()

    def gone(self, by: Attachment, following: Attachment | None) -> None:
        """Ask the one that follows, if it was not sent the delivery already; else there is none."""
        for number, asked in self._asked.items():
            if asked.by is by:
                if following is not None and following.sent < number:
                    asked.by = following
                else:
                    asked.cut()

    def marked(self, items: Sequence[OutgoingParcel], by: Attachment) -> dict[int, Packed]:
        """Of these deliveries those for which this consumer's app is asked, as they are sent."""
        if not self._asked:
            return {}
        now = asyncio.get_running_loop().time()
        return {
            item.number: item.packed_asking(_patience(asked, now), asked.once)
            for item in items
            if (asked := self._asked.get(item.number)) is not None and asked.by is by
        }


def _patience(asked: _Asked, now: float) -> float:
    """How many seconds the sender still waits."""
    return 0.0 if asked.deadline is None else round(max(0.0, asked.deadline - now), 3)


class AnswerLog:
    """The last answers that senders were given.

    It is bounded: a consumer that is further behind is told the rest when it connects again.
    """

    def __init__(self) -> None:
        self.count = 0
        self._log: deque[tuple[int, int, bool]] = deque()
        self._answers: dict[int, tuple[int, bool]] = {}

    def note(self, number: int, status: int, turned_away: bool) -> None:
        self.count += 1
        self._log.append((number, status, turned_away))
        self._answers[number] = status, turned_away
        if len(self._log) > _ANSWERS_KEPT:
            self._answers.pop(self._log.popleft()[0], None)

    def since(self, count: int) -> list[tuple[int, int, bool]]:
        """Those that came since there were `count`."""
        new = min(self.count - count, len(self._log))
        return list(islice(reversed(self._log), new))[::-1] if new else []

    def settle(self, items: Sequence[OutgoingParcel]) -> None:
        """Put the answers to what was read from the store before they were there."""
        if self._answers:
            for item in items:
                answer = self._answers.get(item.number)
                if answer is not None and answer[0] != item.parcel.answered:
                    item.settle(*answer)


class Canaries:
    """Nonces that consumers have announced; the oldest goes for one too many."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def announced(self, nonce: str) -> None:
        if not 0 < len(nonce) <= _NONCE_LENGTH:
            return
        while len(self._until) >= _CANARIES:
            del self._until[next(iter(self._until))]
        self._until[nonce] = asyncio.get_running_loop().time() + CANARY_SECONDS

    def takes(self, nonce: str) -> bool:
        """Whether it is known; true once."""
        return self._until.pop(nonce, 0.0) > asyncio.get_running_loop().time()
