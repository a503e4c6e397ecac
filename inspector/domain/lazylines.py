"""A sequence of lines that are made when they are asked for."""

from collections.abc import Sequence
from typing import overload


class LazyLines(Sequence[str]):
    """For what would be many times larger with all of its lines; a subclass makes each of them."""

    def line(self, index: int) -> str:
        """The line at an index from 0 on."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self.line(one) for one in range(*index.indices(len(self)))]
        return self.line(range(len(self))[index])
