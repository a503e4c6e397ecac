"""The outcomes of what the user sent: each one is told, whichever way it ends."""

from collections import OrderedDict
from collections.abc import Iterable

from inspector.client.models import Item
from inspector.domain.attempt import Attempt
from inspector.domain.plaintext import one_line
from inspector.tui.events import Said, Tell
from inspector.tui.rows import duration_text

# Attempts that ended lately: one may end before the answer that names it is read.
_KEPT = 512


class Results:
    """Pairs the attempts that a re-send began, or a release, with how they ended."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._expected: dict[int, Attempt] = {}
        # Released deliveries, and the attempt after which theirs must have begun.
        self._released: dict[int, int] = {}
        self._ended: OrderedDict[int, Attempt] = OrderedDict()
        # The latest attempt seen; whatever begins from now on has a larger id.
        self.newest = 0

    def expect(self, attempts: Iterable[Attempt]) -> None:
        """These were begun by the user; their ends are told."""
        for attempt in attempts:
            self.newest = max(self.newest, attempt.id)
            ended = attempt if attempt.finished else self._ended.get(attempt.id)
            if ended is not None:
                self._tell(outcome(ended))
            else:
                self._expected[attempt.id] = attempt

    def expect_of(self, delivery_id: int, after: int) -> None:
        """The next attempt of this delivery, later than the attempt `after`, is awaited."""
        for attempt in self._ended.values():
            if attempt.delivery_id == delivery_id and attempt.id > after:
                self._tell(outcome(attempt))
                return
        self._released[delivery_id] = after

    def under_way(self, attempts: Iterable[Attempt]) -> list[Attempt]:
        """Those of these whose end is still awaited."""
        return [one for one in attempts if one.id in self._expected]

    @property
    def awaited(self) -> set[int]:
        """The deliveries whose outcome is awaited."""
        return {one.delivery_id for one in self._expected.values()} | set(self._released)

    def saw(self, item: Item) -> None:
        """An attempt came by the stream."""
        self.newest = max(self.newest, int(item["id"]))
        if item.get("status") is None and item.get("failure") is None:
            return
        attempt = Attempt.from_json(dict(item))
        expected = self._expected.pop(attempt.id, None) is not None
        after = self._released.get(attempt.delivery_id)
        released = after is not None and attempt.id > after
        if expected or released:
            if released:
                del self._released[attempt.delivery_id]
            self._tell(outcome(attempt))
            return
        self._ended[attempt.id] = attempt
        while len(self._ended) > _KEPT:
            self._ended.popitem(last=False)


def outcome(attempt: Attempt) -> Said:
    """`#12 -> 200 in 8ms (http://localhost:3000)`, or why there was no answer."""
    where = one_line(attempt.target, 100)
    if attempt.failure is not None:
        reason = one_line(attempt.failure.reason, 200)
        return Said(f"#{attempt.delivery_id} -> no answer: {reason} ({where})", "error")
    took = "" if attempt.duration_ms is None else f" in {duration_text(attempt.duration_ms)}"
    severity = "information" if (attempt.status or 0) < 400 else "warning"
    return Said(f"#{attempt.delivery_id} -> {attempt.status}{took} ({where})", severity)
