"""Each consumer is told who else is attached, whose app answers, and how each of them fares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.delivery import iso
from inspector.tunnel import attendance, desk, team
from inspector.tunnel.messages import LAST_MOMENT, Ack, Attempted, Member, Team
from inspector.tunnel.team import GROUP, MOST_MEMBERS, Roster, passed_on, team_of, team_to_json
from inspector.tunnel.wire import decode, encode
from tests.helpers.desk import DeskSide, Line
from tests.helpers.mailboxes import captured
from tests.helpers.tunnel import until


def members(count: int, primary: int = 0) -> list[Member]:
    return [Member(f"dev-{n}", n, 0, n == primary) for n in range(count)]


def names(told: Team) -> list[str]:
    return [each.consumer for each in told.members]


def test_of_many_one_group_is_told_and_the_primary_and_the_longest_attached() -> None:
    all_of_them = members(200, primary=150)
    told = team_of(all_of_them, 7, 180 // GROUP)
    numbers = [*range(MOST_MEMBERS - GROUP - 1), 150, *range(176, 192)]
    assert names(told) == [f"dev-{n}" for n in numbers]
    assert (told.more, told.last) == (200 - MOST_MEMBERS, 7)
    first = names(team_of(all_of_them, 7))
    assert first == [*(f"dev-{n}" for n in range(MOST_MEMBERS - 1)), "dev-150"]
    assert team_of(all_of_them[:MOST_MEMBERS], 7).more == 0


@given(st.integers(0, 150), st.integers(0, 150))
def test_oneself_and_the_primary_are_always_told(count: int, primary: int) -> None:
    all_of_them = members(count, primary=primary)
    roster = Roster(all_of_them, 7)
    for each in all_of_them:
        told = decode(roster.frame(each.consumer))
        assert isinstance(told, Team)
        assert each.consumer in names(told)
        assert sum(one.primary for one in told.members) == (primary < count)
        assert len(told.members) == min(count, MOST_MEMBERS)
        assert len(told.members) + told.more == count
        assert sorted(told.members, key=lambda one: one.since) == list(told.members)


def test_few_frames_are_made_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0

    def counted(message: Team) -> bytes:
        nonlocal made
        made += 1
        return encode(message)

    monkeypatch.setattr(team, "encode", counted)
    for count, frames in ((MOST_MEMBERS, 1), (200, 13)):
        made = 0
        all_of_them = members(count)
        roster = Roster(all_of_them, 7)
        told = {id(roster.frame(each.consumer)) for each in all_of_them}
        assert (len(told), made) == (frames, frames)
        assert max(len(roster.frame(each.consumer)) for each in all_of_them) < 4096


def test_the_team_in_the_status() -> None:
    alice = Member("alice", 1_000_000, 7, True, 2_000_000, None, "connection refused")
    bob = Member("bob", 3_000_000, 9, False)
    assert team_to_json(Team((alice, bob), 0, 9), "bob") == [
        {
            "consumer": "alice",
            "you": False,
            "since": iso(1_000_000),
            "lag": 2,
            "primary": True,
            "last_attempt": {
                "at": iso(2_000_000),
                "status": None,
                "failure": "connection refused",
            },
        },
        {
            "consumer": "bob",
            "you": True,
            "since": iso(3_000_000),
            "lag": 0,
            "primary": False,
            "last_attempt": None,
        },
    ]
    # Any clock has a text.
    odd = Member("odd", 1 << 61, 0, False, -5, 200)
    assert team_to_json(Team((odd,), 0, 0), "bob")[0]["since"].startswith("9999-12-31")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Attempted(5, 200), Attempted(5, 200)),
        (Attempted(-5, 10**400, "x" * 1000), Attempted(0, None, "x" * 200)),
        (Attempted(1 << 61, -1), Attempted(LAST_MOMENT, None)),
    ],
    ids=["plain", "before all time", "after it"],
)
def test_a_consumer_may_say_anything(said: Attempted, told: Attempted) -> None:
    assert passed_on(said) == told


@pytest.fixture
async def relay(monkeypatch: pytest.MonkeyPatch) -> DeskSide:
    monkeypatch.setattr(attendance, "PAUSE", 0.01)
    return DeskSide()


def last_names(line: Line) -> list[tuple[str, bool]]:
    teams = line.teams()
    return [(each.consumer, each.primary) for each in teams[-1].members] if teams else []


async def test_who_comes_and_goes_is_told_at_once(relay: DeskSide) -> None:
    first, one = await relay.attach("a")
    _, other = await relay.attach("b")
    both = [("a", True), ("b", False)]
    await until(lambda: last_names(one) == last_names(other) == both)
    relay.desk.detach(first)
    await until(lambda: last_names(other) == [("b", True)])


async def test_how_each_fares_comes_with_the_beat(
    relay: DeskSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "STATE_SECONDS", 0.01)
    first, one = await relay.attach("a")
    _, other = await relay.attach("b")
    relay.mailboxes.commit(captured())
    await until(lambda: one.parcels() and other.parcels())
    await first.take(Ack(1))
    await first.take(Attempted(5, None, "x" * 1000))
    await until(lambda: other.teams()[-1].members[0].attempted_at)
    told = other.teams()[-1]
    assert told.last == 1
    assert [(each.acked, each.attempted_at) for each in told.members] == [(1, 5), (0, 0)]
    assert told.members[0].failure == "x" * 200
    assert relay.desk.attached()[0].attempted == told.members[0][4:]


async def test_a_process_that_comes_back_keeps_its_latest_attempt(relay: DeskSide) -> None:
    first, _ = await relay.attach("a")
    await first.take(Attempted(5, 200))
    await relay.attach("a")
    assert relay.desk.attached()[0].attempted == Attempted(5, 200)


async def test_many_who_come_at_once_are_told_of_in_few_frames(relay: DeskSide) -> None:
    lines = [(await relay.attach(f"dev-{n}"))[1] for n in range(200)]
    await until(lambda: all(each.teams() and each.teams()[-1].more == 168 for each in lines))
    for number, line in enumerate(lines):
        assert all({f"dev-{number}", "dev-0"} <= set(names(each)) for each in line.teams())
    assert sum(len(each.teams()) for each in lines) < 20_000
