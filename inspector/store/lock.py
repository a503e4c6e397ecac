"""Who writes to a store: an OS lock, so that a killed process leaves none behind."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Self

from inspector.errors import ConfigurationError, UnreachableError, system_text
from inspector.store.files import touch_private

_PATIENCE = 0.5

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            # The byte lies far behind the text, which others may still read.
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _lock_soon(descriptor: int) -> bool:
    """Try for a while: whoever only looks who holds the lock has it for a moment himself."""
    deadline = time.monotonic() + _PATIENCE
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class StoreLock:
    """The right to write: held by one process, with a note on who that is.

    Raises `UnreachableError` naming the holder when another process has it, and
    `ConfigurationError` where this one may not write.
    """

    def __init__(self, path: Path, note: dict[str, Any]) -> None:
        try:
            touch_private(path)
            self._descriptor = os.open(path, os.O_RDWR)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {path}: {system_text(error)}",
                "name a store of your own with --db PATH",
            ) from error
        if not _lock_soon(self._descriptor):
            os.close(self._descriptor)
            holder = _read(path)
            raise UnreachableError(
                f"the store {path.name.removesuffix('-lock')} is in use by "
                f"{holder.get('command', 'inspector')}, process {holder.get('pid', 'unknown')}",
                "stop that process, or use another store with --db PATH",
            )
        self.write(note)

    def write(self, note: dict[str, Any]) -> None:
        """Replace the note that others read: pid, command, and where the listener answers."""
        text = json.dumps(note).encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, text)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def holder(path: Path) -> dict[str, Any] | None:
    """The note of the process that holds the lock now, or None when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if _try_lock(descriptor) else _read(path)
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
