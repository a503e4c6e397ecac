"""A mark beside a file whose writer does not wait for the disk: in which run of the machine it was.

What a killed process wrote is with the system and is not lost. What a machine wrote that lost its
power may be there in part: the file is whole only if its writer closed it, or the machine has run
ever since.
"""

import os
from contextlib import suppress
from pathlib import Path

from inspector.store.files import touch_private

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """What tells this run of the machine from any other; empty where the system has no such id."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


class BootMark:
    """The mark of the file at `path`, an SQLite database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path.with_name(path.name + "-boot")

    def distrusted(self) -> bool:
        """Whether the machine went down before the file was whole on the disk."""
        try:
            return self._mark.read_bytes().decode("ascii", "replace") != boot_id()
        except FileNotFoundError:
            return False

    def set(self) -> bool:
        """From here on nobody waits for the disk; False where that cannot be told afterwards."""
        if not (now := boot_id()):
            return False
        touch_private(self._mark)
        with self._mark.open("wb") as file:
            file.write(now.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        _sync(self._path.parent)
        return True

    def clear(self) -> None:
        """The file is closed here: put all of it on the disk, then take the mark away.

        Not while this process has the database open elsewhere, since a closed descriptor ends the
        locks of all others.
        """
        with suppress(FileNotFoundError):
            _sync(Path(f"{self._path}-wal"))
        _sync(self._path)
        self._mark.unlink(missing_ok=True)

    def forget(self) -> None:
        """The file is made anew."""
        self._mark.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
