"""What a relay captured comes into the journal once, unchanged, and goes on as if captured here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from inspector.domain.attempt import Failure, Outcome, Response
from inspector.domain.delivery import Request
from inspector.domain.facts import Answered, Captured, Fact, Gap, Origin, Passed, Probed, Refused
from inspector.domain.headers import encode_head
from inspector.domain.parcel import Parcel
from inspector.errors import StoreUnavailableError
from inspector.server.mirror import Mirror
from inspector.store.files import StoreFiles
from inspector.store.indexer import prepare
from inspector.store.journal import Journal
from inspector.store.reading import reading
from inspector.tunnel import messages
from inspector.tunnel.messages import Reply, WireError
from inspector.tunnel.ports import Arrival, Source
from tests.helpers.fake_tunnel import now, parcel
from tests.store.parts import entries, journal_of

HOME = Source("https://relay.example.com", "shop", "store/e1")
OK = Response(201, "Created", (), b"done", 4)


@dataclass
class Onward:
    """Where deliveries go: it records them, and answers as told."""

    targets: tuple[str, ...] | None = ("http://localhost:3000",)
    said: Outcome | None = OK
    breaks: bool = False
    sent: list[tuple[int, Captured]] = field(default_factory=list)
    asked: list[tuple[int, float | None, bool]] = field(default_factory=list)
    overheard: dict[int, Callable[[Outcome, float], None]] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)

    def route(self) -> tuple[str, ...] | None:
        return self.targets

    def captured(self, number: int, fact: Captured, /) -> None:
        self.begun.append(number)
        self.sent.append((number, fact))

    async def answered_by_app(
        self, number: int, fact: Captured, /, *, within: float | None, once: bool
    ) -> Outcome | None:
        self.begun.append(number)
        self.asked.append((number, within, once))
        if self.breaks:
            raise RuntimeError("a fault")
        return self.said

    def overhear(self, number: int, told: Callable[[Outcome, float], None], /) -> None:
        assert number not in [sent for sent, _ in self.sent], "it may have ended already"
        self.overheard[number] = told

    def answered(self, number: int, status: int, turned_away: bool, /) -> None:
        raise AssertionError("a relay tells what it answered")


@dataclass
class Mirrored:
    """A mirror over a real journal; `replies` is what the relay is told."""

    mirror: Mirror
    journal: Journal
    onward: Onward
    files: StoreFiles
    looked_up: list[int]

    def __post_init__(self) -> None:
        self.replies: asyncio.Queue[Reply] = asyncio.Queue()

    async def take(self, *parcels: Parcel, pieces: tuple[bytes, ...] = ()) -> None:
        whole = [(one, pieces) for one in parcels]
        await self.mirror.take(HOME, whole, self.replies.put_nowait)

    async def facts(self) -> list[Fact]:
        await self.journal.settled(10)
        return [entry.fact for entry in entries(self.files)]


@asynccontextmanager
async def mirrored(
    folder: Path,
    onward: Onward | None = None,
    recent: Mapping[int, tuple[int, int | None]] | None = None,
    stored: Mapping[int, tuple[int, frozenset[str]]] | None = None,
) -> AsyncIterator[Mirrored]:
    """`recent` and `stored` are what the store gives of earlier deliveries."""
    looked_up: list[int] = []

    async def recently(mailbox: str, limit: int) -> Mapping[int, tuple[int, int | None]]:
        return recent or {}

    async def found(mailbox: str, number: int) -> tuple[int, frozenset[str]] | None:
        assert mailbox == HOME.mailbox
        looked_up.append(number)
        return (stored or {}).get(number)

    async def captured_at(mailbox: str, number: int) -> int | None:
        return None

    onward = onward or Onward()
    files = StoreFiles(folder / "store.db")
    async with journal_of(files) as journal:
        mirror = Mirror(journal, onward, recently, found, captured_at, now)
        try:
            yield Mirrored(mirror, journal, onward, files, looked_up)
        finally:
            await mirror.stop()


async def test_a_capture_is_stored_as_it_was_with_its_origin_and_goes_on(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        assert await here.mirror.position(HOME.mailbox) is None
        headers = (("X-Dup", "1"), ("x-dup", "2"), ("X-Latin", "\xe4\xff"))
        odd = parcel(1, b"\0\xff", at=1_700_000_000_000_000)
        odd = odd._replace(head=encode_head("PURGE", "//a/%2F?", "1.0", headers))
        await here.take(odd, parcel(2))
        first, second = await here.facts()
        assert isinstance(first, Captured)
        assert first.request == Request("PURGE", "//a/%2F?", "1.0", headers, b"\0\xff")
        assert (first.at, first.remote) == (odd.at, odd.remote)
        assert (first.endpoint, first.answered) == ("shop", 200)
        assert first.origin == Origin(HOME.relay, 1, HOME.mailbox)
        assert first.route == here.onward.targets
        assert [number for number, _ in here.onward.sent] == [1, 2]
        assert here.onward.sent[1][1] == second
        assert await here.mirror.position(HOME.mailbox) == 2


async def test_refusals_and_canaries_take_their_places_and_go_nowhere(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        why: dict[str, Any] = {
            "kind": "refused",
            "status": 413,
            "code": "too-large",
            "reason": "it is too large",
        }
        head_only = parcel(1, b"", **why)
        raw = parcel(2, b"\x16\x03garbage", **why)._replace(head=b"")
        probe = parcel(3, b"", kind="probe", nonce="n1")._replace(head=b"")
        await here.take(head_only, raw, probe)
        first, second, third = await here.facts()
        assert isinstance(first, Refused)
        assert first.request is not None
        assert (first.status, first.code, first.reason) == (413, "too-large", "it is too large")
        assert isinstance(second, Refused)
        assert (second.request, second.raw) == (None, b"\x16\x03garbage")
        assert isinstance(third, Probed)
        assert (third.nonce, third.endpoint) == ("n1", "shop")
        assert not here.onward.sent
        assert await here.mirror.position(HOME.mailbox) == 3


async def test_a_large_body_is_stored_in_its_pieces_and_loaded_later(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        large = parcel(1)._replace(body=b"", size=3 << 18)
        await here.take(large, pieces=(bytes(1 << 18), b"x" * (1 << 18), bytes(1 << 18)))
        await here.take(parcel(2))
        prepare(here.files)
        with reading(here.files) as reader:
            whole = reader.journal.request(1)
        assert whole is not None
        assert whole.body == bytes(1 << 18) + b"x" * (1 << 18) + bytes(1 << 18)
        assert here.onward.sent[0][1].pieces


async def test_what_is_queued_behind_a_large_body_comes_behind_it(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        large = parcel(1)._replace(body=b"", size=1 << 20)
        first = here.take(large, pieces=(bytes(1 << 19), bytes(1 << 19)))
        await asyncio.gather(first, here.take(parcel(2), parcel(3)))
        assert [number for number, _ in here.onward.sent] == [1, 2, 3]
        assert await here.mirror.position(HOME.mailbox) == 3


async def test_what_comes_behind_one_that_is_asked_for_goes_on_behind_it(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        asked, told = parcel(1, ask=True), parcel(2)
        taken = [
            here.mirror.take(HOME, [(one, ())], here.replies.put_nowait) for one in (asked, told)
        ]
        # One commit has both.
        await here.journal.settled(10)
        for each in taken:
            await each
        await here.replies.get()
        assert here.onward.begun == [1, 2]


async def test_what_is_sent_again_is_not_stored_again(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        await here.take(parcel(1), parcel(2))
        with pytest.raises(StoreUnavailableError):
            await here.take(parcel(2), parcel(3))
        await here.take(parcel(4))
        assert len(await here.facts()) == 4
        assert await here.mirror.position(HOME.mailbox) == 4


async def test_nothing_is_stored_of_a_frame_with_a_head_that_cannot_be_read(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        with pytest.raises(WireError):
            await here.take(parcel(1), parcel(2)._replace(head=b"garbage"))
        assert not await here.facts()


async def test_a_gap_moves_the_position(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        gap = Gap(now(), "shop", 1, 500, "expired", Origin(HOME.relay, 500, HOME.mailbox))
        await here.mirror.miss(gap)
        await here.take(parcel(501))
        assert (await here.facts())[0] == gap
        assert await here.mirror.position(HOME.mailbox) == 501


async def test_what_is_passed_over_moves_the_position_and_is_no_delivery(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        came: list[Arrival] = [messages.Passed(1, 40), (parcel(41), ())]
        await here.mirror.take(HOME, came, here.replies.put_nowait)
        over, fact = await here.facts()
        assert isinstance(over, Passed)
        assert (over.first, over.count, over.endpoint) == (1, 40, "shop")
        assert over.origin == Origin(HOME.relay, 40, HOME.mailbox)
        assert isinstance(fact, Captured)
        assert [number for number, _ in here.onward.sent] == [1]
        assert await here.mirror.position(HOME.mailbox) == 41
        # What is said again does not follow any more.
        with pytest.raises(StoreUnavailableError):
            await here.mirror.take(HOME, [messages.Passed(1, 41)], here.replies.put_nowait)


@pytest.mark.parametrize("once", [True, False])
async def test_the_app_that_is_asked_answers(tmp_path: Path, once: bool) -> None:
    async with mirrored(tmp_path) as here:
        await here.take(parcel(1, ask=True, within=2.5, once=once), parcel(2))
        assert await here.replies.get() == Reply(1, OK)
        assert here.onward.asked == [(1, 2.5, once)]
        assert [number for number, _ in here.onward.sent] == [2]


async def test_without_a_target_nobody_is_asked(tmp_path: Path) -> None:
    async with mirrored(tmp_path, Onward(targets=())) as here:
        await here.take(parcel(1, ask=True, within=2.5, once=True))
        assert await here.replies.get() == Reply(1, None)
        assert not here.onward.asked
        assert not here.onward.sent


async def test_a_fault_on_the_way_to_the_app_is_an_answer_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with mirrored(tmp_path, Onward(breaks=True)) as here:
        await here.take(parcel(1, ask=True, within=2.5, once=True))
        assert isinstance((await here.replies.get()).outcome, Failure)
    assert "a fault" in caplog.text
    caplog.clear()


async def test_what_a_sender_was_turned_away_with_is_kept(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        await here.take(parcel(1, answered=503, turned_away=True))
        (fact,) = await here.facts()
        assert isinstance(fact, Captured)
        assert (fact.route, fact.answered) == ((), 503)
        assert not here.onward.sent


async def test_answers_are_noted_once(tmp_path: Path) -> None:
    async with mirrored(tmp_path) as here:
        await here.mirror.position(HOME.mailbox)
        await here.take(parcel(1), parcel(2, ask=True), parcel(3, answered=None))
        news = ((1, 200, False), (2, 503, True), (9, 200, False))
        await here.mirror.answered(HOME.mailbox, news)
        await here.mirror.answered(HOME.mailbox, (*news, (3, 204, False)))
        told = [fact for fact in await here.facts() if isinstance(fact, Answered)]
        assert [(one.delivery_id, one.status, one.turned_away) for one in told] == [
            (2, 503, True),
            (3, 204, False),
        ]


async def test_answers_of_what_an_earlier_process_took_are_noted(tmp_path: Path) -> None:
    async with mirrored(tmp_path, recent={7: (70, None), 8: (80, 200)}) as here:
        await here.mirror.position(HOME.mailbox)
        await here.mirror.answered(HOME.mailbox, ((7, 201, False), (8, 500, False)))
        (told,) = await here.facts()
        assert isinstance(told, Answered)
        assert (told.delivery_id, told.status) == (70, 201)
