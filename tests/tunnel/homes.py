"""A home for deliveries in memory, and a consumer that mirrors into it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from inspector.domain.facts import Gap
from inspector.domain.parcel import Parcel
from inspector.domain.relay_filter import parse_relay_filter
from inspector.errors import StoreUnavailableError
from inspector.tunnel.address import parse_backfill, parse_relay
from inspector.tunnel.connecting import Dialler
from inspector.tunnel.consumer import Consumer, Pauses
from inspector.tunnel.messages import Attempted, Passed, ShadowReply
from inspector.tunnel.ports import Arrival, Replies, Source
from tests.helpers.fake_tunnel import PATIENCE, TOKEN, FakeRelay, now


@dataclass
class Home:
    """`Mirroring` over a list: what is taken is `stored` when the gate is open.

    With `full` a commit fails, and so does everything behind it until the position is asked for.
    """

    stored: list[tuple[Parcel, bytes]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    passes: list[tuple[int, int]] = field(default_factory=list)
    notes: list[tuple[int, int, bool]] = field(default_factory=list)
    said: list[tuple[int, ShadowReply]] = field(default_factory=list)
    sources: set[Source] = field(default_factory=set)
    queued: int = 0
    asked_positions: int = 0
    full: bool = False
    at: int | None = None

    def __post_init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self._failed = False
        self.reply: Replies | None = None
        self.shadow_replies: Replies | None = None

    @property
    def ids(self) -> list[int]:
        return [parcel.id for parcel, _ in self.stored]

    @property
    def bodies(self) -> list[bytes]:
        return [body for parcel, body in self.stored if parcel.kind != "probe"]

    async def position(self, mailbox: str) -> int | None:
        assert self.queued == len(self.stored) + self._lost(), "asked before all was settled"
        self.asked_positions += 1
        self._failed = False
        self.queued = len(self.stored)
        return self.at

    async def captured_at(self, mailbox: str, number: int) -> int | None:
        return next((each.at for each, _ in self.stored if each.id == number), None)

    def _lost(self) -> int:
        return self.queued - len(self.stored) if self._failed else 0

    def take(self, source: Source, came: Sequence[Arrival], reply: Replies) -> Awaitable[None]:
        self.sources.add(source)
        self.queued += sum(not isinstance(each, Passed) for each in came)
        self.reply = reply
        return self._commit(list(came))

    async def _commit(self, came: list[Arrival]) -> None:
        await self.gate.wait()
        if self.full or self._failed:
            self._failed = True
            raise StoreUnavailableError("the store cannot commit: it is full")
        for each in came:
            if isinstance(each, Passed):
                assert each.first == (self.at or 0) + 1
                self.at = each.last
                self.passes.append((each.first, each.last))
                continue
            parcel, pieces = each
            assert parcel.id == (self.at or 0) + 1
            self.at = parcel.id
            self.stored.append((parcel, b"".join(pieces) if pieces else parcel.body))

    async def miss(self, gap: Gap) -> None:
        assert gap.first == (self.at or 0) + 1
        self.at = gap.origin.id
        self.gaps.append(gap)

    async def answered(self, mailbox: str, items: tuple[tuple[int, int, bool], ...]) -> None:
        self.notes += items

    def speak(self, mailbox: str, reply: Replies | None) -> None:
        self.shadow_replies = reply

    async def shadowed(self, mailbox: str, said: ShadowReply) -> None:
        self.said.append((len(self.stored), said))


@dataclass
class Mirrored:
    """A consumer that runs, its home, and what it reported."""

    consumer: Consumer
    home: Home
    reports: list[dict[str, Any]]

    def told(self, state: str) -> list[dict[str, Any]]:
        return [report for report in self.reports if report["state"] == state]


def dialler(relay: FakeRelay, token: str = TOKEN) -> Dialler:
    return Dialler(parse_relay(relay.url), token, "alice@laptop", "c0ffee")


@asynccontextmanager
async def mirrored(
    relay: FakeRelay,
    home: Home | None = None,
    *,
    token: str = TOKEN,
    backfill: str = "all",
    take_over: bool = False,
    primary: bool = False,
    latest: Callable[[], Attempted | None] = lambda: None,
    wanted: str = "",
    pauses: Pauses | None = None,
    clock: Callable[[], int] = now,
) -> AsyncIterator[Mirrored]:
    """A consumer of the relay with short pauses, stopped at the end."""
    home = home or Home()
    reports: list[dict[str, Any]] = []
    consumer = Consumer(
        dialler(relay, token),
        home,
        clock,
        reports.append,
        backfill=parse_backfill(backfill),
        take_over=take_over,
        primary=primary,
        latest=latest,
        wanted=parse_relay_filter(wanted),
        pauses=pauses or Pauses(0.01, 0.05, refused=0.05),
    )
    consumer.start()
    try:
        yield Mirrored(consumer, home, reports)
    finally:
        home.gate.set()
        await consumer.stop(1.0)


async def until(met: Callable[[], bool]) -> None:
    """Until that is so; looked at again and again, since nobody tells of it."""
    async with asyncio.timeout(PATIENCE):
        while not met():  # noqa: ASYNC110 - a status tells nobody of its changes
            await asyncio.sleep(0.005)
