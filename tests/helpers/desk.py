"""A desk over a mailbox in memory, and lines that keep what their consumers are sent."""

import asyncio

from inspector.domain.attempt import Outcome
from inspector.domain.endpoint import Endpoint
from inspector.domain.parcel import Parcel
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.desk import Desk
from inspector.tunnel.messages import (
    Answers,
    Message,
    Parcels,
    RelayState,
    ShadowReply,
    Start,
    Team,
)
from inspector.tunnel.supply import Caller
from inspector.tunnel.wire import decode
from tests.helpers.mailboxes import FakeMailboxes, captured
from tests.helpers.tunnel import until

ENDPOINT = Endpoint(id="e1", name="one", slug="s", token_sha256="0" * 64)


class Line:
    """Keeps what a consumer is sent; while `stuck` it takes nothing."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.frames = 0
        self.closed: tuple[int, str] | None = None
        self.stuck: asyncio.Event | None = None

    async def send(self, frame: bytes) -> None:
        if self.stuck is not None:
            await self.stuck.wait()
        self.frames += 1
        self.messages.append(decode(frame))

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def check(self) -> None:
        """Nothing is wrong with it."""

    def parcels(self) -> list[Parcel]:
        return [p for each in self.messages if isinstance(each, Parcels) for p in each.items]

    def states(self) -> list[RelayState]:
        return [each for each in self.messages if isinstance(each, RelayState)]

    def teams(self) -> list[Team]:
        return [each for each in self.messages if isinstance(each, Team)]

    def shadows(self) -> list[ShadowReply]:
        return [each for each in self.messages if isinstance(each, ShadowReply)]

    def answers(self) -> list[tuple[int, int, bool]]:
        return [a for each in self.messages if isinstance(each, Answers) for a in each.items]


class DeskSide:
    """One endpoint's desk and its mailbox."""

    def __init__(self) -> None:
        self.mailboxes = FakeMailboxes()
        self.desk = Desk(ENDPOINT, self.mailboxes, lambda: 7, store_id="r")

    async def attach(
        self,
        name: str,
        after: int = 0,
        *,
        instance: str = "",
        take_over: bool = False,
        primary: bool = False,
    ) -> tuple[Attachment, Line]:
        """One that has started."""
        line = Line()
        caller = Caller(name, instance or name, f"address of {name}")
        attachment = self.desk.attach(caller, line, take_over=take_over)
        await attachment.take(Start(after, primary=primary))
        await until(lambda: any(isinstance(each, RelayState) for each in line.messages))
        return attachment, line

    def capture(self, body: bytes = b"{}") -> int:
        fact = captured(body)
        number = self.mailboxes.commit(fact)
        self.desk.captured(number, fact)
        return number

    def ask(self, within: float | None = 30.0, *, once: bool = True) -> "Asking":
        fact = captured(answered=None)
        number = self.mailboxes.commit(fact)
        ask = self.desk.answered_by_app(number, fact, within=within, once=once)
        return Asking(number, asyncio.ensure_future(ask))


class Asking:
    """A sender that waits for an app."""

    def __init__(self, number: int, task: "asyncio.Task[Outcome | None]") -> None:
        self.number = number
        self.task = task

    async def outcome(self) -> Outcome | None:
        return await asyncio.wait_for(self.task, 5)
