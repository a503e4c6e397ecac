"""Makes `fixtures/store/journal-vN.db`: a journal as version N wrote it, with a fact of every kind.

Run `python -m tests.store.make_fixture` once, when a new version of the schema is released, and
commit the file: later versions must go on reading it. `FACTS` and `EXPECTED` never change for a
version that has its file; a new version gets a list of its own.
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from inspector.domain.attempt import Failure, FailureKind, Response, Trigger
from inspector.domain.delivery import Request
from inspector.domain.facts import (
    Answered,
    AttemptFinished,
    AttemptStarted,
    Captured,
    Fact,
    Marked,
    Pruned,
    Refused,
    Routed,
)
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from inspector.store.migrations import STEPS

FOLDER = Path(__file__).parents[2] / "fixtures" / "store"
AT = 1_770_805_800_000_000
APP = "http://localhost:3000"
SECRET = "whsec_fixture"
LARGE = bytes(range(256)) * 8


def _request(body: bytes, *headers: tuple[str, str], target: str = "/hooks") -> Request:
    return Request("POST", target, "1.1", (("Host", "localhost:8400"), *headers), body)


_EVENT = b'{"event":"invoice.paid","id":"evt_1","data":{"amount":5}}'
_JSON = ("Content-Type", "application/json")

FACTS: tuple[Fact, ...] = (
    # 1: goes before the others are looked at.
    Captured(AT, _request(b"old"), "10.0.0.1", route=()),
    # 2: binary in pieces, duplicate headers in mixed case, Latin-1, an odd target.
    Captured(
        AT + 1,
        _request(b"", ("X-Dup", "\xe9"), ("x-dup", ""), ("X-DUP", "3"), target="/a%2F//b?q=\xff"),
        "10.0.0.1",
        answered=200,
        route=(),
        pieces=(LARGE[:1000], LARGE[1000:]),
    ),
    # 3: forwarded at the second attempt.
    Captured(AT + 2, _request(_EVENT, _JSON), "10.0.0.2", answered=200),
    Routed(AT + 3, 3, (APP,)),
    AttemptStarted(AT + 4, 3, APP, 1, Trigger.AUTO),
    AttemptFinished(AT + 5, 3, 5, 12.5, Failure(FailureKind.REFUSED, "nobody listens"), False),
    AttemptStarted(AT + 6, 3, APP, 2, Trigger.RETRY, resigned=True),
    AttemptFinished(
        AT + 7, 3, 7, 3.25, Response(500, "Oops", (("X-A", "\xe9"),), b"\0no", 9000), True
    ),
    # 4: the same event again, filtered, on an endpoint of its own.
    Captured(AT + 8, _request(_EVENT, _JSON), "10.0.0.2", endpoint="billing"),
    Routed(AT + 9, 4, (), "delta.*"),
    Answered(AT + 10, 4, 504),
    # 5: an edited copy, still waiting, with a mark.
    Captured(AT + 11, _request(_EVENT, _JSON), "api", route=(APP,), replay_of=3),
    Marked(AT + 12, 5, "star", "look \u00e9\u4e2d"),
    AttemptStarted(AT + 13, 5, "http://other:1", 1, Trigger.MANUAL, chosen=False),
    # 6 and 7: refused, with and without a head that was understood.
    Refused(AT + 14, 413, "body_too_large", "more than 25 MiB", "r", _request(b"")),
    Refused(AT + 15, 0, "cut_off", "the sender went away", "r", raw=b"\x16\x03\x01garbage"),
    Pruned(AT + 16, 1, ((1, 1),)),
)


async def _write(files: StoreFiles) -> None:
    journal = Journal(files)
    for fact in FACTS:
        # One by one, so that the order does not depend on how long a body takes.
        await journal.append(fact)
    await journal.close()


def make(path: Path) -> None:
    """Write the journal to `path` as one compact file, without its companions."""
    with tempfile.TemporaryDirectory() as folder:
        files = StoreFiles(Path(folder) / "store.db")
        asyncio.run(_write(files))
        with closing(sqlite3.connect(files.database)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
        path.write_bytes(files.database.read_bytes())


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    make(FOLDER / f"journal-v{len(STEPS)}.db")
