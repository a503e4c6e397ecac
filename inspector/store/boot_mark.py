"""A mark beside a file whose writer does not wait for the disk: in which run of the machine it was.

What a killed process wrote is with the system and is not lost. What a machine wrote that lost its
power may be there in part: the file is whole only if its writer closed it, or the machine has run
ever since.
"""

import secrets
from contextlib import suppress
from pathlib import Path

from inspector.store.files import onto_disk, replace_private

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """What tells this run of the machine from any other; empty where the system has no such id."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


class BootMark:
    """The mark of the file at `path`, an SQLite database.

    It names its writer, since that of a killed listener may still be at its end when the next one
    has begun: the last one to set it takes it away.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path.with_name(path.name + "-boot")
        self._own = f"{boot_id()} {secrets.token_hex(8)}"

    def distrusted(self) -> bool:
        """Whether the machine went down before the file was whole on the disk."""
        try:
            return self._text().partition(" ")[0] != boot_id()
        except FileNotFoundError:
            return False

    def set(self) -> bool:
        """From here on nobody waits for the disk; False where that cannot be told afterwards."""
        if self._own.startswith(" "):
            return False
        replace_private(self._mark, self._own.encode("ascii"))
        return True

    def clear(self) -> None:
        """The file is closed here: put all of it on the disk, then take the mark away.

        Not while this process has the database open elsewhere, since a closed descriptor ends the
        locks of all others.
        """
        with suppress(FileNotFoundError):
            if self._text() != self._own:
                return
            with suppress(FileNotFoundError):
                onto_disk(Path(f"{self._path}-wal"))
            onto_disk(self._path)
            self._mark.unlink()

    def forget(self) -> None:
        """The file is made anew."""
        self._mark.unlink(missing_ok=True)

    def _text(self) -> str:
        return self._mark.read_bytes().decode("ascii", "replace")
