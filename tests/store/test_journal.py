"""The journal keeps every fact as it was, in order, and privately."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.attempt import Trigger
from inspector.domain.facts import AttemptStarted, Captured, Fact, Marked, Pruned, Refused
from inspector.errors import ConfigurationError, StoreUnavailableError
from inspector.store import codec
from inspector.store.connect import connect
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from inspector.store.journal_reader import JournalReader
from inspector.store.lock import StoreLock
from inspector.store.store import Store
from tests.store import strategies
from tests.store.parts import (
    append,
    captured,
    entries,
    finished,
    journal_of,
    modes,
    pruned,
    request,
    rows,
    started,
    write,
)


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


@settings(max_examples=40, deadline=None)
@given(st.lists(strategies.facts, min_size=1, max_size=12))
def test_facts_come_back_as_they_were(facts: list[Fact]) -> None:
    # A prune takes what was there: only what follows the last one is looked at.
    kept = [fact for fact in facts if not isinstance(fact, Pruned)]
    with tempfile.TemporaryDirectory() as folder:
        files = StoreFiles(Path(folder) / "store.db")
        given_to = write(files, *kept)
        found = entries(files)
    assert [entry.fact for entry in found] == kept
    assert [entry.seq for entry in found] == list(range(1, len(kept) + 1))
    assert [entry.seq for entry in found] == [each.seq for each in given_to]
    new = [e.delivery_id for e in found if isinstance(e.fact, Captured | Refused)]
    assert new == list(range(1, len(new) + 1))


@settings(max_examples=150, deadline=None)
@given(st.one_of(strategies.facts, strategies.mirrored))
def test_a_row_says_all_of_its_fact(fact: Fact) -> None:
    kind, delivery, at, meta, head, body = codec.encode(fact)
    assert codec.decode(1, kind, delivery, at, meta, head, body) == fact


def test_an_unknown_kind_of_fact_is_an_error() -> None:
    with pytest.raises(ValueError, match="fact 7 is of the unknown kind 99"):
        codec.decode(7, 99, 1, 1, "{}", None, None)


async def test_what_is_queued_together_is_committed_together(files: StoreFiles) -> None:
    commits: list[int] = []
    async with journal_of(files, commits.append) as journal:
        # The writer is kept from the first commit until all have been queued.
        with journal._writing:
            first = journal.append(captured())
            futures = [journal.append(captured()) for _ in range(100)]
        await asyncio.gather(first, *futures)
        assert journal.last_seq == journal.last_delivery == 101
    assert len(commits) <= 3
    assert commits[-1] == 101


async def test_the_next_opening_goes_on_counting(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        await append(journal, captured(), started(1), captured())
    async with journal_of(files) as journal:
        assert (journal.last_seq, journal.last_delivery) == (3, 2)
        assert [(a.seq, a.delivery_id) for a in await append(journal, captured())] == [(4, 3)]


async def test_ids_are_never_given_twice(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        await append(journal, *[captured() for _ in range(5)], started(2), pruned(1, 2, 3, 4, 5))
    assert [type(entry.fact) for entry in entries(files)] == [Pruned]
    async with journal_of(files) as journal:
        assert (await append(journal, captured()))[0].delivery_id == 6


async def test_a_prune_and_what_is_queued_behind_it(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        done = await append(journal, captured(), captured(), pruned(1), captured(), started(2))
    assert [each.delivery_id for each in done] == [1, 2, 2, 3, 2]
    assert [entry.delivery_id for entry in entries(files)] == [2, 2, 3, 2]


async def test_closing_again_does_nothing_and_later_facts_are_refused(files: StoreFiles) -> None:
    journal = Journal(files)
    queued = journal.append(captured())
    await asyncio.gather(journal.close(), journal.close())
    await journal.close()
    assert (await queued).seq == 1
    for fact in (captured(), started(1)):
        with pytest.raises(StoreUnavailableError, match="closed"):
            await journal.append(fact)


def test_a_loop_that_is_gone_stops_nothing(files: StoreFiles) -> None:
    committed = threading.Event()
    loop = asyncio.new_event_loop()

    async def start() -> Journal:
        return Journal(files, lambda seq: committed.set())

    journal = loop.run_until_complete(start())
    with journal._writing:

        async def queue() -> None:
            journal.append(captured())

        loop.run_until_complete(queue())
        loop.close()
    assert committed.wait(10)
    asyncio.run(journal.close())
    assert len(entries(files)) == 1


async def test_a_fact_that_cannot_be_written_takes_no_other_along(files: StoreFiles) -> None:
    async with journal_of(files) as journal:
        with journal._writing:
            before = journal.append(captured())
            bad = journal.append(Marked(1, 2**70, "", ""))
            after = journal.append(captured())
        assert [(await before).delivery_id, (await after).delivery_id] == [1, 2]
        with pytest.raises(StoreUnavailableError):
            await bad
        assert (await append(journal, captured()))[0].delivery_id == 3
    assert [entry.seq for entry in entries(files)] == [1, 2, 3]


MODES = """
import asyncio, os, sys
from pathlib import Path
from inspector.store.files import StoreFiles
from inspector.store.indexer import prepare
from inspector.store.lock import StoreLock
from tests.store.parts import append, captured, journal_of
async def main():
    os.umask(0)
    files = StoreFiles(Path(sys.argv[1]))
    files.create()
    files.ensure_token()
    with StoreLock(files.lock, {}):
        async with journal_of(files) as journal:
            await append(journal, captured())
            prepare(files)
            for path in sorted(files.database.parent.iterdir()):
                print(path.name, oct(path.stat().st_mode & 0o777))
            print("folder", oct(files.database.parent.stat().st_mode & 0o777))
asyncio.run(main())
"""


def test_every_file_is_its_owners_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MODES, str(tmp_path / "new" / "store.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    names = ("", "-index", "-lock", "-shm", "-token", "-wal")
    expected = [f"store.db{name} 0o600" for name in names]
    assert done.stdout.splitlines() == [*expected, "folder 0o700"]


async def test_rights_of_others_are_taken_from_files_that_are_there(files: StoreFiles) -> None:
    for path in (files.database, files.index, files.lock, files.token):
        path.touch()
        path.chmod(0o666)
    files.token.write_text("secret\n")
    store = Store(files, tuple, lambda frame: None)
    await store.close()
    assert files.ensure_token() == "secret"
    StoreLock(files.lock, {}).close()
    found = modes([files.database, files.index, files.lock, files.token])
    assert set(found.values()) == {"0o600"}


def test_the_token_is_made_once_and_again_when_it_is_unreadable(files: StoreFiles) -> None:
    assert files.read_token() is None
    token = files.ensure_token()
    assert len(token) >= 43
    assert files.token.read_text() == token + "\n"
    assert files.ensure_token() == token
    files.token.write_bytes(b"\xff\xff")
    assert files.ensure_token() != token


def test_no_store_is_made_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot write the store"):
        StoreFiles(tmp_path / "file" / "store.db").create()
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            StoreFiles(path).create()


async def test_the_request_of_a_delivery(files: StoreFiles) -> None:
    sent = request(b"\0\xff", ("X", "\xe9"), ("x", ""), target="/a%2F//b?")
    async with journal_of(files) as journal:
        await append(
            journal,
            Captured(1, sent, "r"),
            Refused(1, 413, "too_large", "too large", "r", request(b"", ("A", "b"))),
            Refused(1, 400, "malformed", "bad", "r", raw=b"\0garbage"),
            started(1),
            finished(1, 4),
            AttemptStarted(1, 1, "t", 2, Trigger.RETRY),
        )
    connection = connect(files.database, read_only=True)
    reader = JournalReader(connection)
    assert reader.request(1) == sent
    headless = reader.request(1, body=False)
    assert headless is not None
    assert (headless.headers, headless.body) == (sent.headers, b"")
    assert reader.request(2) == request(b"", ("A", "b"))
    assert reader.request(3) is None
    assert reader.request(4) is None
    assert [reader.raw_refusal(n) for n in (1, 2, 3, 4)] == [b"", b"", b"\0garbage", b""]
    assert reader.responses(1) == {4: ((("Content-Type", "text/plain"),), b"fine")}
    assert (reader.last_seq(), reader.last_delivery()) == (6, 3)
    assert 0 < reader.live_bytes() <= files.database.stat().st_size + (1 << 20)
    connection.close()


def test_a_reader_cannot_write(files: StoreFiles) -> None:
    write(files, captured())
    connection = connect(files.database, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM fact")
    connection.close()
    assert rows(files.database, "SELECT count(*) FROM fact") == [(1,)]
