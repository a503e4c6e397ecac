"""Where a text occurs in a document: plain text in any case, found portion by portion."""

import re
from array import array
from bisect import bisect_left

from inspector.tui.document import Document

# Nobody steps through more of them; they cost eight bytes each.
MOST = 100_000
# A word of these is never parted by what a layout leaves out or puts in.
_WORD = re.compile(r"[A-Za-z0-9_]+")


class Matches:
    """The occurrences of one text in one document, in its order.

    `search` looks at the next lines and may be called until `done`. What it found so far can be
    used at any time: `lines` and `starts` are where each occurrence begins.
    """

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._pattern = pattern(text)
        self._word = text.lower() if _WORD.fullmatch(text) else ""
        self._next = 0
        self.lines = array("i")
        self.starts = array("i")

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def done(self) -> bool:
        return self._next >= len(self._document) or len(self.lines) >= MOST

    @property
    def more(self) -> bool:
        """Whether there may be more than were counted, and nobody goes on counting."""
        return len(self.lines) >= MOST

    def search(self, lines: int) -> None:
        """Look at this many more lines."""
        last = self._next + lines
        for index, text in self._document.texts(self._next, last, self._word):
            for match in self._pattern.finditer(text):
                self.lines.append(index)
                self.starts.append(match.start())
        self._next = last

    def first_from(self, line: int) -> int:
        """The number of the first occurrence at this line or after it; of the first one of all
        where none follows. Not to be asked while there are none."""
        return bisect_left(self.lines, line) % len(self.lines)


def pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text), re.IGNORECASE)
