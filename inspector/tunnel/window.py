"""How much may be under way to a consumer: sent, and not yet acknowledged. Pure."""

from collections import deque

from inspector.tunnel.messages import WINDOW, WINDOW_BYTES

# Deliveries are counted in clumps of so much, which are given back when their last one is
# acknowledged: a full window takes some hundred entries and not 4096.
_CLUMP_ITEMS = 64
_CLUMP_BYTES = 64 << 10


class Window:
    """Counts by ids, from `base` on: what came before it was not sent here."""

    __slots__ = ("_acked", "_bytes", "_clumps", "_sent")

    def __init__(self, base: int) -> None:
        self._sent = self._acked = base
        self._bytes = 0
        # (first, last, bytes)
        self._clumps: deque[tuple[int, int, int]] = deque()

    @property
    def items(self) -> int:
        """How many more may be sent."""
        return WINDOW - (self._sent - self._acked)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way: then one delivery may be sent, whatever its size."""
        return not self._clumps

    def takes(self, size: int) -> bool:
        """Whether so many bytes more may be sent."""
        return self._bytes + size <= WINDOW_BYTES

    def sent(self, last: int, size: int) -> None:
        """Everything up to `last` is under way, `size` bytes more."""
        first = self._sent + 1
        self._sent = last
        self._bytes += size
        if self._clumps:
            start, end, before = self._clumps[-1]
            if before + size <= _CLUMP_BYTES and end - start < _CLUMP_ITEMS:
                self._clumps[-1] = start, last, before + size
                return
        self._clumps.append((first, last, size))

    def passed(self, last: int) -> None:
        """Ids up to `last` are under way as well, without a delivery."""
        self._sent = last

    def acked(self, last: int) -> None:
        """Everything up to `last` has arrived."""
        self._acked = max(self._acked, last)
        while self._clumps and self._clumps[0][1] <= last:
            self._bytes -= self._clumps.popleft()[2]
