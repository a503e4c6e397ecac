"""Checkpoints on a connection and a thread of their own, so that no commit pays for them."""

import logging
import sqlite3
import threading
from pathlib import Path

from inspector.store.connect import connect

# After so many bytes written a checkpoint copies the log into the database while commits go on.
CHECKPOINT_BYTES = 8 << 20
# A log larger than this is started anew, which holds commits back for the few frames left over.
RESTART_BYTES = 64 << 20

_log = logging.getLogger(__name__)


class Checkpointer:
    """Owns a thread that copies the write-ahead log back whenever enough was written.

    `writing` is the lock that the writer holds during a commit.
    """

    def __init__(self, path: Path, writing: threading.Lock) -> None:
        self._path = path
        self._log_path = path.with_name(path.name + "-wal")
        self._writing = writing
        self._written = 0
        self._due = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="inspector-checkpoint", daemon=True)
        self._thread.start()

    def wrote(self, size: int) -> None:
        """Count `size` bytes; called by the writer after a commit."""
        self._written += size
        if self._written >= CHECKPOINT_BYTES:
            self._written = 0
            self._due.set()

    def close(self) -> None:
        self._closing = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        connection = connect(self._path)
        try:
            while True:
                self._due.wait()
                self._due.clear()
                if self._closing:
                    return
                self._checkpoint(connection)
        finally:
            connection.close()

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if self._log_path.stat().st_size > RESTART_BYTES:
                with self._writing:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except (sqlite3.Error, OSError) as error:
            # The writer meets the same fault, and it is the one that reports it.
            _log.debug("checkpoint failed: %s", error)
