"""The breakpoint at the router: what is held, in what order it goes, and what must not overtake."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from inspector.domain.attempt import Attempt, Failure, FailureKind, Outcome
from inspector.domain.delivery import Request
from inspector.domain.facts import Captured, Fact, Origin, Released, Routed
from inspector.domain.headers import Headers
from inspector.domain.routes import Routing, Target, parse_route
from inspector.errors import UsageError
from inspector.forward import backlog as backlog_module
from inspector.forward import holds as holds_module
from inspector.forward.dispatcher import Dispatcher
from inspector.forward.lane import ForwardSettings
from inspector.forward.router import Router
from inspector.forward.target import Sent
from tests.forward.journal import Clock, Journal
from tests.forward.test_dispatcher import FINE

URL = "http://localhost:3000"
OTHER = "http://localhost:4000"


class App:
    """A target that notes what it gets; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.outcome: Outcome = FINE

    async def send(self, request: Request, *, timeout: float | None, extra: Headers = ()) -> Sent:
        self.got.append(dict(extra)["Inspector-Delivery"])
        await self.gate.wait()
        return Sent(self.outcome, 1.0)

    async def close(self) -> None:
        pass


class World:
    """A router over a journal in memory; captures go in as the intake does it."""

    def __init__(self, *routes: str) -> None:
        self.clock = Clock()
        self.journal = Journal()
        self.journal.sender = ("10.0.0.1", 200)
        self.apps: dict[str, App] = {}
        routing = Routing(tuple(map(parse_route, routes or ("3000",))))
        self.dispatcher = Dispatcher(
            routing, self.client, self.journal, self.journal, self.clock, ForwardSettings()
        )
        self.router = Router(
            routing,
            self.dispatcher,
            self.journal,
            self.journal,
            self.attempts,
            lambda: ["whsec_x"],
            self.clock,
        )

    @property
    def holds(self) -> holds_module.Holds:
        return self.router.holds

    def client(self, target: Target) -> App:
        return self.apps.setdefault(target.url, App())

    async def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        return []

    def captured(
        self, body: bytes = b"{}", *headers: tuple[str, str], large: bool = False
    ) -> tuple[int, Captured]:
        """A committed capture that was told its route before."""
        request = Request("POST", "/hooks", "1.1", headers, body)
        route = self.router.route()
        pieces = (body,) if large else ()
        fact = Captured(self.clock(), request, "10.0.0.1", answered=200, route=route, pieces=pieces)
        if large:
            fact = fact._replace(request=request._replace(body=b""))
        delivery_id = len(self.journal.requests) + 1
        self.journal.requests[delivery_id] = request
        self.journal.received[delivery_id] = fact.at
        self.journal.targets[delivery_id] = ("",) if route is None else route
        return delivery_id, fact

    def capture(self, body: bytes = b"{}", *headers: tuple[str, str], large: bool = False) -> int:
        delivery_id, fact = self.captured(body, *headers, large=large)
        self.router.captured(delivery_id, fact)
        return delivery_id

    @property
    def got(self) -> list[int]:
        return [int(each) for each in self.apps[URL].got]

    def facts(self, kind: type[Fact]) -> list[int]:
        return [fact.delivery_id for fact in self.journal.facts if isinstance(fact, kind)]  # type: ignore[union-attr]

    @property
    def held(self) -> list[int]:
        return sorted(self.journal.held_at)

    async def until(self, true: Callable[[], bool]) -> None:
        """Let the loop, and the threads behind it, go on for as long as it takes."""
        async with asyncio.timeout(10):
            for _ in iter(true, True):
                await asyncio.sleep(0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.router.start()
    yield made
    made.journal.stuck = False
    made.journal.commit()
    await made.router.stop(0.0)


async def test_a_delivery_captured_before_the_breakpoint_is_not_held(world: World) -> None:
    before = world.captured()
    await world.holds.hold("event:* or id:>0")
    world.router.captured(*before)
    held = world.capture()
    await world.until(lambda: world.held == [held])
    await world.until(lambda: world.got == [before[0]])
    assert world.facts(Routed) == [held]


async def test_one_captured_under_a_breakpoint_that_is_gone_is_sent(world: World) -> None:
    await world.holds.hold("id:>0")
    under = world.captured()
    assert under[1].route is None
    await world.holds.hold("")
    after = world.captured()
    assert after[1].route == (URL,)
    world.router.captured(*under)
    world.router.captured(*after)
    await world.until(lambda: world.got == [under[0], after[0]])
    assert world.facts(Routed) == [under[0]]


async def test_a_breakpoint_sees_where_a_mirrored_one_came_in(world: World) -> None:
    for query in ("endpoint:dev", "origin:*"):
        await world.holds.hold(query)
        id_, fact = world.captured()
        origin = Origin("https://relay.example", 7, "relay/box")
        world.router.captured(id_, fact._replace(endpoint="dev", origin=origin))
        await world.until(lambda id_=id_: id_ in world.held)  # type: ignore[misc]
        own = world.capture()
        await world.until(lambda own=own: own in world.got)  # type: ignore[misc]


async def test_nothing_overtakes_what_is_still_looked_at(world: World) -> None:
    await world.holds.hold("data.held:1")
    ids = [world.capture(b'{"n":"%s"}' % (b"x" * (100_000 if n == 2 else 1))) for n in range(6)]
    await world.holds.hold("")
    # What came under the breakpoint goes first.
    assert world.router.route() is None
    ids += [world.capture() for _ in range(5)]
    await world.until(lambda: len(world.got) == 11)
    assert world.got == ids
    await world.until(lambda: world.router.route() == (URL,))


async def test_more_than_the_queue_takes_come_from_the_store(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.holds._backlog, "_limit", 3)
    monkeypatch.setattr(backlog_module, "PAGE", 4)
    await world.holds.hold("remote:10.0.0.1 id:>20 answered:200")
    ids = [world.capture(large=n % 7 == 0) for n in range(40)]
    await world.until(lambda: len(world.got) == 20)
    await world.until(lambda: world.held == ids[20:])
    assert world.got == ids[:20]
    assert world.journal.reads


async def test_a_body_that_is_gone_holds_nothing_up(world: World) -> None:
    await world.holds.hold("id:>0")
    gone = world.captured(large=True)
    del world.journal.requests[gone[0]]
    world.router.captured(*gone)
    world.journal.requests[gone[0]] = gone[1].request
    next_one = world.capture()
    await world.until(lambda: next_one in world.held)


async def test_two_targets_and_a_rule(world: World) -> None:
    two = World("3000", "4000", "delta.*=5000")
    await two.router.start()
    await two.holds.hold("id:>0")
    delivery_id = two.capture()
    await two.until(lambda: two.held == [delivery_id])
    assert two.journal.held_at[delivery_id] == (URL, OTHER)
    assert await two.holds.release(None) == (delivery_id,)
    await two.until(lambda: bool(two.apps[URL].got and two.apps[OTHER].got))
    assert two.apps["http://localhost:5000"].got == []
    await two.router.stop(0.0)


async def test_a_release_goes_through_whoever_asked_for_it(world: World) -> None:
    await world.holds.hold("id:>0")
    ids = [world.capture() for _ in range(3)]
    await world.until(lambda: world.held == ids)
    world.journal.stuck = True
    asking = asyncio.ensure_future(world.holds.release(None, every=True))
    await world.until(lambda: len(world.facts(Released)) == 3)
    asking.cancel()
    await asyncio.wait((asking,))
    # Nothing is sent before its release is on disk.
    assert world.got == []
    world.journal.stuck = False
    world.journal.commit()
    await world.until(lambda: world.got == ids)


async def test_two_releases_at_once_send_each_once(world: World) -> None:
    await world.holds.hold("id:>0")
    ids = [world.capture() for _ in range(6)]
    await world.until(lambda: world.held == ids)
    found = await asyncio.gather(
        world.holds.release(None),
        world.holds.release(ids[3]),
        world.holds.release(None, every=True),
        world.holds.release(ids[3]),
        world.holds.release(None),
    )
    assert list(found) == [(1,), (4,), (2, 3, 5, 6), (), ()]
    await world.until(lambda: len(world.got) == 6)
    assert sorted(world.got) == ids


async def test_one_that_goes_by_hand_is_not_released_as_well(world: World) -> None:
    await world.holds.hold("id:>0")
    delivery_id = world.capture()
    await world.until(lambda: world.held == [delivery_id])
    world.apps[URL].gate.clear()
    (sending,) = await world.router.resend(delivery_id)
    assert await world.holds.release(None, every=True) == ()
    world.apps[URL].gate.set()
    await sending.finished()
    assert world.got == [delivery_id]


async def test_one_that_got_no_answer_by_hand_is_held_as_before(world: World) -> None:
    await world.holds.hold("id:>0")
    delivery_id = world.capture()
    await world.until(lambda: world.held == [delivery_id])
    world.apps[URL].outcome = Failure(FailureKind.REFUSED, "down")
    (sending,) = await world.router.resend(delivery_id)
    await sending.finished()
    world.apps[URL].outcome = FINE
    assert await world.holds.release(None) == (delivery_id,)
    await world.until(lambda: world.got == [delivery_id, delivery_id])
    assert await world.holds.release(None) == ()


async def test_a_target_that_went_by_hand_is_done(world: World) -> None:
    await world.holds.hold("id:>0")
    delivery_id = world.capture()
    await world.until(lambda: world.held == [delivery_id])
    world.holds._held[delivery_id] = (URL, OTHER)
    await world.router.resend(delivery_id)
    assert world.holds._held == {delivery_id: (OTHER,)}


async def test_claims(world: World) -> None:
    await world.holds.hold("id:>0")
    delivery_id = world.capture()
    await world.until(lambda: world.held == [delivery_id])
    claim = await world.holds.claim(delivery_id)
    assert await world.holds.release(None) == ()
    with pytest.raises(UsageError, match="not held"):
        await world.holds.claim(delivery_id)
    claim.give_back()
    claim = await world.holds.claim(delivery_id)
    claim.let_go(7)
    assert world.journal.facts[-1] == Routed(
        world.clock(), delivery_id, (), "edited and sent as #7"
    )
    assert await world.holds.release(None) == ()


async def test_what_the_last_listener_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds_module, "_PAGE", 3)
    world = World("3000", "4000")
    for _ in range(5):
        world.captured()
    world.journal.targets = dict.fromkeys(range(1, 6), ())
    world.journal.held_at = dict.fromkeys(range(1, 6), (URL, OTHER))
    # Whoever asks early waits, and what is sent meanwhile is not held any more.
    asking = asyncio.ensure_future(world.holds.release(None))
    await world.router.resend(3)
    await world.router.start()
    assert await asking == (1,)
    assert await world.holds.release(None, every=True) == (2, 4, 5)
    await world.until(lambda: len(world.apps[OTHER].got) == 5)
    await world.router.stop(0.0)


async def test_one_that_was_answered_before_the_start_is_not_held_by_a_later_failure() -> None:
    world = World()
    delivery_id, _ = world.captured()
    world.journal.targets = {delivery_id: ()}
    world.journal.held_at = {delivery_id: (URL,)}
    (sending,) = await world.router.resend(delivery_id)
    await sending.finished()
    await world.router.start()
    world.apps[URL].outcome = Failure(FailureKind.REFUSED, "down")
    (sending,) = await world.router.resend(delivery_id)
    await sending.finished()
    assert await world.holds.release(None, every=True) == ()
    await world.router.stop(0.0)


async def test_what_is_not_routed_at_start_is_sent(world: World) -> None:
    """The breakpoint that it was captured under went with its listener."""
    new = World()
    delivery_id, _ = new.captured()
    new.journal.targets[delivery_id] = ("",)
    await new.router.start()
    await new.until(lambda: new.got == [delivery_id])
    await new.router.stop(0.0)


async def test_what_takes_time_to_be_read_is_not_overtaken() -> None:
    world = World("delta.*=3000")
    await world.router.start()
    event = b'{"event":"delta.verified"}'
    coded = gzip.compress(event), ("Content-Encoding", "gzip")
    ids = [world.capture(event)]
    assert world.facts(Routed) == ids
    ids += [
        world.capture(event, large=True),
        world.capture(event),
        world.capture(*coded),
        world.capture(b'{"event":"delta.verified","x":"%s"}' % (b"x" * 100_000)),
        world.capture(event),
    ]
    # Nothing of it is read before the capture goes on.
    assert world.facts(Routed) == ids[:1]
    await world.until(lambda: len(world.got) == 6)
    assert world.facts(Routed) == world.got == ids
    ids.append(world.capture(event))
    assert world.facts(Routed) == ids
    await world.router.stop(0.0)


async def test_what_comes_while_the_last_listeners_is_routed_goes_behind_it() -> None:
    world = World("*=3000")
    left = [world.captured(large=n % 2 == 0)[0] for n in range(6)]
    starting = asyncio.ensure_future(world.router.start())
    new = world.capture()
    await starting
    await world.until(lambda: world.got == [*left, new])
    assert world.facts(Routed) == [*left, new]
    await world.router.stop(0.0)


async def test_an_app_is_asked_in_turn_and_late_reading_is_no_breakpoint() -> None:
    world = World("delta.*=3000")
    await world.router.start()
    event = b'{"event":"delta.verified"}'
    large, small = world.captured(event, large=True), world.captured(event)
    answers = [
        asyncio.ensure_future(world.router.answered_by_app(*each, within=5, once=True))
        for each in (large, small)
    ]
    assert await asyncio.gather(*answers) == [FINE, FINE]
    assert world.got == [large[0], small[0]]
    world.journal.load_small = never  # type: ignore[assignment]
    outcome = await world.router.answered_by_app(
        *world.captured(event, large=True), within=0.01, once=True
    )
    assert outcome == Failure(FailureKind.TIMEOUT, "the app did not answer in time")
    await world.router.stop(0.0)


async def never(*_: object) -> dict[int, Request]:
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


async def test_stopping_leaves_what_is_held(world: World) -> None:
    await world.holds.hold("id:>0")
    ids = [world.capture() for _ in range(3)]
    await world.until(lambda: world.held == ids)
    world.journal.stuck = True
    asking = asyncio.ensure_future(world.holds.release(None))
    await world.until(lambda: world.facts(Released) == [1])
    stopping = asyncio.ensure_future(world.router.stop(0.0))
    with pytest.raises(asyncio.CancelledError):
        await asking
    world.journal.commit()
    await stopping
    assert (world.held, world.got) == (ids[1:], [])
    assert world.journal.targets[1] == (URL,)  # the next listener sends it
