"""Walking through what was typed before, as in a shell."""

from collections.abc import Sequence


class Recall:
    """`entries` from old to new. What is being typed is the newest of all, and is kept."""

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._entries = list(entries)
        self._at = len(self._entries)
        self._draft = ""

    def step(self, by: int, current: str) -> str | None:
        """The text `by` steps newer (older below 0); None where there is none. `current` stands
        in the line now."""
        if self._at == len(self._entries):
            self._draft = current
        at = self._at + by
        # What stands there already would be a step that shows nothing.
        while 0 <= at < len(self._entries) and self._entries[at] == current:
            at += 1 if by > 0 else -1
        if not 0 <= at <= len(self._entries):
            return None
        self._at = at
        return self._draft if at == len(self._entries) else self._entries[at]
