"""What is looked at, and what is found: checks, and what became of each request of the set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from inspector.clock import wall_clock
from inspector.domain.routes import Target
from inspector.settings import Settings
from inspector.store.files import StoreFiles


class Check(NamedTuple):
    """One thing that was looked at on a hop, and how it stands in words.

    `ok` is None where it was not looked at, and `told` says why. A hint beside True is a warning:
    it holds, but may not for long. `value` is the figure for programs.
    """

    hop: str
    name: str
    ok: bool | None
    told: str
    hint: str = ""
    value: Any = None

    @property
    def key(self) -> str:
        """What it is called in the list of those that failed."""
        return f"{self.hop}.{self.name}"

    def to_json(self) -> dict[str, Any]:
        return {"kind": "check", **self._asdict()}


class Stage(NamedTuple):
    """What one place on the way saw of a request; `ok` is None where it never came to."""

    ok: bool | None
    differs: tuple[str, ...] = ()


class Fidelity(NamedTuple):
    """What became of one request of the torture set: its stages, in the order of its way."""

    hop: str
    case: str
    tries: str
    stages: Mapping[str, Stage]

    @property
    def ok(self) -> bool:
        return all(stage.ok for stage in self.stages.values())

    @property
    def key(self) -> str:
        return f"{self.hop}.{self.case}"

    @property
    def breaks_at(self) -> str | None:
        """The first stage where it is not what it was, or did not come."""
        return next((name for name, stage in self.stages.items() if not stage.ok), None)

    def to_json(self) -> dict[str, Any]:
        stages = {
            name: {"ok": stage.ok, "differs": list(stage.differs)}
            for name, stage in self.stages.items()
        }
        return {
            "kind": "fidelity",
            "hop": self.hop,
            "case": self.case,
            "tries": self.tries,
            "stages": stages,
            "ok": self.ok,
            "breaks_at": self.breaks_at,
        }


Finding = Check | Fidelity
Tell = Callable[[Finding], None]
# What is being done, how much of it is done, how much there is.
Progress = Callable[[str, int, int], None]


def _unseen(doing: str, done: int, total: int) -> None:
    del doing, done, total


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: a machine with these settings, and the app at `target` if one is given."""

    settings: Settings
    target: Target | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    # Whether standard output is a terminal, and how it writes.
    terminal: bool = False
    encoding: str = "utf-8"
    progress: Progress = _unseen
    clock: Callable[[], int] = wall_clock

    @property
    def files(self) -> StoreFiles:
        return StoreFiles(self.settings.db)
