"""What the doctor found, as it finds it: a page for people, or NDJSON."""

import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import click

from inspector.cli.printing import Progress, print_item, print_row
from inspector.doctor.model import Check, Fidelity, Finding, Stage
from inspector.domain.plaintext import one_line, visible

# Longer lines are not read with ease, however wide the terminal is.
_WIDEST = 100
_NARROWEST = 40
_NAME = 16
# In front of a name: two blanks, the sign, a blank.
_INDENT = " " * (4 + _NAME)

_TITLES = {
    "files": "who may read and write what is stored",
    "disk": "how soon a capture is safe, and how many fit",
    "clock": "signatures hold for five minutes",
    "terminal": "what the UI can show in this one",
    "listener": "the one that runs on this store",
    "relay": "the way to it, and what it says",
    "certificate": "what senders see of it",
    "proxy": "who stands in between",
    "fidelity": "what each place saw",
    "target": "the app, with webhooks of the doctor's own",
}


class Signs:
    """How findings are marked; in colour, and with signs that every encoding has."""

    def __init__(self, encoding: str, *, colour: bool) -> None:
        self._colour = colour
        marks = "✓✗!·→"
        try:
            marks.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            marks = "+x!-:"
        self._good, self._bad, self._warning, self._unknown, self.advice = tuple(marks)

    def styled(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._colour else text

    def of(self, ok: bool | None, *, warning: bool = False) -> str:
        if ok is None:
            return self.styled(self._unknown, dim=True)
        if not ok:
            return self.styled(self._bad, fg="red", bold=True)
        if warning:
            return self.styled(self._warning, fg="yellow", bold=True)
        return self.styled(self._good, fg="green")


class Printed(Protocol):
    """Where findings go."""

    def tell(self, finding: Finding) -> None: ...

    def progress(self, doing: str, done: int, total: int) -> None: ...

    def end(self) -> bool:
        """Say the last line, and whether all is well."""
        ...

    def interrupted(self) -> None:
        """Leave the terminal as it was; nothing more is told."""
        ...


class _Narrated:
    """Counts what is told, and shows on standard error what is being done."""

    def __init__(self) -> None:
        self.held = 0
        self.failed: list[str] = []
        self.skipped: list[str] = []
        self.warned: list[str] = []
        self._progress: Progress | None = None
        self._doing = ""

    def progress(self, doing: str, done: int, total: int) -> None:
        if doing != self._doing or self._progress is None:
            self._doing, self._progress = doing, Progress(doing)
        self._progress.show(done, total)

    def interrupted(self) -> None:
        if self._progress is not None:
            self._progress.hide()

    def count(self, finding: Finding) -> None:
        if self._progress is not None:
            self._progress.hide()
        if finding.ok is None:
            self.skipped.append(finding.key)
        elif not finding.ok:
            self.failed.append(finding.key)
        else:
            self.held += 1
            if isinstance(finding, Check) and finding.hint:
                self.warned.append(finding.key)


class AsJson(_Narrated):
    """One object a line; the last one says whether all is well."""

    def tell(self, finding: Finding) -> None:
        self.count(finding)
        item = finding.to_json()
        print_item(item.pop("kind"), item)

    def end(self) -> bool:
        ok = not self.failed
        names = {"failed": self.failed, "skipped": self.skipped, "warned": self.warned}
        print_item("doctor", {"ok": ok, **names})
        return ok


class AsText(_Narrated):
    """A page: a heading for each hop, a line for each check, a table of what arrived."""

    def __init__(self, encoding: str, environment: Mapping[str, str], *, terminal: bool) -> None:
        super().__init__()
        plain = "NO_COLOR" in environment or environment.get("TERM") == "dumb"
        self._signs = Signs(encoding, colour=terminal and not plain)
        columns = shutil.get_terminal_size().columns if terminal else 80
        self._width = max(_NARROWEST, min(columns, _WIDEST) - 1)
        self._hop = ""
        self._stages: list[str] = []

    def tell(self, finding: Finding) -> None:
        self.count(finding)
        if isinstance(finding, Check):
            self._headed(finding.hop, [])
            for line in self._check(finding):
                print_row(line)
        else:
            self._headed(finding.hop, list(finding.stages))
            for line in self._row(finding):
                print_row(line)

    def end(self) -> bool:
        print_row("")
        if self.failed:
            count = f"{len(self.failed)} of {len(self.failed) + self.held} do not hold: "
            if len(self.failed) == 1:
                count = f"1 of {1 + self.held} does not hold: "
            style = {"fg": "red", "bold": True}
            text = count + ", ".join(self.failed)
        else:
            style = {"fg": "green", "bold": True}
            text = f"All {self.held} hold"
            if self.warned:
                text += f"; look after {', '.join(self.warned)}"
        if self.skipped:
            text += f"; {len(self.skipped)} not looked at"
        for line in textwrap.wrap(visible(text) + ".", self._width, break_on_hyphens=False):
            print_row(self._signs.styled(line, **style))
        return not self.failed

    def _headed(self, hop: str, stages: list[str]) -> None:
        """The heading of a hop, or of its table, before its first line."""
        if (hop, stages or self._stages) == (self._hop, self._stages):
            return
        title = _TITLES.get(hop, "") if hop != self._hop else ""
        if hop != self._hop:
            print_row("")
        heads = "".join(f"{stage:^{self._column(stage)}}" for stage in stages)
        room = self._width - len(heads)
        head = (hop if hop != self._hop else "").ljust(4 + _NAME)
        title = one_line(title, max(0, room - len(head) - 1)).ljust(room - len(head))
        print_row(
            self._signs.styled(head, bold=True)
            + self._signs.styled((title + heads).rstrip(), dim=True)
        )
        self._hop, self._stages = hop, stages

    def _check(self, check: Check) -> Iterator[str]:
        sign = self._signs.of(check.ok, warning=bool(check.hint))
        first, *more = self._wrapped(check.told)
        name = visible(check.name).ljust(_NAME - 1)
        yield f"  {sign} {name} {self._dimmed(first, check.ok)}"
        yield from (_INDENT + self._dimmed(line, check.ok) for line in more)
        if check.hint:
            yield from self._advice(check.hint)

    def _dimmed(self, text: str, ok: bool | None) -> str:
        return self._signs.styled(text, dim=True) if ok is None else text

    def _advice(self, hint: str) -> Iterator[str]:
        lead = f"{self._signs.advice} "
        for line in self._wrapped(hint, len(lead)):
            yield _INDENT + self._signs.styled(lead + line, fg="yellow")
            lead = "  "

    def _wrapped(self, text: str, less: int = 0) -> list[str]:
        # Paths and commands stay whole, so that they can be copied.
        room = max(20, self._width - len(_INDENT) - less)
        wrapped = textwrap.wrap(visible(text), room, break_long_words=False, break_on_hyphens=False)
        return wrapped or [""]

    def _row(self, finding: Fidelity) -> Iterator[str]:
        cells = "".join(
            self._cell(name, finding.stages.get(name, Stage(None))) for name in self._stages
        )
        room = self._width - sum(map(self._column, self._stages)) - len(_INDENT)
        name = one_line(finding.case, _NAME - 1).ljust(_NAME - 1)
        tries = one_line(finding.tries, max(0, room - 1)).ljust(room)
        yield f"  {self._signs.of(finding.ok)} {name} {self._dimmed(tries, None)}{cells}".rstrip()
        # Where it broke is said; that it stays so on the rest of the way is seen in the table.
        said: set[str] = set()
        for stage, seen in finding.stages.items():
            for differs in (each for each in seen.differs if each not in said):
                said.add(differs)
                lines = self._wrapped(f"{stage}: {differs}")
                yield from (_INDENT + self._signs.styled(line, fg="yellow") for line in lines)

    def _cell(self, name: str, stage: Stage) -> str:
        width = self._column(name)
        left = (width - 1) // 2
        return " " * left + self._signs.of(stage.ok) + " " * (width - 1 - left)

    def _column(self, stage: str) -> int:
        return max(7, len(stage) + 2)
