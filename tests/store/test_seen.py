"""What completion is told: a little of every event type, however much there is."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from inspector.domain.facts import Captured, Refused
from inspector.providers import read
from inspector.store import seen as module
from inspector.store.files import StoreFiles
from inspector.store.indexer import Indexer
from inspector.store.reader import Reader
from inspector.store.seen import Seen, seen
from tests.store.parts import AT, captured, in_pieces, request, write


def seen_in(files: StoreFiles, *facts: Captured | Refused) -> Seen:
    """With the real providers: their data is what counts."""
    write(files, *facts)
    with closing(Indexer(files, lambda one, at: read(one, [], at))) as indexer:
        indexer.run()
    with closing(Reader(files)) as reader:
        return seen(reader)


def event(name: str, data: object, *headers: tuple[str, str]) -> Captured:
    """Of a sender that is not known: the whole body is its data."""
    return captured(body=json.dumps(data).encode(), headers=(("X-GitHub-Event", name), *headers))


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


def test_paths_and_names_of_every_event_type(files: StoreFiles) -> None:
    found = seen_in(
        files,
        event("a", {"x": {"y": 1}}, ("X-One", "1"), ("x-one", "2")),
        event("b", {"items": [{"price": 1}]}),
        Refused(AT, 413, "code", "reason", "r", request(b"", ("X-Refused", "1"))),
        Refused(AT, 400, "code", "reason", "r", raw=b"nothing"),
        captured(body=b"\xff\x00", headers=(("X-Two", "\xff"),)),
    )
    assert found.data == ("items", "items.0", "items.0.price", "x", "x.y")
    assert found.headers == ("x-github-event", "x-one", "x-refused", "x-two")


def test_of_each_type_the_newest_few(files: StoreFiles) -> None:
    many = [event("a", {f"k{n}": n}) for n in range(20)]
    found = seen_in(files, event("rare", {"seldom": 1}), *many)
    assert found.data == ("k17", "k18", "k19", "seldom")


def test_large_bodies_are_passed_over(files: StoreFiles) -> None:
    large = json.dumps({"event": "a", "k": "x" * (2 << 20)}).encode()
    found = seen_in(files, in_pieces(large), event("a", {"small": 1}))
    assert found.data == ("small",)


def test_an_empty_store(files: StoreFiles) -> None:
    assert seen_in(files) == ((), ())


def test_it_is_bounded(files: StoreFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALL_BODIES", 100)
    monkeypatch.setattr(module, "MAX_HEADERS", 5)
    names = tuple((f"X-{n}", "1") for n in range(50))
    found = seen_in(
        files,
        event("a", {"x": "y" * 80}),
        event("a", {"z": "y" * 30}, *names, ("X" * 200, "1")),
        event("b", {"never": 1}),
    )
    assert found.data == ("z",)
    assert len(found.headers) == 5
