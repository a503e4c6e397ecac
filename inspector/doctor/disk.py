"""The disk under the store: how long it takes until a capture is safe, and how much still fits."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from inspector.doctor.apart import apart
from inspector.doctor.model import Check, Subject, Tell
from inspector.errors import system_text

WRITES = 20
# About what one capture adds to the journal.
_BYTES = 4096
_SECONDS = 5.0
# A disk that turns needs some 10 ms, and group commit lives well with it; a sender does not wait
# for ever.
_SLOW_MS = 50.0
_TOO_SLOW_MS = 1000.0
_NEEDED = 100 << 20


async def look(subject: Subject, tell: Tell) -> None:
    wanted = subject.files.database.parent
    try:
        times = await apart(lambda: timed_writes(standing(wanted)), 2 * _SECONDS)
    except TimeoutError:
        hint = "look after the disk, or name another store with --db PATH"
        tell(Check("disk", "writes", False, f"{wanted} does not take {WRITES} small writes", hint))
        return
    except OSError as error:
        told = f"not measured: {system_text(error)}"
        tell(Check("disk", "writes", None, told))
    else:
        tell(judged(times))
    usage = await apart(lambda: shutil.disk_usage(standing(wanted)), _SECONDS)
    tell(space(usage.free, subject.settings.max_size))


def standing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))


def timed_writes(folder: Path) -> list[float]:
    """The milliseconds that each of some small writes took until it was on the disk.

    Fewer than `WRITES` where they would take too long. Raises `OSError` where none can be made.
    """
    sync = getattr(os, "fdatasync", os.fsync)
    piece = os.urandom(_BYTES)
    times: list[float] = []
    end = perf_counter() + _SECONDS
    with tempfile.TemporaryFile(dir=folder, prefix=".inspector-doctor-", buffering=0) as file:
        while len(times) < WRITES and (begun := perf_counter()) < end:
            file.write(piece)
            sync(file.fileno())
            times.append((perf_counter() - begun) * 1000)
    return times


def judged(times: Sequence[float]) -> Check:
    """The check on how long the writes took."""
    ordered = sorted(times)
    p50, p99 = ordered[len(ordered) // 2], ordered[-1]
    value = {"writes": len(times), "p50_ms": round(p50, 3), "p99_ms": round(p99, 3)}
    told = f"on disk after {_ms(p50)}, at worst {_ms(p99)}"
    hint = ""
    if p50 > _SLOW_MS or len(times) < WRITES:
        hint = "every capture waits so long for its answer: --db PATH on a faster disk"
    return Check("disk", "writes", p50 <= _TOO_SLOW_MS, told, hint, value)


def _ms(number: float) -> str:
    return f"{number:.2f} ms" if number < 1 else f"{number:.1f} ms"


def space(free: int, most: int) -> Check:
    """The check on the bytes that are free, where a store may grow to `most`."""
    told = f"{free / (1 << 30):,.1f} GB free"
    hint = ""
    if free < _NEEDED:
        hint = "make room, or name a store on another disk with --db PATH"
    elif free < most:
        hint = f"the store may grow to {most / (1 << 30):,.1f} GB: set --max-size lower"
    return Check("disk", "space", free >= _NEEDED, told, hint, {"free_bytes": free})
