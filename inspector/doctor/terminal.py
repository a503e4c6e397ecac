"""The terminal: what the UI can draw in it, and where it may be cut short."""

import codecs
import os
import shutil
from collections.abc import Mapping

from inspector.doctor.model import Check, Subject, Tell

_HOP = "terminal"
# In less there is no room for a list and a detail.
_COLUMNS, _ROWS = 80, 24
_NO_CURSOR = ("", "dumb", "unknown")


async def look(subject: Subject, tell: Tell) -> None:
    if not subject.terminal:
        tell(Check(_HOP, "size", None, "standard output is no terminal"))
        return
    for check in checks(subject.environment, subject.encoding, shutil.get_terminal_size()):
        tell(check)


def checks(
    environment: Mapping[str, str], encoding: str, size: os.terminal_size
) -> tuple[Check, ...]:
    """What the environment says of the terminal."""
    return (
        _kind(environment),
        _size(size),
        _colours(environment),
        _signs(encoding),
        _clipboard(environment),
    )


def _kind(environment: Mapping[str, str]) -> Check:
    name = environment.get("TERM", "")
    around = [
        what
        for what, variable in (("tmux", "TMUX"), ("screen", "STY"), ("ssh", "SSH_CONNECTION"))
        if environment.get(variable)
    ]
    value = {"term": name, "inside": around}
    if name in _NO_CURSOR:
        told = f"TERM is {name}" if name else "TERM is not set"
        hint = "the UI needs a terminal that moves its cursor: serve with --headless or --web here"
        return Check(_HOP, "kind", True, told, hint, value)
    inside = f", inside {' and '.join(around)}" if around else ""
    return Check(_HOP, "kind", True, f"{name}{inside}", value=value)


def _size(size: os.terminal_size) -> Check:
    hint = ""
    if size.columns < _COLUMNS or size.lines < _ROWS:
        hint = f"the UI shows a list and a detail side by side from {_COLUMNS} by {_ROWS} on"
    told = f"{size.columns} columns, {size.lines} rows"
    return Check(_HOP, "size", True, told, hint, {"columns": size.columns, "rows": size.lines})


def _colours(environment: Mapping[str, str]) -> Check:
    number, told = _depth(environment)
    hint = ""
    if "NO_COLOR" in environment:
        number, told = 2, "none, as NO_COLOR wants it"
    elif number < 256:
        hint = "set TERM=xterm-256color where the terminal has them"
    return Check(_HOP, "colours", True, told, hint, number)


def _depth(environment: Mapping[str, str]) -> tuple[int, str]:
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return 1 << 24, "16 million (COLORTERM)"
    name = environment.get("TERM", "")
    if name.endswith(("-direct", "kitty", "-ghostty")):
        return 1 << 24, "16 million"
    if "256" in name:
        return 256, "256"
    return (2, "none") if name in _NO_CURSOR else (16, "16")


def _signs(encoding: str) -> Check:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = encoding
    told = "UTF-8" if name == "utf-8" else name.upper()
    hint = "" if name == "utf-8" else "the UI draws with ASCII: set LANG=C.UTF-8 for its own signs"
    return Check(_HOP, "signs", True, told, hint, name)


def _clipboard(environment: Mapping[str, str]) -> Check:
    told = "y copies through the terminal (OSC 52)"
    if environment.get("TMUX"):
        told = "y copies where tmux has `set -g set-clipboard on`"
    elif environment.get("STY"):
        told = "screen passes no copies on"
    return Check(_HOP, "clipboard", True, told)
