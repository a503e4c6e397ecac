"""Checkpoints on a connection and a thread of their own, so that no commit pays for them."""

import logging
import sqlite3
import threading
import time
from pathlib import Path

from inspector.store.connect import connect

# What a commit takes of the log besides what it was given: whole pages (measured: 8.5 KB for one
# small fact, 11 KB for five, 38 KB for a hundred). Without it a steady flow of small deliveries
# would make a log of gigabytes, and each read of a page looks for it there first.
COMMIT_BYTES = 8 << 10
# After so many bytes written, a checkpoint copies the log into the database: at once and begun anew
# while facts come one by one, which leaves the disk time between two commits, so that the log stays
# small and no delivery waits long for it (measured through two stores at 1,000 a second: p99 4 ms;
# with 8 MiB 5 to 9 ms, with 24 MiB 17 ms); else when it is quiet.
CHECKPOINT_BYTES = 2 << 20
# It is quiet when nothing was committed for so long: a checkpoint beside a burst doubles the
# slowest answers (measured: p99 5 ms instead of 2.5 ms).
QUIET_SECONDS = 0.1
# A log this large is copied back even in the middle of a burst, and begun anew, which holds
# commits back for the few frames left over.
RESTART_BYTES = 192 << 20

_log = logging.getLogger(__name__)


class Checkpointer:
    """Owns a thread that copies the write-ahead log back whenever enough was written.

    `writing` is the lock that the writer holds during a commit.
    """

    def __init__(self, path: Path, writing: threading.Lock) -> None:
        self._path = path
        self._writing = writing
        # In all, counted by the writer; and how much of it was dealt with, by the checkpointer.
        self._given = self._commits = 0
        self._given_before = self._commits_before = 0
        self._wrote_at = 0.0
        self._due = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inspector-checkpoint", daemon=True)
        self._thread.start()

    def wrote(self, size: int) -> None:
        """Count a commit of `size` bytes; called by the writer behind it."""
        self._given += size
        self._commits += 1
        self._wrote_at = time.monotonic()
        if sum(self._log()) >= CHECKPOINT_BYTES:
            self._due.set()

    def _log(self) -> tuple[int, int]:
        """What the log holds of what was given, and of what commits take besides."""
        commits = self._commits - self._commits_before
        return self._given - self._given_before, commits * COMMIT_BYTES

    def _large(self) -> bool:
        """Whether the log is to be begun anew, whatever comes meanwhile."""
        given, besides = self._log()
        return given + besides >= (CHECKPOINT_BYTES if given < besides else RESTART_BYTES)

    def close(self) -> None:
        self._closing.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        connection = connect(self._path)
        # Commits would wait with it for whoever is reading.
        connection.execute("PRAGMA busy_timeout=0")
        try:
            while True:
                self._due.wait()
                while not self._quiet() and not self._large():
                    if self._closing.wait(QUIET_SECONDS):
                        return
                if self._closing.is_set():
                    return
                self._checkpoint(connection)
        finally:
            connection.close()

    def _quiet(self) -> bool:
        return time.monotonic() - self._wrote_at > QUIET_SECONDS

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        restart = self._large()
        given, commits = self._given, self._commits
        self._due.clear()
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if restart:
                with self._writing:
                    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
                if busy:
                    # Somebody still reads in the old log: again in a moment.
                    self._due.set()
                    self._closing.wait(QUIET_SECONDS)
                    return
            self._given_before, self._commits_before = given, commits
        except sqlite3.Error as error:
            # The writer meets the same fault, and it is the one that reports it.
            _log.debug("checkpoint failed: %s", error)
