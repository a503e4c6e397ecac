"""A store opened for reading, with or without a listener that keeps its index."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from inspector.cli.printing import Progress, tell
from inspector.errors import UnreachableError
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from inspector.store.lock import holder
from inspector.store.reader import Reader
from inspector.store.reading import catch_up, locked, missing, reading
from inspector.store.secrets import Secrets

# As long as the listener lets its own readers wait for the index.
_PATIENCE = 5.0
_LOOK_SECONDS = 0.01


def existing(settings: Settings) -> StoreFiles:
    """The files of the store; raises `NotFoundError` where there is none, and creates none."""
    return StoreFiles(settings.db).require()


def known_secrets(settings: Settings) -> tuple[str, ...]:
    """The signing secrets that were given, then those that are kept with the store.

    For commands without a listener; raises `ConfigurationError` when the kept ones are unreadable.
    """
    return Secrets.of(StoreFiles(settings.db), settings.secrets())()


@contextmanager
def opened(settings: Settings) -> Iterator[Reader]:
    """A reader that sees every delivery captured before the call.

    Without a listener the missing part of the index is made here; the lock is given back before
    the first read, so that a slow reader of our output keeps nobody from serving. With one its
    index is waited for; what is still missing after 5 s is told on standard error.
    """
    files = existing(settings)
    deadline = time.monotonic() + _PATIENCE
    while not _indexed_here(files, settings):
        behind = missing(files)
        if behind == 0:
            break
        if time.monotonic() > deadline:
            if behind is None:
                raise UnreachableError(
                    f"{files.database} has no index yet", "try again in a moment"
                )
            tell(f"inspector: {behind} facts are not indexed yet; they are missing here")
            break
        time.sleep(_LOOK_SECONDS)
    with reading(files) as reader:
        yield reader


def _indexed_here(files: StoreFiles, settings: Settings) -> bool:
    """Bring the index up to date, unless another process holds the store."""
    try:
        lock = locked(files, "list")
    except UnreachableError as error:
        if (holder(files.lock) or {}).get("command") == "inspector relay":
            raise UnreachableError(
                f"{files.database} is the store of a relay that runs",
                "`inspector relay status` tells of it; deliveries are read where they are mirrored",
            ) from error
        return False
    with lock, Progress("indexing fact") as progress:
        catch_up(files, lambda: known_secrets(settings), progress=progress.show)
    return True
