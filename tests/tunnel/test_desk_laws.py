"""The law of the desk: each consumer gets every delivery that its filter asks for once, in order,
or a gap that says how many expired, and is told of all others that they are passed over; whatever
comes between, and however small memory is."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.attempt import Outcome, Response
from inspector.domain.endpoint import Endpoint
from inspector.domain.facts import Answered, Captured, Probed, Refused
from inspector.domain.parcel import Parcel, digest_of
from inspector.tunnel import attachment as attachments
from inspector.tunnel import desk as desks
from inspector.tunnel import parcels, sieve, window
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.desk import Desk
from inspector.tunnel.messages import (
    Ack,
    Answers,
    Begin,
    Parcels,
    Passed,
    Piece,
    Primary,
    Reply,
    Start,
)
from inspector.tunnel.supply import Caller
from inspector.tunnel.wire import decode
from tests.helpers.mailboxes import FakeMailboxes, captured

CONSUMERS = 3
PIECE = 64
WINDOW = 6
WINDOW_BYTES = 4096

ENDPOINT = Endpoint(id="e1", name="one", slug="s", token_sha256="0" * 64)


class Home:
    """A consumer's local journal: what is committed there stays, whatever becomes of the line."""

    def __init__(self, name: str, wanted: str) -> None:
        self.name = name
        self.wanted = wanted
        self.passed: set[int] = set()
        self.committed: dict[int, Parcel] = {}
        self.gaps: set[int] = set()
        self.answers: dict[int, tuple[int, bool]] = {}
        self.position = 0
        self.line: HomeLine | None = None
        self.faults: list[AssertionError] = []


class HomeLine:
    """The consumer's end of one connection; checks what the wire promises."""

    def __init__(self, home: Home, desk: Desk, instance: str) -> None:
        self.home = home
        self.desk = desk
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.closed: int | None = None
        self.next = 0
        self.received: list[Parcel | Passed] = []
        self.open: tuple[Parcel, bytes] | None = None
        self.under_way: list[tuple[int, int]] = []
        caller = Caller(home.name, instance, "192.0.2.1")
        self.attachment: Attachment = desk.attach(caller, self)

    async def send(self, frame: bytes) -> None:
        await self.flowing.wait()
        if self.closed is not None:
            raise ConnectionResetError
        try:
            self._take(frame)
        except AssertionError as error:
            # The feed's own handling would make a mere broken line of it.
            self.home.faults.append(error)
            raise

    def _take(self, frame: bytes) -> None:
        message = decode(frame)
        match message:
            case Begin(following, expired, skipped):
                assert not self.next
                assert skipped == 0
                lost = range(self.home.position + 1, following)
                assert len(lost) == expired
                self.home.gaps.update(lost)
                self.home.position = following - 1
                self.next = following
            case Parcels(items, passed):
                for parcel in items:
                    for first, last in passed:
                        if first == self.next < parcel.id:
                            self._pass(Passed(first, last))
                    self._parcel(parcel)
                assert all(last < self.next for _, last in passed)
            case Piece():
                self._piece(message)
            case Passed():
                self._pass(message)
            case Answers(items):
                for number, status, turned_away in items:
                    assert number < self.next, "an answer came before its delivery"
                    self._answer(number, status, turned_away)
            case _:
                pass

    def _pass(self, passed: Passed) -> None:
        assert self.open is None
        assert passed.first == self.next <= passed.last, "something was skipped, or passed twice"
        assert passed.last - self.home.position <= WINDOW
        self.next = passed.last + 1
        self.received.append(passed)

    def _parcel(self, parcel: Parcel) -> None:
        assert self.open is None
        assert parcel.id == self.next, "a delivery was skipped or came twice"
        self.next += 1
        self.under_way.append((parcel.id, parcel.size))
        assert parcel.id - self.home.position <= WINDOW
        assert len(self.under_way) == 1 or sum(n for _, n in self.under_way) <= WINDOW_BYTES
        if parcel.size > PIECE:
            assert not parcel.body
            assert not parcel.digest
            self.open = parcel, b""
        else:
            self._whole(parcel)

    def _piece(self, piece: Piece) -> None:
        assert self.open is not None
        parcel, body = self.open
        assert piece.id == parcel.id
        body += piece.body
        if piece.digest:
            assert len(body) == parcel.size
            self.open = None
            self._whole(parcel._replace(body=body, digest=piece.digest))
        else:
            self.open = parcel, body

    def _whole(self, parcel: Parcel) -> None:
        assert parcel.digest == digest_of(parcel.head, parcel.body)
        self.received.append(parcel)

    def _answer(self, number: int, status: int, turned_away: bool) -> None:
        self.home.answers[number] = status, turned_away

    async def commit(self, count: int) -> None:
        """Put so many on disk and say so, and what the app says to those that were asked for."""
        done, self.received = self.received[:count], self.received[count:]
        for each in done:
            self._write(each)
        if done and self.closed is None:
            upto = self.home.position
            self.under_way = [each for each in self.under_way if each[0] > upto]
            await self.attachment.take(Ack(upto))
            for parcel in done:
                if isinstance(parcel, Parcel) and parcel.ask:
                    said = Response(299, "", (), str(parcel.id).encode(), 0)
                    await self.attachment.take(Reply(parcel.id, said))

    def _write(self, one: Parcel | Passed) -> None:
        if isinstance(one, Passed):
            self.home.passed.update(range(one.first, one.last + 1))
            self.home.position = one.last
            return
        assert one.id not in self.home.committed
        self.home.committed[one.id] = one
        self.home.position = one.id
        if one.answered is not None:
            self.home.answers[one.id] = one.answered, one.turned_away

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or code
        self.flowing.set()

    def check(self) -> None:
        """Nothing is wrong with it."""


class World:
    """A relay with one mailbox, senders who ask, and consumers who come and go."""

    def __init__(self, seed: int, filters: Sequence[str]) -> None:
        self.random = Random(seed)
        self.mailboxes = FakeMailboxes(self.pause, pieces_from=200, piece_bytes=100)
        self.desk = Desk(ENDPOINT, self.mailboxes, lambda: 1, store_id="r")
        self.homes = [Home(f"c{n}", wanted) for n, wanted in enumerate(filters)]
        self.paths: dict[int, str] = {}
        self.bodies: dict[int, bytes] = {}
        self.pruned: set[int] = set()
        self.late: list[Callable[[], None]] = []
        self.senders: list[asyncio.Task[None]] = []
        self.outcomes: dict[int, Outcome | None] = {}
        self.starting: list[asyncio.Task[None]] = []

    async def pause(self) -> None:
        for _ in range(self.random.choice((0, 0, 1, 3))):
            await asyncio.sleep(0)

    def capture(self, how: str) -> None:
        kind = self.random.choice(("small", "small", "middling", "large", "refused", "probe"))
        number = self.mailboxes.last + 1
        body = str(number).encode() * {"middling": 40, "large": 300}.get(kind, 1)
        path = self.random.choice(("/a", "/a", "/b"))
        if kind == "refused" and how != "asked":
            # Of every other no head was understood: it is everybody's.
            head = captured().request._replace(target=path) if number % 2 else None
            refused = Refused(1, 413, "body-too-large", "too large", "192.0.2.7", head, body)
            assert self.mailboxes.commit(refused) == number
            self._tell(how, lambda: self.desk.refused(number, refused))
            if head is not None:
                self.paths[number] = path
        elif kind == "probe" and how != "asked":
            probed = Probed(1, "e1", f"nonce {number}")
            assert self.mailboxes.commit(probed) == number
            self._tell(how, lambda: self.desk.probed(number, probed))
            body = b""
        else:
            fact = captured(body, answered=None if how == "asked" else 200)
            fact = fact._replace(request=fact.request._replace(target=path))
            self.paths[number] = path
            assert self.mailboxes.commit(fact) == number
            # As the ingress has it: a body that is stored in pieces comes in pieces.
            told = fact
            if len(body) >= 200:
                told = fact._replace(request=fact.request._replace(body=b""), pieces=(body,))
            if how == "asked":
                self.senders.append(asyncio.ensure_future(self._ask(number, told)))
            else:
                self._tell(how, lambda: self.desk.captured(number, told))
        self.bodies[number] = body

    def _tell(self, how: str, tell: Callable[[], None]) -> None:
        if how == "now":
            tell()
        elif how == "late":
            self.late.insert(self.random.randint(0, len(self.late)), tell)

    async def _ask(self, number: int, fact: Captured) -> None:
        await self.pause()
        outcome = await self.desk.answered_by_app(number, fact, within=60.0, once=True)
        self.outcomes[number] = outcome
        status = status_of(outcome)
        fact_of_answer = Answered(1, number, status, status == 503)
        if self.random.random() < 0.5:
            self.mailboxes.append(fact_of_answer)
            self.desk.answered(number, status, status == 503)
        else:
            # The journal gathers answers for a moment.
            self.desk.answered(number, status, status == 503)
            await self.pause()
            self.mailboxes.append(fact_of_answer)

    def attach(self, home: Home) -> None:
        """Also while the older line is up: the process has noticed a break before the relay."""
        older = home.line
        line = home.line = HomeLine(home, self.desk, "ab" * 8)
        if older is not None:
            older.close(1006, "")

        async def start() -> None:
            try:
                await line.attachment.take(Start(home.position, filter=home.wanted))
            except ConnectionError:
                assert line.closed is not None

        self.starting.append(asyncio.ensure_future(start()))

    def drop(self, home: Home) -> None:
        if home.line is not None:
            home.line.close(1006, "")
            self.desk.detach(home.line.attachment)
            home.line = None

    def prune(self) -> None:
        upto = self.random.randint(0, self.mailboxes.last)
        self.pruned.update(number for number in self.mailboxes.facts if number <= upto)
        self.mailboxes.prune(upto)

    async def settle(self) -> None:
        """Everything that was begun comes to its end."""
        for tell in self.late:
            tell()
        await self.desk.held()
        for _ in range(4000):
            for home in self.homes:
                if home.line is None or home.line.closed is not None:
                    self.drop(home)
                    self.attach(home)
                assert home.line is not None
                home.line.flowing.set()
                await home.line.commit(100)
            await asyncio.sleep(0)
            if (
                all(home.position == self.mailboxes.last for home in self.homes)
                and all(each.done() for each in (*self.senders, *self.starting))
                and all(
                    number in home.answers or number in home.gaps | home.passed
                    for home in self.homes
                    for number in self.outcomes
                )
            ):
                break
        for task in (*self.senders, *self.starting):
            assert task.done()
            task.result()

    def wanted(self, home: Home) -> set[int]:
        """What its filter asks for: what has no path is for all."""
        asked = home.wanted.removeprefix("path:")
        every = range(1, self.mailboxes.last + 1)
        return {number for number in every if asked in ("", self.paths.get(number, asked))}

    def check_cursors(self) -> None:
        """What the relay takes for granted is on the disk."""
        for home in self.homes:
            assert self.mailboxes.cursors.get(f"e1/{home.name}", 0) <= home.position
            if home.line is not None:
                assert home.line.attachment.acked <= home.position

    def check(self) -> None:
        self.check_cursors()
        numbers = set(range(1, self.mailboxes.last + 1))
        for home in self.homes:
            assert not home.faults
            assert home.position == self.mailboxes.last
            assert len(home.gaps) + len(home.passed) + len(home.committed) == len(numbers)
            assert home.gaps | home.passed | set(home.committed) == numbers
            assert not home.passed & self.wanted(home)
            assert set(home.committed) <= self.wanted(home)
            assert home.gaps <= self.pruned
            assert list(home.committed) == sorted(home.committed)
            for number, parcel in home.committed.items():
                assert parcel.body == self.bodies[number]
            for number, outcome in self.outcomes.items():
                if number in home.committed:
                    status = status_of(outcome)
                    assert home.answers[number] == (status, status == 503)
        for number, outcome in self.outcomes.items():
            if isinstance(outcome, Response):
                assert outcome.body == str(number).encode()


def status_of(outcome: Outcome | None) -> int:
    """What the sender is answered."""
    if outcome is None:
        return 200
    return outcome.status if isinstance(outcome, Response) else 503


@contextmanager
def small() -> Iterator[None]:
    """A relay with hardly any memory."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (parcels, attachments):
            patch.setattr(module, "PIECE_BYTES", PIECE)
        patch.setattr(parcels, "TAIL_ITEMS", 5)
        patch.setattr(parcels, "_TRIM_BYTES", 700)
        patch.setattr(window, "WINDOW", WINDOW)
        patch.setattr(window, "WINDOW_BYTES", WINDOW_BYTES)
        for module in (attachments, desks):
            patch.setattr(module, "BATCH_ITEMS", 4)
        patch.setattr(desks, "BATCH_BYTES", 1500)
        patch.setattr(sieve, "TELL_SECONDS", 0.0)
        patch.setattr(sieve, "TELL_AFTER", 3)
        yield


STEPS = st.sampled_from(
    [
        *["capture"] * 8, "late", "late", "never", "asked", "asked", "tell", "tell",
        "attach", "attach", "drop", "stall", "flow", "flow", "take",
        *["commit"] * 4, *["yield"] * 6, "prune",
    ]
)  # fmt: skip


FILTERS = st.lists(
    st.sampled_from(["", "path:/a", "path:/b", "path:/c"]), min_size=CONSUMERS, max_size=CONSUMERS
)


async def run(steps: list[str], seed: int, filters: Sequence[str]) -> World:
    world = World(seed, filters)
    random = world.random
    for step in steps:
        home = random.choice(world.homes)
        match step:
            case "capture":
                world.capture("now")
            case "late" | "never" | "asked":
                world.capture(step)
            case "tell" if world.late:
                world.late.pop(0)()
            case "attach":
                world.attach(home)
            case "drop":
                world.drop(home)
            case "take" if home.line is not None and home.line.attachment.started:
                await home.line.attachment.take(Primary())
            case "stall" if home.line is not None:
                home.line.flowing.clear()
            case "flow" if home.line is not None:
                home.line.flowing.set()
            case "commit" if home.line is not None:
                await home.line.commit(random.randint(1, 5))
            case "yield":
                for _ in range(random.randint(1, 8)):
                    await asyncio.sleep(0)
            case "prune":
                world.prune()
        world.check_cursors()
    return world


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=120), st.integers(0, 1 << 32), FILTERS)
@example(["attach", *["capture", "yield"] * 20, *["commit"] * 5], 7, ["path:/c", "path:/b", ""])
@example(["asked", "attach", "yield", *["asked", "yield"] * 9], 3, ["path:/b", "path:/a", ""])
def test_each_consumer_gets_what_it_asks_for_once_and_in_order(
    steps: list[str], seed: int, filters: list[str]
) -> None:
    async def lawful() -> None:
        with small():
            world = await run(steps, seed, filters)
            await world.settle()
            world.check()
            world.desk.close(1001, "")
            # What still ran is over before the loop is.
            for _ in range(10):
                await asyncio.sleep(0)

    asyncio.run(lawful())
