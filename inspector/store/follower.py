"""The listener's end of the indexer process: starts it, wakes it, hears its frames."""

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from inspector.store.files import StoreFiles
from inspector.store.frames import ParsedFrame, parse, reindexed
from inspector.store.indexer_process import Rebuild
from inspector.tasks import Tasks, to_the_end

# A frame line holds at most one oversized item (a 64 KiB target, escaped) or MAX_BYTES of others.
_LINE_LIMIT = 4 << 20
_RESTART_PAUSE = 0.5
_CLOSE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Follower:
    """Runs the indexer process for as long as it is open, starting it again when it dies.

    `on_frame` is called on the loop for each frame, in order; `wake` may be called from any thread.
    The process verifies with the `secrets` of when it starts, and of each rebuild.
    """

    def __init__(
        self,
        files: StoreFiles,
        secrets: Callable[[], Sequence[str]],
        on_frame: Callable[[ParsedFrame], None],
        *,
        with_headers: bool = False,
    ) -> None:
        self._settings = {"database": str(files.database), "with_headers": with_headers}
        self._secrets = secrets
        self._on_frame = on_frame
        self._tasks = Tasks("indexer")
        self._process: asyncio.subprocess.Process | None = None
        self._pipe = -1
        # A number of a closed pipe may soon be another file's: nobody writes while it is closed.
        self._pipe_lock = threading.Lock()
        # The end of an order that the pipe had no room for.
        self._unsent = b""
        self._heard: int | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._closing = False
        self._rebuilds = 0
        self._rebuilding = False
        # The position where a rebuild has caught up with what was heard before it.
        self._whole_at: int | None = None
        self.position = 0

    async def start(self) -> None:
        """Start the process; it works at once on what the journal holds."""
        await self._spawn()
        self._tasks.start(self._hear(), "frames")

    def wake(self, seq: int) -> None:
        """Tell the process that the journal has grown to `seq`."""
        # The pipe does not block: when it is full, the process has been told often enough.
        with self._pipe_lock, suppress(OSError):
            if not self._unsent:
                os.write(self._pipe, b"\n")

    def rebuild(self) -> None:
        """Have the index thrown away and built again from the journal, with the secrets of now."""
        self.position = 0
        self._rebuilds += 1
        self._rebuilding = True
        self._whole_at = self._heard or 0
        self._order(b"R" + json.dumps(self._rebuild()).encode() + b"\n")

    def _rebuild(self) -> Rebuild:
        return {"number": self._rebuilds, "secrets": [*self._secrets()]}

    def _order(self, order: bytes) -> None:
        """Send an order whole, as soon as there is room for it; it is lost with the process."""
        with self._pipe_lock:
            if self._pipe >= 0:
                self._unsent += order
        self._send_on()

    def _send_on(self) -> None:
        with self._pipe_lock:
            if self._pipe < 0:
                return
            try:
                while self._unsent:
                    self._unsent = self._unsent[os.write(self._pipe, self._unsent) :]
            except BlockingIOError:
                asyncio.get_running_loop().add_writer(self._pipe, self._send_on)
                return
            except OSError:  # the process is gone
                self._unsent = b""
            asyncio.get_running_loop().remove_writer(self._pipe)

    async def reached(self, seq: int, timeout: float) -> bool:
        """Wait until the index has reached a position; False if it did not in time."""
        if self.position >= seq:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (seq, waiter)
        self._waiters.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters.remove(entry)
        return True

    async def close(self) -> None:
        """Close the pipe, which ends the process, and wait until it is gone; cancelled, kill it."""
        self._closing = True
        try:
            await self._tasks.stop()
        finally:
            if self._process is not None:
                await self._end(self._process)
            self._process = None

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """However often this is cancelled, the process is not left behind."""
        self._close_pipe()
        gone = self._tasks.start(_gone(process), "end")
        try:
            await asyncio.wait({gone}, timeout=_CLOSE_SECONDS)
        finally:
            if not gone.done():
                with suppress(ProcessLookupError):
                    process.kill()
            await to_the_end(gone)

    async def _spawn(self) -> None:
        read_end, pipe = os.pipe()
        os.set_blocking(pipe, False)
        # The settings come first in the pipe, before anybody can wake the process through it.
        settings = {
            **self._settings,
            "secrets": [*self._secrets()],
            "after": self._heard,
            # An order that the process before did not carry out.
            "rebuild": self._rebuild() if self._rebuilding else None,
        }
        self._pipe, self._unsent = pipe, json.dumps(settings).encode() + b"\n"
        self._send_on()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # modules in the current folder, the user's project, are not ours to import
                "-m",
                "inspector.store.indexer_process",
                stdin=read_end,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                # Ctrl+C is the listener's concern, from the first moment on. Not a session of its
                # own: Linux weighs those against each other, whatever the niceness of a process
                # (measured: bursts are captured at 0.92 of the speed).
                preexec_fn=os.setpgrp,
            )
        finally:
            os.close(read_end)

    def _close_pipe(self) -> None:
        with self._pipe_lock:
            pipe, self._pipe = self._pipe, -1
            self._unsent = b""
            if pipe >= 0:
                asyncio.get_running_loop().remove_writer(pipe)
                os.close(pipe)

    async def _hear(self) -> None:
        while not self._closing:
            if (process := self._process) is not None and process.stdout is not None:
                async for line in process.stdout:
                    # A killed process may leave a part of a line behind.
                    if line.endswith(b"\n"):
                        self._take(parse(line))
                code = await process.wait()
                _log.error("the indexer ended (exit %s); starting it again", code)
            self._close_pipe()
            await asyncio.sleep(_RESTART_PAUSE)
            try:
                await self._spawn()
            except OSError as error:
                self._process = None
                _log.error("the indexer cannot be started: %s", error)

    def _take(self, frame: ParsedFrame) -> None:
        if frame.letter == "E":
            self._rebuilding = frame.seq < self._rebuilds
            return
        if frame.letter != "P":
            self._heard = frame.seq
            self._on_frame(frame)
            return
        self._heard = max(frame.seq, self._heard or 0)
        # Positions told before the index was emptied are of the old one.
        if self._rebuilding:
            return
        self.position = frame.seq
        if self._whole_at is not None and self.position >= self._whole_at:
            self._whole_at = None
            self._on_frame(reindexed(self.position))
        for seq, waiter in self._waiters:
            if seq <= frame.seq and not waiter.done():
                waiter.set_result(None)


async def _gone(process: asyncio.subprocess.Process) -> None:
    """Until it has ended, and all it wrote was read: its last frames are nobody's to see, but it
    must be able to write them."""
    while process.stdout and await process.stdout.read(65536):
        pass
    await process.wait()
