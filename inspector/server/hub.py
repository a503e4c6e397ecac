"""Fan-out: every subscriber gets every frame, or is told that it lagged; nobody is waited for."""

import threading
from collections import deque
from collections.abc import Callable

from inspector.store.frames import ParsedFrame

# A subscriber that is this many frames or bytes behind is emptied and told `lagged`: it pages from
# the store instead.
QUEUE_FRAMES = 2048
QUEUE_BYTES = 16 << 20


class Subscription:
    """A bounded queue of frames; `notify` is called when there is news.

    Frames may be taken in another thread than they are offered in.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._frames: deque[ParsedFrame] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.lagged = False

    def offer(self, frame: ParsedFrame) -> None:
        with self._lock:
            if self.lagged:
                return
            self._bytes += frame.size
            if len(self._frames) >= QUEUE_FRAMES or self._bytes > QUEUE_BYTES:
                self._frames.clear()
                self.lagged = True
            else:
                self._frames.append(frame)
        self._notify()

    def take(self) -> ParsedFrame | None:
        """The next frame, or None; None with `lagged` set means that some were dropped."""
        with self._lock:
            if not self._frames:
                return None
            frame = self._frames.popleft()
            self._bytes -= frame.size
            return frame

    def caught_up(self) -> None:
        """Begin anew after a lag."""
        with self._lock:
            self._frames.clear()
            self._bytes = 0
            self.lagged = False


class Hub:
    """All subscribers of one listener."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self.last_seq = 0

    def __len__(self) -> int:
        return len(self._subscriptions)

    def publish(self, frame: ParsedFrame) -> None:
        """Hand a frame to every subscriber; returns at once."""
        self.last_seq = frame.seq
        for subscription in self._subscriptions:
            subscription.offer(frame)

    def subscribe(self, notify: Callable[[], None]) -> Subscription:
        subscription = Subscription(notify)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
