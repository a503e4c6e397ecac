"""What is selected: ids of deliveries, wherever they are listed now."""

from array import array
from collections.abc import Iterator

from inspector.tui.row_ids import RowIds


class Selection:
    """A set of ids, 8 bytes each: it survives filtering and paging, and a million cost nothing.

    `ids` are ascending, so that they go oldest first; they are not to be changed.
    """

    def __init__(self) -> None:
        self._ids = RowIds()

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, delivery_id: int) -> bool:
        return delivery_id in self._ids

    def __iter__(self) -> Iterator[int]:
        """Oldest first, as they are at this time."""
        return iter(self.ids)

    @property
    def ids(self) -> "array[int]":
        """A snapshot, oldest first."""
        return self._ids.copied()

    def ordered(self) -> list[int]:
        """The same as a list."""
        return self.ids.tolist()

    def toggle(self, delivery_id: int) -> None:
        """Select one, or select it no more."""
        if delivery_id in self._ids:
            self._ids.remove(delivery_id)
        else:
            self._ids.add(delivery_id)

    def take(self, ids: "array[int]") -> None:
        """Select these, ascending, and nothing else."""
        self._ids = RowIds()
        self._ids.replace((), ids)

    def clear(self) -> None:
        self._ids = RowIds()
