"""The lines of a body without laying it out: text and hex dumps, each line made when asked for."""

from array import array

from inspector.domain.lazylines import LazyLines

_DOTS = bytes(code if 32 <= code < 127 else ord(".") for code in range(256))


class HexLines(LazyLines):
    """Sixteen bytes a line: where they stand, their values, and what they are as text."""

    WIDTH = 16

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return -(-len(self._data) // self.WIDTH)

    def line(self, index: int) -> str:
        at = index * self.WIDTH
        row = self._data[at : at + self.WIDTH]
        half = f"{row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}"
        return f"{at:08x}  {half}  |{row.translate(_DOTS).decode('ascii')}|"


class TextLines(LazyLines):
    """The lines of a text, at most `max_lines`; one longer than `width` goes on in the next.

    `complete` says that the end of the text was reached.
    """

    def __init__(self, text: str, max_lines: int, width: int) -> None:
        self._text = text
        self._starts = array("i")
        self._ends = array("i")
        self.complete = False
        at = 0
        while not self.complete and len(self._starts) < max_lines:
            newline = text.find("\n", at, at + width + 1)
            end = min(at + width, len(text)) if newline < 0 else newline
            self._starts.append(at)
            self._ends.append(end)
            self.complete = newline < 0 and end == len(text)
            at = end if newline < 0 else newline + 1

    def __len__(self) -> int:
        return len(self._starts)

    def line(self, index: int) -> str:
        return self._text[self._starts[index] : self._ends[index]].removesuffix("\r")
