"""Deliveries reach their targets in order, are tried again, and everything is journalled."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.facts import AttemptFinished, AttemptStarted
from inspector.domain.headers import Headers
from inspector.domain.routes import Routing, Target, parse_route, parse_target
from inspector.errors import UnreachableError, UsageError
from inspector.forward import attempts as attempts_module
from inspector.forward import backlog as backlog_module
from inspector.forward import dispatcher as dispatcher_module
from inspector.forward.dispatcher import Dispatcher
from inspector.forward.lane import ForwardSettings, LaneStatus
from inspector.forward.target import Sent, TargetClient
from tests.forward.journal import Clock, Journal
from tests.helpers.fake_target import FakeTarget, cut, held, ok

URL = "http://localhost:3000"
OTHER = "http://localhost:4000"
REFUSED = Failure(FailureKind.REFUSED, "nothing listens on localhost:3000 (connection refused)")
FINE = Response(200, "OK", (), b"", 0)


def request(number: int = 0) -> Request:
    body = b"%d" % number
    headers = (("Host", "h"), ("Content-Length", str(len(body))))
    return Request("POST", f"/{number}", "1.1", headers, body)


class Scripted:
    """A client that answers from a list, then with 200; `gate` holds every answer back."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.outcomes: deque[Outcome | Exception] = deque()
        self.default: Outcome = FINE
        self.sent: list[tuple[int, str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.limits: list[float | None] = []
        self.closed = 0
        self.running = 0
        self.most = 0

    async def send(
        self,
        request: Request,
        *,
        timeout: float | None,
        extra: Headers = (),
    ) -> Sent:
        marks = dict(extra)
        self.sent.append((self.clock.now, marks["Inspector-Delivery"], marks["Inspector-Attempt"]))
        self.limits.append(timeout)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.running -= 1
        outcome = self.outcomes.popleft() if self.outcomes else self.default
        if isinstance(outcome, Exception):
            raise outcome
        return Sent(outcome, 1.5)

    async def close(self) -> None:
        self.closed += 1

    @property
    def order(self) -> list[str]:
        return [f"{delivery}#{attempt}" for _, delivery, attempt in self.sent]


class World:
    """A dispatcher with everything around it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.journal = Journal()
        self.clients: dict[str, Scripted] = {}
        self.changes = 0
        self.dispatcher: Dispatcher | None = None

    def client(self, target: Target) -> Scripted:
        return self.clients.setdefault(target.url, Scripted(self.clock))

    def build(
        self,
        *routes: str,
        start: bool = True,
        pause: Callable[[float], Awaitable[None]] | None = None,
        settings: ForwardSettings | None = None,
    ) -> Dispatcher:
        def changed() -> None:
            self.changes += 1

        self.dispatcher = Dispatcher(
            Routing(tuple(map(parse_route, routes or ("3000",)))),
            self.client,
            self.journal,
            self.journal,
            self.clock,
            settings or ForwardSettings(),
            changed,
            pause or self.clock.pause,
            self.clock.monotonic,
        )
        if start:
            self.dispatcher.start()
        return self.dispatcher

    def offer(self, *targets: str, reply: bool = False, once: bool = False, ahead: int = 0) -> int:
        """`ahead`: so many microseconds from now it was received, by the clock of where it was."""
        assert self.dispatcher is not None
        chosen = targets or (URL,)
        delivery_id = self.journal.capture(
            request(len(self.journal.requests) + 1), chosen, self.clock.now + ahead
        )
        captured = self.journal.requests[delivery_id]
        self.dispatcher.offer(delivery_id, captured, chosen, reply=reply, once=once)
        return delivery_id

    @property
    def app(self) -> Scripted:
        return self.clients[URL]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    if made.dispatcher is not None:
        made.journal.stuck = False
        made.journal.commit()
        await made.dispatcher.stop(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until it holds; five thousand turns are enough for anything here."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def finished(journal: Journal) -> int:
    return sum(isinstance(fact, AttemptFinished) for fact in journal.facts)


async def test_deliveries_leave_in_order_and_are_journalled(world: World) -> None:
    world.build()
    world.offer()
    world.offer()
    world.app.outcomes.extend([Response(500, "Oops", (("X", "y"),), b"no", 2), FINE])
    await until(lambda: finished(world.journal) == 2)
    assert world.journal.story() == ["1 #1 auto 500 final", "2 #1 auto 200 final"]
    _, started, ended = world.journal.attempts()[0]
    assert (started.target, started.chosen, started.resigned) == (URL, True, False)
    assert ended is not None
    assert ended.duration_ms == 1.5
    assert ended.outcome == Response(500, "Oops", (("X", "y"),), b"no", 2)
    assert world.app.limits == [30.0, 30.0]


async def test_every_target_has_its_own_lane(world: World) -> None:
    dispatcher = world.build("a=3000", "b=4000")
    world.app.gate.clear()
    world.offer(URL, OTHER)
    world.offer(OTHER, "http://not.configured")
    await until(lambda: len(world.clients[OTHER].sent) == 2)
    assert world.app.order == ["1#1"]
    assert [status.target for status in dispatcher.lanes()] == [URL, OTHER]


async def test_several_connections_send_at_a_time(world: World) -> None:
    world.build(settings=ForwardSettings(max_connections=3))
    world.app.gate.clear()
    for _ in range(5):
        world.offer()
    await until(lambda: world.app.running == 3)
    assert world.dispatcher is not None
    assert world.dispatcher.lanes()[0].sending == 3
    world.app.gate.set()
    await until(lambda: finished(world.journal) == 5)
    assert world.app.most == 3


async def test_what_waited_before_the_start_goes_first(world: World) -> None:
    world.journal.capture(request(1), (URL,), 5)
    world.journal.capture(request(2), (URL,), 5)
    world.journal.append(AttemptStarted(6, 1, URL, 1, Trigger.AUTO))
    world.journal.append(AttemptFinished(7, 1, len(world.journal.facts), 1.0, REFUSED, False))
    world.build()
    world.offer()
    await until(lambda: len(world.app.sent) == 3)
    await settle()
    assert world.journal.story() == [
        "1 #1 auto refused again",
        "1 #2 retry 200 final",
        "2 #1 auto 200 final",
        "3 #1 auto 200 final",
    ]


async def test_an_app_that_comes_back_gets_everything_in_order(world: World) -> None:
    world.build()
    for _ in range(3):
        world.offer()
    world.app.outcomes.extend([REFUSED] * 4)
    await until(lambda: finished(world.journal) == 7)
    assert world.app.order == ["1#1", "1#2", "1#3", "1#4", "1#5", "2#1", "3#1"]
    assert world.clock.pauses == [0.25, 0.5, 1.0, 2.0]
    assert world.journal.story()[:2] == ["1 #1 auto refused again", "1 #2 retry refused again"]


async def test_pauses_grow_to_five_seconds_and_the_last_try_is_at_the_end(world: World) -> None:
    world.build(settings=ForwardSettings(retry=20))
    world.app.default = REFUSED
    begun = world.clock.now
    world.offer()
    await until(lambda: "final" in "".join(world.journal.story()))
    assert world.clock.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 2.25]
    assert world.clock.now == begun + 20_000_000
    assert [line.split()[-1] for line in world.journal.story()] == ["again"] * 8 + ["final"]


async def test_what_can_never_be_written_fails_at_once_and_holds_nothing_up(world: World) -> None:
    world.build()
    world.app.outcomes.append(await unwritable())
    world.offer()
    world.offer()
    await until(lambda: finished(world.journal) == 2)
    assert world.journal.story() == ["1 #1 auto malformed final", "2 #1 auto 200 final"]
    assert world.clock.pauses == []
    assert world.changes == 0


async def unwritable() -> Outcome:
    """What the real client says of a head with a blank in its target."""
    head = Request("POST", "/a b", "1.1", (("Host", "x"),), b"")
    return (await TargetClient(parse_target(URL)).send(head, timeout=1)).outcome


async def test_an_internal_error_is_told_in_a_short_line(world: World) -> None:
    dispatcher = world.build()
    world.app.outcomes.append(ValueError("x" * 9000 + "\n"))
    sent = await dispatcher.resend(3, request(), URL).sent
    assert isinstance(sent.outcome, Failure)
    assert len(sent.outcome.reason) < 300
    assert sent.outcome.reason.isprintable()


async def test_each_waiting_delivery_is_tried_once_without_another_pause(world: World) -> None:
    world.build(settings=ForwardSettings(retry=3))
    world.app.default = REFUSED
    for _ in range(4):
        world.offer()

    def offer_another() -> None:
        if len(world.clock.pauses) == 4:
            world.offer()

    world.clock.on_pause = offer_another
    await until(lambda: finished(world.journal) == 9)
    await settle()
    assert world.app.order == ["1#1", "1#2", "1#3", "1#4", "1#5", "2#1", "3#1", "4#1", "5#1"]
    # The last is not due yet and the target still away: it begins with the lane's pause.
    assert world.clock.pauses == [0.25, 0.5, 1.0, 1.25, 3.0]
    assert world.journal.story()[-1] == "5 #1 auto refused final"


async def test_the_clock_of_left_over_deliveries_runs_from_the_start(world: World) -> None:
    world.journal.capture(request(), (URL,), 5)  # long ago
    world.build(settings=ForwardSettings(retry=1))
    world.app.default = REFUSED
    await until(lambda: "final" in "".join(world.journal.story()))
    assert world.clock.pauses == [0.25, 0.5, 0.25]


@pytest.mark.parametrize("step", [-7_200_000_000, 600_000_000])
async def test_a_clock_that_was_set_ends_no_retry_early_or_late(world: World, step: int) -> None:
    world.build(settings=ForwardSettings(retry=3))
    world.app.default = REFUSED
    for _ in range(2):
        world.offer()

    def slept() -> None:
        if len(world.clock.pauses) == 2:
            world.clock.step(step)

    world.clock.on_pause = slept
    await until(lambda: finished(world.journal) == 6)
    assert world.app.order == ["1#1", "1#2", "1#3", "1#4", "1#5", "2#1"]
    assert world.clock.pauses == [0.25, 0.5, 1.0, 1.25]


async def test_what_was_received_ahead_of_our_clock_blocks_nothing(world: World) -> None:
    world.build(settings=ForwardSettings(retry=3))
    world.app.default = REFUSED
    world.offer(ahead=7_200_000_000)
    await until(lambda: "final" in "".join(world.journal.story()))
    assert sum(world.clock.pauses) == 3


async def test_retry_0_is_one_try(world: World) -> None:
    world.build(settings=ForwardSettings(retry=0))
    world.app.default = REFUSED
    world.offer(ahead=9_000_000)
    world.offer()
    await until(lambda: finished(world.journal) == 2)
    assert world.journal.story() == ["1 #1 auto refused final", "2 #1 auto refused final"]
    assert world.clock.pauses == []


async def test_an_answer_ends_the_pause_for_all(world: World) -> None:
    world.build()
    world.app.outcomes.extend([REFUSED, FINE, REFUSED])
    world.offer()
    world.offer()
    await until(lambda: finished(world.journal) == 4)
    assert world.clock.pauses == [0.25, 0.25]


async def test_the_status_tells_how_a_target_fares(world: World) -> None:
    dispatcher = world.build(pause=world.clock.hang)
    assert dispatcher.lanes() == (LaneStatus(URL, 0, 0, None, ""),)
    await settle()
    world.app.default = REFUSED
    for _ in range(3):
        world.offer()
    await until(lambda: world.clock.pauses == [0.25])
    world.clock.now += 50_000
    assert dispatcher.lanes() == (LaneStatus(URL, 2, 0, 0.2, REFUSED.reason),)
    assert world.changes == 2  # no answer; a pause


async def test_large_bodies_are_loaded_when_their_turn_comes(world: World) -> None:
    dispatcher = world.build()
    await settle()
    large = Request("POST", "/", "1.1", (), bytes(backlog_module.BODY_IN_MEMORY + 1))
    delivery_id = world.journal.capture(large, (URL,), world.clock.now)
    dispatcher.offer(delivery_id, large, (URL,))
    unknown = world.journal.capture(request(), (URL,), world.clock.now)
    dispatcher.offer(unknown, None, (URL,))
    await until(lambda: finished(world.journal) == 2)
    assert sorted(world.journal.loads) == [1, 2]


async def test_a_pruned_delivery_is_passed_over(world: World) -> None:
    dispatcher = world.build()
    await settle()
    dispatcher.offer(99, None, (URL,), reply=True)
    outcome = await dispatcher.answer(99, 10)
    assert outcome == Failure(FailureKind.INTERRUPTED, "not sent: it is no longer in the store")
    world.offer()
    await until(lambda: finished(world.journal) == 1)
    assert world.app.order == ["1#1"]


async def test_app_down_under_traffic_with_a_small_queue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "PAGE", 7)
    world.build(settings=ForwardSettings(queue_limit=5))
    world.app.outcomes.extend([REFUSED] * 10)

    def traffic() -> None:
        for _ in range(6):
            world.offer()

    world.clock.on_pause = traffic
    for _ in range(3):
        world.offer()
    await until(lambda: finished(world.journal) == 63 + 10)
    assert world.app.order[10:] == ["1#11", *(f"{number}#1" for number in range(2, 64))]


# Answers to senders that wait


async def test_the_sender_gets_the_first_targets_response(world: World) -> None:
    dispatcher = world.build("3000", "4000")
    world.app.outcomes.append(Response(418, "Teapot", (), b"", 0))
    delivery_id = world.offer(URL, OTHER, reply=True)
    outcome = await dispatcher.answer(delivery_id, 10)
    assert isinstance(outcome, Response)
    assert outcome.status == 418
    assert await dispatcher.answer(delivery_id, 10) is None
    assert await dispatcher.answer(999, 10) is None


async def test_under_app_there_is_one_try_and_no_pause(world: World) -> None:
    dispatcher = world.build()
    world.app.default = REFUSED
    for number in (1, 2):
        delivery_id = world.offer(reply=True, once=True)
        assert await dispatcher.answer(delivery_id, None) == REFUSED
        assert delivery_id == number
    await settle()
    assert world.journal.story() == ["1 #1 auto refused final", "2 #1 auto refused final"]
    assert world.clock.pauses == []


async def test_under_app_what_is_still_queued_at_the_end_is_not_sent(world: World) -> None:
    dispatcher = world.build()
    await settle()
    world.app.gate.clear()
    first, second, third = (world.offer(reply=True, once=True) for _ in range(3))
    await until(lambda: world.app.running == 1)
    outcome = await dispatcher.answer(second, 0.01)
    assert outcome == Failure(
        FailureKind.TIMEOUT, "not sent: the queue before it took the whole time-out"
    )
    assert await dispatcher.answer(first, 0.01) is None  # it is being sent: too late to stop it
    world.app.gate.set()
    assert await dispatcher.answer(third, 10) == FINE
    await settle()
    assert world.app.order == ["1#1", "3#1"]
    assert sorted(world.journal.story()) == [
        "1 #1 auto 200 final",
        "2 #1 auto timeout final",
        "3 #1 auto 200 final",
    ]


async def test_under_app_a_time_out_reaches_what_is_not_in_memory(world: World) -> None:
    dispatcher = world.build(settings=ForwardSettings(queue_limit=1))
    await settle()
    world.app.gate.clear()
    ids = [world.offer(reply=True, once=True) for _ in range(4)]
    await until(lambda: world.app.running == 1)
    assert isinstance(await dispatcher.answer(ids[2], 0.01), Failure)
    world.app.gate.set()
    assert await dispatcher.answer(ids[3], 10) == FINE
    assert world.app.order == ["1#1", "2#1", "4#1"]


async def test_under_app_or_stored_the_retry_goes_on(world: World) -> None:
    gate = asyncio.Event()

    async def pause(seconds: float) -> None:
        await gate.wait()

    dispatcher = world.build(pause=pause)
    world.app.outcomes.append(REFUSED)
    delivery_id = world.offer(reply=True)
    assert await dispatcher.answer(delivery_id, 0.01) is None
    gate.set()
    await until(lambda: finished(world.journal) == 2)
    assert world.journal.story() == ["1 #1 auto refused again", "1 #2 retry 200 final"]


async def test_an_answer_within_a_later_try_still_counts(world: World) -> None:
    dispatcher = world.build()
    world.app.outcomes.extend([REFUSED, REFUSED])
    assert await dispatcher.answer(world.offer(reply=True), 10) == FINE


# By hand


async def test_a_resend_passes_the_queue(world: World) -> None:
    dispatcher = world.build(pause=world.clock.hang)
    world.app.outcomes.append(REFUSED)
    delivery_id = world.offer()
    await until(lambda: finished(world.journal) == 1)
    resend = dispatcher.resend(delivery_id, request(9), "3000", number=2, resigned=True)
    assert (await resend.sent).outcome == FINE
    appended = await resend.started
    seq, started, _ = next(
        row for row in world.journal.attempts() if row[1].trigger is Trigger.MANUAL
    )
    assert (appended.seq, appended.delivery_id) == (seq, delivery_id)
    assert (started.target, started.number, started.chosen) == (URL, 2, True)
    assert started.resigned
    await settle()
    assert world.journal.story() == ["1 #1 auto refused again", "1 #2 manual 200 final"]


async def test_a_resend_elsewhere_has_a_client_of_its_own(world: World) -> None:
    dispatcher = world.build()
    resend = dispatcher.resend(7, request(), "5000/hook", chosen=False)
    await resend.sent
    await settle()
    own = world.clients["http://localhost:5000/hook"]
    assert (own.order, own.closed) == (["7#1"], 1)
    (_, started, _) = world.journal.attempts()[0]
    assert (started.target, started.chosen) == ("http://localhost:5000/hook", False)
    with pytest.raises(UsageError):
        dispatcher.resend(7, request(), "ftp://x")


async def test_the_latest_attempt_is_known_whoever_made_it(world: World) -> None:
    dispatcher = world.build()
    assert dispatcher.latest is None
    world.offer()
    await until(lambda: finished(world.journal) == 1)
    assert dispatcher.latest == (world.clock.now, FINE)
    world.app.default = REFUSED
    world.clock.now += 5
    await dispatcher.resend(3, request(), URL).sent
    assert dispatcher.latest == (world.clock.now, REFUSED)


async def test_a_resend_that_fails_is_tried_once(world: World) -> None:
    dispatcher = world.build()
    world.app.default = REFUSED
    assert (await dispatcher.resend(3, request(), URL).sent).outcome == REFUSED
    await settle()
    assert world.journal.story() == ["3 #1 manual refused final"]


def until_open(gate: asyncio.Event, world: World) -> Callable[[float], Awaitable[None]]:
    """A pause that ends when the gate opens."""

    async def pause(seconds: float) -> None:
        world.clock.pauses.append(seconds)
        await gate.wait()

    return pause


async def test_a_resend_that_is_answered_takes_the_delivery_out_of_the_queue(
    world: World,
) -> None:
    gate = asyncio.Event()
    dispatcher = world.build(pause=until_open(gate, world))
    await settle()
    world.app.outcomes.append(REFUSED)
    world.offer()
    second, third = world.offer(), world.offer()
    await until(lambda: world.clock.pauses == [0.25])
    for delivery_id, chosen in ((second, True), (third, False)):
        await dispatcher.resend(delivery_id, request(), URL, chosen=chosen).sent
    gate.set()
    await until(lambda: finished(world.journal) == 5)
    await settle()
    assert world.app.order == ["1#1", "2#1", "3#1", "1#2", "3#2"]


async def test_what_is_answered_by_hand_between_two_tries_is_not_tried_again(
    world: World,
) -> None:
    gate = asyncio.Event()
    dispatcher = world.build(pause=until_open(gate, world))
    await settle()
    world.app.outcomes.append(REFUSED)
    first, _ = world.offer(), world.offer()
    await until(lambda: world.clock.pauses == [0.25])
    assert dispatcher.lanes()[0].failure == REFUSED.reason
    await dispatcher.resend(first, request(), URL, number=2).sent
    assert dispatcher.lanes()[0].failure == ""
    gate.set()
    await until(lambda: finished(world.journal) == 3)
    await settle()
    assert world.app.order == ["1#1", "1#2", "2#1"]
    # The target is there, so that the next one need not wait.
    assert world.clock.pauses == [0.25]


async def test_attempts_by_hand_count_for_those_that_follow(world: World) -> None:
    gate = asyncio.Event()
    dispatcher = world.build(pause=until_open(gate, world))
    await settle()
    world.app.outcomes.extend([REFUSED, REFUSED, REFUSED])
    first, second = world.offer(), world.offer()
    await until(lambda: finished(world.journal) == 1)
    await dispatcher.resend(first, request(), URL, number=2).sent
    await dispatcher.resend(second, request(), URL, number=1).sent
    gate.set()
    await until(lambda: finished(world.journal) == 5)
    assert world.app.order == ["1#1", "1#2", "2#1", "1#3", "2#2"]


@pytest.mark.parametrize("once", [False, True])
async def test_who_waits_for_what_is_sent_by_hand_gets_its_answer(world: World, once: bool) -> None:
    dispatcher = world.build(pause=world.clock.hang)
    await settle()
    world.app.outcomes.append(REFUSED)
    world.offer()
    await until(lambda: finished(world.journal) == 1)
    behind = world.offer(reply=True, once=once)
    answer = asyncio.create_task(dispatcher.answer(behind, None))
    await settle()
    by_hand = Response(201, "Made", (), b"", 0)
    world.app.outcomes.append(by_hand)
    await dispatcher.resend(behind, request(), URL).sent
    await until(answer.done)
    assert answer.result() == by_hand


async def test_without_targets_only_resends_are_made(world: World) -> None:
    dispatcher = Dispatcher(
        Routing(), world.client, world.journal, world.journal, world.clock, ForwardSettings()
    )
    dispatcher.start()
    assert dispatcher.lanes() == ()
    dispatcher.offer(1, request(), ())
    assert (await dispatcher.resend(1, request(), URL).sent).outcome == FINE
    await dispatcher.stop(1)
    with pytest.raises(UnreachableError):
        dispatcher.resend(1, request(), URL)


# The journal's troubles


async def test_sending_waits_for_the_journal_only_when_it_is_far_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "_UNCOMMITTED", 4)
    world.build()
    world.journal.stuck = True
    for _ in range(8):
        world.offer()
    await until(lambda: len(world.app.sent) == 4)
    await settle()
    assert len(world.app.sent) == 4
    world.journal.stuck = False
    world.journal.commit()
    await until(lambda: finished(world.journal) == 8)


async def test_a_journal_that_fails_does_not_stop_the_lane(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.build()
    await settle()
    world.journal.broken = OSError("disk full")
    with caplog.at_level(logging.WARNING):
        world.offer()
        await until(lambda: len(world.app.sent) == 1)
        await settle()
    assert "disk full" in caplog.text
    world.journal.broken = None
    world.offer()
    await until(lambda: finished(world.journal) == 1)
    assert world.journal.story() == ["2 #1 auto 200 final"]


async def test_a_fault_of_ours_is_a_failure_and_not_the_end_of_the_lane(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.build(settings=ForwardSettings(retry=0))
    world.app.outcomes.append(ZeroDivisionError("oops"))
    world.offer()
    world.offer()
    await until(lambda: finished(world.journal) == 2)
    assert world.journal.story() == ["1 #1 auto malformed final", "2 #1 auto 200 final"]
    assert "oops" in caplog.text


# The end


async def test_stop_lets_what_is_being_sent_finish(world: World) -> None:
    dispatcher = world.build()
    await settle()
    world.app.gate.clear()
    world.offer()
    world.offer()
    await until(lambda: world.app.running == 1)
    resend = dispatcher.resend(5, request(), URL)
    await settle()
    stopping = asyncio.create_task(dispatcher.stop(10))
    await settle()
    assert not stopping.done()
    world.app.gate.set()
    await stopping
    assert (await resend.sent).outcome == FINE
    assert world.journal.story() == ["1 #1 auto 200 final", "5 #1 manual 200 final"]
    assert world.app.closed == 1
    world.offer(reply=True)
    assert await dispatcher.answer(3, 1) is None
    await dispatcher.stop(10)


async def test_a_failed_try_while_stopping_keeps_the_delivery_waiting(world: World) -> None:
    dispatcher = world.build()
    await settle()
    world.app.gate.clear()
    world.app.default = REFUSED
    world.offer()
    await until(lambda: world.app.running == 1)
    stopping = asyncio.create_task(dispatcher.stop(10))
    await settle()
    world.app.gate.set()
    await stopping
    assert world.journal.story() == ["1 #1 auto refused again"]


@pytest.mark.parametrize("retry", [0, 300])
async def test_stop_interrupts_what_takes_too_long(world: World, retry: float) -> None:
    settings = ForwardSettings(timeout=None, retry=retry)
    dispatcher = world.build(settings=settings)
    await settle()
    world.app.gate.clear()
    waiting = world.offer(reply=True)
    world.offer()
    await until(lambda: world.app.running == 1)
    world.clock.now += 2_000_000
    resend = dispatcher.resend(7, request(), URL)
    answer = asyncio.create_task(dispatcher.answer(waiting, None))
    await settle()
    await dispatcher.stop(0.01)
    assert world.journal.story() == ["1 #1 auto interrupted again", "7 #1 manual interrupted again"]
    _, _, ended = world.journal.attempts()[0]
    assert ended is not None
    assert ended.duration_ms == 2000
    assert resend.sent.cancelled()
    outcome = await answer
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.INTERRUPTED
    items = await world.journal.waiting(URL, 0, 10)
    assert [(item.delivery_id, item.attempts) for item in items] == [(1, 1), (2, 0)]


async def test_a_second_stop_shortens_the_first(world: World) -> None:
    dispatcher = world.build()
    await settle()
    world.app.gate.clear()
    world.offer()
    await until(lambda: world.app.running == 1)
    first = asyncio.create_task(dispatcher.stop(600))
    await settle()
    await dispatcher.stop(0)
    await first
    assert world.journal.story() == ["1 #1 auto interrupted again"]


async def test_stop_ends_a_pause_at_once(world: World) -> None:
    dispatcher = world.build(pause=world.clock.hang)
    world.app.default = REFUSED
    world.offer()
    await until(lambda: world.clock.pauses == [0.25])
    async with asyncio.timeout(5):
        await dispatcher.stop(600)
    assert world.journal.story() == ["1 #1 auto refused again"]


async def test_stop_fails_what_was_promised_a_single_try(world: World) -> None:
    dispatcher = world.build()
    await settle()
    world.app.gate.clear()
    ids = [world.offer(reply=True, once=True) for _ in range(2)]
    await until(lambda: world.app.running == 1)
    answers = [asyncio.create_task(dispatcher.answer(number, None)) for number in ids]
    await settle()
    await dispatcher.stop(0)
    for outcome in await asyncio.gather(*answers):
        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.INTERRUPTED
    assert world.journal.story() == ["1 #1 auto interrupted final", "2 #1 auto interrupted final"]
    assert await world.journal.waiting(URL, 0, 10) == []


async def test_stop_does_not_wait_for_a_dead_journal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "_JOURNAL_PATIENCE", 0.01)
    dispatcher = world.build()
    await settle()
    world.journal.stuck = True
    world.offer()
    await until(lambda: len(world.app.sent) == 1)
    await settle()
    await dispatcher.stop(1)
    assert finished(world.journal) == 0


# All of it, over sockets


async def test_end_to_end_over_sockets() -> None:
    clock, journal = Clock(), Journal()
    app = FakeTarget()
    await app.open()
    await app.close()  # down at first, its port known

    async def pause(seconds: float) -> None:
        clock.pauses.append(seconds)
        if len(clock.pauses) == 3:
            await app.open()

    dispatcher = Dispatcher(
        Routing((parse_route(app.url),)),
        TargetClient,
        journal,
        journal,
        clock,
        ForwardSettings(timeout=10),
        pause=pause,
    )
    dispatcher.start()
    app.then(ok(), cut(), cut(b"HTTP/1.1 2"), ok(status=500))
    for number in range(1, 5):
        delivery_id = journal.capture(request(number), (app.url,), clock.now)
        dispatcher.offer(delivery_id, request(number), (app.url,))
    await app.wait_for(6)
    await dispatcher.stop(5)
    assert journal.story() == [
        "1 #1 auto refused again",
        "1 #2 retry refused again",
        "1 #3 retry refused again",
        "1 #4 retry 200 final",
        "2 #1 auto cut again",  # a kept connection: written twice, answered neither time
        "2 #2 retry 500 final",
        "3 #1 auto 200 final",
        "4 #1 auto 200 final",
    ]
    assert [exchange.request_line.split()[1] for exchange in app.received] == [
        b"/1",
        b"/2",
        b"/2",
        b"/2",
        b"/3",
        b"/4",
    ]
    assert app.received[-1].lines[-2:] == [b"Inspector-Delivery: 4", b"Inspector-Attempt: 1"]
    await app.close()


async def test_waiting_for_ever_blocks_nothing_else() -> None:
    clock, journal = Clock(), Journal()
    async with FakeTarget() as slow, FakeTarget() as quick:
        slow.default = held(asyncio.Event())
        dispatcher = Dispatcher(
            Routing((parse_route(slow.url), parse_route(quick.url))),
            TargetClient,
            journal,
            journal,
            clock,
            ForwardSettings(timeout=0),
        )
        dispatcher.start()
        both = (slow.url, quick.url)
        for _ in range(3):
            delivery_id = journal.capture(request(), both, clock.now)
            dispatcher.offer(delivery_id, request(), both)
        await quick.wait_for(3)
        await slow.wait_for(1)
        async with asyncio.timeout(5):
            await dispatcher.stop(0)
        assert len(slow.received) == 1
