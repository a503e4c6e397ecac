"""Small stores for tests: facts in, the index as plain rows out."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from inspector.domain.attempt import Failure, FailureKind, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.envelope import Envelope, Signature, Verdict
from inspector.domain.facts import (
    Appended,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Fact,
    Pruned,
)
from inspector.domain.headers import Headers, first
from inspector.providers.pacspace import PACSPACE
from inspector.store import frames
from inspector.store.files import StoreFiles
from inspector.store.indexer import Indexer
from inspector.store.journal import Journal
from inspector.store.journal_reader import JournalEntry, JournalReader
from inspector.store.mailboxes import RelayStore
from inspector.store.reader import Reader
from inspector.store.retention import ranges_of

AT = 1_770_805_800_000_000
APP = "http://localhost:3000"
OTHER = "http://localhost:4000"
OK = Response(200, "OK", (("Content-Type", "text/plain"),), b"fine", 4)
GONE = Failure(FailureKind.REFUSED, "nobody listens there")


def request(body: bytes = b"{}", *headers: tuple[str, str], target: str = "/hooks") -> Request:
    return Request("POST", target, "1.1", headers, body)


def captured(
    event_id: str = "",
    *,
    at: int = AT,
    body: bytes = b"{}",
    route: tuple[str, ...] | None = (),
    headers: Headers = (),
    **more: Any,
) -> Captured:
    """A capture that is kept, unless it has a route; `read_plain` finds its event id."""
    known = (("Event-Id", event_id),) if event_id else ()
    return Captured(at, request(body, *known, *headers), "127.0.0.1", route=route, **more)


def signed(secret: str) -> Captured:
    """A capture that is genuine by this secret."""
    sample = PACSPACE.sample("delta.verified", at=AT, event_id="evt_1")
    return captured()._replace(request=PACSPACE.sign(sample, secret, AT))


def verdict_of(files: StoreFiles, delivery_id: int) -> str:
    """What the index says of a signature."""
    with closing(Reader(files)) as reader:
        found = reader.delivery(delivery_id)
    assert found is not None
    return found.verdict


def started(
    delivery_id: int,
    target: str = APP,
    number: int = 1,
    trigger: Trigger = Trigger.AUTO,
    **more: Any,
) -> AttemptStarted:
    return AttemptStarted(AT, delivery_id, target, number, trigger, **more)


def finished(
    delivery_id: int, attempt_id: int, outcome: Response | Failure = OK, *, final: bool = True
) -> AttemptFinished:
    return AttemptFinished(AT, delivery_id, attempt_id, 1.5, outcome, final)


def pruned(*ids: int, at: int = AT) -> Pruned:
    return Pruned(at, len(ids), ranges_of(ids))


def read_plain(request: Request, at: int) -> tuple[Envelope, Signature]:
    """A provider that believes the headers `Event` and `Event-Id`."""
    event, event_id = first(request.headers, "event"), first(request.headers, "event-id")
    verdict = Verdict.VALID if event_id else Verdict.UNSIGNED
    return Envelope("plain", event, event_id, None, None, None), Signature(verdict, "")


@asynccontextmanager
async def journal_of(
    files: StoreFiles,
    on_commit: Callable[[int], None] = lambda seq: None,
    *,
    relay: bool = False,
) -> AsyncIterator[Journal]:
    journal = Journal(files, on_commit, relay=relay)
    try:
        yield journal
    finally:
        await journal.close()


def relay_journal(files: StoreFiles) -> AbstractAsyncContextManager[Journal]:
    """A journal that numbers the deliveries of each endpoint."""
    return journal_of(files, relay=True)


async def append(journal: Journal, *facts: Fact) -> list[Appended]:
    """Append in one go and wait for the disk."""
    return list(await asyncio.gather(*[journal.append(fact) for fact in facts]))


def write(files: StoreFiles, *facts: Fact) -> list[Appended]:
    """Open the journal, append, close."""

    async def run() -> list[Appended]:
        async with journal_of(files) as journal:
            return await append(journal, *facts)

    return asyncio.run(run())


def entries(files: StoreFiles, after: int = 0) -> list[JournalEntry]:
    with closing(sqlite3.connect(files.database)) as connection:
        return list(JournalReader(connection).after(after, 1 << 30))


def index(files: StoreFiles) -> list[bytes]:
    """Bring the index up to date; all frames of it."""
    with closing(Indexer(files, read_plain)) as indexer:
        lines = []
        while step := indexer.step():
            lines += step
        return lines


def store(tmp_path: Path, *facts: Fact) -> StoreFiles:
    """A store of these facts, indexed."""
    files = StoreFiles(tmp_path / "store.db")
    write(files, *facts)
    index(files)
    return files


def rows(path: Path, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, parameters).fetchall()


def tables(files: StoreFiles) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the index holds; a counter of zero is the same as none."""
    names = ("delivery", "attempt", "chosen", "meta")
    found = {name: rows(files.index, f"SELECT * FROM {name} ORDER BY 1, 2") for name in names}
    counters = "SELECT * FROM counter WHERE n != 0 ORDER BY 1, 2"
    return {**found, "counter": rows(files.index, counters)}


def rebuilt(files: StoreFiles) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of an index built from nothing, in place of the present one."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{files.index}{suffix}").unlink(missing_ok=True)
    index(files)
    return tables(files)


def modes(paths: Iterable[Path]) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in paths}


@contextmanager
def full(journal: Journal) -> Iterator[None]:
    """No page can be added to the database."""
    with journal._writing:
        pages = journal._file.connection.execute("PRAGMA page_count").fetchone()[0]
        journal._file.connection.execute(f"PRAGMA max_page_count={pages}")
    try:
        yield
    finally:
        with journal._writing:
            journal._file.connection.execute("PRAGMA max_page_count=1000000000")


def in_pieces(body: bytes, size: int = 1 << 19) -> Captured:
    """A capture of a large body, kept."""
    pieces = tuple(body[at : at + size] for at in range(0, len(body), size))
    return Captured(AT, request(b""), "r", route=(), pieces=pieces)


def litter(files: StoreFiles) -> list[tuple[int, ...]]:
    """How many pieces there are, and how many of them belong to no capture."""
    return rows(files.database, "SELECT (SELECT count(*) FROM piece), count(*) FROM loose_piece")


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def merged(item: bytes) -> dict[str, Any]:
    """A delivery item as one JSON object, with its headers where it carries them."""
    summary, _, headers = item[1:].partition(frames.HEADERS_SEPARATOR)
    found: dict[str, Any] = json.loads(summary)
    if headers:
        found["headers"] = json.loads(headers)
    return found


@asynccontextmanager
async def relay_store(files: StoreFiles) -> AsyncIterator[RelayStore]:
    store = RelayStore(files)
    try:
        yield store
    finally:
        await store.close()


def opened_here() -> set[str]:
    """What this process has open; nothing where /proc does not tell."""
    return {os.path.realpath(each) for each in Path("/proc/self/fd").glob("*")}
