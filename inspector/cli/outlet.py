"""Standard output while serving: a thread of its own, so that capture never waits for a reader."""

import json
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO

from inspector.cli.printing import writing
from inspector.domain.delivery import Delivery
from inspector.domain.gap import gap_json
from inspector.errors import InspectorError
from inspector.server.hub import Hub, Subscription
from inspector.store.frames import HEADERS_SEPARATOR, ParsedFrame

_KINDS = {b"d": b"delivery", b"r": b"refused", b"g": b"gap", b"f": b"attempt"}

_MESSAGES = 256

Line = Callable[[bytes], bytes | None]


def json_line(item: bytes) -> bytes | None:
    """An item of a frame as a line of the NDJSON contract; None for what it does not show."""
    kind = _KINDS.get(item[:1])
    if kind is None:
        return None
    summary, _, headers = item[1:].partition(HEADERS_SEPARATOR)
    if kind == b"gap":
        told = {"v": 1, "kind": "gap", **gap_json(Delivery.from_json(json.loads(summary)))}
        return json.dumps(told).encode() + b"\n"
    more = b',"headers":' + headers if headers else b""
    return b'{"v":1,"kind":"%s",%s%s}\n' % (kind, summary[1:-1], more)


class Outlet:
    """Writes frames and messages to `out`, in order; `ended` is called when nobody reads it, or
    when it cannot be written: then `failure` says why.

    The queue is the subscription's: when its reader lags, what was dropped is told as `lagged`.
    Without a `line` nothing is said of deliveries, and no frame is taken.
    """

    def __init__(
        self,
        hub: Hub,
        line: Line | None,
        out: BinaryIO,
        ended: Callable[[], None],
        *,
        as_json: bool,
    ) -> None:
        self._hub = hub
        self._line = line or _silent
        self._out = out
        self._ended = ended
        self._as_json = as_json
        self._news = threading.Event()
        self._closing = False
        self.failure: InspectorError | None = None
        self._sent = 0
        self._messages: deque[dict[str, Any]] = deque(maxlen=_MESSAGES)
        self._subscription = hub.subscribe(self._news.set) if line else Subscription(self._news.set)
        self._thread = threading.Thread(target=self._run, name="inspector-outlet", daemon=True)

    def start(self, ready: dict[str, Any]) -> None:
        """Say `ready` first, then what is published."""
        self.say({"kind": "ready", **ready})
        self._thread.start()

    def say(self, message: dict[str, Any]) -> None:
        if self._as_json:
            self._put(json.dumps({"v": 1, **message}).encode() + b"\n")

    def tell(self, message: dict[str, Any]) -> None:
        """Say it in its turn; never waits. With nobody to read, the oldest are dropped."""
        self._messages.append(message)
        self._news.set()

    def close(self, patience: float) -> None:
        """Write what is queued, say `stopped`, and end; a reader that does not read is left."""
        self._hub.unsubscribe(self._subscription)
        self._closing = True
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._news.wait()
                self._news.clear()
                self._drain()
            self.say({"kind": "stopped"})
        except (BrokenPipeError, ValueError):
            self._ended()
        except InspectorError as error:
            self.failure = error
            self._ended()

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        with writing():
            # A process that is stopped, or a machine that goes to sleep, ends a write early.
            while left:
                left = left[self._out.write(left) :]

    def _drain(self) -> None:
        while self._messages:
            self.say(self._messages.popleft())
        while (frame := self._subscription.take()) is not None:
            self._write(frame)
        if self._subscription.lagged:
            self.say({"kind": "lagged", "after": self._sent})
            self._subscription.caught_up()

    def _write(self, frame: ParsedFrame) -> None:
        # What changed is a view of what was printed before; the contract prints facts.
        if frame.letter in "DA":
            lines = [line for item in frame.items if (line := self._line(item)) is not None]
            self._put(b"".join(lines))
        self._sent = frame.seq


def _silent(item: bytes) -> None:
    del item


def stdout() -> BinaryIO:
    """Standard output past `sys.stdout`, whose lock a thread that still waits for a reader at the
    end would hold: then the process could not end."""
    return open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
