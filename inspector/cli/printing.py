"""What commands print: data to standard output, progress to standard error."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import click

from inspector.errors import InspectorError, system_text


@contextmanager
def writing() -> Iterator[None]:
    """Make what standard output fails of, a full disk say, an error of ours.

    Not so a reader who has gone, which is no error.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InspectorError(f"standard output cannot be written: {system_text(error)}") from error


def print_item(kind: str, item: Mapping[str, Any]) -> None:
    """One object of the NDJSON contract."""
    with writing():
        click.echo(json.dumps({"v": 1, "kind": kind, **item}))


def print_row(text: str) -> None:
    """One line for people; what the terminal's encoding lacks is spelled out."""
    encoding = sys.stdout.encoding or "utf-8"
    with writing():
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding))


def tell(text: str) -> None:
    """One line of narration, on standard error."""
    click.echo(text, err=True)


class Progress:
    """One line on a terminal that counts up and is gone at the end; elsewhere nothing."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._shown = False

    def show(self, done: int, total: int) -> None:
        if total > 1 and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{self._doing} {done} of {total}")
            sys.stderr.flush()
            self._shown = True

    def hide(self) -> None:
        """Make room for a line; the next `show` brings it back."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()
