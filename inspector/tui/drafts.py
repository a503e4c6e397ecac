"""Documents are built at once where they are small, in a thread where they are large."""

import logging
from collections.abc import Callable, Hashable
from functools import partial

from inspector.tasks import Tasks, in_thread
from inspector.tui.document import Document
from inspector.tui.lines import plain

_log = logging.getLogger(__name__)

# Bytes that are laid out in about 5 ms; what is larger would be felt at a key press.
AT_ONCE = 16 * 1024


class DocumentBuilder:
    """Builds the document that was asked for last; `ready` is called when a large one is.

    One thread at a time: what was asked for meanwhile is built when it has ended, and what nobody
    waits for any more is dropped.
    """

    def __init__(self, tasks: Tasks, ready: Callable[[], None]) -> None:
        self._tasks = tasks
        self._ready = ready
        self._wanted: tuple[Hashable, Callable[[], Document]] | None = None
        self._built: tuple[Hashable, Document] | None = None
        self._running = False

    def ask(self, key: Hashable, build: Callable[[], Document], size: int) -> Document | None:
        """The document of this key, or None if it is being built; then ask again when `ready`."""
        self._wanted = None
        if self._built is not None and self._built[0] == key:
            return self._built[1]
        if size <= AT_ONCE:
            self._built = (key, built(build))
            return self._built[1]
        # Two large ones at a time would be one too many; who reads the old one has it.
        self._built = None
        self._wanted = (key, build)
        if not self._running:
            self._running = True
            self._tasks.start(self._run(), "draft")
        return None

    async def _run(self) -> None:
        try:
            while (wanted := self._wanted) is not None:
                key, build = wanted
                document = await in_thread(partial(built, build))
                if self._wanted is not None and self._wanted[0] == key:
                    self._built, self._wanted = (key, document), None
                    self._ready()
        finally:
            self._running = False


def built(build: Callable[[], Document]) -> Document:
    """What is built; a fault of ours becomes a line that says so, and the UI goes on."""
    try:
        return build()
    except Exception as error:
        _log.error("a tab cannot be built", exc_info=error)
        return Document([plain(f"This cannot be shown, a fault of inspector: {error!r}", "error")])
