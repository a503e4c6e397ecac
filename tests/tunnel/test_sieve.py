"""A consumer's filter at the relay: what is sent, what is passed over, and who is asked."""

import asyncio
from typing import Any

import pytest

from inspector.domain.attempt import Response
from inspector.domain.facts import Captured, Probed, Refused
from inspector.domain.headers import Headers, decode_head
from inspector.domain.relay_filter import RelayFilter
from inspector.tunnel import parcels, sieve
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.messages import WINDOW, Ack, Parcels, Passed, Reply, Start, WireError
from inspector.tunnel.supply import Caller
from tests.helpers.desk import Asking, DeskSide, Line
from tests.helpers.mailboxes import captured
from tests.helpers.tunnel import peer, relay_side, until

SAID = Response(201, "Created", (), b"done", 4)
Shown = int | tuple[int, int]


@pytest.fixture
async def relay() -> DeskSide:
    return DeskSide()


def to(path: str, body: bytes = b"{}", answered: int | None = 200) -> Captured:
    fact = captured(body, answered=answered)
    return fact._replace(request=fact.request._replace(target=path))


def capture(relay: DeskSide, *paths: str) -> None:
    for path in paths:
        fact = to(path)
        relay.desk.captured(relay.mailboxes.commit(fact), fact)


async def attach(
    relay: DeskSide, name: str, wanted: str, after: int = 0
) -> tuple[Attachment, Line]:
    line = Line()
    attachment = relay.desk.attach(Caller(name, name, "address"), line)
    await attachment.take(Start(after, filter=wanted))
    return attachment, line


def first_of(one: Shown) -> int:
    return one if isinstance(one, int) else one[0]


def shown(line: Line) -> list[Shown]:
    """What a consumer was told of: an id for a delivery, two for what was passed over."""
    found: list[Shown] = []
    for message in line.messages:
        if isinstance(message, Parcels):
            ids: list[Shown] = [parcel.id for parcel in message.items]
            found += sorted([*ids, *message.passed], key=first_of)
        elif isinstance(message, Passed):
            found.append((message.first, message.last))
    return found


async def test_what_is_left_out_is_told_in_its_place(relay: DeskSide) -> None:
    capture(relay, *["/a", "/b", "/b", "/a", "/a", "/b"])
    _, line = await attach(relay, "a", "path:/a")
    await until(lambda: len(shown(line)) == 4)
    assert shown(line) == [1, (2, 3), 4, 5]
    # Live as from the store; what nothing came behind is told after a moment.
    capture(relay, *["/b", "/b", "/a", "/b"])
    await until(lambda: len(shown(line)) == 7)
    assert shown(line)[4:] == [(6, 8), 9, (10, 10)]


async def test_refusals_without_a_head_and_canaries_are_always_sent(relay: DeskSide) -> None:
    request = captured().request
    for head in (None, request):
        fact = Refused(1, 400, "bad", "no", "r", head, b"GET x")
        relay.desk.refused(relay.mailboxes.commit(fact), fact)
    probed = Probed(1, "e1", "n")
    relay.desk.probed(relay.mailboxes.commit(probed), probed)
    _, line = await attach(relay, "a", "path:/else")
    await until(lambda: len(shown(line)) == 3)
    assert shown(line) == [1, (2, 2), 3]


async def test_a_consumer_of_its_own_filter_gets_large_bodies_whole(relay: DeskSide) -> None:
    relay.mailboxes._pieces_from = 300_000
    _, line = await attach(relay, "a", "path:/a")
    for path in ("/b", "/a"):
        fact = to(path, bytes(600_000))
        number = relay.mailboxes.commit(fact)
        relay.desk.captured(number, fact)
    await until(lambda: len(shown(line)) == 2)
    assert shown(line) == [(1, 1), 2]


async def test_a_long_backlog_of_others_is_passed_over_in_few_words(relay: DeskSide) -> None:
    capture(relay, *["/b"] * 3 * WINDOW, "/a")
    attachment, line = await attach(relay, "a", "path:/a")
    # It counts as under way: no more than a window before it is acknowledged.
    await until(lambda: attachment.sent == WINDOW)
    turns = 0
    while attachment.sent < 3 * WINDOW + 1:
        await asyncio.sleep(0)
        turns += 1
        last = shown(line)[-1]
        if isinstance(last, tuple) and last[1] > attachment.acked:
            await attachment.take(Ack(last[1]))
    # Others had their turns meanwhile.
    assert turns > 30
    await until(lambda: shown(line)[-1] == 3 * WINDOW + 1)
    assert len(shown(line)) <= 3 * WINDOW / sieve.TELL_AFTER + 4


async def test_a_filter_that_takes_long_gives_others_their_turns(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sieve, "JUDGING_SECONDS", 0.0)
    _, line = await attach(relay, "a", "path:/a")
    capture(relay, *["/a", "/b", "/b", "/a"] * 25)
    turns = 0
    while sum(isinstance(one, int) for one in shown(line)) < 50:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 50


async def test_filters_of_many_consumers_are_judged_in_turn(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, judged = 0, []
    takes = RelayFilter.takes

    def noting(wanted: RelayFilter, *request: Any) -> bool:
        judged.append(turn)
        return takes(wanted, *request)

    monkeypatch.setattr(RelayFilter, "takes", noting)
    lines = [(await attach(relay, f"c{n}", "path:/a"))[1] for n in range(20)]
    capture(relay, "/a")
    while not all(1 in shown(line) for line in lines):
        await asyncio.sleep(0)
        turn += 1
    assert len(judged) == len(set(judged)) == 20


async def test_answers_that_come_while_filters_take_turns_reach_everybody(
    relay: DeskSide,
) -> None:
    lines = [(await attach(relay, f"c{n}", "path:/a"))[1] for n in range(5)]
    fact = to("/a", answered=None)
    number = relay.mailboxes.commit(fact)
    async with relay.desk.judging:
        relay.desk.captured(number, fact)
        for _ in range(10):
            await asyncio.sleep(0)
        relay.desk.answered(number, 503, True)
    await until(lambda: all(line.parcels() for line in lines))
    assert {line.parcels()[0].answered for line in lines} == {503}


async def test_a_window_full_of_others_is_told_before_it_is_waited_for(relay: DeskSide) -> None:
    attachment, line = await attach(relay, "a", "path:/a")
    capture(relay, *["/b"] * (WINDOW + 10))
    await until(lambda: line.messages and attachment.sent == WINDOW)
    await until(lambda: shown(line) and shown(line)[-1][1] == WINDOW)  # type: ignore[index]
    await attachment.take(Ack(WINDOW))
    await until(lambda: attachment.sent == WINDOW + 10)


async def test_a_head_is_read_once_for_all(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def reading(head: bytes) -> tuple[str, str, str, Headers]:
        read.append(head)
        return decode_head(head)

    monkeypatch.setattr(parcels, "decode_head", reading)
    lines = [(await attach(relay, name, f"path:/{name}"))[1] for name in "abc"]
    plain = (await attach(relay, "plain", ""))[1]
    capture(relay, "/a", "/b", "/c", "/d")
    await until(lambda: all(len(shown(line)) >= 1 for line in (*lines, plain)))
    await until(
        lambda: [n for line in lines for n in shown(line) if isinstance(n, int)] == [1, 2, 3]
    )
    assert len(read) == 4


async def test_who_has_no_filter_has_nothing_judged(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "decode_head", None)
    _, line = await attach(relay, "a", "")
    capture(relay, "/a", "/b")
    await until(lambda: len(shown(line)) == 2)


async def test_what_the_primarys_filter_leaves_out_is_answered_as_stored(relay: DeskSide) -> None:
    first, line = await attach(relay, "a", "path:/a")
    _, other = await attach(relay, "b", "")
    left = ask(relay, "/b")
    assert await left.outcome() is None
    asked = ask(relay, "/a")
    await until(lambda: line.parcels() and len(other.parcels()) == 2)
    assert [parcel.ask for parcel in line.parcels()] == [True]
    assert [parcel.ask for parcel in other.parcels()] == [False, False]
    await first.take(Reply(asked.number, SAID))
    assert await asked.outcome() == SAID


async def test_the_next_primary_answers_for_what_its_filter_takes(relay: DeskSide) -> None:
    first, line = await attach(relay, "a", "")
    _, other = await attach(relay, "b", "path:/a")
    await until(lambda: line.messages and other.messages)
    line.stuck = asyncio.Event()
    other.stuck = asyncio.Event()
    asked = ask(relay, "/b")
    await until(lambda: relay.desk.last == 1)
    # It was sent nothing of it yet, and neither was the one that follows.
    relay.desk.detach(first)
    other.stuck.set()
    assert await asked.outcome() is None


async def test_answers_come_behind_what_they_are_of(relay: DeskSide) -> None:
    """Nothing is said of an id before it is known what becomes of it."""
    _, line = await attach(relay, "a", "path:/a")
    asking = ask(relay, "/b")
    assert await asking.outcome() is None
    relay.desk.answered(asking.number, 200, False)
    await until(lambda: shown(line) == [(1, 1)])
    capture(relay, "/a")
    await until(lambda: shown(line) == [(1, 1), 2])
    assert [number for number, _, _ in line.answers()] in ([], [1])
    kinds = [type(m).__name__ for m in line.messages if type(m).__name__ in ("Passed", "Answers")]
    assert kinds[0] == "Passed"


def ask(relay: DeskSide, path: str) -> Asking:
    fact = to(path, answered=None)
    number = relay.mailboxes.commit(fact)
    ask = relay.desk.answered_by_app(number, fact, within=30.0, once=True)
    return Asking(number, asyncio.ensure_future(ask))


async def test_a_filter_may_be_another_on_the_next_connection(relay: DeskSide) -> None:
    capture(relay, *["/a", "/b", "/a"])
    attachment, line = await attach(relay, "a", "path:/a")
    await until(lambda: len(shown(line)) == 3)
    await attachment.take(Ack(3))
    relay.desk.detach(attachment)
    capture(relay, *["/a", "/b"])
    _, later = await attach(relay, "a", "path:/b", after=3)
    await until(lambda: len(shown(later)) == 2)
    assert shown(later) == [(4, 4), 5]


@pytest.mark.parametrize("text", ["sig:valid", "path:/a (", "x" * 5000, "free text"])
async def test_a_filter_that_no_relay_knows_is_refused_with_its_reason(text: str) -> None:
    async with relay_side() as side, peer(side) as consumer:
        await consumer.send(Start(0, filter=text))
        code, reason = await consumer.closed()
        assert code == 4400
        assert "filter" in reason
        assert not side.mailboxes.moves


async def test_a_start_with_a_bad_filter_can_be_said_again(relay: DeskSide) -> None:
    line = Line()
    attachment = relay.desk.attach(Caller("a", "a", "address"), line)
    with pytest.raises(WireError):
        await attachment.take(Start(0, filter="status:500"))
    assert not attachment.started
