"""A section of the examination, run by itself in this process."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from inspector.doctor.model import Check, Fidelity, Finding, Subject, Tell
from inspector.domain.routes import parse_target
from inspector.settings import Settings

Look = Callable[[Subject, Tell], Awaitable[None]]


class Found:
    """What was told, in order."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    def __call__(self, finding: Finding) -> None:
        self.all.append(finding)

    def check(self, key: str) -> Check:
        (found,) = [each for each in self.all if isinstance(each, Check) and each.key == key]
        return found

    def case(self, name: str) -> Fidelity:
        (found,) = [each for each in self.all if isinstance(each, Fidelity) and each.case == name]
        return found

    @property
    def failed(self) -> list[str]:
        return [each.key for each in self.all if each.ok is False]


class Doctor:
    """Runs one section on settings of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def subject(self, target: str = "", **settings: Any) -> Subject:
        made = Settings.model_validate({"db": self.folder / "store.db", **settings})
        return Subject(made, parse_target(target) if target else None)

    async def __call__(self, look: Look, target: str = "", **settings: Any) -> Found:
        found = Found()
        await look(self.subject(target, **settings), found)
        return found


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    return Doctor(tmp_path)
