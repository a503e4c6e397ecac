"""The user's own editor: a private file, the terminal lent to it, and the text it leaves."""

import asyncio
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from textual.app import App, SuspendNotSupported

from inspector.errors import InspectorError, UsageError

_USUAL = ("vi", "nano")
# What a terminal sends to us as well as to the editor, while it is not ours.
_SIGNALS = tuple(
    number for name in ("SIGINT", "SIGQUIT") if (number := getattr(signal, name, None)) is not None
)


def editor_command(
    environ: Mapping[str, str], which: Callable[[str], str | None] = shutil.which
) -> list[str]:
    """The command of `VISUAL` or `EDITOR`, else of a usual editor. Raises `UsageError`."""
    for name in ("VISUAL", "EDITOR"):
        text = environ.get(name, "").strip()
        if not text:
            continue
        try:
            return shlex.split(text)
        except ValueError as error:
            raise UsageError(f"${name} is no command: {error}") from error
    for usual in _USUAL:
        if which(usual):
            return [usual]
    raise UsageError("there is no editor", "set EDITOR to one")


async def edit_outside(
    app: App[Any], text: str, name: str, environ: Mapping[str, str] | None = None
) -> str | None:
    """The text as the user's editor left it, or None when it was left unchanged.

    The file is called `name`, in a private folder of its own that is removed afterwards, with
    whatever else the editor put there. While it is open the UI draws nothing, but hears its
    listener. Raises `UsageError` or `InspectorError` when there is no editor, when it failed, and
    when the text cannot be read; nothing may be sent then.
    """
    command = editor_command(os.environ if environ is None else environ)
    with _private_file(name, text) as path:
        try:
            code = await _lent(app, [*command, str(path)])
        except SuspendNotSupported:
            raise UsageError(
                "there is no terminal to lend to an editor", "e edits it here"
            ) from None
        except OSError as error:
            raise UsageError(
                f"{command[0]} cannot be started: {error.strerror}", "set EDITOR to an editor"
            ) from error
        if code != 0:
            how = f"exit code {code}" if code > 0 else f"signal {-code}"
            raise InspectorError(f"{command[0]} failed with {how}: nothing was sent")
        try:
            edited = path.read_bytes().decode("utf-8")
        except OSError as error:
            raise InspectorError(f"the edited text is gone: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InspectorError("the edited text is not UTF-8: nothing was sent") from error
    return None if edited == text else edited


@contextmanager
def _private_file(name: str, text: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="inspector-"))
    try:
        path = folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _lent(app: App[Any], command: Sequence[str]) -> int:
    """Run a command in the terminal; its exit code."""
    failure: OSError | None = None
    code = 0
    # Nothing may leave the block by an exception: Textual would not take its terminal back. And
    # nothing may be drawn while the terminal is somebody else's, though messages go on.
    with app.suspend(), app.batch_update(), _deaf():
        try:
            code = await _ended(command)
        except OSError as error:
            failure = error
    if failure is not None:
        raise failure
    return code


async def _ended(command: Sequence[str]) -> int:
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            # The UI ends while the editor is open.
            with suppress(ProcessLookupError):
                process.terminate()


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl+C in the terminal is for the editor alone.

    A handler that does nothing, and not "ignore", which the editor would inherit.
    """
    before = {number: signal.signal(number, _nothing) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing(number: int, frame: FrameType | None) -> None:
    del number, frame
