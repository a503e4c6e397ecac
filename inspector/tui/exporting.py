"""Deliveries written into a file, one after the other: NDJSON, or HAR for other tools."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

from inspector import __version__
from inspector.client.answers import AppAnswers
from inspector.client.control import Control
from inspector.client.models import DeliveryDetail
from inspector.domain.exchange import Exchange, redact
from inspector.domain.export import exported_line
from inspector.domain.gap import is_gap, nothing_to
from inspector.domain.har import har
from inspector.errors import InspectorError, NotFoundError, UsageError
from inspector.tui.bulk import count
from inspector.tui.events import Said
from inspector.tui.rows import size_text

Form = Literal["ndjson", "har"]


class Export:
    """A job that writes deliveries with their attempts, one in memory at a time.

    The file is new, and for its owner alone; when the job ends early, nothing of it stays.
    Values of secret headers are masked unless `reveal`. `base` is the capture URL. Gaps are left
    out of a HAR, which is made of requests.
    """

    def __init__(
        self,
        control: Control,
        ids: Sequence[int],
        path: Path,
        form: Form,
        base: str,
        *,
        reveal: bool,
    ) -> None:
        self._control = control
        self._ids = ids
        self._path = path
        self._reveal = reveal
        self._lines = _Har(base) if form == "har" else _Ndjson()
        self._form = form
        self._written = 0
        self._gone = 0
        self._gaps = 0
        self._masked: dict[str, None] = {}
        self.total = len(ids)
        self.done = 0
        self.title = f"Exporting {count(self.total)} as {'HAR' if form == 'har' else 'NDJSON'}"

    def figures(self) -> str:
        return f"{self.done:,} of {self.total:,}  {size_text(self._written)}"

    async def run(self) -> None:
        file = create(self._path)
        try:
            with file:
                await self._write_all(file)
        except BaseException as error:
            self._path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise InspectorError(f"{error.strerror or error}") from error
            raise

    def summary(self, stopped: str) -> Said:
        if stopped:
            return Said(f"{stopped}: nothing was exported", "warning")
        written = self.done - self._gone - self._gaps
        text = f"{count(written)} exported, {size_text(self._written)}: {self._path}"
        if self._masked:
            text += f"; masked: {', '.join(self._masked)}"
        if self._gone:
            text += f"; {self._gone:,} are no longer in the store"
        if self._gaps:
            text += f"; left out: {self._gaps:,} x {nothing_to('export')}"
        return Said(text, "warning" if self._gone or self._gaps else "information")

    async def _write_all(self, file: BinaryIO) -> None:
        self._put(file, self._lines.begin())
        for delivery_id in self._ids:
            try:
                detail = await self._control.delivery(delivery_id)
                answers = await self._control.answers(delivery_id)
            except NotFoundError:
                self._gone += 1
            else:
                if self._form == "har" and is_gap(detail.delivery):
                    self._gaps += 1
                else:
                    await _in_thread(partial(self._write, file, detail, answers))
            self.done += 1
        if self._gaps and self._gaps == self.total:
            raise UsageError(nothing_to("export as HAR"), "NDJSON says what is missing")
        self._put(file, self._lines.end())

    def _write(self, file: BinaryIO, detail: DeliveryDetail, answers: AppAnswers) -> None:
        tries = tuple((one.attempt, one.headers, one.body) for one in answers.attempts)
        exchange = Exchange(detail.delivery, detail.request, tries, answers.shadows)
        if not self._reveal:
            exchange = redact(exchange)
            self._masked |= dict.fromkeys(exchange.redacted)
        self._put(file, self._lines.entry(exchange))

    def _put(self, file: BinaryIO, text: str) -> None:
        data = text.encode("ascii")
        file.write(data)
        self._written += len(data)


class _Ndjson:
    """One delivery a line."""

    def begin(self) -> str:
        return ""

    def entry(self, exchange: Exchange) -> str:
        return _json(exported_line(exchange)) + "\n"

    def end(self) -> str:
        return ""


class _Har:
    """One document, written in pieces: its entries are in the middle."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._between = ""
        self._before, _, self._after = _json(har((), base, __version__)).rpartition("[]")

    def begin(self) -> str:
        return self._before + "["

    def entry(self, exchange: Exchange) -> str:
        entries = har((exchange,), self._base, __version__)["log"]["entries"]
        text = self._between + ",\n".join(map(_json, entries))
        self._between = ",\n"
        return text

    def end(self) -> str:
        return "]" + self._after + "\n"


def suggested(form: Form, now: int, tz: tzinfo | None) -> str:
    """`inspector-20260211-103000.ndjson`, in the folder that the UI was started in."""
    moment = datetime.fromtimestamp(now / 1_000_000, UTC).astimezone(tz)
    return f"inspector-{moment:%Y%m%d-%H%M%S}.{form}"


def new_file(text: str) -> Path:
    """The path that a user typed, where a file can be made. Raises `UsageError`."""
    if not text:
        raise UsageError("a file needs a name")
    try:
        path = Path(text).expanduser().absolute()
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder {path.parent}")
        path.lstat()
    except FileNotFoundError:
        return path
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"that is no name for a file: {error}") from error
    raise UsageError("there is something of that name", "nothing is written over")


def create(path: Path) -> BinaryIO:
    """A new file for its owner alone. Raises `InspectorError`, also where there is one."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise InspectorError(f"{path} cannot be written: {error.strerror}") from error


def _json(item: dict[str, Any]) -> str:
    # ASCII only: nothing that came from outside can act on the terminal that shows the file.
    return json.dumps(item, separators=(",", ":"))


async def _in_thread(work: Callable[[], None]) -> None:
    """Work that may take a moment; when this is cancelled, it ends first."""
    working = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
