"""A store that has seen much: a million deliveries, made once and kept in the cache.

    python -m tests.bench.million DATABASE COUNT

writes them through the journal itself, without HTTP, and indexes them. One in a hundred has a
target that gave no answer, and is failed.
"""

import asyncio
import shutil
import sys
import time
from itertools import islice
from pathlib import Path

from inspector.domain.attempt import Failure, FailureKind, Trigger
from inspector.domain.facts import AttemptFinished, AttemptStarted, Captured
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from inspector.store.reading import catch_up
from tests.bench.plan import Plan
from tests.bench.processes import output, python
from tests.bench.signed import SECRET, requests

_NAME = "inspector.db"
_TOGETHER = 10_000
_ONE_FAILS_IN = 100
_TARGET = "http://localhost:3000"
# Writing and indexing, of one delivery, on a slow machine.
_SECONDS_A_DELIVERY = 0.002


def stored(plan: Plan) -> tuple[Path, int]:
    """The store, and how many deliveries it holds: read it, and let nothing be captured there."""
    count = plan.size(1_000_000, 20_000)
    folder = plan.cache / f"deliveries-{count}-some-failed"
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}-partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        print(f"making a store of {count:,} deliveries ...", file=sys.stderr, flush=True)
        command = python("tests.bench.million", partial / _NAME, count)
        output(command, 60 + count * _SECONDS_A_DELIVERY)
        partial.rename(folder)
    return folder / _NAME, count


def copied(plan: Plan) -> Path:
    """A copy of the store, gone after the run, for captures."""
    original, _ = stored(plan)
    copy = plan.new_store()
    for path in original.parent.glob(f"{_NAME}*"):
        if not path.name.endswith(("-lock", "-token", "-shm")):
            shutil.copy2(path, copy.parent)
    return copy


async def write(files: StoreFiles, count: int) -> None:
    """Append that many captures, and the attempts on those that failed."""
    journal = Journal(files)
    made = requests(count)
    while batch := list(islice(made, _TOGETHER)):
        at = time.time_ns() // 1000
        facts = [
            Captured(at, each, "127.0.0.1", answered=200, route=() if number else (_TARGET,))
            for number, each in ((n % _ONE_FAILS_IN, each) for n, each in enumerate(batch))
        ]
        captured = await asyncio.gather(*map(journal.append, facts))
        await asyncio.gather(
            *(_fail(journal, each.delivery_id, at) for each in captured[::_ONE_FAILS_IN])
        )
    await journal.close()


async def _fail(journal: Journal, delivery_id: int, at: int) -> None:
    started = await journal.append(AttemptStarted(at, delivery_id, _TARGET, 1, Trigger.AUTO))
    outcome = Failure(FailureKind.REFUSED, "connection refused")
    await journal.append(AttemptFinished(at, delivery_id, started.seq, 1.0, outcome, final=True))


def main() -> None:
    files = StoreFiles(Path(sys.argv[1]))
    asyncio.run(write(files, int(sys.argv[2])))
    catch_up(files, lambda: [SECRET])


if __name__ == "__main__":
    main()
