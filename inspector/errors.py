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


def system_text(error: OSError) -> str:
    """An operating system's error as we say it: `connection refused`."""
    text = error.strerror or str(error)
    if error.errno is not None and error.errno in errno.errorcode:
        # What asyncio says of a connection names its own functions.
        text = os.strerror(error.errno)
    return text[:1].lower() + text[1:]
