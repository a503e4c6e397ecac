"""The room that bodies take in memory, from their first byte until they are committed."""

from typing import Self

from inspector.server.entrance import Place, RefusedError, Room


class Space:
    """So many bytes of bodies at a time; within `whole` also, where it is a part of that."""

    def __init__(self, limit: int, whole: "Space | None" = None) -> None:
        self.limit = limit
        self._whole = whole
        self.taken = 0

    def bounded(self, most: int) -> int:
        """What a body may be at most: one that is larger than all there is would find no room,
        however often it came."""
        return min(most, self.limit)

    def take(self, size: int) -> None:
        """Raises `RefusedError` where there is no room."""
        if self.taken + size > self.limit:
            raise RefusedError(
                503, "too-much-in-flight", f"more than {self.limit} bytes of bodies in flight"
            )
        if self._whole is not None:
            self._whole.take(size)
        self.taken += size

    def give_back(self, size: int) -> None:
        self.taken -= size
        if self._whole is not None:
            self._whole.give_back(size)


class Stay:
    """One request at a place, as a `with` block: at its end the place is left, and what was taken
    there is given back."""

    __slots__ = ("_place", "_room", "_size")

    def __init__(self, place: Place) -> None:
        self._place = place
        self._room: Room = place.room
        self._size = 0

    def take(self, size: int) -> None:
        self._room.take(size)
        self._size += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.give_back(self._size)
        self._place.leave()
