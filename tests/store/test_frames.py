"""What subscribers are told: everything later than a position, once, in bounded messages."""

import json
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery, State
from inspector.domain.facts import (
    Answered,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Fact,
    Gap,
    Marked,
    Passed,
    Pruned,
    Refused,
)
from inspector.store import codec, frames
from inspector.store.files import StoreFiles
from inspector.store.journal_reader import JournalEntry
from inspector.store.reader import Reader
from tests.helpers.summaries import make_attempt, make_delivery
from tests.store.parts import (
    APP,
    AT,
    captured,
    entries,
    finished,
    index,
    merged,
    pruned,
    request,
    started,
    store,
    write,
)
from tests.store.test_index_laws import Maker, Step, steps

# What a stream message may be long (the contract), and what the listener reads of the indexer.
MESSAGE = 512 << 10


def told(lines: list[bytes]) -> list[tuple[str, int, list[dict[str, Any]]]]:
    """(kind, position, items) of each message."""
    out = []
    for line in lines:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        frame = frames.parse(line)
        if frame.letter == "P":
            assert frame.items == []
            continue
        text = frames.message(frame)
        assert len(text) < MESSAGE
        found = json.loads(text)
        assert (found["v"], found["seq"]) == (1, frame.seq)
        out.append((found["kind"], found["seq"], found["items"]))
    return out


def test_a_message_of_each_kind() -> None:
    delivery, attempt = make_delivery(1), make_attempt(2, 1)
    runs = frames.group(
        [
            (1, codec.CAPTURED, 1, 0),
            (2, codec.ATTEMPT_STARTED, 1, 2),
            (3, codec.ATTEMPT_FINISHED, 1, 2),
            (4, codec.ATTEMPT_STARTED, 9, 4),
            (5, codec.MARKED, 9, 0),
            (6, codec.PRUNED, 9, 0),
        ]
    )
    lines = frames.render(runs, {1: delivery, 9: make_delivery(9)}, {2: attempt})
    assert told([*lines, frames.position(6)]) == [
        ("deliveries", 1, [delivery.to_json()]),
        # Delivery 1 is new in the same batch, so that it is not told as changed as well.
        ("attempts", 4, [attempt.to_json()]),
        ("changes", 4, [make_delivery(9).to_json()]),
        ("changes", 6, [make_delivery(9).to_json()]),
    ]
    assert lines[0][:5] == b"D 1 d"
    assert lines[1][:5] == b"A 4 f"
    assert frames.parse(frames.position(6)) == frames.ParsedFrame("P", 6, [], 0)


def test_what_was_pruned_leaves_its_position() -> None:
    runs = frames.group([(1, codec.CAPTURED, 1, 0), (2, codec.ATTEMPT_STARTED, 1, 2)])
    assert told(frames.render(runs, {}, {})) == [("deliveries", 1, []), ("attempts", 2, [])]
    only_a_prune = frames.group([(3, codec.PRUNED, 1, 0)])
    assert frames.render(only_a_prune, {}, {}) == []


def test_headers_ride_along_and_stay_out_of_messages() -> None:
    refused = make_delivery(1, state=State.REFUSED)
    pairs = [("X", "\x1e\x1f\n"), ("x", "\xff")]
    (line,) = frames.render(
        frames.group([(1, codec.REFUSED, 1, 0)]),
        {1: refused},
        {},
        lambda id_: frames.headers_json(pairs),
    )
    frame = frames.parse(line)
    assert frame.items[0][:1] == b"r"
    assert merged(frame.items[0]) == {
        **refused.to_json(),
        "headers": [list(pair) for pair in pairs],
    }
    assert told([line]) == [("deliveries", 1, [refused.to_json()])]


@pytest.mark.parametrize("size", [1, 5, 256, 257, 600])
def test_no_more_than_so_many_items_a_frame(size: int) -> None:
    facts = [(n, codec.CAPTURED, n, 0) for n in range(1, size + 1)]
    facts += [(size + n, codec.MARKED, n, 0) for n in range(1, size + 1)]
    runs = frames.group(facts)
    deliveries = {n: make_delivery(n, seq=n) for n in range(1, size + 1)}
    found = told(frames.render(runs[: len(runs) // 2], deliveries, {}))
    found += told(frames.render(runs[len(runs) // 2 :], deliveries, {}))
    assert max(len(items) for _, _, items in found) <= frames.MAX_ITEMS
    for kind in ("deliveries", "changes"):
        ids = [each["id"] for name, _, items in found if name == kind for each in items]
        assert ids == list(range(1, size + 1))


# A head may be 64 KiB, and its bytes are six characters each in JSON.
WIDE = "\xff" * (63 << 10)


@pytest.mark.parametrize("wide", [1, 2, 20])
def test_frames_are_bounded_whatever_they_tell_of(wide: int) -> None:
    count = 40
    deliveries: dict[int, Delivery] = {}
    attempts: dict[int, Attempt] = {}
    facts = []
    for n in range(1, count + 1):
        target = WIDE if n % (count // wide) == 0 else "/"
        deliveries[n] = make_delivery(n, seq=n, request_target=target)
        attempts[1000 + n] = make_attempt(
            1000 + n, n, target="http://a/" + "x" * 20_000, status=None, duration_ms=None
        )
        facts.append((n, codec.CAPTURED, n, 0))
    for n in range(1, count + 1):
        facts.append((1000 + n, codec.ATTEMPT_STARTED, n, 1000 + n))
    for n in range(1, count + 1):
        facts.append((2000 + n, codec.MARKED, n, 0))
    runs = frames.group(facts)
    lines = frames.render(runs[:1], deliveries, {}) + frames.render(runs[1:], deliveries, attempts)
    found = told(lines)
    for kind, expected in (
        ("deliveries", list(range(1, count + 1))),
        ("attempts", list(range(1001, 1001 + count))),
    ):
        assert [
            each["id"] for name, _, items in found if name == kind for each in items
        ] == expected
    changed = [each["id"] for name, _, items in found if name == "changes" for each in items]
    assert changed == [*range(1, count + 1)] * 2
    # A position is reached when everything up to it was told, and `A` and `C` share theirs.
    positions = [(seq, kind) for kind, seq, _ in found]
    assert positions == sorted(positions, key=lambda each: each[0])
    assert len(set(positions)) == len(positions)
    assert found[-1][1] == 2000 + count


def test_what_is_too_long_for_one_frame_comes_in_few() -> None:
    """A reader that comes and goes gets on by a few frames each time."""
    count, length = 256, 1000
    deliveries = {n: make_delivery(n, request_target="/" + "x" * length) for n in range(1, 257)}
    runs = frames.group([(1000 + n, codec.MARKED, n, 0) for n in range(1, count + 1)])
    lines = frames.render(runs, deliveries, {})
    size = sum(map(len, lines))
    assert size > 4 * frames.MAX_BYTES
    assert len(lines) <= 2 * size // frames.MAX_BYTES


def new_facts(found: list[JournalEntry], after: int) -> tuple[set[int], set[int], set[int]]:
    """The deliveries, attempts and changed deliveries that facts after a position are about."""
    deliveries, attempts, touched = set(), set(), set()
    for entry in found:
        if entry.seq <= after or isinstance(entry.fact, Pruned | Passed):
            continue
        if isinstance(entry.fact, Captured | Refused | Gap):
            deliveries.add(entry.delivery_id)
            continue
        touched.add(entry.delivery_id)
        if isinstance(entry.fact, AttemptStarted):
            attempts.add(entry.seq)
        elif isinstance(entry.fact, AttemptFinished):
            attempts.add(entry.fact.attempt_id)
    return deliveries, attempts, touched


def replayed(reader: Reader, after: int, upto: int) -> list[bytes]:
    lines: list[bytes] = []
    while after < upto:
        reached, some = reader.replay(after, upto)
        assert after < reached <= upto
        after = reached
        lines += some
    return lines


def check_replay(lines: list[bytes], found: list[JournalEntry], after: int, reader: Reader) -> None:
    deliveries, attempts, touched = new_facts(found, after)
    alive = {id_ for id_ in deliveries | touched if reader.delivery(id_)}
    seen: dict[str, list[int]] = {"deliveries": [], "attempts": [], "changes": []}
    last = after
    for kind, seq, items in told(lines):
        assert seq > last or (seq == last and kind == "changes")
        last = seq
        assert len({item["id"] for item in items}) == len(items)
        seen[kind] += [item["id"] for item in items]
        for item in items if kind != "attempts" else ():
            now = reader.delivery(item["id"])
            assert now is not None
            assert item == now.to_json()
    # Deliveries exactly once, and attempts, unless they end twice; changes at least once, and none
    # that is old.
    assert seen["deliveries"] == sorted(deliveries & alive)
    ends = Counter(
        entry.fact.attempt_id
        for entry in found
        if entry.seq > after and isinstance(entry.fact, AttemptFinished)
    )
    times = Counter(seen["attempts"])
    assert times.keys() == attempts
    assert all(count <= max(1, ends[id_]) for id_, count in times.items())
    assert alive - deliveries <= set(seen["changes"]) <= touched & alive


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(1, 4), st.integers(1, 7))
def test_a_replay_tells_what_is_later_and_nothing_else(
    script: list[Step], items: int, facts: int
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(frames, "MAX_ITEMS", items)
        patch.setattr("inspector.store.reader._REPLAY_FACTS", facts)
        maker = Maker()
        for name, a, b in script:
            if name not in ("index", "prune"):
                maker.make(name, a, b)
        files = store(Path(folder), *maker.queue)
        found = entries(files)
        with closing(Reader(files)) as reader:
            for after in range(maker.seq + 1):
                lines = replayed(reader, after, maker.seq)
                check_replay(lines, found, after, reader)


def test_live_frames_and_a_replay_tell_the_same(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    facts: list[Fact] = [captured(str(n), route=(APP,)) for n in range(5)]
    for n in range(1, 6):
        facts += [started(n), finished(n, 4 + 2 * n), Answered(AT, n, 200)]
    write(files, *facts, pruned(1, 2))
    live = told(index(files))
    with closing(Reader(files)) as reader:
        assert told(replayed(reader, 0, len(facts) + 1)) == live
    # The prune changes no delivery that is left.
    assert [seq for _, seq, _ in live] == sorted(seq for _, seq, _ in live)


def test_a_replay_after_a_prune_goes_on_to_the_end(tmp_path: Path) -> None:
    files = store(tmp_path, captured(), captured(), started(1), started(2))
    write(files, pruned(1, 2))
    index(files)
    with closing(Reader(files)) as reader:
        assert reader.replay(0, 5) == (5, [])
        assert reader.replay(5, 5) == (5, [])
        assert reader.replay(1, 4) == (4, [])


def test_the_change_that_belongs_to_an_attempt(tmp_path: Path) -> None:
    wide = request(b"", target=WIDE)
    files = store(
        tmp_path,
        captured(),
        captured(),
        Captured(AT, wide, "r"),
        Captured(AT, wide, "r"),
        Marked(AT, 1, "x", ""),
        started(1),
        started(2),
        started(3),
        started(4),
        finished(2, 7),
    )
    with closing(Reader(files)) as reader:

        def changed(seq: int) -> list[tuple[int, list[int]]]:
            return [
                (at, [item["id"] for item in items])
                for _, at, items in told(reader.changed_at(seq))
            ]

        assert changed(0) == changed(4) == changed(5) == []
        assert changed(7) == [(7, [2, 1])]
        # Never more in a message than fits.
        assert sorted(id_ for _, ids in changed(10) for id_ in ids) == [1, 2, 3, 4]
        assert len(changed(10)) > 1
        assert {seq for seq, _ in changed(10)} == {10}
