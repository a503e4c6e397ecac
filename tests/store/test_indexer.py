"""The indexer resumes where it stopped, and makes the index anew when it cannot be used."""

import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from inspector.domain.delivery import Request
from inspector.domain.envelope import Envelope, Signature
from inspector.domain.facts import Answered, Captured, Fact, Gap, Origin, Refused
from inspector.domain.headers import first
from inspector.domain.query import parse as parse_query
from inspector.store import index_file
from inspector.store import indexer as indexer_module
from inspector.store.files import StoreFiles
from inspector.store.frames import parse
from inspector.store.indexer import Indexer, prepare
from inspector.store.reader import Reader
from inspector.store.schema import VERSION
from inspector.store.views import Read
from tests.store.parts import (
    APP,
    AT,
    append,
    captured,
    finished,
    index,
    journal_of,
    merged,
    opened_here,
    pruned,
    read_plain,
    rebuilt,
    request,
    rows,
    started,
    store,
    tables,
    write,
)

FACTS: list[Fact] = [
    captured("a", route=(APP,)),
    captured("a", headers=(("X", "\xe9"),)),
    started(1),
    finished(1, 3),
    captured("b"),
]


UNREADABLE = (("Unreadable", ""),)


def reading(request: Request, at: int) -> tuple[Envelope, Signature]:
    """As `read_plain`, but for what it fails at."""
    if first(request.headers, "unreadable") is not None:
        raise ValueError("no text")
    return read_plain(request, at)


def letters(lines: list[bytes]) -> str:
    return b"".join(line[:1] for line in lines).decode()


def test_it_resumes_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer_module, "BATCH_FACTS", 2)
    files = StoreFiles(tmp_path / "store.db")
    write(files, *FACTS)
    with closing(Indexer(files, read_plain)) as indexer:
        assert letters(indexer.step()) == "DP"
        assert indexer.position == 2
    with closing(Indexer(files, read_plain)) as indexer:
        assert indexer.position == 2
        assert letters(indexer.step()) == "ACP"
        assert letters(indexer.step()) == "DP"
        assert indexer.step() == []
        assert indexer.position == indexer.journal_end() == 5
    grown = tables(files)
    assert rebuilt(files) == grown


def test_large_bodies_end_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer_module, "BATCH_BYTES", 1000)
    files = StoreFiles(tmp_path / "store.db")
    in_pieces = Captured(AT, request(b""), "r", pieces=(b"x" * 10, b"y"))
    write(files, captured(body=b"x" * 1001), captured(), captured())
    write(files, in_pieces)
    write(files, captured())
    with closing(Indexer(files, read_plain)) as indexer:
        ends = []
        while indexer.step():
            ends.append(indexer.position)
    assert ends == [1, 4, 5]
    assert rows(files.index, "SELECT body_size FROM delivery WHERE id = 4") == [(11,)]


def test_a_body_that_is_pruned_meanwhile_waits_for_the_next_try(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, Captured(AT, request(b""), "r", pieces=(b"x", b"y")))
    with closing(sqlite3.connect(files.database)) as connection:
        connection.execute("DELETE FROM piece")
        connection.commit()
    with closing(Indexer(files, read_plain)) as indexer:
        with pytest.raises(LookupError):
            indexer.step()
        write(files, pruned(1))
        indexer.run()
        assert indexer.position == 2


def failing_at(number: int, read: Read) -> Read:
    """Reads, but for the call of that number, which the disk fails."""
    calls = itertools.count(1)

    def failing(request: Request, at: int) -> tuple[Envelope, Signature]:
        if next(calls) == number:
            raise OSError("no space left on device")
        return read(request, at)

    return failing


def test_a_step_that_failed_is_taken_again_in_full(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, captured("a"), captured("a"), captured("b"))
    with closing(Indexer(files, failing_at(3, read_plain))) as indexer:
        with pytest.raises(OSError, match="no space"):
            indexer.step()
        assert indexer.position == 0
        indexer.run()
    # The first is not taken for a duplicate of itself.
    assert rows(files.index, "SELECT duplicate_of FROM delivery") == [(None,), (1,), (None,)]
    grown = tables(files)
    assert rebuilt(files) == grown


@pytest.mark.parametrize(
    "bad",
    [
        captured("a", at=1 << 61),
        captured("a", answered=1 << 70),
        captured("a", headers=UNREADABLE),
        Refused(1 << 61, 413, "code", "reason", "r"),
        Gap(1 << 61, "default", 1, 1, "expired", Origin("https://relay", 1, "relay/box")),
        Answered(AT, 1, 1 << 70),
    ],
    ids=["time", "status", "reading", "refusal", "gap", "answer"],
)
def test_what_can_never_be_indexed_is_left_out(
    bad: Fact, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, captured("a"), started(1), bad, finished(1, 2), captured("a"), captured("b"))
    unindexed = 0 if isinstance(bad, Answered) else 1
    with closing(Indexer(files, reading)) as indexer, closing(Reader(files)) as reader:
        assert indexer.step()[-1] == b"P 6 \n"
        assert indexer.position == 6
        assert [record.getMessage()[:6] for record in caplog.records] == ["fact 3"]
        assert reader.ledger().balanced
        assert reader.ledger().unindexed == unindexed
        page = reader.page(parse_query(""), AT)
        assert [each.id for each in page] == [3 + unindexed, 2 + unindexed, 1]
        assert [each.duplicate_of for each in page] == [None, 1, None]
        # Nobody who comes later meets it, either.
        assert [*indexer.missed(0)][-1] == b"P 6 \n"
        write(files, pruned(*range(1, 3 + unindexed)))
        indexer.run()
        assert reader.ledger().balanced
        assert reader.ledger().unindexed == 0
        grown = tables(files)
        indexer.reset(reading)
        indexer.run()
    assert tables(files) == grown


def test_a_fault_while_a_bad_fact_is_looked_for_passes(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, captured("a"), captured(headers=UNREADABLE), captured("b"))
    with closing(Indexer(files, failing_at(4, reading))) as indexer:
        with pytest.raises(OSError, match="no space"):
            indexer.step()
        # What was indexed before it is told to those who ask for what they missed.
        assert indexer.position == 1
        indexer.run()
        assert indexer.position == 3
        with closing(Reader(files)) as reader:
            assert reader.ledger().balanced


def test_a_full_disk_passes(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, *[captured(str(n), headers=(("X", "x" * 200),)) for n in range(300)])
    with closing(Indexer(files, read_plain)) as indexer:
        pages = indexer._connection.execute("PRAGMA page_count").fetchone()[0]
        indexer._connection.execute(f"PRAGMA max_page_count={pages}")
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError, match="full"):
                indexer.step()
        indexer._connection.execute("PRAGMA max_page_count=1000000")
        indexer.run()
    assert rows(files.index, "SELECT count(*) FROM delivery") == [(300,)]


def test_a_locked_index_is_not_taken_for_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = store(tmp_path, *FACTS)
    write(files, captured())
    before = files.index.stat().st_ino
    with (
        closing(Indexer(files, read_plain)) as indexer,
        closing(sqlite3.connect(files.index, isolation_level=None)) as other,
    ):
        indexer._connection.execute("PRAGMA busy_timeout=5")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            indexer.step()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            indexer.reset()
        other.execute("ROLLBACK")
        indexer.run()
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
    monkeypatch.setattr("inspector.store.connect.BUSY_MS", 5)
    with closing(sqlite3.connect(files.index, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            prepare(files)
    assert files.index.stat().st_ino == before


def test_two_indexers_apply_every_fact_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one of a killed listener may still be at work when the next begins."""
    monkeypatch.setattr(indexer_module, "BATCH_FACTS", 2)
    files = StoreFiles(tmp_path / "store.db")
    write(files, *FACTS)
    with closing(Indexer(files, read_plain)) as old, closing(Indexer(files, read_plain)) as new:
        assert old.step()
        assert new.step() == []
        assert new.position == 2
        assert new.step()
        # The old one is told to begin anew in between.
        assert old.step() == []
        old.reset()
        assert new.step() == []
        assert new.position == 0
        new.run()
        assert old.step() == []
    grown = tables(files)
    assert rebuilt(files) == grown


@pytest.mark.parametrize("with_headers", [False, True])
def test_what_nobody_was_told(with_headers: bool, tmp_path: Path) -> None:
    files = store(tmp_path, *FACTS)
    with closing(Indexer(files, read_plain, with_headers=with_headers)) as indexer:
        assert letters([*indexer.missed(0)]) == "DADP"
        lines = [*indexer.missed(4)]
        # The change that belongs to the attempts up to 4 is told again.
        assert letters(lines) == "CDP"
        item = merged(parse(lines[1]).items[0])
        assert item["id"] == 3
        assert item.get("headers") == ([["Event-Id", "b"]] if with_headers else None)
        assert [*indexer.missed(5)] == [b"P 5 \n"]


def test_frames_carry_headers_where_they_are_asked_for(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, *FACTS)
    with closing(Indexer(files, read_plain, with_headers=True)) as indexer:
        items = parse(indexer.step()[0]).items
    found = [merged(item)["headers"] for item in items]
    assert found == [[["Event-Id", "a"]], [["Event-Id", "a"], ["X", "\xe9"]]]


def garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def damaged_pages(path: Path) -> None:
    good = path.read_bytes()
    path.write_bytes(good[:4096] + b"\xff" * (len(good) - 4096))


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def executed(sql: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(sql)

    return run


@pytest.mark.parametrize(
    "spoil",
    [
        garbage,
        damaged_pages,
        empty_file,
        Path.unlink,
        executed(f"PRAGMA user_version={VERSION + 1}"),
        executed("PRAGMA user_version=0"),
        executed("DROP TABLE meta"),
    ],
)
def test_an_index_that_cannot_be_used_is_made_anew(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    files = store(tmp_path, *FACTS)
    good = tables(files)
    spoil(files.index)
    index(files)
    assert tables(files) == good
    assert oct(files.index.stat().st_mode & 0o777) == "0o600"


def test_damage_that_shows_later_is_mended_as_well(tmp_path: Path) -> None:
    files = store(tmp_path, *FACTS)
    write(files, captured("a"))
    with closing(Indexer(files, read_plain)) as indexer, closing(Reader(files)) as reader:
        assert indexer.position == 5
        indexer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        indexer._connection.execute("PRAGMA cache_size=0")
        damaged_pages(files.index)
        assert not reader.replaced()
        assert indexer.step() == []
        assert indexer.position == 0
        assert reader.replaced()
        indexer.run()
        assert indexer.position == 6
        # A rebuild does not depend on what is to be thrown away.
        indexer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        indexer._connection.execute("PRAGMA cache_size=0")
        damaged_pages(files.index)
        indexer.reset()
        indexer.run()
    grown = tables(files)
    assert rebuilt(files) == grown


def test_the_index_of_a_journal_that_is_gone(tmp_path: Path) -> None:
    files = store(tmp_path, *FACTS)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{files.database}{suffix}").unlink(missing_ok=True)
    write(files, captured("new"))
    index(files)
    assert rows(files.index, "SELECT id, event_id FROM delivery") == [(1, "new")]


def test_no_journal_no_indexer(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    with pytest.raises(sqlite3.OperationalError):
        Indexer(files, read_plain)
    files.database.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database") as raised:
        Indexer(files, read_plain)
    # What was raised keeps alive whatever would be closed by being forgotten.
    assert raised.tb is not None
    assert str(files.index) not in opened_here()


def test_an_idle_indexer_copies_its_log_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer_module, "_CHECKPOINT_FACTS", 5)
    files = StoreFiles(tmp_path / "store.db")
    write(files, *FACTS)
    with closing(Indexer(files, read_plain)) as indexer:
        indexer.run()
        before = files.index.stat().st_size
        indexer.step()
        assert files.index.stat().st_size > before


async def test_a_rebuild_under_the_eyes_of_a_reader(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    async with journal_of(files) as journal:
        await append(journal, *FACTS)
        with closing(Indexer(files, read_plain)) as indexer:
            indexer.run()
            with closing(Reader(files)) as reader:
                assert reader.latest() == 3
                indexer.reset()
                assert (reader.latest(), reader.position()) == (None, 0)
                await append(journal, pruned(2))
                indexer.run()
                assert reader.latest() == 3
                assert reader.delivery(2) is None
                assert reader.ledger().balanced


def test_only_the_file_itself_is_damage() -> None:
    assert not index_file.is_damage(OSError())
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("SELECT * FROM nothing")
        assert not index_file.is_damage(caught.value)
