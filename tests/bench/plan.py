"""How large a run of the benchmark is, and where it puts its files."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """`folder` is gone after the run; `cache` holds what is made once and may be kept."""

    quick: bool
    rounds: int
    folder: Path
    cache: Path
    mitmdump: Path | None = None
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count, init=False)

    def size(self, full: int, quick: int) -> int:
        """How many, in a full or in a quick run."""
        return quick if self.quick else full

    def new_store(self) -> Path:
        """A path in a folder of its own where no store is yet."""
        folder = self.folder / f"store-{next(self._numbers)}"
        folder.mkdir()
        return folder / "inspector.db"
