"""The examination: which hops are looked at, in which order, and what may go on meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from inspector.doctor import app, clock, disk, files, hops, listener, proxy, round_trip, terminal
from inspector.doctor.model import Check, Finding, Subject, Tell
from inspector.errors import InspectorError
from inspector.tasks import Tasks


class Section(NamedTuple):
    """One hop: `look` tells what it finds, in at most so many seconds.

    One that `waits` does little but wait for others, so it begins at once, beside those before it.
    """

    hop: str
    look: Callable[[Subject, Tell], Awaitable[None]]
    seconds: float
    waits: bool = False


SECTIONS = (
    Section("files", files.look, 10.0),
    Section("disk", disk.look, 15.0),
    Section("terminal", terminal.look, 5.0),
    Section("listener", listener.look, 30.0),
    Section("clock", clock.look, 15.0, waits=True),
    Section("relay", hops.look, 60.0, waits=True),
    Section("proxy", proxy.look, 60.0, waits=True),
    Section("fidelity", round_trip.look, 300.0),
    Section("target", app.look, 300.0),
)


class _Turn:
    """Tells findings when their hop's turn has come, and keeps them until then."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._kept: list[Finding] | None = []

    def __call__(self, finding: Finding) -> None:
        if self._kept is None:
            self._tell(finding)
        else:
            self._kept.append(finding)

    def come(self) -> None:
        kept, self._kept = self._kept or [], None
        for finding in kept:
            self._tell(finding)


async def examine(subject: Subject, tell: Tell, sections: tuple[Section, ...] = SECTIONS) -> None:
    """Look at every hop and tell what is found as it is found, hop by hop in the order given."""
    tasks = Tasks("doctor")
    turns = [_Turn(tell) for _ in sections]
    try:
        begun: dict[int, asyncio.Task[None]] = {
            place: tasks.start(_look(section, subject, turns[place]), section.hop)
            for place, section in enumerate(sections)
            if section.waits
        }
        for place, section in enumerate(sections):
            turns[place].come()
            if place in begun:
                await begun[place]
            else:
                await _look(section, subject, turns[place])
    finally:
        await tasks.stop()


async def _look(section: Section, subject: Subject, tell: Tell) -> None:
    limit = asyncio.timeout(section.seconds)
    try:
        async with limit:
            await section.look(subject, tell)
    except TimeoutError:
        # Else a step of it has given up by itself.
        told = f"not done within {section.seconds:g} s" if limit.expired() else "not done in time"
        tell(Check(section.hop, "time", False, told, "see what keeps this machine busy"))
    except InspectorError as error:
        tell(Check(section.hop, "examined", False, error.message, error.hint))
