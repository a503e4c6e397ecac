"""The listener's end of the indexer process: starts it, wakes it, hears its frames."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from inspector.store.files import StoreFiles
from inspector.store.frames import Frame, parse
from inspector.tasks import Tasks

# A frame line holds at most one oversized item (a 64 KiB target, escaped) or MAX_BYTES of others.
_LINE_LIMIT = 4 << 20
_RESTART_PAUSE = 0.5

_log = logging.getLogger(__name__)


class Follower:
    """Runs the indexer process for as long as it is open, starting it again when it dies.

    `on_frame` is called on the loop for each frame, in order; `wake` may be called from any thread.
    """

    def __init__(
        self,
        files: StoreFiles,
        secrets: Sequence[str],
        on_frame: Callable[[Frame], None],
        *,
        with_headers: bool = False,
    ) -> None:
        self._settings = {
            "database": str(files.database),
            "secrets": list(secrets),
            "with_headers": with_headers,
        }
        self._on_frame = on_frame
        self._tasks = Tasks("indexer")
        self._process: asyncio.subprocess.Process | None = None
        self._pipe = -1
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._closing = False
        self.position = 0

    async def start(self) -> None:
        """Start the process; it works at once on what the journal holds."""
        await self._spawn()
        self._tasks.start(self._hear(), "frames")

    def wake(self, seq: int) -> None:
        """Tell the process that the journal has grown to `seq`."""
        # The pipe does not block: when it is full, the process has been told often enough.
        with suppress(OSError):
            os.write(self._pipe, b"\n")

    def rebuild(self) -> None:
        """Have the index thrown away and built again from the journal."""
        self.position = 0
        with suppress(OSError):
            os.write(self._pipe, b"R")

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
        """Close the pipe, which ends the process, and wait until it is gone."""
        self._closing = True
        await self._tasks.stop()
        if (process := self._process) is not None:
            self._close_pipe()
            with suppress(ProcessLookupError):
                try:
                    async with asyncio.timeout(5):
                        # Its last frames are nobody's to see, but it must be able to write them.
                        while process.stdout and await process.stdout.read(65536):
                            pass
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
            self._process = None

    async def _spawn(self) -> None:
        read_end, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "inspector.store.indexer_process",
                stdin=read_end,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
            )
        finally:
            os.close(read_end)
        os.write(self._pipe, json.dumps(self._settings).encode() + b"\n")

    def _close_pipe(self) -> None:
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)

    async def _hear(self) -> None:
        while not self._closing:
            assert self._process is not None
            assert self._process.stdout is not None
            async for line in self._process.stdout:
                self._take(parse(line))
            await self._process.wait()
            _log.error("the indexer ended (exit %s); starting it again", self._process.returncode)
            self._close_pipe()
            await asyncio.sleep(_RESTART_PAUSE)
            await self._spawn()

    def _take(self, frame: Frame) -> None:
        if frame.letter != "P":
            self._on_frame(frame)
            return
        self.position = frame.seq
        for seq, waiter in self._waiters:
            if seq <= frame.seq and not waiter.done():
                waiter.set_result(None)
