"""What can go wrong, as the user is told it.

InspectorError            1  a fault of ours or of the machine
├── StoreUnavailableError 1  the journal could not commit
├── UsageError            2  the command line or the query is wrong
├── ConfigurationError    3  settings, secrets, permissions, tokens
├── UnreachableError      4  cannot bind, or no listener answers
├── TargetError           5  the target gave no answer, or one of 400 and above
├── TimedOutError         7  a wait ended without what it waited for
└── NotFoundError         8  no such store, delivery or event
"""

import errno
import os
from collections.abc import Mapping
from typing import Any

NO_ROOM = "free some disk space"
# As its result codes have it; that library is the store's alone.
_SQLITE_FULL = 13


class InspectorError(Exception):
    """One line of what is wrong, one line of what to do, and the exit code of the contract."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class StoreUnavailableError(InspectorError):
    """The journal could not commit: the disk is full, or the database is locked or damaged."""


class UsageError(InspectorError):
    exit_code = 2


class ConfigurationError(InspectorError):
    exit_code = 3


class UnreachableError(InspectorError):
    exit_code = 4


class TargetError(InspectorError):
    exit_code = 5


class TimedOutError(InspectorError):
    exit_code = 7


class NotFoundError(InspectorError):
    exit_code = 8


def cannot_listen(host: str, port: int, error: Exception, other: str) -> UnreachableError:
    """What keeps a port from being opened, as we say it; `other` is how another one is taken."""
    told = system_text(error) if isinstance(error, OSError) else str(error)
    hint = "name an address of this machine; 127.0.0.1 is it for itself, 0.0.0.0 every one of its"
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        hint = f"stop the program that has the port, or use another with {other}"
    elif number in (errno.EACCES, errno.EPERM):
        hint = f"this user may not have the port; use another with {other}"
    elif number in (errno.EMFILE, errno.ENFILE):
        hint = "too many files are open: see `ulimit -n`"
    return UnreachableError(f"cannot listen on {host}:{port}: {told}", hint)


def said(error: Mapping[str, Any]) -> str:
    """What pydantic finds wrong with a value (one of its `errors()`), as we say it."""
    text = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "string_too_short":
        return "it must not be empty"
    if error["type"] == "missing":
        return "it is missing"
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if error["type"] == "string_pattern_mismatch":
        return "it is not of the form that it must have"
    what, should, rest = text.partition(" should ")
    if not should or " " in what:
        return text
    # Behind a comma stands how it was parsed.
    return f"it must {rest.partition(',')[0] if rest.startswith('be a valid') else rest}"


def remedy(error: Exception, otherwise: str) -> str:
    """What to do about a file that an error keeps from being used: where its disk has no more
    room, to make some."""
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    full = full or getattr(error, "sqlite_errorcode", None) == _SQLITE_FULL
    return NO_ROOM if full else otherwise


def system_text(error: OSError) -> str:
    """An operating system's error as we say it: `connection refused`."""
    text = error.strerror or str(error)
    if error.errno is not None and error.errno in errno.errorcode:
        # What asyncio says of a connection names its own functions.
        text = os.strerror(error.errno)
    return text[:1].lower() + text[1:]
