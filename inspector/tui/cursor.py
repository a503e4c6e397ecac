"""Where the cursor is: on a delivery and not on a row, or on the newest while it follows."""

from inspector.tui.folds import Folds

NOWHERE = 2**63 - 1


class Cursor:
    """One place in the rows of `rows`; when its delivery is not listed, on the next older one."""

    def __init__(self, rows: Folds) -> None:
        self.rows = rows
        self._wish = NOWHERE
        self._seen = 0
        self.follow = True

    def row(self, floor: int) -> int | None:
        """The cursor's row; None without rows, and while it is older than what is listed yet.

        `floor` is the oldest id that the listing has come to.
        """
        if not self.rows:
            return None
        if self.follow:
            return 0
        return None if self._wish < floor else self.rows.nearest_row(self._wish)

    @property
    def placed(self) -> bool:
        """Whether it has been on a delivery."""
        return self._wish != NOWHERE

    @property
    def new(self) -> int:
        """How many rows came on top since the newest was last looked at."""
        return 0 if self.follow else self.rows.newer_than(self._seen)

    def put(self, delivery_id: int) -> None:
        """Onto that delivery."""
        self._wish = delivery_id

    def leave(self, gone: int, onto: int) -> None:
        """Onto another delivery, if it is on the one that goes."""
        if self._wish == gone:
            self._wish = onto

    def settle(self, floor: int) -> None:
        """Onto the nearest delivery, where its own is not listed; `floor` as for `row`.

        It waits for an older row to compare with, unless there is none to come.
        """
        if self.follow or not self.rows or self._wish < floor:
            return
        if not floor or self.rows.oldest <= self._wish:
            if not self.placed:
                self.saw_top()
            self._wish = self.rows.nearest(self._wish)

    def pause(self) -> None:
        """Stop following: the cursor stays at the delivery it is on."""
        if self.follow:
            self.saw_top()
            self._wish = self.rows.newest or NOWHERE
            self.follow = False

    def saw_top(self) -> None:
        """The newest row is on the screen: nothing is new."""
        # Rows that another filter showed have been seen, too.
        self._seen = max(self._seen, self.rows.newest)

    def begin_anew(self) -> None:
        """The ids are those of another journal: none was looked at or seen."""
        self._wish, self._seen = NOWHERE, 0
