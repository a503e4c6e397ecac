"""A desk's promises: who is asked, what senders' answers become, and what many consumers cost."""

import asyncio
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.facts import Probed, Refused
from inspector.tunnel import attachment as attachments
from inspector.tunnel import desk as desks
from inspector.tunnel.desk import NO_APP, AttachedError, ClosedError
from inspector.tunnel.messages import (
    WINDOW,
    WINDOW_BYTES,
    Ack,
    Reply,
    Start,
)
from inspector.tunnel.parcels import TAIL_BYTES, TAIL_ITEMS, Tail, item_of
from inspector.tunnel.supply import Caller, Presence
from inspector.tunnel.window import Window
from tests.helpers.desk import ENDPOINT, Asking, DeskSide, Line
from tests.helpers.mailboxes import captured
from tests.helpers.tunnel import until

SAID = Response(201, "Created", (("X-App", "yes"),), b"done", 4)


@pytest.fixture
async def relay() -> DeskSide:
    return DeskSide()


# Handing on.


async def test_what_comes_is_handed_on_from_memory_and_in_one_frame(relay: DeskSide) -> None:
    _, line = await relay.attach("a")
    relay.capture()
    await until(line.parcels)
    frames, reads = line.frames, relay.mailboxes.reads
    for _ in range(100):
        relay.capture()
    await until(lambda: len(line.parcels()) == 101)
    assert relay.mailboxes.reads == reads
    assert line.frames == frames + 1


async def test_refusals_and_canaries_have_their_place(relay: DeskSide) -> None:
    _, line = await relay.attach("a")
    refused = Refused(1, 413, "body-too-large", "too large", "192.0.2.7", None, b"GET x")
    relay.desk.refused(relay.mailboxes.commit(refused), refused)
    probed = Probed(2, "e1", "n")
    relay.desk.probed(relay.mailboxes.commit(probed), probed)
    await until(lambda: len(line.parcels()) == 2)
    live = line.parcels()
    _, later = await relay.attach("b")
    await until(lambda: len(later.parcels()) == 2)
    # From memory and from the store they are alike.
    assert later.parcels() == live
    assert (live[0].kind, live[0].code, live[0].body) == ("refused", "body-too-large", b"GET x")
    assert (live[1].kind, live[1].nonce) == ("probe", "n")


async def test_what_nobody_told_of_is_found_after_a_while(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "STATE_SECONDS", 0.01)
    _, line = await relay.attach("a")
    # Its sender's handler was cut off between the commit and the desk.
    relay.mailboxes.commit(captured())
    await until(line.parcels)


async def test_a_name_is_given_once(relay: DeskSide) -> None:
    await relay.attach("a")
    with pytest.raises(AttachedError) as refused:
        await relay.attach("a", instance="other")
    assert refused.value.presence == Presence("a", "address of a", 7, 0, True)
    relay.desk.close(4401, "gone")
    with pytest.raises(ClosedError):
        await relay.attach("a")


async def test_cursors_are_kept_after_a_while_and_at_the_end(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "CURSOR_SECONDS", 0.01)
    attachment, line = await relay.attach("a")
    for _ in range(50):
        relay.capture()
    await until(lambda: len(line.parcels()) == 50)
    for number in range(1, 51):
        await attachment.take(Ack(number))
    assert relay.mailboxes.moves == [("e1/a", 0)]
    await until(lambda: len(relay.mailboxes.moves) == 2)
    relay.capture()
    await until(lambda: len(line.parcels()) == 51)
    await attachment.take(Ack(51))
    relay.desk.detach(attachment)
    assert relay.mailboxes.moves == [("e1/a", 0), ("e1/a", 50), ("e1/a", 51)]
    # Whatever still comes from it counts no more.
    await attachment.take(Ack(51))


async def test_a_consumer_that_comes_back_further_behind_is_believed(relay: DeskSide) -> None:
    attachment, _ = await relay.attach("a")
    relay.desk.detach(attachment)
    for _ in range(5):
        relay.capture()
    attachment, _ = await relay.attach("a", after=5)
    relay.desk.detach(attachment)
    await relay.attach("a", after=2)
    assert relay.mailboxes.cursor("e1/a") == 2


# Asking.


async def test_the_app_of_the_one_attached_longest_is_asked(relay: DeskSide) -> None:
    first, line = await relay.attach("a")
    _, other = await relay.attach("b")
    asking = relay.ask(within=30.0)
    await until(lambda: line.parcels() and other.parcels())
    (asked,), (told,) = line.parcels(), other.parcels()
    assert asked.ask
    assert asked.once
    assert 29 < asked.within <= 30
    assert not told.ask
    await first.take(Reply(asking.number, SAID))
    assert await asking.outcome() == SAID
    relay.desk.answered(asking.number, 201, False)
    await until(lambda: line.answers() and other.answers())
    assert line.answers() == other.answers() == [(1, 201, False)]


async def test_only_the_one_that_is_asked_may_answer(relay: DeskSide) -> None:
    await relay.attach("a")
    other, _ = await relay.attach("b")
    asking = relay.ask(within=0.05)
    await until(lambda: relay.desk.last)
    await other.take(Reply(asking.number, SAID))
    outcome = await asking.outcome()
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TIMEOUT


async def test_nobody_is_asked_where_nobody_is(relay: DeskSide) -> None:
    assert await relay.ask().outcome() == NO_APP
    _, line = await relay.attach("a")
    await until(line.parcels)
    assert not line.parcels()[0].ask


async def test_an_app_can_have_nothing_to_say(relay: DeskSide) -> None:
    attachment, _ = await relay.attach("a")
    asking = relay.ask()
    await until(lambda: relay.desk.last)
    await attachment.take(Reply(asking.number, None))
    assert await asking.outcome() is None


async def test_an_ack_policy_that_changes_is_told(relay: DeskSide) -> None:
    attachment, line = await relay.attach("a")
    assert line.states()[-1].ack == "stored"
    relay.desk.endpoint = ENDPOINT.model_copy(update={"ack": "app"})
    attachment.tell_state()
    await until(lambda: line.states()[-1].ack == "app")


async def test_who_goes_leaves_its_senders_without_an_answer(relay: DeskSide) -> None:
    first, line = await relay.attach("a")
    _, other = await relay.attach("b")
    asking = relay.ask()
    await until(lambda: line.parcels() and other.parcels())
    relay.desk.detach(first)
    outcome = await asking.outcome()
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.CUT
    # From now on the next one is asked, and knows it.
    await until(lambda: other.states()[-1].primary)
    relay.ask()
    await until(lambda: len(other.parcels()) == 2)
    assert other.parcels()[1].ask


async def test_the_next_one_is_asked_if_it_was_not_sent_it_yet(relay: DeskSide) -> None:
    first, _ = await relay.attach("a")
    second, line = await relay.attach("b")
    line.stuck = asyncio.Event()
    relay.capture()
    await until(lambda: second.sent == 1)
    asking = relay.ask()
    await until(lambda: first.sent == 2)
    relay.desk.detach(first)
    line.stuck.set()
    await until(lambda: len(line.parcels()) == 2)
    assert line.parcels()[1].ask
    await second.take(Reply(asking.number, SAID))
    assert await asking.outcome() == SAID


async def test_a_process_that_comes_back_is_asked_again(relay: DeskSide) -> None:
    _, line = await relay.attach("a")
    await relay.attach("b")
    asking = relay.ask()
    await until(line.parcels)
    again, line = await relay.attach("a")
    await until(line.parcels)
    assert line.parcels()[0].ask
    assert relay.desk.attached()[0][0::4] == ("a", True)
    await again.take(Reply(asking.number, SAID))
    assert await asking.outcome() == SAID


async def test_what_a_process_has_already_it_is_not_asked_again(relay: DeskSide) -> None:
    _, line = await relay.attach("a")
    asking = relay.ask()
    await until(line.parcels)
    await relay.attach("a", after=1)
    outcome = await asking.outcome()
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.CUT


async def test_what_is_committed_and_not_told_is_not_sent_unasked(relay: DeskSide) -> None:
    """The store shows a delivery a moment before its sender's handler can ask for it."""
    attachment, line = await relay.attach("a")
    relay.capture()
    await until(lambda: attachment.sent == 1)
    asked = captured(answered=None)
    relay.mailboxes.commit(captured())
    number = relay.mailboxes.commit(asked)
    # Told first, out of turn: the store is read, which holds the other already.
    relay.desk.captured(2, captured(b"x" * 300_000))
    await until(lambda: attachment.sent == 2)
    ask = relay.desk.answered_by_app(number, asked, within=30.0, once=True)
    asking = Asking(number, asyncio.ensure_future(ask))
    await until(lambda: len(line.parcels()) == 3)
    assert line.parcels()[2].ask
    await attachment.take(Reply(number, SAID))
    assert await asking.outcome() == SAID


async def test_whoever_was_sent_it_unasked_is_not_waited_for(relay: DeskSide) -> None:
    attachment, line = await relay.attach("a")
    asked = captured(answered=None)
    number = relay.mailboxes.commit(asked)
    await relay.desk.held()
    await until(lambda: attachment.sent == number)
    assert await relay.desk.answered_by_app(number, asked, within=30.0, once=True) == NO_APP
    assert len(line.parcels()) == 1


async def test_an_answer_goes_with_its_delivery_or_behind_it(relay: DeskSide) -> None:
    attachment, line = await relay.attach("a")
    line.stuck = asyncio.Event()
    relay.capture()
    await until(lambda: attachment.sent == 1)
    asking = relay.ask(within=0.0)
    await asking.outcome()
    relay.desk.answered(asking.number, 503, True)
    line.stuck.set()
    await until(lambda: len(line.parcels()) == 2)
    parcel = line.parcels()[1]
    assert (parcel.answered, parcel.turned_away) == (503, True)


async def test_the_last_answers_are_repeated_on_coming_back(relay: DeskSide) -> None:
    for _ in range(3):
        relay.capture()
    relay.mailboxes.answered = {1: (201, False), 2: (503, True), 3: (200, False)}
    _, line = await relay.attach("a", after=2)
    await until(line.answers)
    assert line.answers() == [(1, 201, False), (2, 503, True)]


# What it costs.


class Clogged(Line):
    """Takes as many frames as it is allowed, and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed = asyncio.Semaphore(0)

    async def send(self, frame: bytes) -> None:
        await self.allowed.acquire()
        self.frames += 1


async def test_two_hundred_consumers_that_take_nothing_stay_small(relay: DeskSide) -> None:
    for n in range(3_000):
        relay.capture(bytes([n % 251]) * 10_000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        # Each of them somewhere else, so that no frame is another's too.
        lines = [Clogged() for _ in range(200)]
        waiting = []
        for number, line in enumerate(lines):
            attachment = relay.desk.attach(Caller(f"c{number}", "", ""), line)
            line.allowed.release()
            await attachment.take(Start(number * 10))
            waiting.append(attachment)
        for line in lines:
            # How things stand, and who is attached.
            line.allowed.release()
            line.allowed.release()
        await until(lambda: all(each.sent > n * 10 for n, each in enumerate(waiting)))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 12 << 20
    relay.desk.close(1001, "")


def test_the_tail_is_bounded_and_without_a_hole() -> None:
    tail = Tail()
    for number in range(1, TAIL_ITEMS + 11):
        tail.append(number, item_of(number, captured()))
    assert len(tail) == TAIL_ITEMS
    assert tail.after(5, 10) == []
    assert [item.number for item in tail.after(10, 3)] == [11, 12, 13]
    tail.append(TAIL_ITEMS + 20, item_of(TAIL_ITEMS + 20, captured()))
    assert len(tail) == 1
    large = TAIL_BYTES // 200_000
    for number in range(large * 2):
        tail.append(number, item_of(number, captured(b"x" * 200_000)))
    assert len(tail) <= large
    tail.append(large * 2, item_of(large * 2, captured(b"x" * 300_000)))
    assert tail.after(large * 2 - 1, 5) == []
    tail.trim(large * 2)
    assert len(tail) == 0


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 90_000), st.integers(0, 12))))
def test_the_window_counts_what_is_under_way(steps: list[tuple[int, int, int]]) -> None:
    """Against a plain list: never less is counted, and nothing once all has arrived."""
    window = Window(100)
    under_way: list[tuple[int, int]] = []
    sent = acked = 100
    for count, size, acks in steps:
        sent += count
        window.sent(sent, size)
        under_way.append((sent, size))
        acked = min(sent, acked + acks)
        window.acked(acked)
        under_way = [each for each in under_way if each[0] > acked]
        assert window.items == WINDOW - (sent - acked)
        true = sum(size for _, size in under_way)
        assert not window.takes(WINDOW_BYTES - true + 1)
    window.acked(sent)
    assert window.idle
    assert window.takes(WINDOW_BYTES)
