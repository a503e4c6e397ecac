"""A store of an earlier version is read by this one, and goes on."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inspector.domain.facts import Captured, Pruned
from inspector.store.files import StoreFiles
from inspector.store.migrations import STEPS
from inspector.store.reader import Reader
from inspector.store.reading import catch_up, versions
from tests.store.make_fixture import APP, FACTS, FOLDER, LARGE, SECRET, make
from tests.store.parts import captured, entries, write


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    files = StoreFiles(tmp_path / "store.db")
    shutil.copy(FOLDER / "journal-v1.db", files.database)
    return files


# The columns are those of `summaries`.
SUMMARIES: list[tuple[Any, ...]] = [
    (2, "kept", "", None, None, None, 200, 0, None, 2048),
    (3, "forwarded", "", "invoice.paid", None, None, 200, 2, 500, 57),
    (4, "filtered", "delta.*", "invoice.paid", 3, None, 504, 0, None, 57),
    (5, "waiting", "", "invoice.paid", None, 3, None, 1, None, 57),
    (6, "refused", "body_too_large: more than 25 MiB", None, None, None, 413, 0, None, 0),
    (7, "refused", "cut_off: the sender went away", None, None, None, None, 0, None, 10),
]


def summaries(reader: Reader) -> list[tuple[Any, ...]]:
    found = [reader.delivery(id_) for id_ in range(1, 8)]
    return [
        (
            each.id,
            each.state,
            each.state_reason,
            each.event,
            each.duplicate_of,
            each.replay_of,
            each.answered,
            each.attempts,
            each.last_status,
            each.body_size,
        )
        for each in found
        if each is not None
    ]


def test_the_first_version_is_read_by_this_one(files: StoreFiles) -> None:
    catch_up(files, lambda: [SECRET])
    assert versions(files)["schema"] == len(STEPS)
    with closing(Reader(files)) as reader:
        assert summaries(reader) == SUMMARIES
        assert reader.ledger().to_json() == {
            "received": 7,
            "kept": 1,
            "filtered": 1,
            "held": 0,
            "waiting": 1,
            "forwarded": 1,
            "failed": 0,
            "refused": 2,
            "unindexed": 0,
            "pruned": 1,
            "balanced": True,
            "gaps": 0,
        }
        large = reader.journal.request(2)
        assert large is not None
        assert large.body == LARGE
        assert isinstance(FACTS[1], Captured)
        assert (large.headers, large.target) == (
            FACTS[1].request.headers,
            FACTS[1].request.target,
        )
        assert reader.journal.raw_refusal(7) == b"\x16\x03\x01garbage"
        first, second = reader.attempts(3)
        assert first.failure is not None
        assert (first.failure.kind, second.status, second.resigned) == ("refused", 500, True)
        assert reader.journal.responses(3) == {7: ((("X-A", "\xe9"),), b"\0no")}
        assert [each.delivery_id for each in reader.waiting(APP, 0, 10)] == [5]
        marked = reader.delivery(5)
        assert marked is not None
        assert (marked.mark, marked.note, marked.endpoint) == ("star", "look é中", "default")


def test_it_is_gone_on_with(files: StoreFiles) -> None:
    write(files, captured())
    catch_up(files, lambda: [SECRET])
    with closing(Reader(files)) as reader:
        assert summaries(reader) == SUMMARIES
        assert reader.latest() == 8


def test_the_file_is_what_the_script_makes(tmp_path: Path, files: StoreFiles) -> None:
    again = StoreFiles(tmp_path / "again.db")
    make(again.database)
    made = [(each.seq, each.delivery_id, each.fact, each.pieces) for each in entries(again)]
    assert made == [(e.seq, e.delivery_id, e.fact, e.pieces) for e in entries(files)]
    # Facts of all kinds: the first delivery is gone, and the prune says so.
    assert {type(fact) for fact in FACTS} == {type(fact) for _, _, fact, _ in made}
    assert isinstance(made[-1][2], Pruned)
    assert len(made) == len(FACTS) - 1
