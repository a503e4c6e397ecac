"""Numbers at a relay's endpoints have no holes; at home each delivery of a relay is there once."""

import asyncio
import os
import signal
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector.domain.facts import (
    Answered,
    Appended,
    Captured,
    Fact,
    Gap,
    Marked,
    Origin,
    Passed,
    Probed,
    Pruned,
    Refused,
    Shadowed,
)
from inspector.errors import ConfigurationError, StoreUnavailableError
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from inspector.store.positions import NO_USAGE
from inspector.store.retention import ranges_of
from tests.store.parts import (
    AT,
    OK,
    append,
    captured,
    entries,
    full,
    in_pieces,
    journal_of,
    litter,
    relay_journal,
    rows,
    run,
    write,
)

BOX = "relay/one"
Outcome = Appended | BaseException


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


def stored(files: StoreFiles) -> dict[str, list[int]]:
    """The numbers that are on disk, by mailbox, in the order of the journal."""
    found: dict[str, list[int]] = defaultdict(list)
    query = "SELECT mailbox, number FROM fact WHERE number IS NOT NULL ORDER BY seq"
    for mailbox, number in rows(files.database, query):
        found[mailbox].append(number)
    return dict(found)


# At a relay.

Step = tuple[str, str, int]
relay_steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["capture"] * 3 + ["large", "refuse", "probe", "answer", "wait", "shadow"]
            + ["bad", "fault", "prune", "again"]
        ),
        st.sampled_from("ab"),
        st.integers(0, 9),
    ),
    max_size=25,
)  # fmt: skip


@dataclass
class Relay:
    """Plays steps on a relay's journal, and keeps what it said."""

    files: StoreFiles
    journal: Journal
    asked: list[tuple[str, "asyncio.Future[Appended]"]] = field(default_factory=list)
    pruned: set[int] = field(default_factory=set)

    async def play(self, name: str, endpoint: str, n: int) -> None:
        facts: dict[str, Fact] = {
            "capture": captured(endpoint=endpoint, body=b"x" * n),
            "large": in_pieces(b"y" * (30 + n), 10)._replace(endpoint=endpoint),
            "refuse": Refused(AT, 413, "code", "reason", "r", endpoint=endpoint),
            "probe": Probed(AT, endpoint, "nonce"),
            # No text that SQLite takes: it can never be written.
            "bad": captured(endpoint=endpoint, at=2**70),
        }
        if name in facts:
            self.asked.append((endpoint, self.journal.append(facts[name])))
        elif name == "answer":
            self.journal.append(Answered(AT, 1 + n, 200))
        elif name == "shadow":
            await self.shadow(n)
        elif name == "wait":
            await self.outcomes()
        elif name == "fault":
            await self.outcomes()
            with full(self.journal):
                big = captured(endpoint=endpoint, body=b"z" * 50_000)
                with pytest.raises(StoreUnavailableError):
                    await self.journal.append(big)
        elif name == "prune":
            ids = range(1, 1 + n)
            self.pruned |= {*ids}
            await self.journal.append(Pruned(AT, n, ranges_of(ids)))
        elif name == "again":
            await self.journal.close()
            self.journal = Journal(self.files, relay=True)

    async def shadow(self, n: int) -> None:
        """Something is said to the delivery that came n before the last; nobody waits for it."""
        done = [(name, a) for name, a in await self.outcomes() if isinstance(a, Appended)]
        for name, about in done[-1 - n :][:1]:
            self.journal.append(Shadowed(AT, about.delivery_id, "b", 1.0, OK, name, about.number))

    async def outcomes(self) -> list[tuple[str, Outcome]]:
        done = await asyncio.gather(*[each for _, each in self.asked], return_exceptions=True)
        return [(name, each) for (name, _), each in zip(self.asked, done, strict=True)]


@settings(max_examples=40, deadline=None)
@given(relay_steps)
@example([("capture", "a", 1), ("prune", "a", 9), ("again", "a", 0), ("capture", "a", 1)])
@example([("large", "a", 1), ("capture", "a", 1), ("bad", "a", 1), ("capture", "b", 1)])
@example([("capture", "a", 1), ("shadow", "a", 0), ("again", "a", 0), ("prune", "a", 9)])
@example([("capture", "a", 1), ("prune", "a", 9), ("shadow", "a", 0), ("again", "a", 0)])
def test_numbers_have_no_holes(steps: list[Step]) -> None:
    async def play(files: StoreFiles) -> Relay:
        relay = Relay(files, Journal(files, relay=True))
        for step in steps:
            await relay.play(*step)
        await relay.journal.close()
        return relay

    async def check(files: StoreFiles) -> None:
        relay = await play(files)
        given_to: dict[str, list[Appended]] = defaultdict(list)
        for name, outcome in await relay.outcomes():
            if isinstance(outcome, Appended):
                given_to[name].append(outcome)
        for name, all_of_it in given_to.items():
            ordered = sorted(all_of_it)
            assert [each.number for each in ordered] == list(range(1, len(ordered) + 1))
            assert relay.journal.usage(name).last == len(ordered)
        left = stored(files)
        for name, ordered in given_to.items():
            gone = {a.number for a in ordered if a.delivery_id in relay.pruned}
            assert set(left.get(name, ())) >= {a.number for a in ordered} - gone
            assert left.get(name, []) == sorted(left.get(name, ()))
        beside = "SELECT count(*) FROM fact WHERE kind = 12 AND delivery NOT IN ({})"
        deliveries = "SELECT delivery FROM fact WHERE number IS NOT NULL"
        assert rows(files.database, beside.format(deliveries)) == [(0,)]
        # What is counted while it is written is what is there.
        counted = relay.journal.mailboxes()
        async with relay_journal(files) as again:
            assert again.mailboxes() == counted
            for name, usage in counted.items():
                assert usage.held == len(left.get(name, ()))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(StoreFiles(Path(folder) / "store.db")))


async def test_endpoints_are_numbered_on_their_own(files: StoreFiles) -> None:
    async with relay_journal(files) as journal:
        done = await append(
            journal,
            captured(endpoint="a"),
            captured(endpoint="b"),
            Refused(AT, 413, "code", "reason", "r", endpoint="a"),
            Probed(AT, "a", "nonce"),
            captured(endpoint="b"),
        )
        assert [each.number for each in done] == [1, 1, 2, 3, 2]
        assert [each.delivery_id for each in done] == [1, 2, 3, 4, 5]
        (answered,) = await append(journal, Answered(AT, 1, 200))
        assert (answered.delivery_id, answered.number) == (1, 0)
        assert journal.usage("c") == NO_USAGE
        assert {name: usage[:2] for name, usage in journal.mailboxes().items()} == {
            "a": (3, 3),
            "b": (2, 2),
        }
    assert stored(files) == {"a": [1, 2, 3], "b": [1, 2]}


async def test_elsewhere_the_number_is_the_id(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        done = await append(journal, captured(), captured(), Answered(AT, 1, 200))
    assert [each.number for each in done] == [1, 2, 1]
    assert stored(files) == {}


async def test_what_a_mailbox_takes_is_counted_with_its_pieces(files: StoreFiles) -> None:
    async with relay_journal(files) as journal:
        await append(journal, captured(endpoint="a"))
        small = journal.usage("a").size
        await append(journal, in_pieces(b"x" * 5000, 1000)._replace(endpoint="a"))
        assert 5000 <= journal.usage("a").size - small <= 5500
        await append(journal, Pruned(AT, 1, ((2, 2),)))
        assert journal.usage("a") == (2, 1, small)
        await append(journal, Pruned(AT, 1, ((1, 1),)))
        assert journal.usage("a") == (2, 0, 0)


async def test_what_is_said_beside_a_delivery_fills_its_mailbox_and_goes_with_it(
    files: StoreFiles,
) -> None:
    async with relay_journal(files) as journal:
        await append(
            journal, captured(endpoint="a"), captured(endpoint="b"), captured(endpoint="a")
        )
        before = journal.usage("a")
        said = Shadowed(AT, 1, "bob", 1.0, OK._replace(body=b"x" * 5000), "a", 1)
        await append(journal, said, said)
        last, held, size = journal.usage("a")
        assert (last, held) == before[:2]
        assert 10_000 <= size - before.size <= 11_000
    async with relay_journal(files) as journal:
        assert journal.usage("a") == (last, held, size)
        await append(journal, Pruned(AT, 1, ((1, 1),)))
        assert journal.usage("a") == (2, 1, before.size // 2)
        with pytest.raises(StoreUnavailableError, match="delivery 1 is no longer stored"):
            await journal.append(said)
        assert journal.usage("a") == (2, 1, before.size // 2)
        # The next capture is not disturbed by it.
        assert (await append(journal, captured(endpoint="a")))[0].number == 3
    assert rows(files.database, "SELECT count(*) FROM fact WHERE kind = 12") == [(0,)]


def test_a_store_is_a_relays_or_a_listeners(files: StoreFiles, tmp_path: Path) -> None:
    async def at_a_relay(files: StoreFiles) -> str:
        async with relay_journal(files) as journal:
            return journal.identity

    async def at_home(files: StoreFiles) -> str:
        async with journal_of(files) as journal:
            return journal.identity

    relay = asyncio.run(at_a_relay(files))
    assert asyncio.run(at_a_relay(files)) == relay
    with pytest.raises(ConfigurationError, match="one of `inspector relay`"):
        asyncio.run(at_home(files))
    home = StoreFiles(tmp_path / "home.db")
    assert asyncio.run(at_home(home)) == asyncio.run(at_home(home)) != relay
    with pytest.raises(ConfigurationError, match="one of `inspector serve`"):
        asyncio.run(at_a_relay(home))


# At home.


def mirrored(id_: int, box: str = BOX, *, large: bool = False) -> Captured:
    fact = in_pieces(b"x" * 35, 10) if large else captured(body=b"x")
    return fact._replace(origin=Origin("https://relay", id_, box))


def gap(first: int, last: int, box: str = BOX) -> Gap:
    origin = Origin("https://relay", last, box)
    return Gap(AT, "default", first, last - first + 1, "expired", origin)


def passed(first: int, last: int, box: str = BOX) -> Passed:
    origin = Origin("https://relay", last, box)
    return Passed(AT, "default", first, last - first + 1, origin)


def fact_of(kind: str, first: int, last: int, box: str) -> Fact:
    if kind == "gap":
        return gap(first, last, box)
    origin = Origin("https://relay", last, box)
    if kind == "pass":
        return passed(first, last, box)
    if kind == "refused":
        return Refused(AT, 413, "code", "reason", "r", origin=origin)
    if kind == "probe":
        return Probed(AT, "default", "nonce", origin)
    return mirrored(last, box, large=kind == "large")


def passes(files: StoreFiles) -> list[Passed]:
    return [entry.fact for entry in entries(files) if isinstance(entry.fact, Passed)]


Move = tuple[str, str, int, int]
# (first, last, kind)
Span = tuple[int, int, str]
moves = st.lists(
    st.tuples(
        st.sampled_from(
            ["captured"] * 4 + ["large", "refused", "probe", "gap", "pass", "pass"]
            + ["local", "attempt", "bad", "cut", "fault", "wait"]
        ),
        st.sampled_from(["one", "two"]),
        # How far from where it should go on, and how long a gap or a pass is.
        st.sampled_from([0, 0, 0, 0, 0, -1, 1, -3]),
        st.integers(0, 3),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(moves)
@example([("large", "one", 0, 0), ("captured", "one", 0, 0), ("gap", "one", 0, 2)])
@example([("captured", "one", 0, 0), ("fault", "one", 0, 0), ("captured", "one", 0, 0)])
@example([("large", "one", 0, 0), ("captured", "one", 0, 0), ("cut", "one", 0, 0)])
@example([("pass", "one", 0, 2), ("pass", "two", 0, 1), ("wait", "one", 0, 0)] * 2)
def test_each_is_there_once_and_in_order(script: list[Move]) -> None:
    """Whatever fails, comes twice, comes late, or is cut off between two commits."""

    async def check(files: StoreFiles) -> None:
        journal = Journal(files)
        # Where a sender believes that the cursor is: it hears of failures only later.
        believed = {"one": 0, "two": 0}
        asked: list[tuple[str, Span, asyncio.Future[Appended]]] = []
        taken: dict[str, list[Span]] = {"one": [], "two": []}

        async def hear() -> None:
            await asyncio.gather(*[each[2] for each in asked], return_exceptions=True)
            for box, span, future in asked:
                if future.exception() is None:
                    taken[box].append(span)
            asked.clear()

        for kind, box, shift, n in script:
            first = max(1, believed[box] + 1 + shift)
            last = first + (n if kind in ("gap", "pass") else 0)
            if kind == "local":
                journal.append(captured())
            elif kind == "attempt":
                journal.append(Marked(AT, 1, "m", ""))
            elif kind == "wait":
                await hear()
                believed = {name: journal.cursor(name) for name in believed}
            elif kind == "cut":
                # As after a kill: what was not committed is gone, what was is there.
                await journal.close()
                await hear()
                journal = Journal(files)
                believed = {name: journal.cursor(name) for name in believed}
            elif kind == "fault":
                await hear()
                with full(journal):
                    item = mirrored(journal.cursor(box) + 1, box)
                    body = item.request._replace(body=b"z" * 50_000)
                    with pytest.raises(StoreUnavailableError):
                        await journal.append(item._replace(request=body))
            else:
                fact = fact_of(kind, first, last, box)
                if kind == "bad":
                    fact = mirrored(first, box)._replace(at=2**70)
                asked.append((box, (first, last, kind), journal.append(fact)))
                believed[box] = last
        await journal.close()
        await hear()
        on_disk = stored(files)
        for box, spans in taken.items():
            # Without a hole and without a repeat, and nothing that was refused is there.
            lasts = [last for _, last, _ in spans]
            assert [first for first, _, _ in spans] == [1, *[last + 1 for last in lasts]][:-1]
            # Of passes with nothing between them the last one is left, and tells of all.
            kinds = [kind for _, _, kind in spans]
            merged = [n for n, pair in enumerate(pairwise(kinds)) if pair == ("pass", "pass")]
            assert on_disk.get(box, []) == [lasts[n] for n in range(len(spans)) if n not in merged]
            assert journal.cursor(box) == (lasts[-1] if spans else 0)
            left = [f for f in passes(files) if f.origin.mailbox == box]
            assert all(f.first + f.count - 1 == f.origin.id for f in left)
            assert sum(f.count for f in left) == sum(
                last - first + 1 for first, last, kind in spans if kind == "pass"
            )
        again = Journal(files)
        assert {b: again.cursor(b) for b in taken} == {b: journal.cursor(b) for b in taken}
        await again.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(StoreFiles(Path(folder) / "store.db")))


async def test_a_large_body_is_waited_for_by_what_follows_it_alone(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        with journal._writing:
            large = journal.append(mirrored(1, large=True))
            behind = journal.append(mirrored(2))
            other = journal.append(mirrored(1, "relay/two"))
            local = journal.append(captured())
        assert [(await each).seq for each in (other, local, large, behind)] == [1, 2, 3, 4]
        assert journal.cursor(BOX) == 2


async def test_what_does_not_follow_is_refused(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        await append(journal, gap(1, 500), mirrored(501))
        for fact in (mirrored(501), mirrored(503), gap(501, 510), gap(503, 510)):
            with pytest.raises(StoreUnavailableError, match="does not follow 501"):
                await journal.append(fact)
        with pytest.raises(StoreUnavailableError, match="does not follow 501"):
            await journal.append(mirrored(507, large=True))
        await append(journal, mirrored(502))
        assert (journal.cursor(BOX), journal.last_delivery) == (502, 3)
        assert journal.error == ""
    assert stored(files) == {BOX: [500, 501, 502]}
    assert litter(files) == [(0, 0)]


async def test_a_probe_moves_the_cursor_and_is_no_delivery(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        probe = Probed(AT, "default", "nonce", Origin("https://relay", 1, BOX))
        (done,) = await append(journal, probe)
        assert (done.delivery_id, journal.last_delivery, journal.cursor(BOX)) == (0, 0, 1)
    assert [entry.fact for entry in entries(files)] == [probe]


async def test_what_is_passed_over_moves_the_cursor_and_stands_with_the_last_delivery(
    files: StoreFiles,
) -> None:
    async with journal_of(files) as journal:
        facts = passed(1, 9), mirrored(10), passed(11, 19), passed(20, 20), mirrored(21)
        done = await append(journal, *facts)
        assert [each.delivery_id for each in done] == [0, 1, 1, 1, 2]
        assert (journal.last_delivery, journal.cursor(BOX)) == (2, 21)
        assert passes(files) == [passed(1, 9), passed(11, 20)]
        await append(journal, passed(22, 5000), Pruned(AT, 2, ((1, 2),)))
        # It goes with that delivery; the cursor stays.
        assert passes(files) == [passed(1, 9)]
    async with journal_of(files) as journal:
        assert journal.cursor(BOX) == 5000
        await append(journal, mirrored(5001))


async def test_passes_with_nothing_between_take_the_place_of_one(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        for last in range(10, 1001, 10):
            await append(journal, passed(last - 9, last))
        assert passes(files) == [passed(1, 1000)]


async def test_a_cursor_moves_without_a_fact(files: StoreFiles) -> None:
    async with relay_journal(files) as journal:
        await asyncio.gather(journal.move("a/me", 7), journal.move("a/you", 3))
        assert journal.cursors() == {"a/me": 7, "a/you": 3}
        with full(journal):
            # It waits for better times, as an attempt does.
            many = [journal.move(f"{'x' * 900}{n}", n) for n in range(1, 20)]
            with pytest.raises(StoreUnavailableError):
                await journal.append(captured(body=b"x" * 50_000))
        await asyncio.gather(*many)
        gone = [name for name in journal.cursors() if name != "a/you"]
        await asyncio.gather(*[journal.forget(name) for name in gone])
        assert (journal.cursors(), journal.last_seq) == ({"a/you": 3}, 0)
    async with relay_journal(files) as journal:
        assert journal.cursors() == {"a/you": 3}
    with pytest.raises(StoreUnavailableError, match="closed"):
        await journal.move("a/me", 8)


KILLED = """
import asyncio, os, signal, sys
from itertools import pairwise
from pathlib import Path
from inspector.store.files import StoreFiles
from tests.store.parts import journal_of
from tests.store.test_numbers import BOX, mirrored
async def main():
    async with journal_of(StoreFiles(Path(sys.argv[1]))) as journal:
        first = journal.cursor(BOX) + 1
        futures = [journal.append(mirrored(id_)) for id_ in range(first, first + 2000)]
        await futures[int(sys.argv[2])]
        print(journal.cursor(BOX), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_kill_leaves_no_hole_and_no_repeat(files: StoreFiles) -> None:
    for cut in (0, 300, 1100):
        done = run(KILLED, str(files.database), str(cut))
        assert done.returncode == -signal.SIGKILL
        said = int(done.stdout)
        numbers = stored(files)[BOX]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= said
        assert rows(files.database, "SELECT * FROM cursor") == [(BOX, len(numbers))]


def test_a_number_cannot_be_there_twice(files: StoreFiles) -> None:
    """The database knows it as well, whatever the writer believes."""

    async def go() -> None:
        async with journal_of(files) as journal:
            await append(journal, mirrored(1))
            journal._positions.cursors[BOX] = 0
            with pytest.raises(StoreUnavailableError, match="UNIQUE"):
                await journal.append(mirrored(1))

    asyncio.run(go())
    assert stored(files) == {BOX: [1]}
    write(files, mirrored(2))
    assert stored(files) == {BOX: [1, 2]}
