"""What a call of the feed did, for those who draw it."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Changed:
    """What a call did: rows came or went (`moved`), rows look different (`touched`, by id)."""

    moved: bool = False
    touched: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return self.moved or bool(self.touched)


@dataclass(frozen=True, slots=True)
class Redelivered:
    """Redeliveries that came and show nowhere but in the count of a row, the latest under `first`.

    They are counted until the cursor is moved.
    """

    count: int = 0
    first: int = 0
